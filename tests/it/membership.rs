//! What an agent makes of membership: the catalog, client agents, joining at the start, leaving at the end.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use serde_json::Value;

use super::support::{Dns, Seat, TestAgent, own_address, started_and_ended};

/// Two servers that wait for a third one, and a client; and what they need to stay.
fn three() -> ([Seat; 3], [TestAgent; 3]) {
    let server = ["-server", "-bootstrap-expect=3"];
    let seats = [("s1", &server[..]), ("s2", &server), ("c3", &[])];
    let seats = seats.map(|(name, args)| Seat::new(name, args));
    let agents = [0, 1, 2].map(|at: usize| seats[at].start(&[]));
    let first = agents[0].ip.to_string();
    for agent in &agents[1..] {
        agent.cli_ok(&["join", &first]);
    }
    for agent in &agents {
        for name in ["s1", "s2", "c3"] {
            agent.wait_line(0, &format!("EventMemberJoin: {name} "));
        }
    }
    (seats, agents)
}

#[test]
fn servers_wait_for_each_other_without_a_leader() {
    let (_seats, [first, second, _client]) = three();
    for server in [&first, &second] {
        // The LAN pool's servers bring each other into the WAN pool.
        for name in ["s1.dc1", "s2.dc1"] {
            server.wait_line(0, &format!("EventMemberJoin: {name} "));
        }
        let info = server.cli_ok(&["info"]);
        assert!(info.contains("\tknown_datacenters = 1\n"), "{info}");
        assert_eq!(server.json("/v1/status/leader"), "");
        server.assert_healthy();
    }
}

