//! Clusters of servers: how they form, forward, change and survive.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{QUICK, Seat, TestAgent, TestCluster, until};

/// How soon a leader is there once the last expected server has joined.
const ELECTED_WITHIN: Duration = Duration::from_secs(15);

/// Much less than a request waits for a leader.
const AT_ONCE: Duration = Duration::from_secs(3);

fn names(voters: &[(String, bool)]) -> Vec<&str> {
    voters.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn nothing_is_elected_before_the_expected_servers_are_known() {
    let args = ["-server", "-bootstrap-expect=3", "-hcl", QUICK];
    let seats = ["s1", "s2", "s3"].map(|name| Seat::new(name, &args));
    let first = seats[0].start(&[]);
    let second = seats[1].start(&[]);
    second.cli_ok(&["join", &first.ip.to_string()]);
    second.wait_line(0, "EventMemberJoin: s1.dc1 ");
    assert_eq!(first.json("/v1/status/leader"), "");
    assert_eq!(first.json("/v1/status/peers"), serde_json::json!([]));
    let third = seats[2].start(&[]);
    third.cli_ok(&["join", &second.ip.to_string()]);
    let joined = Instant::now();
    let agents = [first, second, third];
    until("a leader that all know", || {
        let told = agents.iter().map(|agent| agent.json("/v1/status/leader"));
        let told: Vec<Value> = told.collect();
        told.iter().all(|leader| *leader == told[0] && leader != "")
    });
    assert!(joined.elapsed() < ELECTED_WITHIN, "{:?}", joined.elapsed());
    for agent in &agents {
        assert_eq!(agent.json("/v1/status/peers").as_array().unwrap().len(), 3);
        agent.assert_healthy();
    }
    let founders = agents.iter().map(|agent| {
        let printed = agent.printed();
        printed
            .matches("Found expected number of peers, attempting bootstrap")
            .count()
    });
    assert_eq!(founders.sum::<usize>(), 1);
}

#[test]
fn servers_that_start_at_once_form_one_cluster() {
    let args = ["-server", "-bootstrap-expect=3", "-hcl", QUICK];
    let seats: Vec<Seat> = (1..=5)
        .map(|n| Seat::new(&format!("s{n}"), &args))
        .collect();
    let joins: Vec<String> = seats
        .iter()
        .map(|seat| format!("-retry-join={}", seat.ip))
        .collect();
    let mut joins: Vec<&str> = joins.iter().map(String::as_str).collect();
    joins.push("-retry-interval=1s");
    let agents: Vec<TestAgent> = thread::scope(|scope| {
        let starting: Vec<_> = seats
            .iter()
            .map(|seat| scope.spawn(|| seat.start(&joins)))
            .collect();
        starting
            .into_iter()
            .map(|agent| agent.join().unwrap())
            .collect()
    });
    until("five servers in one cluster", || {
        agents.iter().all(|agent| {
            let peers = agent.json("/v1/status/peers");
            peers.as_array().is_some_and(|peers| peers.len() == 5)
                && agent.json("/v1/status/leader") == agents[0].json("/v1/status/leader")
        })
    });
}

#[test]
fn every_agent_reads_and_writes() {
    let mut cluster = TestCluster::servers(3);
    let client = cluster.add("c1", &[]);
    let leader = cluster.leader();
    for (at, agent) in cluster.running() {
        let path = format!("/v1/kv/from/{at}");
        assert_eq!(agent.send("PUT", &path, "x").text(), "true");
        for (_, other) in cluster.running() {
            for mode in ["", "&consistent"] {
                let found = other.send("GET", &format!("{path}?raw{mode}"), "");
                assert_eq!((found.status, found.text()), (200, "x".to_owned()));
                assert_eq!(found.header("X-Consul-Knownleader"), Some("true"));
            }
        }
    }
    for (at, agent) in cluster.running() {
        let nodes = agent.json("/v1/catalog/nodes");
        assert_eq!(nodes.as_array().unwrap().len(), 4, "{at}: {nodes}");
        let services = agent.json("/v1/health/service/consul?passing");
        assert_eq!(services.as_array().unwrap().len(), 3);
        let info = agent.cli_ok(&["info"]);
        let leads = format!("\tleader = {}\n", at == leader);
        assert_eq!(info.contains("raft:\n"), at != client, "{info}");
        assert!(at == client || info.contains(&leads), "{info}");
        assert!(at == client || info.contains("\tnum_peers = 2\n"), "{info}");
        let listed = agent.cli_ok(&["operator", "raft", "list-peers"]);
        assert_eq!(listed.lines().count(), 4, "{listed}");
    }
    // What is registered on a client is in the catalog, and in DNS everywhere.
    let agent = cluster.agent(client);
    agent.put(
        "/v1/agent/service/register",
        r#"{"Name": "web", "Port": 80}"#,
    );
    for (_, agent) in cluster.running() {
        agent.wait_json("/v1/catalog/service/web", |found| found[0]["Node"] == "c1");
    }
}

#[test]
fn a_blocking_query_wakes_through_every_agent() {
    let mut cluster = TestCluster::servers(3);
    cluster.add("c1", &[]);
    let leader = cluster.leader();
    cluster.agent(leader).put("/v1/kv/watched", "1");
    thread::scope(|scope| {
        let waiting: Vec<_> = cluster
            .running()
            .map(|(_, agent)| {
                let index = agent.send("GET", "/v1/kv/watched", "").index();
                let path = format!("/v1/kv/watched?raw&index={index}&wait=20s");
                scope.spawn(move || (agent.send("GET", &path, "").text(), Instant::now()))
            })
            .collect();
        cluster.agent(leader).put("/v1/kv/watched", "2");
        let written = Instant::now();
        for waiting in waiting {
            let (value, at) = waiting.join().unwrap();
            assert_eq!(value, "2");
            assert!(at.saturating_duration_since(written) < Duration::from_secs(5));
        }
    });
}

#[test]
fn a_minority_accepts_nothing_and_answers_stale_reads() {
    let mut cluster = TestCluster::servers(3);
    let leader = cluster.leader();
    cluster.agent(leader).put("/v1/kv/kept", "x");
    let left = (leader + 1) % 3;
    cluster
        .agent(left)
        .wait_json("/v1/kv/kept?stale", |found| found[0]["Key"] == "kept");
    for at in (0..3).filter(|at| *at != left) {
        cluster.kill(at);
    }
    let agent = cluster.agent(left);
    until("the loss is noticed", || {
        agent.json("/v1/status/leader") == ""
    });
    let refused = agent.send("PUT", "/v1/kv/lost", "x");
    assert_eq!(
        (refused.status, refused.text()),
        (500, "No cluster leader".to_owned())
    );
    for mode in ["", "?consistent"] {
        let refused = agent.send("GET", &format!("/v1/kv/kept{mode}"), "");
        assert_eq!(
            (refused.status, refused.text()),
            (500, "No cluster leader".to_owned())
        );
    }
    let stale = agent.send("GET", "/v1/kv/kept?stale&raw", "");
    assert_eq!((stale.status, stale.text()), (200, "x".to_owned()));
    assert_eq!(stale.header("X-Consul-Knownleader"), Some("false"));
    // The others come back: a leader, and nothing of what was refused.
    for at in (0..3).filter(|at| *at != left) {
        cluster.start(at);
    }
    cluster.leader();
    let gone = cluster.eventually_answers(left, "/v1/kv/lost", 404);
    assert!(gone.body.is_empty());
    let kept = cluster.eventually(left, "GET", "/v1/kv/kept?raw", "");
    assert_eq!(kept.text(), "x");
}

#[test]
fn a_server_that_lost_its_data_comes_back() {
    let mut cluster = TestCluster::servers(3);
    let leader = cluster.leader();
    for n in 0..50 {
        cluster.agent(leader).put(&format!("/v1/kv/k{n}"), "x");
    }
    let wiped = (leader + 1) % 3;
    cluster.kill(wiped);
    let folder = cluster.seat(wiped).data();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
    cluster.start(wiped);
    let all: Vec<(String, bool)> = ["s1", "s2", "s3"]
        .map(|name| (name.to_owned(), true))
        .into();
    let kept = cluster.eventually(wiped, "GET", "/v1/kv/k49?stale&raw", "");
    assert_eq!(kept.text(), "x");
    until("it votes again", || cluster.voters(leader) == all);
    let new_leader = cluster.leader();
    cluster.agent(new_leader).assert_healthy();
}

#[test]
fn whom_an_operator_removes_stays_out_until_it_is_heard_of() {
    let mut cluster = TestCluster::servers(3);
    let leader = cluster.leader();
    let (removed, other) = ((leader + 1) % 3, (leader + 2) % 3);
    let ip = cluster.seat(removed).ip;
    let peer = format!("-address={ip}:8300");
    let agent = cluster.agent(leader);
    agent.cli_ok(&["operator", "raft", "remove-peer", &peer]);
    // It runs, and the leader looks at its servers again when another one joins.
    cluster.add("s4", &["-server", "-bootstrap-expect=3"]);
    let [own, kept] = [leader, other].map(|at| cluster.seat(at).name.clone());
    let mut expected = [own.as_str(), &kept, "s4"];
    expected.sort_unstable();
    until("the newcomer is there", || {
        names(&cluster.voters(leader)).contains(&"s4")
    });
    assert_eq!(names(&cluster.voters(leader)), expected);
    cluster.agent(leader).put("/v1/kv/without", "x");
    let mark = cluster.agent(leader).line_count();
    let name = cluster.seat(removed).name.clone();
    cluster.kill(removed);
    let agent = cluster.agent(leader);
    agent.wait_line(mark, &format!("EventMemberFailed: {name} "));
    assert_eq!(names(&cluster.voters(leader)), expected);
    cluster.start(removed);
    until("it is back", || {
        names(&cluster.voters(leader)) == ["s1", "s2", "s3", "s4"]
    });
    let found = cluster.eventually(removed, "GET", "/v1/kv/without?raw", "");
    assert_eq!(found.text(), "x");
}

#[test]
fn servers_come_and_go_under_load() {
    let mut cluster = TestCluster::servers(3);
    let leader = cluster.leader();
    let address = cluster.agent(leader).http();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let stop = &stop;
    let written = thread::scope(|scope| {
        let writer = scope.spawn(move || {
            let mut client = crate::support::Client::connect(address).unwrap();
            let mut written = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let path = format!("/v1/kv/load/{written}");
                let answer = client.ask("PUT", &path, "x");
                assert_eq!(answer.text(), "true", "{path}: {}", answer.status);
                written += 1;
            }
            written
        });
        let server = ["-server", "-bootstrap-expect=3"];
        let fourth = cluster.add("s4", &server);
        let fifth = cluster.add("s5", &server);
        until("both vote", || {
            let voters = cluster.voters(leader);
            voters.len() == 5 && voters.iter().all(|(_, votes)| *votes)
        });
        for at in [fourth, fifth] {
            let agent = cluster.take(at);
            agent.cli_ok(&["leave"]);
            assert_eq!(agent.ended().0, Some(0));
        }
        until("both are gone", || {
            names(&cluster.voters(leader)) == ["s1", "s2", "s3"]
        });
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        writer.join().unwrap()
    });
    let keys = cluster.agent(leader).json("/v1/kv/load?keys&consistent");
    assert_eq!(keys.as_array().unwrap().len(), written);
    assert!(written > 50, "{written}");
}

