//! The room from the outside: sources in, configuration or errors out.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::interface::tests::interface;
use super::*;

fn facts() -> Facts {
    Facts {
        hostname: "host1".into(),
        interfaces: vec![
            interface("lo", "127.0.0.1/8"),
            interface("eth0", "10.0.0.2/24"),
        ],
        intro_token: None,
    }
}

fn file(name: &str, text: &str) -> SourceFile {
    let format = Format::of(name, None).unwrap();
    SourceFile {
        name: name.into(),
        format,
        text: text.into(),
    }
}

fn with_files(files: Vec<SourceFile>) -> Result<Built, Vec<ConfigError>> {
    build(
        &Sources {
            flags: AgentFlags::default(),
            files,
        },
        &facts(),
    )
}

/// What is enough for an agent to start.
const BASE: &str = "data_dir = \"/d\"\nbind_addr = \"127.0.0.9\"\n";

fn hcl(text: &str) -> Result<Built, Vec<ConfigError>> {
    with_files(vec![file("f.hcl", &format!("{BASE}{text}"))])
}

fn errors(text: &str) -> Vec<String> {
    let Err(errors) = hcl(text) else {
        panic!("{text} is accepted")
    };
    errors.iter().map(ToString::to_string).collect()
}

fn dev() -> AgentFlags {
    AgentFlags {
        dev: Some(true),
        ..AgentFlags::default()
    }
}

#[test]
fn sources_are_merged_in_the_order_of_consul() {
    let flags = AgentFlags {
        datacenter: Some("flag".into()),
        retry_join: vec!["from-flag".into()],
        node_meta: vec!["a:flag".into(), "b:flag".into()],
        http_port: Some(1),
        hcl: vec!["ports { http = 2 } retry_join = [\"from-hcl\"]".into()],
        ..AgentFlags::default()
    };
    let one = "datacenter = \"one\" node_meta { b = \"one\" } retry_join = [\"from-one\"] \
               ports { http = 3 dns = 4 } service { name = \"s1\" }";
    let two = "{\"ports\": {\"dns\": 5}, \"service\": {\"name\": \"s2\"}, \
               \"services\": [{\"name\": \"s3\"}]}";
    let files = vec![
        file("base.hcl", BASE),
        file("1.hcl", one),
        file("2.json", two),
    ];
    let config = build(&Sources { flags, files }, &facts()).unwrap().config;
    assert_eq!(config.node.datacenter, "flag");
    assert_eq!(config.addresses.ports.http, Some(2));
    assert_eq!(config.addresses.ports.dns, Some(5));
    assert_eq!(config.join.retry_lan, ["from-flag", "from-one", "from-hcl"]);
    assert_eq!(config.node.meta["a"], "flag");
    assert_eq!(config.node.meta["b"], "one");
    let names: Vec<_> = config
        .services
        .iter()
        .map(|it| it.value.name.as_str())
        .collect();
    assert_eq!(names, ["s1", "s2", "s3"]);
    assert_eq!(config.node.name, "host1");
}

#[test]
fn the_cluster_file_of_the_walkthrough_is_accepted() {
    let text = r#"{ "datacenter": "consul_cluster", "bind_addr": "127.0.0.161", "data_dir": "D",
        "log_level": "INFO", "node_name": "consul-server01", "server": true, "bootstrap_expect": 3,
        "client_addr": "127.0.0.161", "enable_syslog": true, "rejoin_after_leave": true,
        "ui": true, "log_file": "logs/",
        "retry_join": ["127.0.0.161","127.0.0.197","127.0.0.221"], "retry_interval": "3s",
        "enable_debug": false, "segments": null, "recursor": "9.9.9.9" }"#;
    let built = with_files(vec![file("a.json", text)]).unwrap();
    let config = &built.config;
    assert_eq!(config.node.bootstrap_expect, 3);
    assert_eq!(config.join.retry_interval_lan, Duration::from_secs(3));
    assert!(config.ui.enabled && config.log.syslog && config.join.rejoin_after_leave);
    assert_eq!(config.dns.recursors, ["9.9.9.9"]);
    assert!(
        built
            .warnings
            .contains(&"bootstrap_expect > 0: expecting 3 servers".to_owned())
    );
    assert!(
        built
            .warnings
            .iter()
            .any(|it| it.starts_with("The 'ui' field is deprecated."))
    );
}

