//! What strangers do to a server's port 8300.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::bad_input::{OTHER_FILES, raise_file_limit};
use crate::support::{PATIENCE, TestCluster};

/// Connections that say nothing, or begin something.
const STRANGERS: u64 = 10_000;
/// Connections that a server takes from one address.
const PER_ADDRESS: u64 = 100;
/// Time for the first words, as the servers are configured.
const HANDSHAKE: &str = "limits { rpc_handshake_timeout = \"2s\" }";
/// When all of them are closed, after the last has connected: the time for the handshake, on a machine that is busy.
const CLOSED_WITHIN: Duration = Duration::from_secs(10);
/// How long a write takes at most meanwhile.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);
/// Memory that the strangers may take altogether.
const MEMORY: u64 = 256 << 20;

/// Nothing; raft's first byte and half of what introduces it; a session's first byte and half of a frame's head; a
/// call's first byte and the beginning of its head.
const BEGINNINGS: [&[u8]; 4] = [b"", b"\x01CR", b"\x04\0\x01\0\0", b"\0\x82\xa3Seq"];
/// Those of [`BEGINNINGS`] that the handshake ends. A session is pinged and a call has time of its own to arrive.
const HURRIED: [usize; 2] = [0, 1];

fn connect(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::new(IpAddr::V4(from), 0).into())
        .unwrap();
    socket.connect_timeout(&to.into(), PATIENCE).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Resident memory of a process in bytes.
fn memory_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

#[test]
fn ten_thousand_strangers_do_not_stop_a_leader() {
    let limit = raise_file_limit();
    let count = STRANGERS.min(limit.saturating_sub(OTHER_FILES));
    if count < STRANGERS {
        println!("only {count} of {STRANGERS} connections: the limit of open files is {limit}");
    }
    let cluster = TestCluster::servers_with(3, &["-hcl", HANDSHAKE]);
    let leader = cluster.leader();
    let agent = cluster.agent(leader);
    agent.put("/v1/kv/before", "x");
    let before = memory_of(agent.process_id());
    let port = SocketAddr::from((agent.ip, 8300));
    let mut writes = 0;
    let mut write = |at: usize| {
        let began = Instant::now();
        cluster
            .agent(at)
            .put(&format!("/v1/kv/during/{writes}"), "x");
        assert!(began.elapsed() < WRITTEN_WITHIN, "{:?}", began.elapsed());
        writes += 1;
    };
    let mut strangers: Vec<(usize, TcpStream)> = Vec::new();
    for number in 0..count {
        let [.., high, low] = (number / PER_ADDRESS).to_be_bytes();
        let mut stream = connect(Ipv4Addr::new(127, 63, high, low + 1), port);
        let kind = usize::try_from(number % 4).unwrap();
        // One that is too many is closed, and may be so already.
        let _ = stream.write_all(BEGINNINGS[kind]);
        strangers.push((kind, stream));
        if number % 500 == 0 {
            write(usize::try_from(number / 500 % 3).unwrap());
        }
    }
    let connected = Instant::now();
    let most = memory_of(agent.process_id());
    assert!(most < before + MEMORY, "{before} bytes, then {most}");
    for at in 0..3 {
        write(at);
    }
    let hurried = strangers.iter_mut();
    for (kind, stream) in hurried.filter(|(kind, _)| HURRIED.contains(kind)) {
        let ended = stream.read(&mut [0]).map_err(|error| error.kind());
        let is_closed = matches!(ended, Ok(0) | Err(ErrorKind::ConnectionReset));
        assert!(is_closed, "beginning {kind}: {ended:?}");
    }
    let took = connected.elapsed();
    assert!(took < CLOSED_WITHIN, "{took:?}");
    for at in 0..3 {
        write(at);
    }
    println!("{count} strangers: {before} bytes, then {most}; closed after {took:?}");
    drop(strangers);
    // It led all the time, and all servers are heard.
    assert_eq!(cluster.leader(), leader);
    let keys = agent.json("/v1/kv/during?keys&consistent");
    assert_eq!(keys.as_array().unwrap().len(), writes);
    agent.assert_healthy();
}
