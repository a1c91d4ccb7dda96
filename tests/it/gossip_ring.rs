//! Walkthrough C as far as gossip carries it: five agents join, fail, leave and come back.

use std::fs;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{TestAgent, own_address, until};

/// How soon a killed agent is failed everywhere, at the LAN's defaults.
const FAILED_WITHIN: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(4)..=Duration::from_secs(8);

/// How soon an agent that leaves has left everywhere.
const LEFT_WITHIN: Duration = Duration::from_secs(3);

struct Node {
    agent: TestAgent,
    folder: TempDir,
    name: &'static str,
    server: bool,
}

fn arguments(folder: &TempDir, name: &str, server: bool) -> Vec<String> {
    let mut args = vec![
        format!("-node={name}"),
        format!("-data-dir={}", folder.path().display()),
    ];
    if server {
        args.extend(["-server".to_owned(), "-bootstrap-expect=3".to_owned()]);
    }
    args
}

fn start_at(ip: Ipv4Addr, folder: TempDir, name: &'static str, server: bool) -> Node {
    let args = arguments(&folder, name, server);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Node {
        agent: TestAgent::start(ip, &args),
        folder,
        name,
        server,
    }
}

fn start(name: &'static str, server: bool) -> Node {
    start_at(own_address(), TempDir::new().unwrap(), name, server)
}

/// Three servers and two clients in one pool.
fn ring() -> Vec<Node> {
    let nodes: Vec<Node> = [
        ("agent31", true),
        ("agent32", true),
        ("agent33", true),
        ("agent34", false),
        ("agent224", false),
    ]
    .map(|(name, server)| start(name, server))
    .into();
    let first = format!("{}:8301", nodes[0].agent.ip);
    for node in &nodes[1..] {
        let printed = node.agent.cli_ok(&["join", &first]);
        assert_eq!(
            printed,
            "Successfully joined cluster by contacting 1 nodes.\n"
        );
    }
    for node in &nodes {
        until("every agent sees five", || alive(&node.agent) == 5);
    }
    nodes
}

fn alive(agent: &TestAgent) -> usize {
    statuses(agent)
        .iter()
        .filter(|(_, status)| *status == 1)
        .count()
}

fn statuses(agent: &TestAgent) -> Vec<(String, u64)> {
    let members = agent.json("/v1/agent/members");
    let members = members.as_array().unwrap();
    let row = |member: &Value| {
        (
            member["Name"].as_str().unwrap().to_owned(),
            member["Status"].as_u64().unwrap(),
        )
    };
    members.iter().map(row).collect()
}

fn status_of(agent: &TestAgent, name: &str) -> Option<u64> {
    let found = statuses(agent);
    found
        .iter()
        .find(|(found, _)| found == name)
        .map(|(_, status)| *status)
}

#[test]
fn members_shows_servers_and_clients_alike_everywhere() {
    let nodes = ring();
    let table = nodes[0].agent.cli_ok(&["members"]);
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows.len(), 6, "{table}");
    let names: Vec<&str> = rows[1..].iter().map(|row| row[0]).collect();
    // Servers first, then clients, each by name.
    assert_eq!(
        names,
        ["agent31", "agent32", "agent33", "agent224", "agent34"]
    );
    for (row, kind, segment) in [
        (&rows[1], "server", "<all>"),
        (&rows[4], "client", "<default>"),
    ] {
        assert_eq!(row[2..4], ["alive", kind], "{table}");
        assert_eq!(row[6..8], ["dc1", segment], "{table}");
    }
    for node in &nodes[1..] {
        assert_eq!(node.agent.cli_ok(&["members"]), table, "{}", node.name);
    }
    // Servers flood each other into the WAN pool.
    for node in nodes.iter().filter(|node| node.server) {
        until("the WAN pool has three", || {
            let wan = node.agent.json("/v1/agent/members?wan=1");
            wan.as_array().is_some_and(|wan| wan.len() == 3)
        });
    }
    let wan = nodes[1].agent.cli_ok(&["members", "-wan"]);
    assert!(wan.contains("agent31.dc1"), "{wan}");
    let info = nodes[3].agent.cli_ok(&["info"]);
    let sections: Vec<&str> = info
        .lines()
        .filter(|line| !line.starts_with('\t'))
        .collect();
    assert_eq!(
        sections,
        [
            "agent:",
            "anti_entropy:",
            "build:",
            "consul:",
            "runtime:",
            "serf_lan:"
        ]
    );
    assert!(info.contains("\tknown_servers = 3\n"), "{info}");
    assert!(info.contains("\tmembers = 5\n"), "{info}");
}

