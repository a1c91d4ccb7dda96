//! What the endpoint families answer, compared with what a Consul answers whose ACLs and Connect are
//! off and whose tables are empty.

use super::agent::{start, start_lonely_client, start_pair};
use super::support::{ask, body_of, get, raw, status_of};
use crate::agent::rpc::WriteOptions;
use crate::agent::store::Command;
use crate::agent::telemetry::{Level, Output, Telemetry, TelemetrySettings};
use crate::model::access::{Requirement, Resource};

/// A method, a target, a body; the status and the body of the answer.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

/// What servers without Connect answer.
const OFF: &str = "Connect must be enabled in order to use this endpoint";
const ID: &str = "8ec41d6a-01fc-379d-6512-53b9b27c1545";

async fn check(cases: &[Case]) {
    let (_server, address) = start().await;
    for (method, target, body, status, text) in cases {
        let target = target.replace("$ID", ID);
        let answer = ask(address, method, &target, "", body.as_bytes()).await;
        assert_eq!(status_of(&answer), *status, "{method} {target}: {answer}");
        assert_eq!(
            body_of(&answer),
            text.replace("$ID", ID),
            "{method} {target}"
        );
    }
}

#[tokio::test]
async fn status_knows_the_leader_and_the_peers() {
    check(&[
        ("GET", "/v1/status/leader", "", "200", "\"127.0.0.1:8300\""),
        ("GET", "/v1/status/peers", "", "200", "[\"127.0.0.1:8300\"]"),
        (
            "GET",
            "/v1/status/leader?dc=nowhere",
            "",
            "500",
            "No path to datacenter",
        ),
        (
            "GET",
            "/v1/status/peers?index=abc",
            "",
            "400",
            "Invalid index",
        ),
        (
            "PUT",
            "/v1/status/leader",
            "",
            "405",
            "method PUT not allowed",
        ),
    ])
    .await;
}

#[tokio::test]
async fn namespaces_are_refused_where_consul_knows_them() {
    let text =
        "Bad request: Invalid query parameter: \"ns\" - Namespaces are a Consul Enterprise feature";
    check(&[
        ("GET", "/v1/kv/a?ns=x", "", "400", text),
        ("PUT", "/v1/kv/a?ns=default", "1", "400", text),
        ("GET", "/v1/health/service/a?ns=x", "", "400", text),
        ("GET", "/v1/agent/services?ns=x", "", "400", text),
        ("GET", "/v1/agent/services?ns=", "", "200", "{}"),
        ("GET", "/v1/catalog/datacenters?ns=x", "", "200", "[\"dc1\"]"),
        (
            "PUT",
            "/v1/catalog/register",
            r#"{"Node":"a","Address":"10.0.0.1","Namespace":"x"}"#,
            "400",
            "Request decode failed: json: unknown field \"Namespace\" - Namespaces are a Consul Enterprise feature",
        ),
    ])
    .await;
    let (_server, address) = start().await;
    let header = "X-Consul-Namespace: x\r\n";
    let answer = ask(address, "GET", "/v1/kv/a", header, b"").await;
    assert_eq!(
        body_of(&answer),
        "Bad request: Invalid header: \"X-Consul-Namespace\" - Namespaces are a Consul Enterprise feature"
    );
}

#[tokio::test]
async fn empty_numbers_and_unknown_nodes_are_answered_as_consul_does() {
    let syntax = "strconv.ParseUint: parsing \"\": invalid syntax";
    check(&[
        ("PUT", "/v1/kv/a?flags=", "1", "500", syntax),
        ("PUT", "/v1/kv/a?cas=", "1", "500", syntax),
        ("DELETE", "/v1/kv/a?cas=", "", "500", syntax),
        (
            "GET",
            "/v1/catalog/node-services/none",
            "",
            "200",
            r#"{"Node":null,"Services":null}"#,
        ),
        (
            "PUT",
            "/v1/catalog/deregister",
            r#"{"Address":"10.0.0.1"}"#,
            "500",
            "Must provide node",
        ),
        (
            "PUT",
            "/v1/agent/token/default",
            "",
            "401",
            "ACL support disabled",
        ),
    ])
    .await;
}