#[test]
fn all_errors_are_reported_at_once_with_file_and_line() {
    let one = "data_dri = \"x\"\nserver = \"true\"\n\nports {\n  htpp = 1\n  dns = 70000\n}\n";
    let two = "{\n \"check\": {\"script\": \"x\"},\n \"retry_interval\": \"abc\"\n}";
    let Err(errors) = with_files(vec![file("one.hcl", one), file("two.json", two)]) else {
        panic!("errors")
    };
    assert_eq!(
        render(&errors),
        "failed to parse one.hcl: 3 errors occurred:\n\
         \t* invalid config key data_dri (one.hcl:1), did you mean \"data_dir\"?\n\
         \t* 'server' expected type 'bool', got unconvertible type 'string' (one.hcl:2), \
         write it without quotes\n\
         \t* invalid config key ports.htpp (one.hcl:5), did you mean \"http\"?\n\
         failed to parse two.json: 1 error occurred:\n\
         \t* invalid config key check.script (two.json:2), \
         use \"args\", a list of the command and its arguments\n\
         2 errors occurred:\n\
         \t* ports.dns: invalid port: 70000 (one.hcl:6)\n\
         \t* retry_interval: invalid duration: \"abc\": time: invalid duration \"abc\" \
         (two.json:3)\n"
    );
}

#[test]
fn a_file_that_cannot_be_parsed_is_all_that_is_reported() {
    let files = vec![file("a.hcl", "x = {"), file("b.json", "{\n\"a\" 1}")];
    let Err(errors) = with_files(files) else {
        panic!("errors")
    };
    assert_eq!(
        render(&errors),
        "failed to parse a.hcl: At 1:6: object expected closing RBRACE got: EOF (a.hcl:1)\n\
         failed to parse b.json: invalid character '1' after object key (b.json:2)"
    );
}

