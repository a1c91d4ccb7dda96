//! Whatever is sent, the agent answers clearly or drops it, and goes on.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{Answer, Client, Dns, TestAgent};

/// Connections that do nothing.
const IDLE: u64 = 10_000;
/// Connections that the agent takes from one address.
const PER_ADDRESS: u64 = 200;
/// File descriptors that the agent and this test need for other things.
pub(super) const OTHER_FILES: u64 = 1000;
/// Answers come much faster than this, whatever else goes on.
const IN_TIME: Duration = Duration::from_secs(2);

/// Sends bytes on a connection of their own and reads an answer.
fn exchange(agent: &TestAgent, bytes: &[u8]) -> io::Result<Answer> {
    let mut client = agent.client();
    // The agent may have answered and hung up before everything is sent.
    let _ = client.write(bytes);
    client.answer()
}

/// Status of the answer to bytes that must be answered.
fn status(agent: &TestAgent, bytes: &[u8]) -> u16 {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
    exchange(agent, bytes)
        .unwrap_or_else(|err| panic!("{start:?}: {err}"))
        .status
}

fn ask_in_time(client: &mut Client, method: &str, path: &str) -> Answer {
    let started = Instant::now();
    let answer = client.ask(method, path, "");
    assert!(
        started.elapsed() < IN_TIME,
        "{path}: {:?}",
        started.elapsed()
    );
    answer
}

#[test]
fn large_bodies_are_refused_before_they_arrive() {
    let agent = TestAgent::dev(&[]);
    for path in [
        "/v1/kv/a",
        "/v1/txn",
        "/v1/catalog/register",
        "/v1/agent/service/register",
    ] {
        let head = format!("PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
        let answer = exchange(&agent, head.as_bytes()).unwrap();
        assert_eq!(answer.status, 413, "{path}");
        assert!(
            answer.text().contains("too large, max size: "),
            "{path}: {}",
            answer.text()
        );
        let head = format!(
            "PUT {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"
        );
        assert_eq!(status(&agent, head.as_bytes()), 413, "{path}, asking first");
        // A body without a length is refused where it passes the limit; its end is never sent.
        let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000)).repeat(5);
        let head = format!("PUT {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(
            status(&agent, (head + &chunk).as_bytes()),
            413,
            "{path}, chunked"
        );
    }
    let over = vec![b'x'; 512 * 1024 + 1];
    let answer = agent.client().request("PUT", "/v1/kv/a", &over).unwrap();
    assert_eq!(answer.status, 413);
    let text = "Request body(524289 bytes) too large, max size: 524288 bytes.";
    assert!(answer.text().starts_with(text), "{}", answer.text());
    assert_eq!(agent.send("GET", "/v1/kv/a", "").status, 404);
    agent.assert_healthy();
}

#[test]
fn broken_bodies_are_bad_requests() {
    let agent = TestAgent::dev(&[]);
    let deep = ["[".repeat(100_000), "{\"a\":".repeat(100_000)];
    let texts = [
        "",
        "{",
        "[[[[",
        "5",
        "\"x\"",
        "{\"Node\": {}}",
        "\u{0}",
        deep[0].as_str(),
        &deep[1],
    ];
    for path in [
        "/v1/catalog/register",
        "/v1/catalog/deregister",
        "/v1/txn",
        "/v1/agent/service/register",
        "/v1/agent/check/register",
        "/v1/agent/check/update/x",
        "/v1/operator/autopilot/configuration",
    ] {
        for text in texts {
            let answer = agent.send("PUT", path, text);
            let start = &text[..text.len().min(20)];
            assert_eq!(answer.status, 400, "{path} {start:?}: {}", answer.text());
            assert!(!answer.body.is_empty(), "{path} {start:?}");
        }
    }
    let latin = b"{\"Node\": \"caf\xe9\", \"Address\": \"10.0.0.1\"}";
    let answer = agent
        .client()
        .request("PUT", "/v1/catalog/register", latin)
        .unwrap();
    assert!([200, 400].contains(&answer.status), "{}", answer.text());
    for text in ["", "no archive", &"x".repeat(100_000)] {
        let answer = agent.send("PUT", "/v1/snapshot", text);
        assert_eq!(answer.status, 500);
        assert!(answer.text().contains("snapshot"), "{}", answer.text());
    }
    let nodes = agent.json("/v1/catalog/nodes");
    assert!(nodes.as_array().unwrap().len() <= 2, "{nodes}");
    agent.assert_healthy();
}

