//! Raft's frames.

use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::super::{Limits, RaftCallError, RaftLinks};
use super::support::{HERE, LONG, Server, assert_closed};

#[tokio::test]
async fn frames_are_answered() {
    let server = Server::start(Limits::default()).await;
    let (links, address) = (RaftLinks::default(), server.address.to_string());
    let answer = links
        .call(HERE, &address, 0, 0, b"abc".to_vec(), LONG)
        .await;
    assert_eq!(answer.unwrap(), b"cba");
    let large = vec![1; 1 << 20];
    let answer = links.call(HERE, &address, 2, 0, large.clone(), LONG).await;
    assert!(answer.unwrap() == large);
    let refused = links.call(HERE, &address, 0, 1, Vec::new(), LONG).await;
    let expected = RaftCallError::Broken(address.clone(), "refused".to_owned());
    assert_eq!(refused, Err(expected));
}

#[tokio::test]
async fn many_frames_are_under_way_and_begin_in_order() {
    let server = Server::start(Limits::default()).await;
    let (links, address) = (RaftLinks::default(), server.address.to_string());
    links
        .call(HERE, &address, 0, 0, Vec::new(), LONG)
        .await
        .unwrap();
    let calls = (0..50_u8).map(|n| links.call(HERE, &address, 0, 2, vec![n, 0], LONG));
    let mut calls: Vec<_> = calls.map(Box::pin).collect();
    // All are sent before the first is answered; another kind passes them.
    for call in &mut calls {
        let sent = tokio::select! {
            biased;
            _ = call => false,
            () = tokio::task::yield_now() => true,
        };
        assert!(sent);
    }
    let quick = links.call(HERE, &address, 0, 0, b"xy".to_vec(), LONG).await;
    assert_eq!(quick.unwrap(), b"yx");
    server.raft_gate.add_permits(1);
    for (n, call) in (0..50_u8).zip(calls) {
        assert_eq!(call.await.unwrap(), [0, n]);
    }
    let order = server.raft_order.lock().unwrap().clone();
    let expected: Vec<_> = (0..50_u8).map(|n| vec![n, 0]).collect();
    assert_eq!(order[1..51], expected);
}

#[tokio::test]
async fn what_is_not_taken_closes_the_connection() {
    let limits = Limits {
        handshake_timeout: Duration::from_millis(200),
        request_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let server = Server::start(limits).await;
    let head = |len: u64, kind: u8| {
        let mut bytes = b"\x01CRF\x01\x00\x04here".to_vec();
        bytes.extend(len.to_be_bytes());
        bytes.extend([0, 0, 0, 1, kind, 0, 0, 0]);
        bytes
    };
    let hostile = [
        // The reference's raft: a kind, then msgpack.
        b"\x01\x00\x88\xa1a".to_vec(),
        b"\x01CR".to_vec(),
        head(u64::MAX, 0),
        head((1 << 20) + 1, 0),
        head(0, 9),
        head(50, 0),
    ];
    for bytes in hostile {
        let mut stream = server.raw(&bytes).await;
        assert_closed(&mut stream, 0).await;
    }
    let mut stream = server.raw(&head(3, 0)).await;
    stream.write_all(b"abc").await.unwrap();
    drop(stream);
    server.assert_alive().await;
}

#[tokio::test]
async fn frames_under_way_share_a_bounded_memory() {
    let limits = Limits {
        raft_bytes: 500_000,
        ..Limits::default()
    };
    let server = Server::start(limits).await;
    let (links, address) = (RaftLinks::default(), server.address.to_string());
    let body = vec![0; 900_000];
    let refused = links.call(HERE, &address, 0, 0, body, LONG).await;
    assert!(
        matches!(refused, Err(RaftCallError::Broken(..))),
        "{refused:?}"
    );
    for _ in 0..10 {
        let body = vec![0; 200_000];
        let answer = links.call(HERE, &address, 0, 0, body, LONG).await;
        assert_eq!(answer.unwrap().len(), 200_000);
    }
}

#[tokio::test]
async fn frames_for_another_server_are_not_answered() {
    let server = Server::start(Limits::default()).await;
    let (links, address) = (RaftLinks::default(), server.address.to_string());
    let lost = links
        .call("gone", &address, 0, 0, b"ab".to_vec(), LONG)
        .await;
    assert!(matches!(lost, Err(RaftCallError::Broken(..))), "{lost:?}");
    assert!(server.raft_order.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    let server = Server::start(Limits::default()).await;
    let (links, address) = (RaftLinks::default(), server.address.to_string());
    let short = Duration::from_millis(100);
    let late = links.call(HERE, &address, 0, 2, Vec::new(), short).await;
    assert!(matches!(late, Err(RaftCallError::Broken(..))), "{late:?}");
    let answer = links.call(HERE, &address, 0, 0, b"ab".to_vec(), LONG).await;
    assert_eq!(answer.unwrap(), b"ba");
    let socket = server.stop().await;
    let gone = links.call(HERE, &address, 1, 0, b"ab".to_vec(), LONG).await;
    assert!(
        matches!(gone, Err(RaftCallError::Unreachable(..))),
        "{gone:?}"
    );
    let server = Server::start_at(socket, Limits::default()).await;
    // The end of the old connection may be seen only with the next call.
    let mut answer = links.call(HERE, &address, 0, 0, b"ab".to_vec(), LONG).await;
    if answer.is_err() {
        answer = links.call(HERE, &address, 0, 0, b"ab".to_vec(), LONG).await;
    }
    assert_eq!(answer.unwrap(), b"ba");
    drop(server);
}

#[tokio::test]
async fn a_connection_outlasts_calls_without_an_answer_but_not_its_silence() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let links = RaftLinks::default();
    let call = |limit| links.call(HERE, &address, 0, 0, Vec::new(), limit);
    // Over before the connection is there, which goes on to be opened all the same.
    let early = call(Duration::ZERO).await;
    assert!(early.is_err(), "{early:?}");
    for _ in 0..3 {
        let late = call(Duration::from_millis(20)).await;
        assert!(matches!(late, Err(RaftCallError::Broken(..))), "{late:?}");
    }
    let _first = listener.accept().await.unwrap();
    assert!(listener.accept().now_or_never().is_none());
    let calling = async {
        loop {
            let late = call(Duration::from_millis(20)).await;
            assert!(late.is_err(), "{late:?}");
        }
    };
    tokio::select! {
        second = listener.accept() => assert!(second.is_ok()),
        () = calling => {}
    }
}