/// A line of a file and what is said about it.
const REFUSALS: &[(&str, &str)] = &[
    (
        "bind_addr = \"127.0.0.1 127.0.0.2\"",
        "bind_addr cannot contain multiple addresses. Use 'addresses.{dns,http,https}' instead.",
    ),
    (
        "bind_addr = \"unix:///x\"",
        "bind_addr cannot be a unix socket",
    ),
    ("bind_addr = \"\"", "bind_addr cannot be empty"),
    (
        "bind_addr = \"300.1.1.1\"",
        "bind_addr: invalid ip address: 300.1.1.1",
    ),
    (
        "advertise_addr = \"0.0.0.0\"",
        "Advertise address cannot be 0.0.0.0, :: or [::]",
    ),
    (
        "advertise_addr_wan = \"[::]\"",
        "Advertise WAN address cannot be 0.0.0.0, :: or [::]",
    ),
    (
        "advertise_addr = \"1.1.1.1 2.2.2.2\"",
        "advertise_addr: multiple addresses found: 1.1.1.1 2.2.2.2",
    ),
    (
        "client_addr = \"unix:///x\"",
        "client_addr cannot be a unix socket",
    ),
    (
        "client_addr = \"x.y\"",
        "client_addr: invalid ip address: x.y",
    ),
    (
        "addresses { dns = \"unix:///x\" }",
        "DNS address cannot be a unix socket",
    ),
    ("ports { http = 99999 }", "ports.http: invalid port: 99999"),
    (
        "ports { http = 8600 }",
        "HTTP address 127.0.0.1:8600 already configured for DNS",
    ),
    (
        "ports { serf_lan = 8300 }",
        "Serf Advertise LAN address 127.0.0.9:8300 already configured for RPC Advertise",
    ),
    (
        "ports { sidecar_min_port = 3 sidecar_max_port = 1 }",
        "sidecar_min_port must be less than sidecar_max_port. To disable, set both to zero.",
    ),
    (
        "datacenter = \"a b\"",
        "datacenter cannot be \"a b\". Please use only [a-z0-9-_]",
    ),
    ("node_name = \" \"", "node_name cannot be empty"),
    (
        "node_meta { \"a b\" = \"c\" }",
        "node_meta invalid: Couldn't load metadata pair ('a b', 'c'): Key contains invalid characters",
    ),
    (
        "bootstrap = true",
        "'bootstrap = true' requires 'server = true'",
    ),
    (
        "bootstrap_expect = 3",
        "'bootstrap_expect > 0' requires 'server = true'",
    ),
    (
        "bootstrap_expect = -1",
        "bootstrap_expect cannot be -1. Must be greater than or equal to zero",
    ),
    (
        "performance { raft_multiplier = 11 }",
        "performance.raft_multiplier cannot be 11. Must be between 1 and 10",
    ),
    (
        "dns_config { a_record_limit = -1 }",
        "dns_config.a_record_limit cannot be -1. Must be greater than or equal to zero",
    ),
    (
        "dns_config { service_ttl { \"*\" = \"x\" } }",
        "dns_config.service_ttl[\"*\"]: invalid duration: \"x\": time: invalid duration \"x\"",
    ),
    (
        "alt_domain = \"service.foo\"",
        "alt_domain cannot start with {service,connect,node,query,addr,dc1}",
    ),
    (
        "recursors = [\"0.0.0.0\"]",
        "DNS recursor address cannot be 0.0.0.0, :: or [::]",
    ),
    (
        "http_config { allow_write_http_from = [\"x\"] }",
        "allow_write_http_from: invalid cidr: x",
    ),
    (
        "encrypt = \"abc\"",
        "encrypt has invalid key: illegal base64 data at input byte 0",
    ),
    (
        "encrypt = \"a b\"",
        "encrypt has invalid key: illegal base64 data at input byte 1",
    ),
    (
        "check_output_max_size = 0",
        "check_output_max_size must be positive, to discard check output use the discard_check_output flag",
    ),
    (
        "segment = \"x\"",
        "Network segments are not supported in this version of Consul",
    ),
    (
        "retry_join = \"a\"",
        "'retry_join': source data must be an array or slice, got string",
    ),
    (
        "limits { kv_max_value_size = -1 }",
        "cannot parse 'limits.kv_max_value_size', -1 overflows uint",
    ),
    (
        "primary_gateways = [\"a\"] primary_datacenter = \"dc2\"",
        "'primary_gateways' requires 'server = true'",
    ),
    (
        "connect { ca_provider = \"x\" }",
        "x is not a valid CA provider",
    ),
    (
        "auto_encrypt { allow_tls = true } verify_incoming = true",
        "auto_encrypt.allow_tls can only be used on a server.",
    ),
    (
        "ui_content_path = \"/v1/\"",
        "ui-content-path cannot have 'v[0-9]'. received: /v1/",
    ),
    (
        "service { name = \"a\" checks = [ { id = \"c\" interval = \"x\" } ] }",
        "check[c].interval: invalid duration: \"x\": time: invalid duration \"x\"",
    ),
    (
        "service { name = \"a\" weights = { passing = 70000 warning = 1 } }",
        "Invalid weight definition for service a: DNS Weight must be between 0 and 65535",
    ),
    (
        "service { name = \"a\" connect { sidecar_service { id = \"x\" } } }",
        "sidecar_service can't specify an ID",
    ),
    (
        "service { name = \"a\" }\nservice { name = \"b\" }",
        "'service' expected a map, got 'slice'",
    ),
];

