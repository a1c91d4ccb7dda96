//! Servers that are lost for good, and servers that come back elsewhere.

use std::fs;

use serde_json::{Value, json};

use crate::support::{PATIENCE, TestAgent, TestCluster, until};

/// Address and vote of a server, as another one shows them.
fn place_of(agent: &TestAgent, name: &str) -> Option<(String, bool)> {
    let shown = agent.send("GET", "/v1/operator/raft/configuration", "");
    let shown: Value = serde_json::from_slice(&shown.body).ok()?;
    let mut servers = shown["Servers"].as_array()?.iter();
    let server = servers.find(|server| server["Node"] == name)?;
    let address = server["Address"].as_str()?.to_owned();
    Some((address, server["Voter"] == true))
}

#[test]
fn the_last_server_goes_on_alone_when_it_is_told_to() {
    let mut cluster = TestCluster::servers(3);
    let leader = cluster.leader();
    let left = (leader + 1) % 3;
    for n in 0..20 {
        cluster.agent(leader).put(&format!("/v1/kv/k{n}"), "x");
    }
    let register = r#"{"Node": "other", "Address": "10.0.0.1", "Service": {"Service": "web"}}"#;
    cluster.agent(leader).put("/v1/catalog/register", register);
    let agent = cluster.agent(left);
    agent.wait_json("/v1/catalog/service/web?stale", |found| {
        found[0]["Node"] == "other"
    });
    let ids = agent.json("/v1/agent/self");
    let id = ids["Config"]["NodeID"].as_str().unwrap().to_owned();
    for at in 0..3 {
        cluster.kill(at);
    }
    let seat = cluster.seat(left);
    let name = seat.name.clone();
    let file = seat.data().join("raft").join("peers.json");
    assert!(file.with_file_name("peers.info").exists());
    let peers = json!([{"id": id, "address": format!("{}:8300", seat.ip)}]);
    fs::write(&file, peers.to_string()).unwrap();
    cluster.start(left);
    let agent = cluster.agent(left);
    agent.wait_line(0, "found peers.json file, recovering Raft configuration...");
    agent.wait_line(0, "deleted peers.json file after successful recovery");
    assert!(!file.exists());
    assert_eq!(cluster.leader(), left);
    assert_eq!(cluster.voters(left), [(name.clone(), true)]);
    // What was there is there, and it goes on.
    let keys = cluster.eventually(left, "GET", "/v1/kv/k?keys&consistent", "");
    assert_eq!(keys.json().as_array().unwrap().len(), 20);
    let services = cluster.eventually(left, "GET", "/v1/catalog/service/web", "");
    assert_eq!(services.json()[0]["Node"], "other");
    cluster.agent(left).put("/v1/kv/after", "x");
    // A restart needs no file.
    cluster.kill(left);
    cluster.start(left);
    assert_eq!(cluster.leader(), left);
    let after = cluster.eventually(left, "GET", "/v1/kv/after?raw", "");
    assert_eq!(after.text(), "x");
    assert_eq!(cluster.voters(left), [(name, true)]);
    cluster.agent(left).assert_healthy();
}

#[test]
fn a_server_that_moves_keeps_its_vote() {
    let mut cluster = TestCluster::servers(3);
    let leader = cluster.leader();
    let (moved, other) = ((leader + 1) % 3, (leader + 2) % 3);
    let (name, before) = (cluster.seat(moved).name.clone(), cluster.seat(moved).ip);
    cluster.agent(leader).put("/v1/kv/kept", "x");
    let mark = cluster.agent(leader).line_count();
    cluster.kill(moved);
    cluster.agent(leader).put("/v1/kv/missed", "x");
    cluster.relocate(moved);
    let after = cluster.seat(moved).ip;
    assert_ne!(before, after);
    cluster.start(moved);
    // Gossip gives a dead member's name to another address after half a minute only, as Consul's does.
    let agent = cluster.agent(leader);
    agent.wait_line(mark, &format!("EventMemberFailed: {name} "));
    let path = format!("/v1/catalog/node/{name}");
    agent.wait_json_for(6 * PATIENCE, &path, |found| {
        found["Node"]["Address"] == after.to_string()
    });
    until("it votes where it is now", || {
        place_of(agent, &name) == Some((format!("{after}:8300"), true))
    });
    assert_eq!(cluster.voters(leader).len(), 3);
    for key in ["kept", "missed"] {
        let path = format!("/v1/kv/{key}?raw&stale");
        assert_eq!(cluster.eventually(moved, "GET", &path, "").text(), "x");
    }
    // It is needed for a majority.
    cluster.kill(leader);
    let next = cluster.leader();
    assert!([moved, other].contains(&next));
    cluster.eventually(moved, "PUT", "/v1/kv/majority", "x");
    let found = cluster.eventually(other, "GET", "/v1/kv/majority?raw&consistent", "");
    assert_eq!(found.text(), "x");
}
