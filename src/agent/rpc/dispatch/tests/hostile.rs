//! Clients that misbehave, while others are served.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::support::{LONG, NODE_ID, Server, pair};
use crate::agent::raft::{Call, Lane, Peer, Transport as _, TransportError};
use crate::agent::rpc::RaftTransport;
use crate::agent::rpc::net::{CallError, Limits};
use crate::agent::rpc::wire::encode;
use crate::agent::store::{KvList, KvVerb};
use crate::model::kv::Key;

/// Connections of strangers.
const STRANGERS: u32 = 10_000;
/// Those of one address, of which the server takes fewer.
const OF_ONE_ADDRESS: u32 = 2500;

/// The `n`th loopback address of this file.
fn stranger(n: u32) -> IpAddr {
    Ipv4Addr::from(0x7f36_8001 + n).into()
}

/// A connection from an address; `None` when it is refused at once.
async fn connect(from: IpAddr, to: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from, 0)).unwrap();
    timeout(LONG, socket.connect(to)).await.unwrap().ok()
}

/// Whether the other side has closed.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    let read = timeout(LONG, stream.read(&mut byte)).await;
    !matches!(read.expect("it stays open"), Ok(1..))
}

#[tokio::test]
async fn ten_thousand_connections_that_say_nothing() {
    let server = Server::with(Limits {
        handshake_timeout: Duration::from_secs(5),
        connections_per_client: 100,
        connections: 300,
        ..Limits::default()
    })
    .await;
    let mut last = Vec::new();
    for n in 0..STRANGERS {
        let from = stranger(n / OF_ONE_ADDRESS);
        last.extend(connect(from, server.address).await);
        // Descriptors are few; those that stay open are the newest.
        if last.len() > 1000 {
            last.drain(..500);
        }
        if n % 1000 == 0 {
            // An established connection is served whatever strangers do.
            server.set("alive", &n.to_string()).await;
        }
    }
    // All of them are dropped in time, without a word.
    for stream in &mut last {
        assert!(is_closed(stream).await);
    }
    server.assert_alive().await;
    server.stop().await;
}

fn peer(server: &Server, id: &str) -> Peer {
    Peer {
        id: id.to_owned(),
        address: server.address.to_string(),
    }
}

#[tokio::test]
async fn raft_gets_through_where_clients_are_too_many() {
    let server = Server::with(Limits {
        connections_per_client: 5,
        ..Limits::default()
    })
    .await;
    // The server's own pool in this test has one connection.
    let mut many = Vec::new();
    for _ in 0..4 {
        let mut stream = connect(Ipv4Addr::LOCALHOST.into(), server.address)
            .await
            .unwrap();
        stream.write_all(&[4]).await.unwrap();
        many.push(stream);
    }
    let mut fifth = connect(Ipv4Addr::LOCALHOST.into(), server.address)
        .await
        .unwrap();
    fifth.write_all(&[4]).await.unwrap();
    let mut sixth = connect(Ipv4Addr::LOCALHOST.into(), server.address)
        .await
        .unwrap();
    sixth.write_all(&[4]).await.unwrap();
    assert!(is_closed(&mut sixth).await);
    let raft = RaftTransport::default();
    let garbage = b"no message of raft".to_vec();
    let lanes = [Lane::Replication, Lane::Heartbeat, Lane::Snapshot];
    for lane in lanes {
        let peer = peer(&server, NODE_ID);
        let call = raft.call(&peer, lane, Call::Vote, garbage.clone(), LONG);
        // It is taken, and refused for what it is.
        let refused = call.await.unwrap_err();
        assert!(matches!(refused, TransportError::Broken(_)), "{refused}");
    }
    server.assert_still_leads().await;
    server.stop().await;
}

#[tokio::test]
async fn frames_for_another_server_are_not_answered() {
    let server = Server::start().await;
    let raft = RaftTransport::default();
    let other = peer(&server, "99999999-2222-3333-4444-555555555555");
    let call = raft.call(&other, Lane::Replication, Call::Vote, Vec::new(), LONG);
    assert!(call.await.is_err());
    server.assert_still_leads().await;
    server.stop().await;
}

#[tokio::test]
async fn frames_with_garbage_change_nothing() {
    let server = Server::start().await;
    let raft = RaftTransport::default();
    let calls = [
        Call::Append,
        Call::Vote,
        Call::PreVote,
        Call::Snapshot,
        Call::TransferLeader,
    ];
    for call in calls {
        for body in [
            &b""[..],
            b"\x00",
            b"\xff\xff\xff\xff",
            &[0x93; 200],
            &[0; 4096],
        ] {
            let peer = peer(&server, NODE_ID);
            let lane = Lane::Replication;
            let answer = raft.call(&peer, lane, call, body.to_vec(), LONG).await;
            assert!(answer.is_err(), "{call:?} {body:?}");
        }
    }
    server.assert_still_leads().await;
    server.stop().await;
}

#[tokio::test]
async fn replies_that_nobody_reads_are_bounded() {
    let server = Server::with(Limits {
        reply_bytes: 200_000,
        ..Limits::default()
    })
    .await;
    let value = "v".repeat(1000);
    for n in 0..300 {
        server.set(&format!("large/{n}"), &value).await;
    }
    let list = KvList {
        prefix: Key::from("large/"),
    };
    let refused = server.read_with(&super::support::options(), list).await;
    let text = "the server is sending too much to others: try again";
    assert_eq!(
        refused.unwrap_err(),
        CallError::Application(text.to_owned())
    );
    let few = KvList {
        prefix: Key::from("large/1"),
    };
    assert_eq!(server.read(few).await.1.len(), 111);
    server.stop().await;
}

#[tokio::test]
async fn others_are_served_while_a_client_sends_half_requests() {
    let server = Server::with(Limits {
        request_timeout: Duration::from_millis(300),
        ..Limits::default()
    })
    .await;
    let mut halves = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream
            .write_all(b"\0\x82\xa3Seq\x01\xadServiceMethod\xa9KVS.Apply\x82")
            .await
            .unwrap();
        halves.push(stream);
    }
    let large = encode(serde_bytes::Bytes::new(&vec![0; 9 << 20])).unwrap();
    let too_large = server.call("KVS.Apply", &large).await;
    assert!(
        matches!(too_large, Err(CallError::Broken(..))),
        "{too_large:?}"
    );
    server.kv(KvVerb::Set, pair("served", "yes")).await.unwrap();
    for half in &mut halves {
        assert!(is_closed(half).await);
    }
    server.assert_alive().await;
    server.stop().await;
}