#[test]
fn texts_of_refusals_are_those_of_consul() {
    let at = |text: &str| format!("{text} (f.hcl:3)");
    for (text, expected) in REFUSALS {
        let found: Vec<String> = errors(text)
            .into_iter()
            .map(|it| it.replace(", write the value in brackets", ""))
            .collect();
        assert_eq!(found, [at(expected)], "{text}");
    }
}

#[test]
fn errors_of_flags_name_the_flag() {
    let flags = AgentFlags {
        bootstrap_expect: Some(3),
        retry_interval: Some("abc".into()),
        ..dev()
    };
    let Err(errors) = build(
        &Sources {
            flags,
            files: Vec::new(),
        },
        &facts(),
    ) else {
        panic!("errors")
    };
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "retry_interval: invalid duration: \"abc\": time: invalid duration \"abc\" \
             (flag -retry-interval)",
            "'bootstrap_expect > 0' not allowed in dev mode (flag -bootstrap-expect)",
        ]
    );
}

#[test]
fn a_missing_folder_is_the_only_error_of_an_empty_configuration() {
    let Err(errors) = with_files(vec![file("a.json", "")]) else {
        panic!("errors")
    };
    assert_eq!(render(&errors), "data_dir cannot be empty");
}

#[test]
fn the_address_to_advertise_is_found_or_asked_for() {
    let advertise = |interfaces: Vec<Interface>| {
        let files = vec![file("a.hcl", "data_dir = \"/d\"")];
        let facts = Facts {
            interfaces,
            ..facts()
        };
        build(
            &Sources {
                flags: AgentFlags::default(),
                files,
            },
            &facts,
        )
        .map(|built| built.config.addresses)
        .map_err(|errors| render(&errors))
    };
    let addresses = advertise(facts().interfaces).unwrap();
    assert_eq!(addresses.bind.to_string(), "0.0.0.0");
    assert_eq!(
        addresses.serf_lan_advertise.unwrap().to_string(),
        "10.0.0.2:8301"
    );
    assert_eq!(addresses.tagged["wan_ipv4"], "10.0.0.2");
    let two = vec![
        interface("eth0", "10.0.0.2/24"),
        interface("eth1", "10.1.0.2/24"),
    ];
    assert_eq!(
        advertise(two).unwrap_err(),
        "Multiple private IPv4 addresses found. Please configure one with 'bind' and/or 'advertise'."
    );
    assert_eq!(
        advertise(Vec::new()).unwrap_err(),
        "No private IPv4 address found"
    );
}

#[test]
fn templates_are_expanded_in_addresses_and_peers() {
    let text = "bind_addr = \"{{ GetInterfaceIP \\\"eth0\\\" }}\"\n\
                client_addr = \"127.0.0.1 {{ GetPrivateIP }}\"\n\
                addresses { http = \"{{ GetPrivateIP }} unix:///run/c.sock\" }\n\
                retry_join = [\"{{ GetAllInterfaces | join \\\"address\\\" \\\" \\\" }}\", \
                \"provider=aws tag_key=x\"]";
    let config = hcl(text).unwrap().config;
    assert_eq!(config.addresses.bind.to_string(), "10.0.0.2");
    assert_eq!(config.addresses.dns[1].to_string(), "10.0.0.2:8600");
    assert_eq!(config.addresses.http[0].to_string(), "10.0.0.2:8500");
    assert_eq!(
        config.addresses.http[1],
        ListenAddr::Unix("/run/c.sock".into())
    );
    assert_eq!(
        config.join.retry_lan,
        ["127.0.0.1", "10.0.0.2", "provider=aws tag_key=x"]
    );
    assert!(errors("bind_addr = \"{{ GetFoo }}\"")[0].contains("function \"GetFoo\" not defined"));
}

