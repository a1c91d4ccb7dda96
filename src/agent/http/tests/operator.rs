//! What operators are answered, by a server and by a client agent that asks it.

use serde_json::Value;

use super::agent::{NODE_ID, Pair, start_lonely_client, start_pair};
use super::support::{ask, body_of, get, raw, status_of};
use crate::model::duration::GoDuration;
use crate::model::raft::{AutopilotServer, AutopilotState, ServerStatus};

fn json(answer: &str) -> Value {
    serde_json::from_str(body_of(answer)).unwrap()
}

/// What autopilot says of the server, well or not.
fn seen(healthy: bool) -> AutopilotState {
    let server = AutopilotServer {
        id: NODE_ID.to_owned(),
        name: "n1".to_owned(),
        node_status: "alive".to_owned(),
        version: "1.10.0".to_owned(),
        last_contact: GoDuration(1_500_000),
        healthy,
        stable_since: "2026-01-02T03:04:05Z".to_owned(),
        status: ServerStatus::Leader,
        node_type: "voter".to_owned(),
        ..AutopilotServer::default()
    };
    AutopilotState {
        healthy,
        servers: [(NODE_ID.to_owned(), server)].into_iter().collect(),
        leader: NODE_ID.to_owned(),
        voters: vec![NODE_ID.to_owned()],
        ..AutopilotState::default()
    }
}

#[tokio::test]
async fn servers_and_clients_tell_of_raft() {
    let pair = start_pair().await;
    for agent in [pair.server, pair.client] {
        let leader = json(&get(agent, "/v1/status/leader").await);
        let peers = json(&get(agent, "/v1/status/peers").await);
        assert_eq!(peers, Value::from(vec![leader.clone()]));
        for target in [
            "/v1/operator/raft/configuration",
            "/v1/operator/raft/configuration?stale",
        ] {
            let raft = json(&get(agent, target).await);
            let server = &raft["Servers"][0];
            assert_eq!(server["Address"], leader, "{raft}");
            assert_eq!(server["Node"], "n1");
            assert_eq!(server["ID"], NODE_ID);
            assert_eq!(server["Leader"], true);
            assert_eq!(server["Voter"], true);
            assert_eq!(server["ProtocolVersion"], "3");
        }
    }
}

#[tokio::test]
async fn health_is_what_the_leaders_autopilot_saw() {
    let pair = start_pair().await;
    for agent in [pair.server, pair.client] {
        pair.rpc.report_autopilot(None);
        let unseen = get(agent, "/v1/operator/autopilot/health").await;
        assert_eq!(status_of(&unseen), "429");
        let nothing = r#"{"Healthy":false,"FailureTolerance":0,"Servers":null}"#;
        assert_eq!(body_of(&unseen), nothing);

        pair.rpc.report_autopilot(Some(seen(true)));
        let health = get(agent, "/v1/operator/autopilot/health").await;
        assert_eq!(status_of(&health), "200");
        let health = json(&health);
        assert_eq!(health["Servers"][0]["Leader"], true, "{health}");
        assert_eq!(health["Servers"][0]["SerfStatus"], "alive");
        assert_eq!(health["Servers"][0]["LastContact"], "1.5ms");
        assert_eq!(health["Servers"][0]["StableSince"], "2026-01-02T03:04:05Z");
        let state = json(&get(agent, "/v1/operator/autopilot/state").await);
        assert_eq!(state["Leader"], NODE_ID, "{state}");
        assert_eq!(state["Servers"][NODE_ID]["Status"], "leader");
        assert_eq!(state["Servers"][NODE_ID]["NodeType"], "voter");

        pair.rpc.report_autopilot(Some(seen(false)));
        let health = get(agent, "/v1/operator/autopilot/health").await;
        assert_eq!(status_of(&health), "429");
        assert_eq!(json(&health)["Servers"][0]["Healthy"], false);
    }
}

#[tokio::test]
async fn autopilot_is_configured_from_everywhere() {
    let pair = start_pair().await;
    let target = "/v1/operator/autopilot/configuration";
    for (agent, logs) in [(pair.server, 300), (pair.client, 301)] {
        let body = format!("{{\"MaxTrailingLogs\":{logs}}}");
        let set = ask(agent, "PUT", target, "", body.as_bytes()).await;
        assert_eq!(body_of(&set), "true", "{set}");
        let stored = get(agent, target).await;
        let expected = format!(
            "{{\"CleanupDeadServers\":false,\"LastContactThreshold\":\"0s\",\"MaxTrailingLogs\":{logs},"
        );
        assert!(stored.contains(&expected), "{stored}");
        let in_vain = ask(agent, "PUT", &format!("{target}?cas=1000000"), "", b"{}").await;
        assert_eq!(body_of(&in_vain), "false");
        let bad = ask(agent, "PUT", &format!("{target}?cas=x"), "", b"{}").await;
        let text = "Bad request: Error parsing cas value: strconv.ParseUint: parsing \"x\": invalid syntax";
        assert_eq!(body_of(&bad), text);
    }
}

