//! One datacenter of our servers and HashiCorp's client agents, and the other way round, where its program is on the
//! machine.

use std::thread;

use serde_json::Value;

use crate::support::{Reference, TestAgent, TestCluster, own_address, reference, until};

/// What a client agent must be able to do, whoever made its servers: commands of its own program, and the API.
fn a_client_does_its_work(client: &dyn ClientAgent) {
    let run = |args: &[&str]| client.run(args);
    assert_eq!(
        run(&["kv", "put", "a/b", "1"]),
        "Success! Data written to: a/b\n"
    );
    assert_eq!(run(&["kv", "get", "a/b"]), "1\n");
    assert_eq!(
        run(&["kv", "put", "a/c", "2"]),
        "Success! Data written to: a/c\n"
    );
    assert_eq!(run(&["kv", "get", "-recurse", "a/"]), "a/b:1\na/c:2\n");
    assert_eq!(run(&["kv", "get", "-keys", "a/"]), "a/b\na/c\n");
    assert_eq!(run(&["kv", "delete", "a/c"]), "Success! Deleted key: a/c\n");
    assert_eq!(run(&["catalog", "services"]), "consul\n");
    run(&["services", "register", "-name=web", "-port=80"]);
    until("the service is in the catalog", || {
        run(&["catalog", "services"]) == "consul\nweb\n"
    });
    assert_eq!(
        run(&["catalog", "nodes", "-service=web"]).lines().count(),
        2
    );
    let listed = run(&["operator", "raft", "list-peers"]);
    assert_eq!(listed.lines().count(), 4, "{listed}");
    // A blocking query through the client wakes when somebody writes.
    let index = client.index_of("/v1/kv/a/b");
    thread::scope(|scope| {
        let path = format!("/v1/kv/a/b?raw&index={index}&wait=20s");
        let waiting = scope.spawn(move || client.get(&path));
        run(&["kv", "put", "a/b", "3"]);
        assert_eq!(waiting.join().unwrap(), "3");
    });
    // What was registered by hand at a server and is not so on the agent is put right by it.
    run(&["services", "deregister", "-id=web"]);
    until("the service is gone", || {
        run(&["catalog", "services"]) == "consul\n"
    });
}

trait ClientAgent: Sync {
    fn run(&self, args: &[&str]) -> String;
    fn get(&self, path: &str) -> String;
    fn index_of(&self, path: &str) -> u64;
}

impl ClientAgent for Reference {
    fn run(&self, args: &[&str]) -> String {
        self.cli_ok(args)
    }

    fn get(&self, path: &str) -> String {
        self.client().ask("GET", path, "").text()
    }

    fn index_of(&self, path: &str) -> u64 {
        self.client().ask("GET", path, "").index()
    }
}

impl ClientAgent for TestAgent {
    fn run(&self, args: &[&str]) -> String {
        self.cli_ok(args)
    }

    fn get(&self, path: &str) -> String {
        self.send("GET", path, "").text()
    }

    fn index_of(&self, path: &str) -> u64 {
        self.send("GET", path, "").index()
    }
}

#[test]
fn a_client_of_theirs_works_with_our_servers() {
    let Some(program) = reference() else { return };
    let mut cluster = TestCluster::servers(3);
    let join = format!("-join={}", cluster.agent(0).ip);
    let client = Reference::start(&program, "theirs", &[&join]);
    let leader = cluster.leader();
    cluster
        .agent(leader)
        .wait_json("/v1/catalog/nodes", |nodes| {
            nodes.as_array().is_some_and(|all| all.len() == 4)
        });
    a_client_does_its_work(&client);
    // Its anti-entropy brings back what somebody else removed.
    client.cli_ok(&["services", "register", "-name=kept"]);
    let server = cluster.agent(leader);
    server.wait_json("/v1/catalog/service/kept", |found| {
        found[0]["Node"] == "theirs"
    });
    // The leader goes; the client goes on with the others.
    cluster.kill(leader);
    until("a new leader is found", || {
        client.try_cli(&["kv", "put", "after", "1"])
    });
    assert_eq!(client.cli_ok(&["kv", "get", "after"]), "1\n");
    for (_, agent) in cluster.running() {
        agent.assert_healthy();
    }
}

#[test]
fn a_client_of_ours_works_with_their_servers() {
    let Some(program) = reference() else { return };
    let first = own_address();
    let servers: Vec<Reference> = (1..=3)
        .map(|n| {
            let ip = if n == 1 { first } else { own_address() };
            let join = format!("-retry-join={first}");
            let args = [
                "-server",
                "-bootstrap-expect=3",
                &join,
                "-retry-interval=1s",
            ];
            Reference::start_at(ip, &program, &format!("s{n}"), &args)
        })
        .collect();
    until("they have a leader", || {
        let answer = servers[0].client().ask("GET", "/v1/status/leader", "");
        answer.status == 200 && answer.text().len() > 2
    });
    let folder = tempfile::tempdir().unwrap();
    let data = format!("-data-dir={}", folder.path().display());
    let join = format!("-join={first}");
    let client = TestAgent::start(own_address(), &["-node=ours", &data, &join]);
    until("it is in their catalog", || {
        let nodes: Value = client.json("/v1/catalog/nodes");
        nodes.as_array().is_some_and(|all| all.len() == 4)
    });
    a_client_does_its_work(&client);
}