#[test]
fn what_files_leave_out_of_a_service_is_as_consul_has_it() {
    let weights = |given: &str| {
        let text = format!("service {{ name = \"a\" weights = {{ {given} }} }}");
        let services = hcl(&text).expect("valid").config.services;
        let weights = services[0].value.weights.unwrap_or_default();
        (weights.passing, weights.warning)
    };
    assert_eq!(weights(""), (1, 1));
    assert_eq!(weights("passing = 5"), (5, 1));
    assert_eq!(weights("warning = 0"), (1, 0));
    let both = hcl(
        "service { name = \"a\" check { ttl = \"1s\" } checks = [{ ttl = \"2s\" }, { ttl = \"3s\" }] }",
    )
    .expect("valid")
    .config;
    let service = &both.services[0].value;
    assert!(service.check.is_none());
    let ttls: Vec<String> = service.checks.iter().map(|it| it.ttl.to_string()).collect();
    assert_eq!(ttls, ["2s", "3s", "1s"]);
}

#[test]
fn definitions_become_the_nouns_of_the_api() {
    let text = "service {\n  id = \"w\"\n  name = \"web\"\n  port = 80\n  tags = [\"a\"]\n\
                  check { args = [\"true\"] interval = \"10s\" }\n\
                  proxy { upstreams = [ { destination_name = \"db\" local_bind_port = 1 \
                  config { some_key = 1 } } ] }\n}\n\
                check { ScriptArgs = [\"x\"] DeregisterCriticalServiceAfter = \"1m\" name = \"n\" \
                header { A = [\"b\"] } ttl = \"30s\" }";
    let config = hcl(text).unwrap().config;
    let service = &config.services[0].value;
    assert_eq!(
        (service.id.as_str(), service.name.as_str(), service.port),
        ("w", "web", 80)
    );
    let check = service.check.as_ref().unwrap();
    assert_eq!(check.script_args, ["true"]);
    assert_eq!(check.interval.as_std(), Duration::from_secs(10));
    assert_eq!(
        service.proxy.as_ref().unwrap().upstreams,
        [json!({"DestinationName": "db", "LocalBindPort": 1, "Config": {"some_key": 1}})]
    );
    assert_eq!(config.services[0].origin.to_string(), "f.hcl:3");
    let check = &config.checks[0].value;
    assert_eq!(check.script_args, ["x"]);
    assert_eq!(
        check.deregister_critical_service_after.as_std(),
        Duration::from_mins(1)
    );
    assert_eq!(check.header["A"], ["b"]);
}

#[test]
fn secrets_are_in_no_debug_form() {
    let text = "acl { enabled = true tokens { default = \"s3cret\" } }\n\
                service { name = \"a\" token = \"s3cret\" }\n\
                encrypt = \"pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s=\"";
    let config = hcl(text).unwrap().config;
    let shown = format!(
        "{config:?}{}",
        debug_config(&config, &DebugFacts::default())
    );
    assert!(
        !shown.contains("s3cret") && !shown.contains("pUqJ"),
        "{shown}"
    );
    assert_eq!(config.acl.tokens.default.reveal(), "s3cret");
}

#[test]
fn reload_names_what_needs_a_restart() {
    let old = hcl("log_level = \"info\" node_meta { a = \"b\" }")
        .unwrap()
        .config;
    let new = "log_level = \"debug\" domain = \"x\" ports { http = 1 } service { name = \"a\" } \
               dns_config { node_ttl = \"5s\" } node_meta { a = \"c\" } recursors = [\"1.1.1.1\"] \
               check_update_interval = \"1m\" discard_check_output = true";
    let new = hcl(new).unwrap().config;
    assert_eq!(reload_diff(&old, &new), ["domain", "ports.http"]);
    assert!(reload_diff(&new, &new).is_empty());
}