#[test]
fn broken_paths_and_queries_are_bad_requests() {
    let agent = TestAgent::dev(&[]);
    for (path, expected) in [
        ("/v1/kv/%", 400),
        ("/v1/kv/%g1", 400),
        ("/v1/kv/%00", 400),
        ("/v1/kv/a%0ab", 400),
        ("/v1/kv/a%7Fb", 400),
        ("/v1/kv/a\u{1}b", 400),
        ("/v1/kv/a b", 400),
        ("v1/kv/a", 400),
        ("*", 400),
        ("//v1/kv/a", 301),
        ("/v1/../../etc/passwd", 301),
        ("/v1/kv/", 400),
        ("/v1/unknown", 404),
        ("/v1/kv/a?x=%zz", 500),
        ("/v1/kv/a?%", 500),
        ("/v1/kv/a?index=-1", 400),
        ("/v1/kv/a?index=18446744073709551616", 400),
        ("/v1/kv/a?wait=soon", 400),
        ("/v1/kv/a?wait=99999999999999999h", 400),
        ("/v1/kv/a?stale&consistent", 400),
        ("/v1/catalog/nodes?near=%ff&node-meta=%ff&tag", 200),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(status(&agent, request.as_bytes()), expected, "{path:?}");
    }
    let long = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(
        status(&agent, long(&format!("/{}", "a".repeat(70_000))).as_bytes()),
        414
    );
    let refused = status(
        &agent,
        long(&format!("/{}", "a".repeat(300_000))).as_bytes(),
    );
    assert!([414, 431].contains(&refused), "{refused}");
    for part in ["(", "not+", "Node==a+or+not+", "Node==a+and+", "Node+in+"] {
        let filter = part.repeat(60_000 / part.len()) + "Node==a";
        let path = format!("/v1/catalog/nodes?filter={filter}");
        let answer = exchange(&agent, long(&path).as_bytes()).unwrap();
        assert!(
            [200, 500].contains(&answer.status),
            "{part}: {}",
            answer.status
        );
    }
    agent.assert_healthy();
}

#[test]
fn absurd_heads_are_refused() {
    let agent = TestAgent::dev(&[]);
    let with = |headers: &str| {
        let head = format!("GET /v1/status/leader HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        status(&agent, head.as_bytes())
    };
    assert_eq!(with(""), 200);
    assert_eq!(with(&format!("X-Big: {}\r\n", "x".repeat(300 * 1024))), 431);
    let many: String = (0..10_000).fold(String::new(), |all, n| all + &format!("X-{n}: a\r\n"));
    assert_eq!(with(&many), 431);
    assert_eq!(with("X: \u{0}\r\n"), 400);
    assert_eq!(with("no header at all\r\n"), 400);
    assert_eq!(with("Content-Length: -1\r\n"), 400);
    assert_eq!(with("Content-Length: 1\r\nContent-Length: 2\r\n"), 400);
    assert_eq!(with("Content-Length: 99999999999999999999999\r\n"), 400);
    assert_eq!(with("Host: y\r\n"), 400);
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        b"PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ] {
        assert_eq!(status(&agent, garbage), 400, "{garbage:?}");
    }
    let mut broken_http2 = agent.client();
    broken_http2
        .write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .unwrap();
    let _ = broken_http2.write(&[0xff; 1000]);
    agent.assert_healthy();
}