#[test]
fn a_leader_that_leaves_hands_over() {
    let mut cluster = TestCluster::servers(3);
    let leader = cluster.leader();
    let left = cluster.take(leader);
    let name = cluster.seat(leader).name.clone();
    left.cli_ok(&["leave"]);
    let (code, printed) = left.ended();
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.contains("successfully transferred leadership"),
        "{printed}"
    );
    let new_leader = cluster.leader();
    assert_ne!(new_leader, leader);
    until("it is removed", || {
        let voters = cluster.voters(new_leader);
        voters.len() == 2 && !names(&voters).contains(&name.as_str())
    });
    cluster.agent(new_leader).put("/v1/kv/after", "x");
    // It comes back when it is started again.
    cluster.start(leader);
    until("three voters", || {
        let voters = cluster.voters(new_leader);
        voters.len() == 3 && voters.iter().all(|(_, votes)| *votes)
    });
}

#[test]
fn a_server_with_bootstrap_joins_the_cluster_that_is_there() {
    let mut cluster = TestCluster::servers(3);
    let leader = cluster.leader();
    cluster.agent(leader).put("/v1/kv/kept", "x");
    let late = cluster.add("late", &["-server", "-bootstrap"]);
    until("it votes in the one cluster", || {
        let voters = cluster.voters(leader);
        voters.len() == 4 && voters.iter().all(|(_, votes)| *votes)
    });
    assert_eq!(cluster.leader(), leader);
    for at in 0..=late {
        let kept = cluster.eventually(at, "GET", "/v1/kv/kept?raw", "");
        assert_eq!(kept.text(), "x");
    }
}

