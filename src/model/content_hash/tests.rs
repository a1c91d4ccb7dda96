//! The golden values are answers of Consul 1.8.7 to `/v1/agent/service/:id`.

use super::*;

/// Answers with their hashes.
const ANSWERS: [&str; 18] = [
    r#"{"ID":"nginx","Service":"nginx","Tags":["web"],"Meta":{},"Port":80,"Address":"",
    "Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,
    "ContentHash":"c82c807c17f858c8"}"#,
    r#"{"ID":"web-1","Service":"web","Tags":[],"Meta":{"a":"b"},"Port":8080,
    "Address":"10.9.9.9","TaggedAddresses":{"lan_ipv4":{"Address":"10.9.9.9",
    "Port":8080},"wan_ipv4":{"Address":"10.9.9.9","Port":8080}},"Weights":{"Passing":10,
    "Warning":1},"EnableTagOverride":true,"ContentHash":"eb80d99e83c726ab"}"#,
    r#"{"ID":"plain","Service":"plain","Tags":[],"Meta":{},"Port":0,"Address":"",
    "Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,
    "ContentHash":"1411316f46df41e4"}"#,
    r#"{"ID":"a/b c","Service":"odd","Tags":[],"Meta":{},"Port":0,"Address":"",
    "Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,
    "ContentHash":"beeef49490ed5cd0"}"#,
    r#"{"ID":"n18","Service":"n18","Tags":[],"Meta":{},"Port":18,"Address":"",
    "Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,
    "ContentHash":"c79f8519a49b28d"}"#,
    r#"{"ID":"tags","Service":"tags","Tags":["b","a","a"],"Meta":{},"Port":0,"Address":"",
    "Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,
    "ContentHash":"551282e2facd7ff0"}"#,
    r#"{"ID":"uni","Service":"uni","Tags":["é","日本"],"Meta":{"x":"<&>"},"Port":0,
    "Address":"","Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,
    "ContentHash":"a56af76107c9ce1f"}"#,
    r#"{"ID":"meta","Service":"meta","Tags":[],"Meta":{"a":"1","b":"2","c":""},"Port":0,
    "Address":"","Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,
    "ContentHash":"8ec3c84482055562"}"#,
    r#"{"ID":"ta","Service":"ta","Tags":[],"Meta":{},"Port":90,"Address":"10.0.0.1",
    "TaggedAddresses":{"lan":{"Address":"10.1.1.1","Port":80},
    "lan_ipv4":{"Address":"10.0.0.1","Port":90},"wan":{"Address":"10.2.2.2","Port":81},
    "wan_ipv4":{"Address":"10.0.0.1","Port":90}},"Weights":{"Passing":1,"Warning":1},
    "EnableTagOverride":false,"ContentHash":"a33d121a4ced6654"}"#,
    r#"{"ID":"native","Service":"native","Tags":[],"Meta":{},"Port":0,"Address":"",
    "Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,
    "ContentHash":"c923f94c670178be","Connect":{"Native":true}}"#,
    r#"{"Kind":"connect-proxy","ID":"side-sidecar-proxy","Service":"side-sidecar-proxy",
    "Tags":[],"Meta":{},"Port":21000,"Address":"","Weights":{"Passing":1,"Warning":1},
    "EnableTagOverride":false,"ContentHash":"f67c5f0692065a06",
    "Proxy":{"DestinationServiceName":"side","DestinationServiceID":"side",
    "LocalServiceAddress":"127.0.0.1","LocalServicePort":1000,"MeshGateway":{},
    "Expose":{}}}"#,
    r#"{"Kind":"connect-proxy","ID":"sidepx-sidecar-proxy","Service":"custom","Tags":["t"],
    "Meta":{"m":"n"},"Port":22000,"Address":"","Weights":{"Passing":1,"Warning":1},
    "EnableTagOverride":false,"ContentHash":"d99fe1e780bcfe18",
    "Proxy":{"DestinationServiceName":"sidepx","DestinationServiceID":"sidepx",
    "LocalServiceAddress":"127.0.0.1","LocalServicePort":1005,
    "Config":{"protocol":"http"},"MeshGateway":{},"Expose":{}}}"#,
    r#"{"Kind":"connect-proxy","ID":"sidec-sidecar-proxy","Service":"sidec-sidecar-proxy",
    "Tags":[],"Meta":{},"Port":21002,"Address":"","Weights":{"Passing":1,"Warning":1},
    "EnableTagOverride":false,"ContentHash":"8bc38e568b901f03",
    "Proxy":{"DestinationServiceName":"sidec","DestinationServiceID":"sidec",
    "LocalServiceAddress":"127.0.0.1","LocalServicePort":1020,
    "Upstreams":[{"DestinationType":"service","DestinationName":"a","LocalBindPort":1,
    "Config":{"limits":{"max":3}},"MeshGateway":{}},{"DestinationType":"prepared_query",
    "DestinationName":"q","LocalBindPort":2,"MeshGateway":{}}],"MeshGateway":{},
    "Expose":{"Checks":true}}}"#,
    r#"{"Kind":"connect-proxy","ID":"lower","Service":"lower","Tags":[],"Meta":{},
    "Port":3001,"Address":"","Weights":{"Passing":1,"Warning":1},
    "EnableTagOverride":false,"ContentHash":"7ddbba7661c8330f",
    "Proxy":{"DestinationServiceName":"web","Upstreams":[{"DestinationType":"service",
    "DestinationName":"db","LocalBindPort":9191,"MeshGateway":{}}],"MeshGateway":{},
    "Expose":{"Paths":[{"ListenerPort":21601,"Path":"/x","LocalPathPort":80,
    "ParsedFromCheck":false}]}}}"#,
    r#"{"Kind":"connect-proxy","ID":"px","Service":"px","Tags":[],"Meta":{},"Port":2000,
    "Address":"","Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,
    "ContentHash":"974b5ce6f0b339da","Proxy":{"DestinationServiceName":"web",
    "DestinationServiceID":"web-1","LocalServiceAddress":"127.0.0.1",
    "LocalServicePort":8080,"Config":{"b":true,"e":{},"el":[],"f":1.5,"l":[1,"a",false],
    "m":{"k":{"q":-3}},"n":5,"s":"x","z":null},
    "Upstreams":[{"DestinationType":"prepared_query","DestinationName":"db",
    "Datacenter":"dc9","LocalBindAddress":"127.0.0.2","LocalBindPort":9191,
    "Config":{"connect_timeout_ms":1000,"t":"u"},"MeshGateway":{"Mode":"remote"}},
    {"DestinationType":"service","DestinationName":"cache","LocalBindPort":9192,
    "MeshGateway":{}}],"MeshGateway":{"Mode":"local"},"Expose":{"Checks":true,
    "Paths":[{"ListenerPort":21500,"Path":"/h","LocalPathPort":8080,"Protocol":"http2",
    "ParsedFromCheck":false},{"ListenerPort":21501,"Path":"/i","LocalPathPort":8081,
    "ParsedFromCheck":false}]}}}"#,
    r#"{"Kind":"mesh-gateway","ID":"mgw","Service":"mgw","Tags":[],"Meta":{},"Port":8443,
    "Address":"","Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,
    "ContentHash":"4a2e42d48c38e8fc","Proxy":{"Config":{"a":"b"},"MeshGateway":{},
    "Expose":{}}}"#,
    r#"{"Kind":"ingress-gateway","ID":"igw","Service":"igw","Tags":[],"Meta":{},"Port":8445,
    "Address":"","Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,
    "ContentHash":"46589c23266d2959","Proxy":{"MeshGateway":{},"Expose":{}}}"#,
    r#"{"Kind":"connect-proxy","ID":"zeros","Service":"zeros","Tags":[],"Meta":{},
    "Port":3002,"Address":"","Weights":{"Passing":1,"Warning":1},
    "EnableTagOverride":false,"ContentHash":"5611e7972464681",
    "Proxy":{"DestinationServiceName":"web","Config":{"a":-0,"b":0,"c":0.1,"d":-1.5e-07,
    "e":18446744073709552000,"f":-9223372036854776000,"g":[null,[],{}],"h":{"":""}},
    "MeshGateway":{},"Expose":{}}}"#,
];