#[test]
fn half_sent_requests_hold_nobody_up() {
    let agent = TestAgent::dev(&[]).in_catalog();
    let halves = [
        &b"GET /v1/st"[..],
        b"GET /v1/status/leader HTTP/1.1\r\nHost: x\r\nX-A: b",
        b"PUT /v1/kv/half HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        b"PUT /v1/kv/half HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ];
    let mut held: Vec<(usize, Client)> = (0..180)
        .map(|number| {
            let which = number % halves.len();
            let mut client = agent.client_from(Ipv4Addr::new(127, 61, 0, 1));
            client.write(halves[which]).unwrap();
            (which, client)
        })
        .collect();
    let mut dns_half = TcpStream::connect(agent.dns()).unwrap();
    dns_half.write_all(&[0]).unwrap();
    let mut client = agent.client();
    for number in 0..50 {
        let key = format!("/v1/kv/key{number}");
        assert_eq!(ask_in_time(&mut client, "PUT", &key).status, 200);
        assert_eq!(
            ask_in_time(&mut client, "GET", "/v1/catalog/nodes").status,
            200
        );
    }
    let answer = Dns::new(agent.dns()).ask_tcp("n1.node.consul.", RecordType::A);
    assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
    // Heads that do not go on are given up.
    for (which, client) in &mut held {
        assert!(*which >= 2 || client.is_closed_next(), "{which}");
    }
    drop(held);
    assert_eq!(agent.send("GET", "/v1/kv/half", "").status, 404);
    agent.assert_healthy();
}

/// Raises this process's limit of open files, which agents inherit; returns what it is then.
pub(super) fn raise_file_limit() -> u64 {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("the soft limit may be as high as the hard one");
    maximum.unwrap_or(u64::MAX)
}

#[test]
fn ten_thousand_idle_connections_are_held() {
    let limit = raise_file_limit();
    let count = IDLE.min(limit.saturating_sub(OTHER_FILES));
    if count < IDLE {
        println!("only {count} of {IDLE} connections: the limit of open files is {limit}");
    }
    let agent = TestAgent::dev(&["-log-level=info"]).in_catalog();
    let mut idle: Vec<Client> = (0..count)
        .map(|number| {
            let [.., high, low] = (number / PER_ADDRESS).to_be_bytes();
            agent.client_from(Ipv4Addr::new(127, 62, high, low + 1))
        })
        .collect();
    let mut client = agent.client();
    for number in 0..200 {
        let key = format!("/v1/kv/key{number}");
        assert_eq!(ask_in_time(&mut client, "PUT", &key).status, 200);
        assert_eq!(ask_in_time(&mut client, "GET", &key).status, 200);
        assert_eq!(
            ask_in_time(&mut agent.client(), "GET", "/v1/catalog/nodes").status,
            200
        );
    }
    // One more from an address that has all its connections is told so.
    if count >= PER_ADDRESS {
        let mut refused = agent.client_from(Ipv4Addr::new(127, 62, 0, 1));
        assert_eq!(refused.answer().unwrap().status, 429);
    }
    // All of them were held: each can still be used.
    for client in &mut idle {
        client.send("GET", "/v1/status/leader", b"").unwrap();
    }
    for client in &mut idle {
        assert_eq!(client.answer().unwrap().status, 200);
    }
    drop(idle);
    agent.assert_healthy();
}