#[test]
fn two_clusters_that_meet_do_each_other_no_harm() {
    let cluster = TestCluster::servers(3);
    let leader = cluster.leader();
    cluster.agent(leader).put("/v1/kv/kept", "x");
    // It leads a cluster of its own before it hears of the others.
    let seat = Seat::new("own", &["-server", "-bootstrap", "-hcl", QUICK]);
    let own = seat.start(&[]);
    own.put("/v1/kv/other", "y");
    own.cli_ok(&["join", &cluster.agent(leader).ip.to_string()]);
    let told = "this server is in a raft cluster of its own";
    cluster.agent(leader).wait_line(0, told);
    own.wait_line(0, told);
    let kept = cluster
        .agent(leader)
        .send("GET", "/v1/kv/kept?raw&consistent", "");
    assert_eq!(kept.text(), "x");
    assert_eq!(names(&cluster.voters(leader)), ["s1", "s2", "s3"]);
    assert_eq!(
        own.send("GET", "/v1/kv/other?raw&consistent", "").text(),
        "y"
    );
    assert_eq!(cluster.leader(), leader);
}

/// Gossip that finds failures out ten times as soon as on a LAN.
const RESTLESS: &str = r#"gossip_lan { probe_interval = "100ms" probe_timeout = "50ms" }"#;

