//! Consul's rules for the upstreams of a proxy. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

/// Fields of an upstream, in Consul's order.
const FIELDS: [&str; 8] = [
    "DestinationType",
    "DestinationNamespace",
    "DestinationName",
    "Datacenter",
    "LocalBindAddress",
    "LocalBindPort",
    "Config",
    "MeshGateway",
];

/// Where an upstream listens that does not say so.
const DEFAULT_BIND_ADDRESS: &str = "127.0.0.1";

/// Consul's name of a field that was written in another case, or with underscores.
pub(super) fn field_name(given: &str) -> Option<&'static str> {
    let plain = |text: &str| text.replace('_', "").to_ascii_lowercase();
    let given = plain(given);
    FIELDS.into_iter().find(|field| plain(field) == given)
}

/// The broken rules of all upstreams, one at most for each, with Consul's texts.
pub(super) fn upstream_rules(upstreams: &[Value]) -> Vec<String> {
    let (mut keys, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    let broken = upstreams.iter().map(|upstream| {
        let key = valid_key(upstream)?;
        if keys.contains(&key) {
            return Err(format!("upstreams cannot contain duplicates of {key}"));
        }
        keys.insert(key);
        let address = bind_address(upstream);
        if addresses.contains(&address) {
            return Err(format!(
                "upstreams cannot contain duplicates by local bind address and port; {address:?} \
                 is specified twice"
            ));
        }
        addresses.insert(address);
        Ok(())
    });
    broken.filter_map(Result::err).collect()
}

fn field<'a>(upstream: &'a Value, name: &str) -> Option<&'a Value> {
    let given = upstream.as_object()?;
    let mut named = given
        .iter()
        .filter(|(key, _)| field_name(key) == Some(name));
    named.next().map(|(_, value)| value)
}

fn text<'a>(upstream: &'a Value, name: &str) -> &'a str {
    field(upstream, name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// What must differ between upstreams, as Consul shows it.
fn valid_key(upstream: &Value) -> Result<String, String> {
    let kind = match text(upstream, "DestinationType") {
        "" => "service",
        kind @ ("service" | "prepared_query") => kind,
        unknown => return Err(format!("unknown upstream destination type: {unknown:?}")),
    };
    let name = text(upstream, "DestinationName");
    if name.is_empty() {
        return Err("upstream destination name cannot be empty".to_owned());
    }
    if port(upstream) == 0 {
        return Err("upstream local bind port cannot be zero".to_owned());
    }
    let namespace = text(upstream, "DestinationNamespace");
    let datacenter = text(upstream, "Datacenter");
    Ok(format!(
        "[type={kind:?}, name={name:?}, namespace={namespace:?}, datacenter={datacenter:?}]"
    ))
}

fn port(upstream: &Value) -> i64 {
    field(upstream, "LocalBindPort")
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

fn bind_address(upstream: &Value) -> String {
    let host = match text(upstream, "LocalBindAddress") {
        "" => DEFAULT_BIND_ADDRESS,
        host => host,
    };
    let port = port(upstream);
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: &str) -> Vec<String> {
        let upstreams: Vec<Value> = serde_json::from_str(json).unwrap();
        upstream_rules(&upstreams)
    }

    #[test]
    fn upstreams_that_differ_are_valid_in_any_spelling() {
        for json in [
            "[]",
            r#"[{"DestinationName":"a","LocalBindPort":1}]"#,
            r#"[{"destination_name":"a","local_bind_port":1}]"#,
            r#"[{"DestinationName":"*","LocalBindPort":70000}]"#,
            r#"[{"DestinationType":"prepared_query","DestinationName":"a","LocalBindPort":1}]"#,
            r#"[{"DestinationName":"a","LocalBindPort":1},
                {"DestinationName":"a","LocalBindPort":2,"Datacenter":"dc2"},
                {"DestinationName":"b","LocalBindPort":1,"LocalBindAddress":"::1"}]"#,
        ] {
            assert_eq!(rules(json), Vec::<String>::new(), "{json}");
        }
    }

    #[test]
    fn broken_rules_have_consuls_texts() {
        let same = r#"upstreams cannot contain duplicates of [type="service", name="a", namespace="", datacenter=""]"#;
        let twice = |address: &str| {
            format!(
                "upstreams cannot contain duplicates by local bind address and port; \
                 \"{address}\" is specified twice"
            )
        };
        for (json, text) in [
            (
                "[{}]",
                "upstream destination name cannot be empty".to_owned(),
            ),
            (
                r#"[{"DestinationName":"a"}]"#,
                "upstream local bind port cannot be zero".to_owned(),
            ),
            (
                r#"[{"DestinationType":"Service"}]"#,
                r#"unknown upstream destination type: "Service""#.to_owned(),
            ),
            (
                r#"[{"DestinationName":"a","LocalBindPort":1},
                    {"destination_name":"a","LocalBindPort":1,"DestinationType":"service"}]"#,
                same.to_owned(),
            ),
            (
                r#"[{"DestinationName":"a","LocalBindPort":1},
                    {"DestinationName":"b","LocalBindPort":1,"LocalBindAddress":"127.0.0.1"}]"#,
                twice("127.0.0.1:1"),
            ),
            (
                r#"[{"DestinationName":"a","LocalBindPort":1,"LocalBindAddress":"::1"},
                    {"DestinationName":"b","LocalBindPort":1,"LocalBindAddress":"::1"}]"#,
                twice("[::1]:1"),
            ),
        ] {
            assert_eq!(rules(json), [text], "{json}");
        }
        assert_eq!(rules(r#"[{},{"DestinationName":"a"},7]"#).len(), 3);
    }
}