/// Datagrams that are wrong each in its own way. The header asks one question.
fn malformed_datagrams() -> Vec<Vec<u8>> {
    let header = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let question = |bytes: &[u8]| [&header, bytes].concat();
    let counts = |counts: [u8; 8]| [&[0, 1, 1, 0], &counts[..], b"\x01a\0\0\x01\0\x01"].concat();
    let good = Dns::question(7, "n1.node.consul.", RecordType::A);
    let mut all: Vec<Vec<u8>> = (0..good.len())
        .map(|length| good[..length].to_vec())
        .collect();
    all.extend([
        question(b"\xc0\x0c\0\x01\0\x01"),
        question(b"\xc0\x0e\xc0\x0c\0\x01\0\x01"),
        question(b"\x01a\xc0\x0c\0\x01\0\x01"),
        question(b"\xc0\xff\0\x01\0\x01"),
        question(b"\xff\xff\0\x01\0\x01"),
        question(b"\x80\0\x01\0\x01"),
        question(&[63; 300]),
        question(&[&b"\x3f"[..], &[b'a'; 63]].concat().repeat(5)),
        question(&[&b"\x01a".repeat(200)[..], b"\0\0\x01\0\x01"].concat()),
        counts([0xff, 0xff, 0, 0, 0, 0, 0, 0]),
        counts([0, 1, 0xff, 0xff, 0, 0, 0, 0]),
        counts([0, 1, 0, 0, 0, 0, 0xff, 0xff]),
        vec![0; 512],
        vec![0xff; 65_000],
    ]);
    all
}

#[test]
fn malformed_datagrams_are_survived() {
    let agent = TestAgent::dev(&["-log-level=info"]).in_catalog();
    let dns = Dns::new(agent.dns());
    let good = Dns::question(7, "n1.node.consul.", RecordType::A);
    let mut random = StdRng::seed_from_u64(2026);
    for datagram in malformed_datagrams() {
        dns.send(&datagram);
    }
    for _ in 0..5000 {
        let mut datagram = if random.random() {
            good.clone()
        } else {
            vec![0; 64]
        };
        let length = datagram.len();
        if length == 64 {
            random.fill_bytes(&mut datagram);
        }
        for _ in 0..random.random_range(1..6) {
            datagram[random.random_range(0..length)] = random.random();
        }
        datagram.truncate(random.random_range(0..=length));
        dns.send(&datagram);
    }
    let answer = Dns::new(agent.dns()).ask("n1.node.consul.", RecordType::A);
    assert_eq!(
        (answer.metadata.response_code, answer.answers.len()),
        (ResponseCode::NoError, 1)
    );
    agent.assert_healthy();
}

#[test]
fn malformed_streams_are_survived() {
    let agent = TestAgent::dev(&["-log-level=info"]).in_catalog();
    let mut random = StdRng::seed_from_u64(2026);
    for datagram in malformed_datagrams() {
        let length = match random.random_range(0..3) {
            0 => u16::try_from(datagram.len()).unwrap_or(u16::MAX),
            _ => random.random(),
        };
        let mut stream = TcpStream::connect(agent.dns()).unwrap();
        stream
            .set_read_timeout(Some(crate::support::PATIENCE))
            .unwrap();
        let _ = stream.write_all(&[&length.to_be_bytes(), datagram.as_slice()].concat());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        // An answer or none: the agent hangs up, it does not wait for ever.
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(err) => assert_eq!(err.kind(), io::ErrorKind::ConnectionReset, "{err}"),
        }
    }
    let answer = Dns::new(agent.dns()).ask_tcp("n1.node.consul.", RecordType::A);
    assert_eq!(
        (answer.metadata.response_code, answer.answers.len()),
        (ResponseCode::NoError, 1)
    );
    agent.assert_healthy();
}

#[test]
fn idle_streams_do_not_stop_datagrams() {
    let agent = TestAgent::dev(&["-log-level=info"]).in_catalog();
    let idle: Vec<TcpStream> = (0..600)
        .map(|_| TcpStream::connect(agent.dns()).unwrap())
        .collect();
    let answer = Dns::new(agent.dns()).ask("n1.node.consul.", RecordType::A);
    assert_eq!(
        (answer.metadata.response_code, answer.answers.len()),
        (ResponseCode::NoError, 1)
    );
    drop(idle);
    agent.assert_healthy();
}