/// Keys whose values differ, besides those that only one side has.
fn differing(golden: &str, config: &Config) -> Vec<String> {
    let golden: Json = serde_json::from_str(golden).unwrap();
    let facts = DebugFacts {
        version: "1.8.7".into(),
        ..DebugFacts::default()
    };
    let ours = debug_config(config, &facts);
    let keys = |json: &Json| {
        json.as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&ours), keys(&golden));
    // `is_same` because the golden file's numbers may be written as floats.
    keys(&golden)
        .into_iter()
        .filter(|key| !is_same(&golden[key], &ours[key]))
        .collect()
}

fn is_same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => {
            a.as_f64().map(f64::to_bits) == b.as_f64().map(f64::to_bits)
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(k, v)| b.get(k).is_some_and(|it| is_same(v, it)))
        }
        _ => a == b,
    }
}

/// What Consul 1.10 shows otherwise than 1.8.7, from which the golden files are.
const SINCE_1_10: [&str; 5] = [
    "EnableCentralServiceConfig",
    "RaftProtocol",
    "RaftSnapshotInterval",
    "RaftSnapshotThreshold",
    "RaftTrailingLogs",
];

#[test]
fn debug_config_is_that_of_consul() {
    let flags = AgentFlags {
        node: Some("n1".into()),
        bind: Some("127.0.0.9".into()),
        client: Some("127.0.0.9".into()),
        ..dev()
    };
    let built = build(
        &Sources {
            flags: flags.clone(),
            files: Vec::new(),
        },
        &facts(),
    )
    .unwrap();
    let golden = include_str!("../../../tests/golden/config/debug_dev.json");
    assert_eq!(differing(golden, &built.config), SINCE_1_10);
    let flags = AgentFlags {
        dev: None,
        server: Some(true),
        bootstrap_expect: Some(1),
        data_dir: Some("/var/lib/consul".into()),
        ..flags
    };
    let built = build(
        &Sources {
            flags,
            files: Vec::new(),
        },
        &facts(),
    )
    .unwrap();
    let golden = include_str!("../../../tests/golden/config/debug_server.json");
    assert_eq!(differing(golden, &built.config), SINCE_1_10);
}

mod arbitrary {
    use super::*;
    use proptest::prelude::*;

    fn line() -> impl Strategy<Value = String> {
        let key = prop::sample::select(vec![
            "server",
            "ports",
            "dns_config",
            "services",
            "service",
            "check",
            "bind_addr",
            "retry_join",
            "node_meta",
            "acl",
            "encrypt",
            "limits",
            "watches",
            "recursors",
        ]);
        let value = prop::sample::select(vec![
            "1",
            "-1",
            "true",
            "\"x\"",
            "\"{{ GetPrivateIP }}\"",
            "[]",
            "[1]",
            "[[]]",
            "{}",
            "{ a = 1 }",
            "[{ name = \"a\" }]",
            "{ dns = 99999 }",
            "1e300",
            "\"5s\"",
            "\"-5s\"",
        ]);
        (key, value).prop_map(|(key, value)| format!("{key} = {value}\n"))
    }

    proptest! {
        #[test]
        fn any_mixture_of_keys_and_values_is_judged(lines in prop::collection::vec(line(), 0..8)) {
            if let Err(errors) = hcl(&lines.concat()) {
                prop_assert!(!errors.is_empty() && !render(&errors).is_empty());
            }
        }
    }
}

#[test]
fn a_node_id_is_a_uuid() {
    let id = "11111111-2222-3333-4444-555555555555";
    let config = hcl(&format!("node_id = {id:?}")).unwrap().config;
    assert_eq!(config.node.id.as_deref(), Some(id));
    for (wrong, why) in [
        ("xyz", "uuid string is wrong length"),
        (&id.replace('-', "0"), "uuid is improperly formatted"),
    ] {
        let [error] = errors(&format!("node_id = {wrong:?}")).try_into().unwrap();
        assert!(
            error.starts_with(&format!("specified NodeID is invalid: {why}")),
            "{error}"
        );
    }
}
