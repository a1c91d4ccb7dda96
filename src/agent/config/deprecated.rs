//! Older spellings of keys: each becomes the key that replaced it, unless that one is given too.

use serde_json::Value as Json;

use super::layer::{Layer, Origin, Setting};

/// Whether the operator hears about an older spelling.
#[derive(Clone, Copy, PartialEq)]
enum Say {
    /// A warning in Consul's words.
    Warn,
    /// Nothing: Consul 1.10 knows no other spelling.
    Nothing,
}

/// The older key, the newer one, and whether to warn.
const MOVED: &[(&str, &str, Say)] = &[
    (
        "acl.tokens.agent_master",
        "acl.tokens.agent_recovery",
        Say::Nothing,
    ),
    (
        "acl.tokens.master",
        "acl.tokens.initial_management",
        Say::Nothing,
    ),
    (
        "acl_agent_master_token",
        "acl.tokens.agent_recovery",
        Say::Nothing,
    ),
    ("acl_agent_token", "acl.tokens.agent", Say::Nothing),
    ("acl_datacenter", "primary_datacenter", Say::Warn),
    ("acl_default_policy", "acl.default_policy", Say::Nothing),
    ("acl_down_policy", "acl.down_policy", Say::Nothing),
    (
        "acl_enable_key_list_policy",
        "acl.enable_key_list_policy",
        Say::Nothing,
    ),
    (
        "acl_master_token",
        "acl.tokens.initial_management",
        Say::Nothing,
    ),
    (
        "acl_replication_token",
        "acl.tokens.replication",
        Say::Nothing,
    ),
    ("acl_token", "acl.tokens.default", Say::Nothing),
    ("acl_ttl", "acl.token_ttl", Say::Nothing),
    (
        "enable_acl_replication",
        "acl.enable_token_replication",
        Say::Nothing,
    ),
    ("ca_file", "tls.defaults.ca_file", Say::Nothing),
    ("ca_path", "tls.defaults.ca_path", Say::Nothing),
    ("cert_file", "tls.defaults.cert_file", Say::Nothing),
    ("key_file", "tls.defaults.key_file", Say::Nothing),
    (
        "tls_cipher_suites",
        "tls.defaults.tls_cipher_suites",
        Say::Nothing,
    ),
    (
        "tls_min_version",
        "tls.defaults.tls_min_version",
        Say::Nothing,
    ),
    (
        "verify_incoming",
        "tls.defaults.verify_incoming",
        Say::Nothing,
    ),
    (
        "verify_incoming_https",
        "tls.https.verify_incoming",
        Say::Nothing,
    ),
    (
        "verify_incoming_rpc",
        "tls.internal_rpc.verify_incoming",
        Say::Nothing,
    ),
    (
        "verify_outgoing",
        "tls.defaults.verify_outgoing",
        Say::Nothing,
    ),
    (
        "verify_server_hostname",
        "tls.internal_rpc.verify_server_hostname",
        Say::Nothing,
    ),
    ("non_voting_server", "read_replica", Say::Nothing),
    ("ui", "ui_config.enabled", Say::Warn),
    ("ui_dir", "ui_config.dir", Say::Warn),
    ("ui_content_path", "ui_config.content_path", Say::Warn),
    ("recursor", "recursors", Say::Warn),
    ("statsd_addr", "telemetry.statsd_address", Say::Warn),
    ("statsite_addr", "telemetry.statsite_address", Say::Warn),
    ("statsite_prefix", "telemetry.metrics_prefix", Say::Warn),
    ("dogstatsd_addr", "telemetry.dogstatsd_addr", Say::Warn),
    ("dogstatsd_tags", "telemetry.dogstatsd_tags", Say::Warn),
    (
        "http_api_response_headers",
        "http_config.response_headers",
        Say::Warn,
    ),
];

/// Replaces older keys in the merged settings and returns the warnings.
pub(super) fn modernize(layer: &mut Layer) -> Vec<String> {
    let mut warnings = Vec::new();
    imply(layer);
    for (old, new, say) in MOVED {
        let Some(setting) = layer.remove(old) else {
            continue;
        };
        let is_given = layer
            .get(new)
            .is_some_and(|newer| newer.origin != Origin::Default);
        if !is_given {
            layer.remove(new);
            layer.lay(new, reshape(old, setting));
        }
        if *say == Say::Warn {
            warnings.push(format!(
                "The '{old}' field is deprecated. Use the '{new}' field instead."
            ));
        }
    }
    if layer.remove("acl_enforce_version_8").is_some() {
        let key = "acl_enforce_version_8";
        warnings.push(format!(
            "config key {key:?} is deprecated and should be removed"
        ));
    }
    warnings
}

/// What some older keys meant besides their own value.
fn imply(layer: &mut Layer) {
    let implied = [
        // Naming the ACL datacenter switched ACLs on, a replication token replication.
        ("acl_datacenter", "acl.enabled", true),
        (
            "acl_replication_token",
            "acl.enable_token_replication",
            true,
        ),
        // Client certificates could not be demanded on the gRPC port.
        ("verify_incoming", "tls.grpc.verify_incoming", false),
    ];
    for (old, key, value) in implied {
        let Some(origin) = layer.get(old).map(|setting| setting.origin.clone()) else {
            continue;
        };
        if layer.get(key).is_none() {
            layer.set(key, Json::from(value), origin);
        }
    }
}

/// One recursor is a list of one.
fn reshape(old: &str, setting: Setting) -> Setting {
    if old == "recursor" {
        let items = vec![setting.origin.clone()];
        return Setting {
            value: Json::Array(vec![setting.value]),
            origin: setting.origin,
            items,
        };
    }
    setting
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::config::schema;
    use serde_json::json;

    #[test]
    fn both_spellings_are_known_keys() {
        for (old, new, _) in MOVED {
            assert!(schema::contains(old), "{old}");
            assert!(schema::contains(new), "{new}");
        }
    }

    #[test]
    fn the_newer_spelling_wins_over_the_older_but_not_a_default() {
        let mut layer = Layer::default();
        layer.set("acl.default_policy", json!("allow"), Origin::Default);
        layer.set("acl_default_policy", json!("deny"), Origin::Flag("x"));
        layer.set("ui_config.dir", json!("new"), Origin::Flag("x"));
        layer.set("ui_dir", json!("old"), Origin::Flag("x"));
        layer.set("recursor", json!("1.1.1.1"), Origin::Flag("x"));
        let warnings = modernize(&mut layer);
        assert_eq!(
            layer.get("acl.default_policy").unwrap().value,
            json!("deny")
        );
        assert_eq!(layer.get("ui_config.dir").unwrap().value, json!("new"));
        assert_eq!(layer.get("recursors").unwrap().value, json!(["1.1.1.1"]));
        assert_eq!(warnings.len(), 2);
        assert!(layer.get("ui_dir").is_none());
    }
}
