//! Client agents: what a question needs is fetched, and the answer is a server's, byte for byte.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use proptest::prelude::*;
use tokio::time::Instant;

use super::fixture::{Fixture, question};
use super::server::{ask, client, start};
use crate::agent::dns::respond::{Shared, Step, Worker};
use crate::agent::dns::settings::Rules;
use crate::agent::dns::truncate::Transport;
use crate::agent::dns::world::Need;
use crate::agent::dns::{Backend, DnsSettings, Fetch, Staleness, StoreView, fetch};

/// Before this a resolver has to have its answer.
const RESOLVERS_WAIT: Duration = Duration::from_secs(5);

const NAMES: &[&str] = &["a", "b", "web", "Web"];
const ADDRESSES: &[&str] = &[
    "10.0.0.1",
    "10.0.0.2",
    "2001:db8::1",
    "web.service.consul",
    "a.node.consul",
    "b.node.dc1.consul",
    "web.service.dc2.consul",
    "a.connect.consul",
];
const ASKED: &[&str] = &[
    "a.node.consul",
    "B.node.dc1.consul",
    "nobody.node.consul",
    "web.service.consul",
    "WEB.service.dc1.consul",
    "v1.web.service.consul",
    "_web._tcp.service.consul",
    "_web._v1.consul",
    "web.connect.consul",
    "web.ingress.consul",
    "web.virtual.consul",
    "web.query.consul",
    "a.service.consul",
    "web.service.dc2.consul",
    "a.node.dc2.consul",
    "a.node.dc3.consul",
    "0a000001.addr.consul",
    "consul",
    "1.0.0.10.in-addr.arpa",
    "2.0.0.10.in-addr.arpa",
    "9.9.9.9.in-addr.arpa",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
    "example.com",
];
const TYPES: &[&str] = &["A", "AAAA", "ANY", "SRV", "TXT", "NS", "SOA", "PTR", "MX"];

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(words)
}

/// A line of a script: settings now and then, a node otherwise, with services that it may run.
fn lines() -> impl Strategy<Value = String> {
    let node = (one_of(NAMES), one_of(ADDRESSES), prop::option::of(0..3_u8));
    let service = (
        one_of(&["web", "a", "consul"]),
        1..4_u8,
        prop::option::of(one_of(ADDRESSES)),
        one_of(&[
            "status=passing",
            "status=warning",
            "status=critical",
            "node-status=warning",
        ]),
        one_of(&[
            "",
            "tags=v1",
            "tags=V1,x",
            "proxy-for=web",
            "@lan_ipv6=2001:db8::9",
            "@lan_ipv4=10.0.0.2",
        ]),
    );
    let node = (node, prop::collection::vec(service, 0..4));
    node.prop_map(|((name, address, rack), services)| {
        let rack = rack
            .map(|rack| format!(" rack=r{rack}"))
            .unwrap_or_default();
        let mut lines = format!("node {name} {address}{rack}\n");
        for (service, port, address, status, more) in services {
            let address = address
                .map(|text| format!(" address={text}"))
                .unwrap_or_default();
            writeln!(
                lines,
                "service {name} {service} {port}{address} {status} {more}"
            )
            .unwrap();
        }
        lines
    })
}

fn settings() -> impl Strategy<Value = String> {
    let one = one_of(&[
        "set only_passing true",
        "set enable_truncate true",
        "set a_record_limit 1",
        "set service_ttl *=7",
        "set meta_txt false",
        "set alt_domain other",
        "remote dc2 same",
        "remote dc2 unavailable",
    ]);
    prop::collection::vec(one, 0..4).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn answers_are_those_of_a_server(
        lines in prop::collection::vec(lines(), 0..6),
        settings in settings(),
        asked in prop::collection::vec((one_of(ASKED), one_of(TYPES)), 32),
        seed: u64,
        edns in prop::option::of(500..1500_u16),
        tcp: bool,
    ) {
        let script = lines.concat() + &settings;
        let transport = if tcp { Transport::Tcp } else { Transport::Udp };
        let server = Fixture::new(&script);
        let client = Fixture::new(&("client\n".to_owned() + &script));
        for (name, qtype) in asked {
            let packet = question(name, qtype, edns);
            prop_assert_eq!(
                server.ask_raw(&packet, transport, seed),
                client.ask_raw(&packet, transport, seed),
                "{} {}\n{}", name, qtype, script
            );
        }
    }
}