#[tokio::test]
async fn sessions_are_looked_up_and_refused_in_consuls_words() {
    check(&[
        ("GET", "/v1/session/list", "", "200", "[]"),
        ("GET", "/v1/session/node/n1", "", "200", "[]"),
        ("GET", "/v1/session/node/", "", "400", "Missing node name"),
        ("GET", "/v1/session/info/$ID", "", "200", "[]"),
        ("GET", "/v1/session/info/", "", "400", "Missing session"),
        (
            "GET",
            "/v1/session/info/abc",
            "",
            "500",
            "failed session lookup: index error: UUID must be 36 characters",
        ),
        (
            "PUT",
            "/v1/session/renew/$ID",
            "",
            "404",
            "Session id '$ID' not found",
        ),
        ("PUT", "/v1/session/destroy/$ID", "", "200", "true"),
        ("PUT", "/v1/session/destroy/", "", "400", "Missing session"),
        (
            "PUT",
            "/v1/session/create",
            "{",
            "400",
            "Request decode failed: unexpected EOF",
        ),
        (
            "PUT",
            "/v1/session/create",
            "[]",
            "400",
            "Request decode failed: json: cannot unmarshal array into Go value of type struct { LockDelay interface {}; *structs.Alias }",
        ),
        (
            "PUT",
            "/v1/session/create",
            r#"{"Checks":"serfHealth"}"#,
            "400",
            "Request decode failed: json: cannot unmarshal string into Go struct field .Checks of type []types.CheckID",
        ),
        (
            "PUT",
            "/v1/session/create",
            r#"{"LockDelay":"x"}"#,
            "400",
            "Request decode failed: time: invalid duration \"x\"",
        ),
        (
            "PUT",
            "/v1/session/create",
            r#"{"TTL":"1s"}"#,
            "500",
            "Invalid Session TTL '1000000000', must be between [10s=24h0m0s]",
        ),
        (
            "PUT",
            "/v1/session/create",
            r#"{"Node":"none"}"#,
            "500",
            "Missing node registration",
        ),
    ])
    .await;
}