#[tokio::test]
async fn refusals_have_a_mark_for_each_hop() {
    let Pair { server, client, .. } = &start_pair().await;
    for (agent, hop) in [(*server, ""), (*client, "rpc error making call: ")] {
        for (method, target, text) in [
            (
                "DELETE",
                "/v1/operator/raft/peer?id=a",
                "id \"a\" was not found in the Raft configuration",
            ),
            (
                "DELETE",
                "/v1/operator/raft/peer?address=1.2.3.4:1",
                "address \"1.2.3.4:1\" was not found in the Raft configuration",
            ),
            (
                "POST",
                &format!("/v1/operator/raft/transfer-leader?id={NODE_ID}"),
                "cannot transfer leadership to itself",
            ),
        ] {
            let answer = ask(agent, method, target, "", b"").await;
            assert_eq!(status_of(&answer), "500", "{answer}");
            assert_eq!(body_of(&answer), format!("{hop}{text}"));
        }
    }
}

#[tokio::test]
async fn archives_are_saved_and_restored_through_a_client() {
    let pair = start_pair().await;
    ask(pair.client, "PUT", "/v1/kv/kept", "", b"value").await;
    for target in ["/v1/snapshot", "/v1/snapshot?stale"] {
        let request = format!("GET {target} HTTP/1.0\r\n\r\n");
        let (head, archive) = raw(pair.client, &request).await;
        assert!(head.contains("Content-Type: application/x-gzip"), "{head}");
        assert!(head.contains("X-Consul-Knownleader: true"), "{head}");
        ask(pair.client, "DELETE", "/v1/kv/kept", "", b"").await;
        let restored = ask(pair.client, "PUT", "/v1/snapshot", "", &archive).await;
        assert_eq!((status_of(&restored), body_of(&restored)), ("200", ""));
        assert_eq!(body_of(&get(pair.server, "/v1/kv/kept?raw").await), "value");
    }
    let broken = ask(pair.client, "PUT", "/v1/snapshot", "", b"garbage").await;
    assert_eq!(status_of(&broken), "500");
    // Consul puts nothing before what came over a stream.
    let text = "failed to decompress snapshot: unexpected EOF";
    assert_eq!(body_of(&broken), text);
}

#[tokio::test]
async fn forwarded_reads_have_the_answering_servers_headers() {
    let pair = start_pair().await;
    ask(pair.client, "PUT", "/v1/kv/a", "", b"1").await;
    let header = |answer: &str, name: &str| {
        let line = answer.lines().find(|line| line.starts_with(name));
        line.map(str::to_owned)
    };
    for target in [
        "/v1/kv/a",
        "/v1/kv/a?consistent",
        "/v1/kv/a?stale",
        "/v1/internal/ui/nodes",
        "/v1/session/list",
    ] {
        let (here, there) = (
            get(pair.server, target).await,
            get(pair.client, target).await,
        );
        assert_eq!(body_of(&here), body_of(&there), "{target}");
        for name in [
            "X-Consul-Index",
            "X-Consul-Knownleader",
            "X-Consul-Lastcontact",
        ] {
            let shown = header(&there, name);
            assert!(shown.is_some(), "{there}");
            assert_eq!(shown, header(&here, name), "{target}");
        }
    }
}

#[tokio::test]
async fn leaders_are_recorded_by_servers_and_told_by_clients() {
    let pair = start_pair().await;
    let leaders = json(&get(pair.server, "/v1/consulctl/leaders").await);
    let last = leaders.as_array().unwrap().last().unwrap();
    assert_eq!(last["LeaderID"], NODE_ID);
    assert_eq!(last["Reason"], "this server won the election");
    assert!(last["Time"].as_str().unwrap().ends_with('Z'), "{last}");
    assert_eq!(
        json(&get(pair.client, "/v1/consulctl/leaders").await),
        leaders
    );
}

#[tokio::test]
async fn facts_of_a_server_and_of_a_client_differ() {
    let pair = start_pair().await;
    let server = json(&get(pair.server, "/v1/agent/self").await);
    assert_eq!(server["Stats"]["consul"]["leader"], "true");
    assert_eq!(server["Stats"]["raft"]["state"], "Leader");
    assert_eq!(server["Stats"]["raft"]["num_peers"], "0");
    let client = json(&get(pair.client, "/v1/agent/self").await);
    let stats = &client["Stats"];
    assert_eq!(stats["consul"]["server"], "false");
    assert!(
        stats["raft"].is_null() && stats["serf_wan"].is_null(),
        "{stats}"
    );
    assert!(stats["consul"]["leader"].is_null(), "{stats}");
}

#[tokio::test]
async fn a_client_asks_for_the_coordinates_of_datacenters() {
    let pair = start_pair().await;
    let target = "/v1/coordinate/datacenters";
    let (here, there) = (
        get(pair.server, target).await,
        get(pair.client, target).await,
    );
    assert_eq!(status_of(&there), "200", "{there}");
    assert_eq!(json(&here)[0]["Coordinates"][0]["Node"], "n1", "{here}");
    // The server of this test does not tell others of its WAN pool.
    assert_eq!(body_of(&there), "[]");
}

#[tokio::test]
async fn a_client_without_servers_says_so() {
    let (_server, client) = start_lonely_client().await;
    for (method, target) in [
        ("GET", "/v1/status/leader"),
        ("GET", "/v1/operator/raft/configuration"),
        ("GET", "/v1/operator/autopilot/health"),
        ("GET", "/v1/operator/autopilot/state"),
        ("GET", "/v1/coordinate/datacenters"),
        ("GET", "/v1/snapshot"),
        ("DELETE", "/v1/operator/raft/peer?id=x"),
    ] {
        let answer = ask(client, method, target, "", b"").await;
        assert_eq!(status_of(&answer), "500", "{target}: {answer}");
        assert_eq!(body_of(&answer), "No known Consul servers", "{target}");
    }
}