#[test]
fn a_client_whose_servers_are_all_dead_says_so_at_once() {
    let mut cluster = TestCluster::servers(3);
    let client = cluster.add("c1", &["-hcl", RESTLESS]);
    let servers_that_are = |cluster: &TestCluster, status: i64| {
        let members = cluster.agent(client).json("/v1/agent/members");
        let members = members.as_array().expect("a list").iter();
        members
            .filter(|member| member["Tags"]["role"] == "consul" && member["Status"] == status)
            .count()
    };
    until("it knows all servers", || {
        servers_that_are(&cluster, 1) == 3
    });
    cluster.eventually(client, "PUT", "/v1/kv/x", "1");
    for server in 0..3 {
        cluster.kill(server);
    }
    until("gossip has them failed", || {
        servers_that_are(&cluster, 4) == 3
    });
    // What asks servers hears of it from gossip, a moment after the list of members shows it.
    until("none of them is asked any more", || {
        let answer = cluster.agent(client).send("GET", "/v1/status/leader", "");
        answer.text() == "No known Consul servers"
    });
    for (method, path) in [
        ("GET", "/v1/kv/x"),
        ("GET", "/v1/kv/x?stale"),
        ("PUT", "/v1/kv/x"),
        ("GET", "/v1/catalog/nodes"),
        ("GET", "/v1/snapshot"),
        ("GET", "/v1/status/leader"),
    ] {
        let begun = Instant::now();
        let answer = cluster.agent(client).send(method, path, "");
        let told = (answer.status, answer.text());
        let nobody = (500, "No known Consul servers".to_owned());
        assert_eq!(told, nobody, "{method} {path}");
        assert!(begun.elapsed() < AT_ONCE, "{method} {path}");
    }
    for server in 0..3 {
        cluster.start(server);
    }
    let kept = cluster.eventually(client, "GET", "/v1/kv/x?raw", "");
    assert_eq!(kept.text(), "1");
}