#[tokio::test]
async fn prepared_queries_are_refused_in_consuls_words() {
    check(&[
        ("GET", "/v1/query", "", "200", "[]"),
        ("POST", "/v1/query", "", "400", "Request decode failed: EOF"),
        ("POST", "/v1/query", "{}", "500", "Invalid prepared query: Must be bound to a session"),
        ("POST", "/v1/query", r#"{"Foo":1}"#, "400", "Request decode failed: json: unknown field \"Foo\""),
        ("POST", "/v1/query", r#"{"ID":"$ID","Name":"x","Service":{"Service":"a"}}"#, "500", "ID must be empty when creating a new prepared query"),
        ("GET", "/v1/query/$ID", "", "404", "Query not found"),
        ("GET", "/v1/query/abc", "", "500", "failed prepared query lookup: index error: UUID must be 36 characters"),
        ("GET", "/v1/query/q1/execute", "", "404", "Query not found"),
        ("GET", "/v1/query/q1/explain", "", "404", "Query not found"),
        ("GET", "/v1/query/q1/execute?limit=x", "", "500", "Bad limit: strconv.Atoi: parsing \"x\": invalid syntax"),
        ("GET", "/v1/query/q1/execute?connect=tRUE", "", "500", "Error parsing 'connect' value: strconv.ParseBool: parsing \"tRUE\": invalid syntax"),
        ("PUT", "/v1/query/q1/execute", "", "405", "method PUT not allowed"),
        ("PUT", "/v1/query/$ID", "{}", "500", "Cannot modify non-existent prepared query: '$ID'"),
        ("DELETE", "/v1/query/abc", "", "500", "Prepared Query lookup failed: failed prepared query lookup: index error: UUID must be 36 characters"),
    ])
    .await;
}

#[tokio::test]
async fn a_prepared_query_reads_connect_as_go_does() {
    let (_server, address) = start().await;
    let node = br#"{"Node":"x","Address":"10.0.0.1","Service":{"Service":"web"}}"#;
    ask(address, "PUT", "/v1/catalog/register", "", node).await;
    let query = br#"{"Name":"q1","Service":{"Service":"web"}}"#;
    ask(address, "POST", "/v1/query", "", query).await;
    for (text, nodes) in [("f", 1), ("", 1), ("true", 0), ("T", 0), ("1", 0)] {
        let answer = get(address, &format!("/v1/query/q1/execute?connect={text}")).await;
        let body: serde_json::Value = serde_json::from_str(body_of(&answer)).unwrap();
        assert_eq!(body["Nodes"].as_array().unwrap().len(), nodes, "{text}");
    }
}

#[tokio::test]
async fn events_and_coordinates() {
    check(&[
        ("GET", "/v1/event/list", "", "200", "[]"),
        ("GET", "/v1/event/list?index=1&wait=1ms", "", "200", "[]"),
        ("PUT", "/v1/event/fire/", "", "400", "Missing name"),
        ("GET", "/v1/event/list?stale&consistent&dc=nowhere", "", "200", "[]"),
        ("GET", "/v1/event/list?index=a", "", "400", "Invalid index"),
        ("GET", "/v1/event/list?wait=a", "", "400", "Invalid wait time"),
        ("PUT", "/v1/event/fire/a?dc=nowhere", "", "500", "No path to datacenter"),
        ("PUT", "/v1/event/fire/a?node=(&dc=nowhere", "", "500", "Invalid node filter: error parsing regexp: missing closing ): `(`"),
        ("PUT", "/v1/event/fire/a?tag=b&node=(", "", "500", "Cannot provide tag filter without service filter"),
        ("GET", "/v1/coordinate/nodes", "", "200", "[]"),
        ("GET", "/v1/coordinate/node/none", "", "404", ""),
        (
            "GET",
            "/v1/coordinate/datacenters",
            "",
            "200",
            r#"[{"Datacenter":"dc1","AreaID":"wan","Coordinates":[{"Node":"n1","Segment":"","Coord":{"Vec":[0,0,0,0,0,0,0,0],"Error":1.5,"Adjustment":0,"Height":0.00001}}]}]"#,
        ),
        ("PUT", "/v1/coordinate/update", r#"{"Node":"x","Coord":{"Vec":[1]}}"#, "500", "incompatible coordinate"),
        ("PUT", "/v1/coordinate/update", r#"{"Node":"x"}"#, "500", "invalid coordinate"),
    ])
    .await;
}

#[tokio::test]
async fn coordinates_wait_for_the_leaders_batch() {
    let mut pair = start_pair().await;
    for agent in [pair.client, pair.server] {
        let node = br#"{"Node":"x","Address":"10.0.0.1"}"#;
        ask(agent, "PUT", "/v1/catalog/register", "", node).await;
        let body = br#"{"Node":"x","Coord":{"Vec":[0,0,0,0,0,0,0,1],"Error":1}}"#;
        let taken = ask(agent, "PUT", "/v1/coordinate/update", "", body).await;
        assert_eq!((status_of(&taken), body_of(&taken)), ("200", ""));
        let waiting = pair.inbox.coordinates.try_recv().unwrap();
        assert_eq!(waiting.node, "x");
        let batch = Command::Coordinates(vec![waiting]);
        let requirement = Requirement::write(Resource::Node, b"x");
        let options = WriteOptions::default();
        let written = pair.rpc.write(&options, &requirement, batch).await;
        written.unwrap();
        let shown = r#"[{"Node":"x","Segment":"","Coord":{"Vec":[0,0,0,0,0,0,0,1],"Error":1,"Adjustment":0,"Height":0.00001}}]"#;
        let node = get(agent, "/v1/coordinate/node/x").await;
        assert_eq!(body_of(&node), shown);
        let other = get(agent, "/v1/coordinate/node/x?segment=other").await;
        assert_eq!(status_of(&other), "404");
    }
}

#[tokio::test]
async fn connect_is_off_and_intentions_are_empty() {
    let off = "Connect must be enabled in order to use this endpoint";
    check(&[
        ("GET", "/v1/connect/ca/roots", "", "500", off),
        ("GET", "/v1/connect/ca/configuration", "", "500", off),
        (
            "PUT",
            "/v1/connect/ca/configuration",
            "",
            "400",
            "Bad request: Request decode failed: EOF",
        ),
        ("GET", "/v1/agent/connect/ca/roots", "", "500", off),
        ("GET", "/v1/agent/connect/ca/leaf/web", "", "500", off),
        (
            "POST",
            "/v1/agent/connect/authorize",
            "{}",
            "400",
            "Bad request: Target service must be specified",
        ),
        ("GET", "/v1/discovery-chain/web", "", "500", off),
    ])
    .await;
}

#[tokio::test]
async fn intentions_are_an_empty_table() {
    check(&[
        (
            "GET",
            "/v1/discovery-chain/",
            "",
            "400",
            "Bad request: Missing chain name",
        ),
        ("GET", "/v1/connect/intentions", "", "200", "[]"),
        (
            "GET",
            "/v1/connect/intentions/$ID",
            "",
            "404",
            "Intention not found",
        ),
        (
            "DELETE",
            "/v1/connect/intentions/$ID",
            "",
            "500",
            "Cannot delete non-existent intention: '$ID'",
        ),
        (
            "GET",
            "/v1/connect/intentions/match?by=source&name=web",
            "",
            "200",
            r#"{"web":null}"#,
        ),
        (
            "GET",
            "/v1/connect/intentions/match",
            "",
            "500",
            "required query parameter 'by' not set",
        ),
        (
            "GET",
            "/v1/connect/intentions/check?source=a&destination=b",
            "",
            "200",
            r#"{"Allowed":true}"#,
        ),
        (
            "POST",
            "/v1/connect/intentions",
            "{}",
            "501",
            "Intentions are not supported by this version of consulctl",
        ),
    ])
    .await;
}

#[tokio::test]
async fn configuration_entries_and_federation_states_are_empty() {
    check(&[
        ("GET", "/v1/config/", "", "200", "[]"),
        ("GET", "/v1/config/service-defaults", "", "200", "[]"),
        ("GET", "/v1/config/bogus", "", "500", "invalid config entry kind: bogus"),
        ("GET", "/v1/config/service-defaults/web", "", "404", "Config entry not found for \"service-defaults\" / \"web\""),
        ("DELETE", "/v1/config/service-defaults/web", "", "200", "{}"),
        ("DELETE", "/v1/config/service-defaults", "", "404", "Must provide both a kind and name to delete"),
        ("GET", "/v1/catalog/gateway-services/x", "", "200", "null"),
        ("PUT", "/v1/config", "[]", "400", "Bad request: Request decoding failed: '' expected a map, got 'slice'"),
        ("PUT", "/v1/config", "{}", "400", "Bad request: Request decoding failed: Payload does not contain a kind/Kind key at the top level"),
        ("PUT", "/v1/config", r#"{"Kind":5}"#, "400", "Bad request: Request decoding failed: Kind value in payload is not a string"),
        ("PUT", "/v1/config", r#"{"Kind":"mesh"}"#, "501", "Configuration entries are not supported by this version of consulctl"),
        ("GET", "/v1/internal/federation-states", "", "200", "[]"),
        ("GET", "/v1/internal/federation-states/mesh-gateways", "", "200", "{}"),
        ("GET", "/v1/internal/federation-state/dc9", "", "404", ""),
    ])
    .await;
}

#[tokio::test]
async fn acls_are_off() {
    check(&[
        ("GET", "/v1/acl/tokens", "", "401", "ACL support disabled"),
        (
            "PUT",
            "/v1/acl/bootstrap",
            "",
            "401",
            "ACL support disabled",
        ),
    ])
    .await;
}

#[tokio::test]
async fn operators_errors_are_consuls() {
    let empty = "4 errors occurred:\n\t* WAN error: 1/1 nodes reported failure\n\t* n1.dc1: Keyring is empty (encryption not enabled)\n\t* dc1 (LAN) error: 1/1 nodes reported failure\n\t* n1: Keyring is empty (encryption not enabled)\n\n";
    let local = "2 errors occurred:\n\t* dc1 (LAN) error: 1/1 nodes reported failure\n\t* n1: Keyring is empty (encryption not enabled)\n\n";
    let damaged = "2 errors occurred:\n\t* WAN error: illegal base64 data at input byte 0\n\t* dc1 (LAN) error: illegal base64 data at input byte 0\n\n";
    check(&[
        ("DELETE", "/v1/operator/raft/peer", "", "400", "Bad request: Must specify either ?id with the server's ID or ?address with IP:port of peer to remove"),
        ("DELETE", "/v1/operator/raft/peer?id=a&address=b", "", "400", "Bad request: Must specify only one of ?id or ?address"),
        ("DELETE", "/v1/operator/raft/peer?id=a", "", "500", "id \"a\" was not found in the Raft configuration"),
        ("DELETE", "/v1/operator/raft/peer?address=1.2.3.4:1", "", "500", "address \"1.2.3.4:1\" was not found in the Raft configuration"),
        ("GET", "/v1/operator/keyring", "", "500", empty),
        ("GET", "/v1/operator/keyring?local-only=true", "", "500", local),
        ("GET", "/v1/operator/keyring?relay-factor=9", "", "400", "Bad request: Invalid relay-factor: Relay factor must be in range: [0, 5]"),
        ("POST", "/v1/operator/keyring", "", "400", "Bad request: Request decode failed: EOF"),
        ("POST", "/v1/operator/keyring", r#"{"Key":"x"}"#, "500", damaged),
        ("PUT", "/v1/operator/keyring?local-only=true", r#"{"Key":""}"#, "400", "Bad request: Invalid use of local-only: local-only can only be set for list requests"),
    ])
    .await;
}

#[tokio::test]
async fn a_saved_snapshot_can_be_restored() {
    let (_server, address) = start().await;
    ask(address, "PUT", "/v1/kv/kept", "", b"value").await;
    let (head, archive) = raw(address, "GET /v1/snapshot HTTP/1.0\r\n\r\n").await;
    assert!(head.contains("Content-Type: application/x-gzip"), "{head}");
    assert!(head.contains("X-Consul-Index: "), "{head}");
    ask(address, "DELETE", "/v1/kv/kept", "", b"").await;
    let restored = ask(address, "PUT", "/v1/snapshot", "", &archive).await;
    assert_eq!((status_of(&restored), body_of(&restored)), ("200", ""));
    assert_eq!(body_of(&get(address, "/v1/kv/kept?raw").await), "value");

    let broken = ask(address, "PUT", "/v1/snapshot", "", b"garbage").await;
    assert_eq!(status_of(&broken), "500");
    assert_eq!(
        body_of(&broken),
        "failed to decompress snapshot: unexpected EOF"
    );
    assert_eq!(body_of(&get(address, "/v1/kv/kept?raw").await), "value");
}

#[tokio::test]
async fn dashboards_see_services_with_their_checks() {
    let (_server, address) = start().await;
    let registration = br#"{"Node":"x","Address":"10.0.0.1","Service":{"Service":"web","Tags":["b","a"],"Meta":{"external-source":"nomad"}},"Checks":[{"CheckID":"c","Name":"c","Status":"critical","ServiceID":"web"},{"CheckID":"node","Name":"n","Status":"passing"}]}"#;
    assert_eq!(
        body_of(&ask(address, "PUT", "/v1/catalog/register", "", registration).await),
        "true"
    );
    assert_eq!(
        body_of(&get(address, "/v1/internal/ui/services").await),
        r#"[{"Name":"web","Tags":["a","b"],"Nodes":["x"],"InstanceCount":1,"ChecksPassing":1,"ChecksWarning":0,"ChecksCritical":1,"ExternalSources":["nomad"],"GatewayConfig":{}}]"#
    );
    assert_eq!(
        body_of(
            &get(
                address,
                "/v1/internal/ui/services?filter=Service.Service==api"
            )
            .await
        ),
        "[]"
    );
    let nodes = get(address, "/v1/internal/ui/nodes").await;
    assert!(
        body_of(&nodes).contains(r#"{"ID":"","Node":"x","Address":"10.0.0.1","#),
        "{nodes}"
    );
    assert!(body_of(&nodes).contains(r#""Tags":["b","a"]"#), "{nodes}");
    assert!(body_of(&nodes).contains(r#""ServiceTags":null"#), "{nodes}");
    let untagged = br#"{"Node":"y","Address":"10.0.0.1","Service":{"Service":"web"}}"#;
    ask(address, "PUT", "/v1/catalog/register", "", untagged).await;
    let node = get(address, "/v1/internal/ui/node/y").await;
    assert!(body_of(&node).contains(r#""Tags":null"#), "{node}");
    assert_eq!(
        status_of(&get(address, "/v1/internal/ui/node/none").await),
        "404"
    );
    assert_eq!(
        body_of(&get(address, "/v1/internal/ui/node/").await),
        "Missing node name"
    );
}

#[tokio::test]
async fn reads_of_empty_tables_have_the_headers_of_reads() {
    let (_server, address) = start().await;
    let list = get(address, "/v1/session/list").await;
    assert!(list.contains("X-Consul-Index: 1\r\n"), "{list}");
    assert!(list.contains("X-Consul-Knownleader: true\r\n"), "{list}");
    assert!(!list.contains("Effective-Consistency"), "{list}");
    let queries = get(address, "/v1/query?stale").await;
    assert!(
        queries.contains("X-Consul-Effective-Consistency: stale\r\n"),
        "{queries}"
    );
    let elsewhere = get(address, "/v1/session/list?dc=nowhere").await;
    assert!(
        elsewhere.contains("X-Consul-Knownleader: false\r\n"),
        "{elsewhere}"
    );
    assert_eq!(body_of(&elsewhere), "No path to datacenter");
    let events = get(address, "/v1/event/list").await;
    assert!(
        events.contains("X-Consul-Index: 1\r\n") && !events.contains("Knownleader"),
        "{events}"
    );
}

#[tokio::test]
async fn requests_are_logged_without_their_tokens() {
    let (_server, address) = start().await;
    let quiet = TelemetrySettings {
        output: Output::Nowhere,
        ..TelemetrySettings::default()
    };
    let telemetry = Telemetry::init(quiet).unwrap();
    let mut lines = telemetry.monitor(Level::Debug, false);
    get(address, "/v1/kv/logged?token=secret").await;
    // Other tests of the process are heard, too.
    let line = loop {
        let line = lines.next().await.expect("a line for the request");
        let line = String::from_utf8_lossy(&line).into_owned();
        if line.contains("/v1/kv/logged") {
            break line;
        }
    };
    let said = "[DEBUG] agent.http: Request finished: method=GET url=/v1/kv/logged?token=<hidden> from=127.0.0.1:";
    assert!(line.contains(said) && line.contains(" latency="), "{line}");
}

#[tokio::test]
async fn refusals_of_absent_tables_have_a_mark_for_each_hop() {
    let pair = start_pair().await;
    let (_lonely_server, lonely) = start_lonely_client().await;
    for (method, target, status, text) in [
        ("GET", "/v1/connect/ca/roots", "500", OFF),
        ("GET", "/v1/connect/ca/configuration?dc=nope", "500", OFF),
        ("GET", "/v1/agent/connect/ca/leaf/web", "500", OFF),
        ("GET", "/v1/discovery-chain/web?dc=nope", "500", OFF),
        (
            "GET",
            "/v1/config/bogus",
            "500",
            "invalid config entry kind: bogus",
        ),
        ("GET", "/v1/query/$ID", "404", "Query not found"),
        (
            "PUT",
            "/v1/session/destroy/abc",
            "500",
            "failed session lookup: index error: UUID must be 36 characters",
        ),
        (
            "DELETE",
            "/v1/connect/intentions/$ID",
            "500",
            "Cannot delete non-existent intention: '$ID'",
        ),
        ("PUT", "/v1/coordinate/update", "500", "invalid coordinate"),
        (
            "GET",
            "/v1/connect/intentions?filter=nope==1",
            "500",
            "Failed to create boolean expression evaluator: Selector \"nope\" is not valid",
        ),
    ] {
        let (target, text) = (target.replace("$ID", ID), text.replace("$ID", ID));
        for (agent, hop) in [(pair.server, ""), (pair.client, "rpc error making call: ")] {
            let answer = ask(agent, method, &target, "", b"{}").await;
            let expected = format!("{hop}{text}");
            assert_eq!((status_of(&answer), body_of(&answer)), (status, &*expected));
        }
        let alone = ask(lonely, method, &target, "", b"{}").await;
        let nobody = ("500", "No known Consul servers");
        assert_eq!((status_of(&alone), body_of(&alone)), nobody, "{target}");
    }
    let missing = format!("/v1/connect/intentions/{ID}");
    assert_eq!(status_of(&get(pair.server, &missing).await), "404");
    assert_eq!(status_of(&get(pair.client, &missing).await), "500");
}

#[tokio::test]
async fn kept_answers_say_so_and_stay_current() {
    let pair = start_pair().await;
    for (agent, service) in [(pair.server, "web"), (pair.client, "api")] {
        let register = |id: &str| {
            format!(
                r#"{{"Node":"x","Address":"10.0.0.1","Service":{{"Service":"{service}","ID":"{id}"}}}}"#
            )
        };
        ask(
            agent,
            "PUT",
            "/v1/catalog/register",
            "",
            register("a").as_bytes(),
        )
        .await;
        let target = format!("/v1/health/service/{service}?cached");
        let first = get(agent, &target).await;
        assert!(first.contains("X-Cache: MISS\r\n"), "{first}");
        assert!(!first.contains("Age: "), "{first}");
        let again = get(agent, &target).await;
        assert!(again.contains("X-Cache: HIT\r\nAge: 0\r\n"), "{again}");
        assert_eq!(body_of(&again), body_of(&first));
        let index = again.split("X-Consul-Index: ").nth(1).unwrap();
        let index = index.split('\r').next().unwrap();
        ask(
            agent,
            "PUT",
            "/v1/catalog/register",
            "",
            register("b").as_bytes(),
        )
        .await;
        let newer = get(agent, &format!("{target}&index={index}&wait=10s")).await;
        assert!(newer.contains("X-Cache: HIT\r\n"), "{newer}");
        assert!(body_of(&newer).contains(r#""ID":"b""#), "{newer}");
        let fresh = get(agent, &format!("/v1/health/service/{service}")).await;
        assert!(!fresh.contains("X-Cache"), "{fresh}");
    }
    let services = get(pair.client, "/v1/catalog/services?cached").await;
    assert!(services.contains("X-Cache: MISS\r\n"), "{services}");
}