#[tokio::test]
async fn questions_over_sockets_are_answered_from_what_is_fetched() {
    let server = start(
        "client
        node s1 10.0.0.1
        service s1 consul 8300
        node s2 10.0.0.3
        service s1 web 80 address=far.service.dc2.consul
        service s1 far 82 address=s2.node.dc2.consul
        remote dc2 same
        node n2 10.0.0.2
        service n2 own 81 address=10.0.0.9",
    )
    .await;
    let socket = client(&server).await;
    for (name, qtype, answers) in [
        ("n2.node.consul", "A", 1),
        ("own.service.consul", "SRV", 1),
        // An alias to another datacenter, an alias there, and its address.
        ("web.service.consul", "A", 3),
        ("consul", "NS", 1),
        ("2.0.0.10.in-addr.arpa", "PTR", 1),
        ("9.0.0.10.in-addr.arpa", "PTR", 1),
        ("0a000001.addr.consul", "A", 1),
    ] {
        let message = ask(&socket, &question(name, qtype, None)).await;
        assert_eq!(
            message.metadata.response_code,
            ResponseCode::NoError,
            "{name}"
        );
        assert_eq!(message.answers.len(), answers, "{name}: {message}");
    }
    for (name, code) in [
        ("nobody.node.consul", ResponseCode::NXDomain),
        ("web.query.consul", ResponseCode::NXDomain),
        ("web.service.dc9.consul", ResponseCode::NXDomain),
        ("9.9.9.9.in-addr.arpa", ResponseCode::ServFail),
        ("example.com", ResponseCode::Refused),
    ] {
        let message = ask(&socket, &question(name, "A", None)).await;
        assert_eq!(message.metadata.response_code, code, "{name}");
        let soa = usize::from(code == ResponseCode::NXDomain);
        assert_eq!(message.authorities.len(), soa, "{name}");
    }
    server.shutdown().await;
}

/// A client agent that counts what it asks its servers for, and may never get an answer.
struct Counted {
    fixture: Fixture,
    silent: bool,
    asked: Arc<AtomicUsize>,
}

impl Backend for Counted {
    type Catalog = StoreView;

    fn local(&self, _staleness: Staleness) -> Option<StoreView> {
        None
    }

    async fn fetch(&self, _staleness: Staleness, need: &Need) -> Fetch<Self> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.silent {
            std::future::pending::<()>().await;
        }
        fetch(&self.fixture, need).await
    }
}

const CLIENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

fn counted(script: &str, silent: bool) -> (Arc<Shared<Counted>>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let backend = Counted {
        fixture: Fixture::new(script),
        silent,
        asked: Arc::clone(&asked),
    };
    let rules = Rules::new(DnsSettings::default()).unwrap();
    (Arc::new(Shared::new(rules, backend)), asked)
}

async fn answer(shared: &Shared<Counted>, packet: &[u8], transport: Transport) -> Message {
    let mut worker = Worker::new();
    assert!(matches!(
        worker.respond(shared, packet, CLIENT, transport),
        Step::Wait
    ));
    let reply = Worker::respond_slowly(shared, packet, CLIENT, transport).await;
    Message::from_vec(&reply.unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn silent_servers_are_a_failed_lookup_in_time() {
    let (shared, asked) = counted("", true);
    for (name, qtype, code) in [
        ("web.service.consul", "SRV", ResponseCode::ServFail),
        ("a.node.dc2.consul", "A", ResponseCode::ServFail),
        ("1.0.0.10.in-addr.arpa", "PTR", ResponseCode::ServFail),
        // The zone is ours whoever answers.
        ("consul", "SOA", ResponseCode::NoError),
        ("consul", "NS", ResponseCode::NoError),
    ] {
        let (began, before) = (Instant::now(), asked.load(Ordering::Relaxed));
        let message = answer(&shared, &question(name, qtype, None), Transport::Udp).await;
        assert_eq!(message.metadata.response_code, code, "{name} {qtype}");
        assert_eq!(message.answers.len(), usize::from(qtype == "SOA"));
        assert!(
            began.elapsed() < RESOLVERS_WAIT,
            "{name}: {:?}",
            began.elapsed()
        );
        assert_eq!(asked.load(Ordering::Relaxed), before + 1, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_number_of_questions_under_way_is_bounded() {
    let (shared, asked) = counted("", true);
    let packet = question("web.service.consul", "A", None);
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..1024 {
        let (shared, packet) = (Arc::clone(&shared), packet.clone());
        waiting.spawn(async move { answer(&shared, &packet, Transport::Udp).await });
    }
    for _ in 0..1024 {
        tokio::task::yield_now().await;
    }
    assert_eq!(asked.load(Ordering::Relaxed), 256, "calls under way");
    let began = Instant::now();
    let message = answer(&shared, &packet, Transport::Udp).await;
    assert_eq!(message.metadata.response_code, ResponseCode::ServFail);
    assert_eq!(began.elapsed(), Duration::ZERO);
    while let Some(message) = waiting.join_next().await {
        let code = message.unwrap().metadata.response_code;
        assert_eq!(code, ResponseCode::ServFail);
    }
    assert!(began.elapsed() < RESOLVERS_WAIT);
    // Nothing of all that is left.
    let before = asked.load(Ordering::Relaxed);
    answer(&shared, &packet, Transport::Udp).await;
    assert_eq!(asked.load(Ordering::Relaxed), before + 1);
}

#[tokio::test]
async fn one_question_asks_for_so_much_only() {
    let mut script = String::new();
    for host in 0..200 {
        let port = 1000 + host;
        writeln!(script, "node h{host} 10.1.0.{host}").unwrap();
        writeln!(
            script,
            "service h{host} web {port} address=h{host}.node.consul"
        )
        .unwrap();
    }
    let (shared, asked) = counted(&script, false);
    let packet = question("web.service.consul", "SRV", None);
    let message = answer(&shared, &packet, Transport::Tcp).await;
    assert_eq!(message.answers.len(), 200);
    assert_eq!(asked.load(Ordering::Relaxed), 128);
    let addresses = message
        .additionals
        .iter()
        .filter(|record| record.record_type().is_ip_addr());
    assert_eq!(
        addresses.count(),
        127,
        "all but the service itself are hosts"
    );
}
