use super::*;
use crate::agent::checks::spec::Probe;
use crate::model::check::Status;
use crate::model::service::{Connect, Weights};

fn definition(json: &str) -> ServiceDefinition {
    serde_json::from_str(json).expect("a definition")
}

fn expand(json: &str) -> Instance {
    expand_service(&definition(json), "n1", Source::Api).expect("valid")
}

fn sidecar(json: &str, taken: &[(&str, i64)]) -> Result<Option<Instance>, InvalidService> {
    let ports = SidecarPorts {
        min: 21_000,
        max: 21_001,
    };
    expand_sidecar(
        &definition(json),
        "n1",
        Source::Api,
        ports,
        taken.iter().copied(),
    )
}

#[test]
fn the_name_is_the_default_id_and_weights_are_one() {
    let service = expand(r#"{"Name":"nginx","Tags":["web"],"Port":80}"#)
        .service
        .service;
    assert_eq!(
        (service.id.as_str(), service.service.as_str()),
        ("nginx", "nginx")
    );
    assert_eq!(
        service.weights,
        Weights {
            passing: 1,
            warning: 1
        }
    );
    assert_eq!((service.meta, service.tagged_addresses), (None, None));
}

#[test]
fn ip_addresses_get_tagged_addresses_and_names_do_not() {
    let tags = |json: &str| -> Vec<String> {
        let tagged = expand(json)
            .service
            .service
            .tagged_addresses
            .unwrap_or_default();
        tagged
            .into_iter()
            .map(|(tag, to)| format!("{tag}={}:{}", to.address, to.port))
            .collect()
    };
    let v4 = r#"{"Name":"a","Address":"1.2.3.4","Port":3,"TaggedAddresses":{"lan":{"Address":"5.6.7.8"}}}"#;
    assert_eq!(
        tags(v4),
        ["lan=5.6.7.8:0", "lan_ipv4=1.2.3.4:3", "wan_ipv4=1.2.3.4:3"]
    );
    let v6 = r#"{"Name":"a","Address":"::1","Port":3}"#;
    assert_eq!(tags(v6), ["lan_ipv6=::1:3", "wan_ipv6=::1:3"]);
    assert!(tags(r#"{"Name":"a","Address":"example.com"}"#).is_empty());
}

#[test]
fn one_check_has_the_services_id_and_several_are_numbered() {
    let ids = |json: &str| -> Vec<String> {
        expand(json)
            .checks
            .into_iter()
            .map(|check| check.check.check_id)
            .collect()
    };
    assert_eq!(
        ids(r#"{"Name":"a","ID":"a1","Check":{"TTL":"5s"}}"#),
        ["service:a1"]
    );
    let two = r#"{"Name":"a","Check":{"TTL":"5s"},"Checks":[{"TTL":"6s"}]}"#;
    assert_eq!(ids(two), ["service:a:1", "service:a:2"]);
    assert_eq!(
        ids(r#"{"Name":"a","Check":{"TTL":"5s","CheckID":"own"}}"#),
        ["own"]
    );
    assert!(
        ids(r#"{"Name":"a","Check":{}}"#).is_empty(),
        "an empty Check is none"
    );
}

#[test]
fn a_services_check_knows_its_service() {
    let json = r#"{"Name":"web","ID":"w","Tags":["t"],"Token":"tok","Check":{"TTL":"5s","Status":"passing","Notes":"n"}}"#;
    let check = expand(json).checks.remove(0);
    let HealthCheck {
        node,
        name,
        service_id,
        service_name,
        service_tags,
        kind,
        ..
    } = &check.check;
    assert_eq!(
        [node, name, service_id, service_name],
        ["n1", "Service 'web' check", "w", "web"]
    );
    assert_eq!(
        (service_tags.as_slice(), kind.as_str()),
        (["t".to_owned()].as_slice(), "ttl")
    );
    assert_eq!(
        (check.check.status, check.check.notes.as_str()),
        (Status::Passing, "n")
    );
    assert_eq!(check.token, "tok");
    let plain = expand(r#"{"Name":"web","Check":{"TTL":"5s"}}"#)
        .checks
        .remove(0);
    assert_eq!(plain.check.status, Status::Critical);
}

#[test]
fn invalid_checks_are_refused_with_consuls_words() {
    let refusal = |json: &str| {
        expand_service(&definition(json), "n1", Source::Api)
            .expect_err("refused")
            .to_string()
    };
    let status = r#"{"Name":"bad","Check":{"HTTP":"http://x","Interval":"10s","Status":"wrong"}}"#;
    assert_eq!(
        refusal(status),
        "Status for checks must 'passing', 'warning', 'critical'"
    );
    let empty = "Invalid check: TTL must be > 0 for TTL checks";
    assert_eq!(refusal(r#"{"Name":"a","Checks":[{}]}"#), empty);
    // Consul validates every check before it looks at any status.
    let both = r#"{"Name":"a","Check":{"TTL":"1s","Status":"wrong"},"Checks":[{}]}"#;
    assert_eq!(refusal(both), empty);
}

#[test]
fn what_is_persisted_has_neither_checks_nor_sidecar() {
    let json = r#"{"Name":"a","Check":{"TTL":"5s"},"Connect":{"SidecarService":{}}}"#;
    let instance = expand(json);
    assert_eq!(
        (
            instance.service.definition.check,
            instance.service.definition.checks.len()
        ),
        (None, 0)
    );
    assert_eq!(
        instance.service.definition.connect,
        Some(Connect::default())
    );
    assert_eq!(instance.service.service.connect, Connect::default());
}

#[test]
fn a_sidecar_takes_after_its_service() {
    let json =
        r#"{"Name":"web","Port":80,"Tags":["t"],"Meta":{"k":"v"},"Connect":{"SidecarService":{}}}"#;
    let instance = sidecar(json, &[]).unwrap().expect("a sidecar");
    assert!(instance.service.sidecar);
    let service = &instance.service.service;
    assert_eq!(
        (service.id.as_str(), service.port),
        ("web-sidecar-proxy", 21_000)
    );
    assert_eq!(service.tags, ["t"]);
    assert_eq!(service.meta.as_ref().unwrap()["k"], "v");
    assert_eq!(service.kind, KIND_CONNECT_PROXY);
    assert_eq!(service.proxy.destination_service_name, "web");
    assert_eq!(service.proxy.destination_service_id, "web");
    assert_eq!(service.proxy.local_service_address, "127.0.0.1");
    assert_eq!(service.proxy.local_service_port, 80);
    let [listening, aliasing] = instance.checks.as_slice() else {
        panic!("two checks")
    };
    assert_eq!(listening.check.name, "Connect Sidecar Listening");
    let Some(Probe::Tcp(tcp)) = listening.spec.as_ref().map(|it| &it.probe) else {
        panic!()
    };
    assert_eq!(tcp.address, "127.0.0.1:21000");
    assert_eq!(aliasing.check.name, "Connect Sidecar Aliasing web");
    assert_eq!(aliasing.check.check_id, "service:web-sidecar-proxy:2");
}

#[test]
fn a_sidecar_without_an_address_has_that_of_its_service() {
    let json = |sidecar: &str| {
        format!(
            r#"{{"Name":"web","Address":"10.0.0.1","TaggedAddresses":{{"lan":{{"Port":5}}}},
            "Connect":{{"SidecarService":{sidecar}}}}}"#
        )
    };
    let addresses = |text: &str| {
        let instance = sidecar(text, &[]).unwrap().expect("a sidecar");
        let service = instance.service.service;
        let tags = service.tagged_addresses.unwrap().into_keys();
        (service.address, tags.collect::<Vec<_>>())
    };
    let tags = vec!["lan_ipv4".to_owned(), "wan_ipv4".to_owned()];
    let inherited = ("10.0.0.1".to_owned(), tags.clone());
    assert_eq!(addresses(&json("{}")), inherited);
    let own = json(r#"{"Address":"10.0.0.2"}"#);
    assert_eq!(addresses(&own), ("10.0.0.2".to_owned(), tags));
}

#[test]
fn a_sidecars_own_settings_win() {
    let json = r#"{"Name":"web","Port":80,"Connect":{"SidecarService":{"Name":"sc","Port":9999,
        "Proxy":{"DestinationServiceName":"zzz"},"Check":{"TTL":"10s"}}}}"#;
    let instance = sidecar(json, &[]).unwrap().expect("a sidecar");
    let service = &instance.service.service;
    assert_eq!((service.service.as_str(), service.port), ("sc", 9999));
    assert_eq!(service.proxy.destination_service_name, "zzz");
    assert_eq!(instance.checks.len(), 1);
    assert!(sidecar(r#"{"Name":"web"}"#, &[]).unwrap().is_none());
}

#[test]
fn sidecar_ports_are_the_lowest_free_and_stay() {
    let json = r#"{"Name":"web","Connect":{"SidecarService":{}}}"#;
    let port = |taken: &[(&str, i64)]| {
        sidecar(json, taken).map(|it| it.expect("a sidecar").service.service.port)
    };
    assert_eq!(port(&[("other", 21_000), ("db", 5432)]), Ok(21_001));
    assert_eq!(
        port(&[("other", 21_000), ("web-sidecar-proxy", 21_001)]),
        Ok(21_001)
    );
    let full = port(&[("a", 21_000), ("b", 21_001)])
        .expect_err("full")
        .to_string();
    let text = "Bad request: Invalid SidecarService: no port provided for sidecar_service and \
                none left in the configured range [21000, 21001]";
    assert_eq!(full, text);
}

#[test]
fn upstreams_get_consuls_spelling_and_defaults() {
    let json = r#"{"Name":"p","Kind":"connect-proxy","Port":1,"Proxy":{"DestinationServiceName":"web",
        "Upstreams":[{"destination_name":"db","LocalBindPort":4}]}}"#;
    let proxy = expand(json).service.service.proxy;
    let expected = serde_json::json!([{"DestinationType": "service", "DestinationName": "db",
        "LocalBindPort": 4, "MeshGateway": {}}]);
    assert_eq!(serde_json::Value::from(proxy.upstreams), expected);
}
