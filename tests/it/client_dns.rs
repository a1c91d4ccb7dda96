//! DNS on client agents: asked of the servers, whoever made either.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Record, RecordType};

use crate::support::{Dns, Reference, TestAgent, TestCluster, own_address, reference, until};

/// Resolvers ask again after so long.
const RESOLVERS_WAIT: Duration = Duration::from_secs(5);

/// A service with all that its answers may show.
const WEB: &str =
    r#"{"Name": "web", "ID": "web-1", "Port": 80, "Tags": ["v1"], "Address": "10.77.0.1"}"#;
/// One that is found at its node's address, under an alias.
const ALIASED: &str = r#"{"Name": "aliased", "Port": 81, "Address": "web.service.consul"}"#;

const QUESTIONS: &[(&str, RecordType)] = &[
    ("web.service.consul.", RecordType::A),
    ("web.service.consul.", RecordType::AAAA),
    ("WEB.service.dc1.consul.", RecordType::SRV),
    ("v1.web.service.consul.", RecordType::A),
    ("v2.web.service.consul.", RecordType::A),
    ("_web._tcp.service.consul.", RecordType::SRV),
    ("_web._v1.consul.", RecordType::SRV),
    ("aliased.service.consul.", RecordType::A),
    ("aliased.service.consul.", RecordType::SRV),
    ("consul.service.consul.", RecordType::A),
    ("c1.node.consul.", RecordType::A),
    ("c1.node.dc1.consul.", RecordType::ANY),
    ("nobody.node.consul.", RecordType::A),
    ("nothing.service.consul.", RecordType::SRV),
    ("web.connect.consul.", RecordType::SRV),
    ("web.ingress.consul.", RecordType::A),
    ("web.query.consul.", RecordType::A),
    ("web.service.dc9.consul.", RecordType::A),
    ("0a4d0001.addr.consul.", RecordType::A),
    ("1.0.77.10.in-addr.arpa.", RecordType::PTR),
    ("9.0.77.10.in-addr.arpa.", RecordType::PTR),
    ("consul.", RecordType::NS),
    ("consul.", RecordType::SOA),
];

fn dns(ip: Ipv4Addr) -> Dns {
    Dns::new(SocketAddr::from((ip, 8600)))
}

/// An answer without what chance and time decide: the order of records, and the serial number of the zone.
fn told(message: &Message) -> (ResponseCode, bool, [Vec<String>; 3]) {
    let sections = [&message.answers, &message.authorities, &message.additionals];
    let rows = sections.map(|records| {
        let mut rows: Vec<String> = records.iter().map(row).collect();
        rows.sort();
        rows
    });
    let metadata = &message.metadata;
    (metadata.response_code, metadata.authoritative, rows)
}

fn row(record: &Record) -> String {
    match record.record_type() {
        RecordType::SOA => format!("{} SOA", record.name),
        _ => record.to_string(),
    }
}

/// Waits until services that were registered at a client are in the catalog.
fn known(server: &TestAgent) {
    for service in ["web", "aliased"] {
        server.wait_json(&format!("/v1/catalog/service/{service}?stale"), |found| {
            found[0]["Node"] == "c1"
        });
    }
}

#[test]
fn a_client_answers_as_its_servers_do() {
    let mut cluster = TestCluster::servers(3);
    let client = cluster.add("c1", &[]);
    for service in [WEB, ALIASED] {
        cluster
            .agent(client)
            .put("/v1/agent/service/register", service);
    }
    // All of them, so that it does not matter which one the client asks.
    (0..3).for_each(|at| known(cluster.agent(at)));
    let reverse = |ip: Ipv4Addr| {
        let [a, b, c, d] = ip.octets();
        format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
    };
    let of_client = reverse(cluster.agent(client).ip);
    let questions = QUESTIONS.iter().copied();
    for (name, kind) in questions.chain([(of_client.as_str(), RecordType::PTR)]) {
        let [theirs, own] = [0, client].map(|at| {
            let dns = dns(cluster.agent(at).ip);
            [told(&dns.ask(name, kind)), told(&dns.ask_tcp(name, kind))]
        });
        assert_eq!(own, theirs, "{name} {kind}");
    }
    for (_, agent) in cluster.running() {
        agent.assert_healthy();
    }
}

