//! Walkthrough C: servers and clients that find, lose and leave each other; and one server's catalog of
//! its members.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::support::{TestAgent, own_address, started_and_ended};

/// Suspicion takes four probe intervals at least, at LAN defaults.
const FAILURE_TAKES: Duration = Duration::from_secs(4);

/// An agent's address and data, kept over its restarts.
struct Seat {
    name: String,
    ip: Ipv4Addr,
    data: TempDir,
    args: Vec<&'static str>,
}

impl Seat {
    fn new(name: &str, args: &[&'static str]) -> Self {
        Self {
            name: name.to_owned(),
            ip: own_address(),
            data: tempfile::tempdir().unwrap(),
            args: args.to_owned(),
        }
    }

    fn start(&self) -> TestAgent {
        TestAgent::start(self.ip, &self.words())
    }

    fn words(&self) -> Vec<&str> {
        let data = self.data.path().to_str().unwrap();
        let own = ["-node", self.name.as_str(), "-data-dir", data];
        own.into_iter().chain(self.args.iter().copied()).collect()
    }
}

/// Waits until all of these agents have printed a line, each after its mark.
fn all_print(agents: &[&TestAgent], marks: &[usize], text: &str) {
    for (agent, mark) in agents.iter().zip(marks) {
        agent.wait_line(*mark, text);
    }
}

fn marks(agents: &[&TestAgent]) -> Vec<usize> {
    agents.iter().map(|agent| agent.line_count()).collect()
}

/// Names and states of `members`, in its order.
fn table(agent: &TestAgent) -> Vec<String> {
    let text = agent.cli_ok(&["members"]);
    let mut lines = text.lines();
    let header = lines.next().unwrap();
    assert_eq!(
        header.split_whitespace().collect::<Vec<_>>(),
        [
            "Node", "Address", "Status", "Type", "Build", "Protocol", "DC", "Segment"
        ]
    );
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            [words[0], words[2], words[3], words[7]].join(" ")
        })
        .collect()
}

#[test]
fn five_agents_find_lose_and_leave_each_other() {
    let server = ["-server", "-bootstrap-expect=3"];
    let seats: Vec<Seat> = ["s1", "s2", "s3"]
        .map(|name| Seat::new(name, &server))
        .into_iter()
        .chain(["c4", "c5"].map(|name| Seat::new(name, &[])))
        .collect();
    let mut agents: Vec<TestAgent> = seats.iter().map(Seat::start).collect();
    let first = format!("{}:8301", seats[0].ip);
    for agent in &agents[1..] {
        assert_eq!(
            agent.cli_ok(&["join", &first]),
            "Successfully joined cluster by contacting 1 nodes.\n"
        );
    }
    for agent in &agents {
        for seat in &seats {
            agent.wait_line(0, &format!("EventMemberJoin: {} {}", seat.name, seat.ip));
        }
        assert_eq!(
            table(agent),
            [
                "s1 alive server <all>",
                "s2 alive server <all>",
                "s3 alive server <all>",
                "c4 alive client <default>",
                "c5 alive client <default>",
            ]
        );
    }
    servers_know_each_other_everywhere(&agents[..3]);
    a_client_has_neither_raft_nor_wan(&agents[3]);

    // A killed agent is failed on all others; force-leave says that it is not waited for.
    agents.pop().unwrap().kill();
    let (others, killed) = (agents.iter().collect::<Vec<_>>(), Instant::now());
    all_print(&others, &[0; 4], "EventMemberFailed: c5");
    assert!(killed.elapsed() >= FAILURE_TAKES);
    assert_eq!(table(others[3])[4], "c5 failed client <default>");
    assert_eq!(others[1].cli_ok(&["force-leave", "c5"]), "");
    all_print(&others, &[0; 4], "EventMemberLeave: c5");
    assert_eq!(table(others[0])[4], "c5 left client <default>");

    // A restarted agent finds back by what it remembers.
    let before = marks(&others);
    let again = seats[4].start();
    all_print(&others, &before, "EventMemberJoin: c5");
    again.wait_line(0, "EventMemberJoin: s1");
    agents.push(again);

    // Interrupted, a client leaves.
    let leaving = agents.remove(3);
    leaving.signal("INT");
    let others: Vec<&TestAgent> = agents.iter().collect();
    all_print(&others, &[0; 4], "EventMemberLeave: c4");
    let (code, printed) = leaving.ended();
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("Gracefully shutting down agent..."));
    assert!(printed.contains("agent.client: client starting leave"));

    // A server that is told to leave goes on answering until the others know.
    let leaving = agents.remove(2);
    let answer = leaving.cli_ok(&["leave"]);
    assert_eq!(answer, "Graceful leave complete\n");
    let others: Vec<&TestAgent> = agents.iter().collect();
    all_print(&others, &[0; 3], "EventMemberLeave: s3");
    all_print(&others[..2], &[0; 2], "EventMemberLeave: s3.dc1");
    let (code, printed) = leaving.ended();
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("Waiting to drain RPC traffic: drain_time=5s"));
    assert_eq!(
        table(others[0]),
        [
            "s1 alive server <all>",
            "s2 alive server <all>",
            "s3 left server <all>",
            "c4 left client <default>",
            "c5 alive client <default>",
        ]
    );
}