#[test]
fn a_client_has_neither_raft_nor_wan() {
    let (_seats, [_first, _second, client]) = three();
    client.wait_line(0, "agent.client: adding server: server=\"s2 (Addr: tcp/");
    let info = client.cli_ok(&["info"]);
    let consul = "consul:\n\tacl = disabled\n\tknown_servers = 2\n\tserver = false\n";
    assert!(info.contains(consul), "{info}");
    // The servers have no leader, and say so: the client asks them.
    assert_eq!(client.json("/v1/status/leader"), "");
    let answer = client.send("GET", "/v1/kv/a", "");
    let told = (answer.status, answer.text());
    assert_eq!(
        told,
        (500, "rpc error making call: No cluster leader".to_owned())
    );
    let answer = client.send("GET", "/v1/catalog/nodes?dc=dc9", "");
    assert_eq!(
        answer.text(),
        "rpc error making call: No path to datacenter"
    );
    for port in [8300, 8302] {
        let refused = TcpStream::connect((client.ip, port)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{port}");
    }
    // Services are the agent's own business.
    client.put("/v1/agent/service/register", r#"{"Name": "web"}"#);
    assert_eq!(client.json("/v1/agent/services")["web"]["Service"], "web");
}

#[test]
fn a_client_without_servers_says_so() {
    let client = Seat::new("c1", &[]).start(&[]);
    for path in [
        "/v1/status/leader",
        "/v1/kv/a",
        "/v1/kv/a?stale",
        "/v1/snapshot",
    ] {
        let answer = client.send("GET", path, "");
        let told = (answer.status, answer.text());
        assert_eq!(told, (500, "No known Consul servers".to_owned()), "{path}");
    }
    let failed = Dns::new(client.dns()).ask("web.service.consul.", RecordType::A);
    assert_eq!(failed.metadata.response_code, ResponseCode::ServFail);
}

#[test]
fn a_server_that_leaves_goes_on_answering_until_the_others_know() {
    let (_seats, [first, second, client]) = three();
    second.wait_line(0, "EventMemberJoin: s1.dc1 ");
    assert_eq!(second.cli_ok(&["leave"]), "Graceful leave complete\n");
    let (code, printed) = second.ended();
    assert_eq!(code, Some(0), "{printed}");
    let drain = "agent.server: Waiting to drain RPC traffic: drain_time=5s";
    assert!(printed.contains(drain), "{printed}");
    first.wait_line(0, "EventMemberLeave: s2.dc1 ");
    first.wait_line(0, "Removing LAN server: server=\"s2 (Addr: tcp/");
    client.wait_line(0, "removing server: server=\"s2 (Addr: tcp/");
}

#[test]
fn signals_leave_as_they_are_configured() {
    let leaves = |args: &[&'static str], signal: &str| {
        let seat = Seat::new("n1", args);
        let agent = seat.start(&[]);
        agent.signal(signal);
        let (code, printed) = agent.ended();
        let left = printed.contains("starting leave");
        assert_eq!(code, Some(i32::from(!left)), "{printed}");
        left
    };
    let server = ["-server", "-bootstrap-expect=1"];
    assert!(leaves(&[], "INT") && leaves(&[], "TERM"));
    assert!(!leaves(&server, "INT") && !leaves(&server, "TERM"));
    let otherwise = "-hcl=skip_leave_on_interrupt = true leave_on_terminate = false";
    assert!(!leaves(&[otherwise], "INT") && !leaves(&[otherwise], "TERM"));
    let otherwise = "-hcl=skip_leave_on_interrupt = false leave_on_terminate = true";
    let server = [&server[..], &[otherwise]].concat();
    assert!(leaves(&server, "INT") && leaves(&server, "TERM"));
}

#[test]
fn a_leader_keeps_its_members_in_the_catalog() {
    let leader = Seat::new("s1", &["-server", "-bootstrap-expect=1"]);
    let server = leader.start(&[]);
    server.wait_line(0, "New leader elected: payload=s1");
    let client = Seat::new("c1", &[]);
    let member = client.start(&[]);
    member.cli_ok(&["join", &leader.ip.to_string()]);
    let check = "/v1/health/node/c1";
    let is = |status: &'static str, output: &'static str| {
        move |checks: &Value| checks[0]["Status"] == status && checks[0]["Output"] == output
    };
    let found = server.wait_json(check, is("passing", "Agent alive and reachable"));
    assert_eq!(found[0]["CheckID"], "serfHealth");
    member.kill();
    server.wait_json(check, is("critical", "Agent not live or unreachable"));
    server.wait_line(0, "member failed, marking health critical: member=c1");
    // The node stays until its member is said to have left.
    let node_of = |nodes: &Value| nodes[0]["Node"].clone();
    assert_eq!(node_of(&server.json("/v1/catalog/nodes")), "c1");
    server.cli_ok(&["force-leave", "c1"]);
    server.wait_json("/v1/catalog/nodes", |nodes| node_of(nodes) == "s1");
    server.wait_line(0, "deregistering member: member=c1 reason=left");
    // Back again, and gone for good.
    let mark = server.line_count();
    let member = client.start(&[]);
    member.cli_ok(&["join", &leader.ip.to_string()]);
    server.wait_json(check, is("passing", "Agent alive and reachable"));
    member.signal("INT");
    server.wait_line(mark, "deregistering member: member=c1 reason=left");
    assert_eq!(member.ended().0, Some(0));
    server.assert_healthy();
}

/// The times that an operator may configure are hours; a client may ask for less, and is reaped the same way.
#[test]
fn a_failed_member_is_forgotten_after_its_time() {
    let leader = Seat::new("s1", &["-server", "-bootstrap-expect=1"]);
    let server = leader.start(&[]);
    server.wait_line(0, "New leader elected: payload=s1");
    let clients = [
        Seat::new("c1", &["-hcl", "advertise_reconnect_timeout = \"1s\""]),
        Seat::new("c2", &[]),
    ];
    for client in &clients {
        let member = client.start(&[]);
        member.cli_ok(&["join", &leader.ip.to_string()]);
        let check = format!("/v1/health/node/{}", client.name);
        server.wait_json(&check, |checks| checks[0]["Status"] == "passing");
        member.kill();
    }
    for client in &clients {
        server.wait_line(0, &format!("EventMemberFailed: {} ", client.name));
    }
    server.wait_line(0, "deregistering member: member=c1 reason=reaped");
    let names = |nodes: &Value| -> Vec<String> {
        let nodes = nodes.as_array().into_iter().flatten();
        nodes
            .filter_map(|node| node["Node"].as_str().map(str::to_owned))
            .collect()
    };
    server.wait_json("/v1/catalog/nodes", |nodes| names(nodes) == ["c2", "s1"]);
    // The other one has its days.
    let members = server.cli_ok(&["members"]);
    assert!(!members.contains("\nc1 "), "{members}");
    assert!(members.contains("\nc2 "), "{members}");
    assert!(members.contains(" failed "), "{members}");
    server.assert_healthy();
}

#[test]
fn a_restarted_leader_keeps_the_nodes_of_its_members() {
    let leader = Seat::new("s1", &["-server", "-bootstrap-expect=1"]);
    let (server, client) = (leader.start(&[]), Seat::new("c1", &[]));
    let member = client.start(&[]);
    member.cli_ok(&["join", &leader.ip.to_string()]);
    let index_of = |nodes: &Value| nodes[0]["CreateIndex"].as_u64();
    let is_there = |nodes: &Value| nodes[0]["Node"] == "c1";
    let before = server.wait_json("/v1/catalog/nodes", is_there);
    server.kill();
    let server = leader.start(&[]);
    member.wait_line(0, "EventMemberJoin: s1 ");
    member.cli_ok(&["join", &leader.ip.to_string()]);
    server.wait_line(0, "EventMemberJoin: c1 ");
    // It leads at once and finds its members later: that is no reason to remove them in between.
    server.wait_line(0, "cluster leadership acquired");
    let after = server.wait_json("/v1/catalog/nodes", is_there);
    assert_eq!(index_of(&after), index_of(&before));
    let printed = server.printed();
    assert!(!printed.contains("deregistering member"), "{printed}");
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
    let agent = server.start(&[]);
    assert!(agent.printed().contains("Encrypt: Gossip: true"));
    let address = server.ip.to_string();
    // The right key and the wrong datacenter.
    let other = Seat::new("c1", &["-datacenter=dc9", key]);
    let (_, told) = other.start(&[]).cli_fails(&["join", &address]);
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
    let (code, _) = plain.start(&[]).cli_fails(&["join", &address]);
    assert_eq!(code, Some(1));
    // The key is kept: it need not be given again.
    let keyed = Seat::new("c4", &[key]);
    let member = keyed.start(&[]);
    member.cli_ok(&["join", &address]);
    agent.wait_line(0, "EventMemberJoin: c4");
    member.kill();
    let member = keyed.without_arguments().start(&[]);
    assert!(member.printed().contains("Encrypt: Gossip: true"));
    member.cli_ok(&["join", &address]);
    member.wait_line(0, "EventMemberJoin: s1");
    let members = agent.cli_ok(&["members"]);
    assert_eq!(members.lines().count(), 3, "{members}");
}

#[test]
fn a_second_signal_ends_leaving_at_once() {
    let (seat, other) = (Seat::new("c1", &[]), Seat::new("c2", &[]));
    let (agent, witness) = (seat.start(&[]), other.start(&[]));
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