#[test]
fn a_client_answers_while_there_is_a_server_and_says_so_in_time_when_there_is_none() {
    let mut cluster = TestCluster::servers(3);
    let client = cluster.add("c1", &[]);
    cluster.agent(client).put("/v1/agent/service/register", WEB);
    (0..3).for_each(|at| known_web(cluster.agent(at)));
    let dns = dns(cluster.agent(client).ip);
    let ask = |name, kind| {
        let began = Instant::now();
        let message = dns.ask(name, kind);
        let took = began.elapsed();
        assert!(took < RESOLVERS_WAIT, "{name}: {took:?}");
        message
    };
    // Two of three are gone: nobody leads any more, and what one knows is good enough.
    let leader = cluster.leader();
    for at in [leader, (leader + 1) % 3] {
        cluster.kill(at);
        for _ in 0..8 {
            let message = ask("web.service.consul.", RecordType::A);
            assert_eq!(message.answers.len(), 1, "{message}");
        }
    }
    cluster.kill((leader + 2) % 3);
    for (name, kind, code, answers) in [
        (
            "web.service.consul.",
            RecordType::A,
            ResponseCode::ServFail,
            0,
        ),
        ("c1.node.consul.", RecordType::A, ResponseCode::ServFail, 0),
        (
            "1.0.77.10.in-addr.arpa.",
            RecordType::PTR,
            ResponseCode::ServFail,
            0,
        ),
        ("consul.", RecordType::SOA, ResponseCode::NoError, 1),
        ("consul.", RecordType::NS, ResponseCode::NoError, 0),
        (
            "0a4d0001.addr.consul.",
            RecordType::A,
            ResponseCode::NoError,
            1,
        ),
    ] {
        let message = ask(name, kind);
        assert_eq!(message.metadata.response_code, code, "{name} {kind}");
        assert_eq!(message.answers.len(), answers, "{name} {kind}");
    }
    // A server that stops answering without closing its connections is a failed lookup in time, too.
    cluster.start(leader);
    cluster.start((leader + 1) % 3);
    until("the client is answered again", || {
        dns.ask("web.service.consul.", RecordType::A).answers.len() == 1
    });
    for at in [leader, (leader + 1) % 3] {
        cluster.agent(at).signal("STOP");
    }
    let message = ask("web.service.consul.", RecordType::A);
    assert_eq!(message.metadata.response_code, ResponseCode::ServFail);
    for at in [leader, (leader + 1) % 3] {
        cluster.agent(at).signal("CONT");
    }
    until("the client is answered again", || {
        dns.ask("web.service.consul.", RecordType::A).answers.len() == 1
    });
    cluster.agent(client).assert_healthy();
}

fn known_web(server: &TestAgent) {
    server.wait_json("/v1/catalog/service/web?stale", |found| {
        found[0]["Node"] == "c1"
    });
}

#[test]
fn a_client_of_theirs_gets_the_same_answers_from_our_servers() {
    let Some(program) = reference() else { return };
    let cluster = TestCluster::servers(1);
    let server = cluster.agent(0);
    let join = format!("-join={}", server.ip);
    let client = Reference::start(&program, "c1", &[&join]);
    for service in [WEB, ALIASED] {
        let body = client
            .client()
            .ask("PUT", "/v1/agent/service/register", service);
        assert_eq!(body.status, 200);
    }
    known(server);
    compare(&dns(client.process.ip), &dns(server.ip));
}

#[test]
fn a_client_of_ours_gets_the_same_answers_from_their_servers() {
    let Some(program) = reference() else { return };
    let server = Reference::start(&program, "s1", &["-server", "-bootstrap"]);
    let folder = tempfile::tempdir().unwrap();
    let data = format!("-data-dir={}", folder.path().display());
    let join = format!("-retry-join={}", server.process.ip);
    let client = TestAgent::start(
        own_address(),
        &["-node=c1", &data, &join, "-retry-interval=1s"],
    );
    for service in [WEB, ALIASED] {
        client.put("/v1/agent/service/register", service);
    }
    until("its services are in their catalog", || {
        let answer = server.client().ask("GET", "/v1/catalog/node/c1", "");
        // By ids: the address of one has the other's name.
        ["\"web-1\"", "\"aliased\""]
            .iter()
            .all(|name| answer.text().contains(name))
    });
    compare(&dns(client.ip), &dns(server.process.ip));
    client.assert_healthy();
}

/// Asks both, and wants the same answers.
fn compare(client: &Dns, server: &Dns) {
    for (name, kind) in QUESTIONS {
        let [client, server] = [client, server].map(|dns| told(&dns.ask(name, *kind)));
        assert_eq!(client, server, "{name} {kind}");
    }
}