fn servers_know_each_other_everywhere(servers: &[TestAgent]) {
    for server in servers {
        for name in ["s1.dc1", "s2.dc1", "s3.dc1"] {
            server.wait_line(0, &format!("EventMemberJoin: {name}"));
        }
        let text = server.cli_ok(&["members", "-wan"]);
        assert_eq!(text.lines().count(), 4, "{text}");
        let info = server.cli_ok(&["info"]);
        assert!(info.contains("known_datacenters = 1"), "{info}");
        assert!(info.contains("serf_wan:"), "{info}");
        // Servers do not vote together yet.
        assert_eq!(server.json("/v1/status/leader"), "");
    }
}

fn a_client_has_neither_raft_nor_wan(client: &TestAgent) {
    let info = client.cli_ok(&["info"]);
    let sections: Vec<&str> = info
        .lines()
        .filter(|line| !line.starts_with('\t'))
        .collect();
    assert_eq!(
        sections,
        ["agent:", "build:", "consul:", "runtime:", "serf_lan:"]
    );
    let consul = "consul:\n\tacl = disabled\n\tknown_servers = 3\n\tserver = false\n";
    assert!(info.contains(consul), "{info}");
    assert!(info.contains("\tmembers = 5\n"), "{info}");
    for path in [
        "/v1/status/leader",
        "/v1/kv/a",
        "/v1/catalog/nodes",
        "/v1/snapshot",
    ] {
        let answer = client.send("GET", path, "");
        let told = (answer.status, answer.text());
        assert_eq!(told, (500, "No known Consul servers".to_owned()), "{path}");
    }
    for port in [8300, 8302] {
        let refused = TcpStream::connect((client.ip, port)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{port}");
    }
    // Services are the agent's own business.
    client.put("/v1/agent/service/register", r#"{"Name": "web"}"#);
    assert_eq!(client.json("/v1/agent/services")["web"]["Service"], "web");
}

#[test]
fn a_leader_keeps_its_members_in_the_catalog() {
    let leader = Seat::new("s1", &["-server", "-bootstrap-expect=1"]);
    let server = leader.start();
    server.wait_line(0, "New leader elected: payload=s1");
    let client = Seat::new("c1", &[]);
    let member = client.start();
    member.cli_ok(&["join", &leader.ip.to_string()]);
    let check = "/v1/health/node/c1";
    let is = |status: &'static str, output: &'static str| {
        move |checks: &serde_json::Value| {
            checks[0]["Status"] == status && checks[0]["Output"] == output
        }
    };
    let found = server.wait_json(check, is("passing", "Agent alive and reachable"));
    assert_eq!(found[0]["CheckID"], "serfHealth");
    member.kill();
    server.wait_json(check, is("critical", "Agent not live or unreachable"));
    server.wait_line(0, "member failed, marking health critical: member=c1");
    // The node stays until its member is said to have left.
    let node_of = |nodes: &serde_json::Value| nodes[0]["Node"].clone();
    assert_eq!(node_of(&server.json("/v1/catalog/nodes")), "c1");
    server.cli_ok(&["force-leave", "c1"]);
    server.wait_json("/v1/catalog/nodes", |nodes| node_of(nodes) == "s1");
    server.wait_line(0, "deregistering member: member=c1 reason=left");
    // Back again, and gone for good.
    let mark = server.line_count();
    let member = client.start();
    member.cli_ok(&["join", &leader.ip.to_string()]);
    server.wait_json(check, is("passing", "Agent alive and reachable"));
    member.signal("INT");
    server.wait_line(mark, "deregistering member: member=c1 reason=left");
    assert_eq!(member.ended().0, Some(0));
    server.assert_healthy();
}

/// Starts an agent that must end by itself with exit code 1; returns what it printed.
fn refused(folder: &Path, args: &[&str]) -> String {
    let data = folder.to_str().unwrap();
    let words = [&["-node=lonely", "-data-dir", data], args].concat();
    let (code, printed) = started_and_ended(TestAgent::command(own_address(), &words));
    assert_eq!(code, Some(1), "{printed}");
    printed
}

#[test]
fn joining_nobody_ends_the_agent() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = own_address().to_string();
    let printed = refused(folder.path(), &["-join", &nobody]);
    let reason =
        format!("* Failed to join {nobody}: dial tcp {nobody}:8301: connect: connection refused");
    assert!(printed.contains("==> Joining cluster..."), "{printed}");
    assert!(printed.contains(&reason), "{printed}");
    let retry = [
        "-retry-join",
        &nobody,
        "-retry-interval=10ms",
        "-retry-max=2",
    ];
    let printed = refused(folder.path(), &retry);
    let attempts = printed.matches("(LAN) joining").count();
    assert_eq!(attempts, 3, "{printed}");
    assert!(
        printed.contains("agent: max join LAN retry exhausted, exiting"),
        "{printed}"
    );
    let printed = refused(folder.path(), &["-join-wan", &nobody]);
    assert!(printed.contains("Must be a server to join WAN cluster"));
}

#[test]
fn whoever_does_not_belong_stays_outside() {
    let key = "-encrypt=MDEyMzQ1Njc4OWFiY2RlZg==";
    let server = Seat::new("s1", &["-server", "-bootstrap-expect=1", key]);
    let agent = server.start();
    assert!(agent.printed().contains("Encrypt: Gossip: true"));
    let address = server.ip.to_string();
    // The right key and the wrong datacenter.
    let other = Seat::new("c1", &["-datacenter=dc9", key]);
    let (_, told) = other.start().cli_fails(&["join", &address]);
    assert!(
        told.contains("Member 's1' part of wrong datacenter 'dc1'"),
        "{told}"
    );
    // Somebody else's node id.
    let own = agent.json("/v1/agent/self");
    let id = own["Config"]["NodeID"].as_str().unwrap().to_owned();
    let twin = Seat::new("c2", &[key]);
    let words = [twin.words(), vec!["-node-id", &id]].concat();
    let (_, told) = TestAgent::start(twin.ip, &words).cli_fails(&["join", &address]);
    let text = format!("Member 's1' has conflicting node ID '{id}' with this agent's ID");
    assert!(told.contains(&text), "{told}");
    // No key.
    let plain = Seat::new("c3", &[]);
    let (code, _) = plain.start().cli_fails(&["join", &address]);
    assert_eq!(code, Some(1));
    // The key is kept: it need not be given again.
    let keyed = Seat::new("c4", &[key]);
    let member = keyed.start();
    member.cli_ok(&["join", &address]);
    agent.wait_line(0, "EventMemberJoin: c4");
    member.kill();
    let kept = Seat {
        args: Vec::new(),
        ..keyed
    };
    let member = kept.start();
    assert!(member.printed().contains("Encrypt: Gossip: true"));
    member.cli_ok(&["join", &address]);
    member.wait_line(0, "EventMemberJoin: s1");
    let members = agent.cli_ok(&["members"]);
    assert_eq!(members.lines().count(), 3, "{members}");
}

#[test]
fn a_second_signal_ends_leaving_at_once() {
    let (seat, other) = (Seat::new("c1", &[]), Seat::new("c2", &[]));
    let (agent, witness) = (seat.start(), other.start());
    agent.cli_ok(&["join", &other.ip.to_string()]);
    // With nobody to tell, leaving takes no time.
    agent.wait_line(0, "EventMemberJoin: c2");
    agent.signal("INT");
    agent.wait_line(0, "client starting leave");
    let asked = Instant::now();
    agent.signal("INT");
    let (code, printed) = agent.ended();
    assert_eq!(code, Some(1), "{printed}");
    assert!(
        printed.contains("Caught second signal, Exiting"),
        "{printed}"
    );
    assert!(asked.elapsed() < Duration::from_secs(3), "{printed}");
    assert!(!witness.printed().contains("panic"));
}