#[test]
fn a_killed_agent_is_failed_and_comes_back_by_itself() {
    let mut nodes = ring();
    let lost = nodes.pop().unwrap();
    let marks: Vec<usize> = nodes.iter().map(|node| node.agent.line_count()).collect();
    let (ip, folder, name) = (lost.agent.ip, lost.folder, lost.name);
    let file = folder.path().join("serf/local.snapshot");
    until("it has written down whom it knows", || {
        let lines = fs::read_to_string(&file).unwrap_or_default();
        lines.matches("alive: ").count() == 5
    });
    let killed = Instant::now();
    lost.agent.kill();
    for (node, mark) in nodes.iter().zip(marks) {
        node.agent
            .wait_line(mark, &format!("EventMemberFailed: {name} "));
        let after = killed.elapsed();
        assert!(
            FAILED_WITHIN.contains(&after),
            "{} knew after {after:?}",
            node.name
        );
        until("the list says so", || {
            status_of(&node.agent, name) == Some(4)
        });
    }
    // It remembers whom it knew.
    let back = start_at(ip, folder, name, false);
    back.agent
        .wait_line(0, "Re-joined to previously known node");
    until("it sees five again", || alive(&back.agent) == 5);
    for node in &nodes {
        until("it is alive everywhere", || {
            status_of(&node.agent, name) == Some(1)
        });
    }
}

#[test]
fn an_agent_that_leaves_has_left() {
    let mut nodes = ring();
    let leaver = nodes.pop().unwrap();
    let marks: Vec<usize> = nodes.iter().map(|node| node.agent.line_count()).collect();
    let mut leaving = leaver.agent.cli_command(&["leave"]).spawn().unwrap();
    let began = Instant::now();
    for (node, mark) in nodes.iter().zip(&marks) {
        node.agent
            .wait_line(*mark, &format!("EventMemberLeave: {} ", leaver.name));
        let after = began.elapsed();
        assert!(after <= LEFT_WITHIN, "{} knew after {after:?}", node.name);
    }
    assert!(leaving.wait().unwrap().success());
    let (ip, folder, name) = (leaver.agent.ip, leaver.folder, leaver.name);
    let (code, printed) = leaver.agent.ended();
    assert_eq!(code, Some(0), "{printed}");
    for node in &nodes {
        assert_eq!(status_of(&node.agent, name), Some(3));
        assert!(
            !node.agent.printed().contains("EventMemberFailed"),
            "{}",
            node.name
        );
    }
    // It left: the file is kept and not acted on.
    let back = start_at(ip, folder, name, false);
    assert_eq!(alive(&back.agent), 1);
}

#[test]
fn force_leave_turns_failed_into_left_and_prune_forgets() {
    let mut nodes = ring();
    let (first, second) = (nodes.pop().unwrap(), nodes.pop().unwrap());
    let (first_name, second_name) = (first.name, second.name);
    first.agent.kill();
    second.agent.kill();
    let agent = &nodes[0].agent;
    for name in [first_name, second_name] {
        agent.wait_line(0, &format!("EventMemberFailed: {name} "));
    }
    agent.cli_ok(&["force-leave", first_name]);
    agent.cli_ok(&["force-leave", "-prune", second_name]);
    for node in &nodes {
        until("one has left, one is forgotten", || {
            status_of(&node.agent, first_name) == Some(3)
                && status_of(&node.agent, second_name).is_none()
        });
    }
}