fn answer(text: &str) -> AgentService {
    serde_json::from_str(text).expect("an answer")
}

#[test]
fn the_hash_is_consuls() {
    for text in ANSWERS {
        let service = answer(text);
        assert_eq!(content_hash(&service), service.content_hash, "{text}");
    }
}

#[test]
fn fnv_1_is_that_of_its_test_vectors() {
    assert_eq!(fnv(b""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(fnv(b"a"), 0xaf63_bd4c_8601_b7be);
    assert_eq!(fnv(b"foobar"), 0x340d_8765_a4dd_a9c2);
}

#[test]
fn the_spelling_and_the_order_of_kept_fields_have_no_part_in_it() {
    let hash = |upstream: &str, path: &str| {
        let text =
            format!(r#"{{"Proxy":{{"Upstreams":[{upstream}],"Expose":{{"Paths":[{path}]}}}}}}"#);
        content_hash(&answer(&text))
    };
    let upstream = r#"{"DestinationName":"db","LocalBindPort":1,"MeshGateway":{"Mode":"local"}}"#;
    let path = r#"{"ListenerPort":2,"LocalPathPort":3,"Path":"/h"}"#;
    let loose = r#"{"mesh_gateway":{"mode":"local"},"localbindport":1,"destination_name":"db"}"#;
    let loose_path = r#"{"path":"/h","local_path_port":3,"listenerPort":2,"protocol":""}"#;
    let first = hash(upstream, path);
    assert_eq!(hash(loose, loose_path), first);
    assert_ne!(hash(&upstream.replace('1', "2"), path), first);
    assert_ne!(hash(upstream, &path.replace('3', "4")), first);
    assert_ne!(hash(&upstream.replace("local\"", "none\""), path), first);
}

#[test]
fn newer_fields_count_where_they_are_not_empty() {
    let hash = |text: &str| content_hash(&answer(text));
    let without = hash(r#"{"Proxy":{"Upstreams":[{"DestinationName":"db"}]}}"#);
    let empty = r#"{"SocketPath":"","Proxy":{"Mode":"","Upstreams":
        [{"DestinationName":"db","DestinationPeer":"","LocalBindSocketMode":null}]}}"#;
    assert_eq!(hash(empty), without);
    let newer = [
        empty.replace(r#"Path":"""#, r#"Path":"/s""#),
        empty.replace(r#""Mode":"""#, r#""Mode":"transparent""#),
        empty.replace(r#"Peer":"""#, r#"Peer":"east""#),
        empty.replace("null", r#""0600""#),
    ];
    let mut hashes: Vec<String> = newer.iter().map(|text| hash(text)).collect();
    hashes.push(without);
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 5, "{hashes:?}");
}

#[test]
fn the_datacenter_and_the_hash_itself_have_no_part_in_it() {
    let plain = answer(r#"{"ID":"web"}"#);
    let shown = AgentService {
        content_hash: content_hash(&plain),
        datacenter: "dc1".to_owned(),
        ..plain.clone()
    };
    assert_eq!(content_hash(&shown), content_hash(&plain));
}

#[test]
fn values_of_a_wrong_shape_are_hashed_too() {
    let hash = |port: &str| {
        let text = format!(r#"{{"Proxy":{{"Upstreams":[{{"LocalBindPort":{port}}}]}}}}"#);
        content_hash(&answer(&text))
    };
    assert_ne!(hash(r#""9191""#), hash(r#""9192""#));
    assert_ne!(hash("[1]"), hash("[2]"));
    assert_eq!(hash("null"), hash("0"));
}
