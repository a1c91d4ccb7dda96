//! Clients that misbehave: refused or dropped within their time, while others are served.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::super::{CallError, Limits, Pool, PoolSettings};
use super::support::{LONG, Server, assert_closed, request};
use crate::agent::rpc::wire::encode;

fn hasty() -> Limits {
    Limits {
        handshake_timeout: Duration::from_millis(200),
        request_timeout: Duration::from_millis(200),
        write_timeout: Duration::from_millis(200),
        request_bytes: 100_000,
        ..Limits::default()
    }
}

#[tokio::test]
async fn who_says_nothing_is_dropped_in_time() {
    let server = Server::start(hasty()).await;
    let begun = Instant::now();
    let mut silent = server.raw(&[]).await;
    assert_closed(&mut silent, 0).await;
    let taken = begun.elapsed();
    assert!(taken >= Duration::from_millis(190), "{taken:?}");
    server.assert_alive().await;
}

#[tokio::test]
async fn half_a_request_is_dropped_in_time() {
    let server = Server::start(hasty()).await;
    let whole = request("Test.Echo", 1, &encode("some text").unwrap());
    for len in [1, 10, whole.len() - 1] {
        let mut half = server.raw(&[0]).await;
        half.write_all(&whole[..len]).await.unwrap();
        assert_closed(&mut half, 0).await;
    }
    server.assert_alive().await;
}

#[tokio::test]
async fn too_large_requests_are_refused_before_they_are_there() {
    let server = Server::start(hasty()).await;
    for body in [
        &b"\xdb\xff\xff\xff\xff"[..],
        b"\xdf\xff\xff\xff\xff",
        b"\xdd\x00\x01\x86\xa1",
    ] {
        let mut stream = server.raw(&[0]).await;
        stream
            .write_all(&request("Test.Echo", 1, body))
            .await
            .unwrap();
        assert_closed(&mut stream, 0).await;
    }
    let mut header = server.raw(b"\0\xdb\x7f\xff\xff\xff").await;
    assert_closed(&mut header, 0).await;
    // The same over a session: the stream ends, the session does not.
    let pool = Pool::new(PoolSettings::of_client());
    let large = encode(serde_bytes::Bytes::new(&vec![0; 200_000])).unwrap();
    let broken = pool.call(server.address, "Test.Echo", &large, LONG).await;
    assert!(matches!(broken, Err(CallError::Broken(..))), "{broken:?}");
    let echo = pool.call(server.address, "Test.Echo", b"\x01", LONG).await;
    assert_eq!(echo.unwrap(), &b"\x01"[..]);
}

#[tokio::test]
async fn requests_under_way_share_a_bounded_memory() {
    let limits = Limits {
        request_bytes: 8 << 20,
        buffered_bytes: 3 << 20,
        ..Limits::default()
    };
    let server = Server::start(limits).await;
    let mut half = request("Test.Echo", 1, b"\xdb\x00\x70\x00\x00");
    half.resize(2 << 20, 0);
    let mut streams = Vec::new();
    for _ in 0..4 {
        let mut stream = server.raw(&[0]).await;
        // The server may close before it has taken all.
        let _sent = stream.write_all(&half).await;
        streams.push(stream);
    }
    let mut last = streams.pop().unwrap();
    assert_closed(&mut last, 0).await;
    server.assert_alive().await;
}

#[tokio::test]
async fn a_client_has_a_bounded_number_of_connections() {
    let limits = Limits {
        connections_per_client: 10,
        ..Limits::default()
    };
    let server = Server::start(limits).await;
    let mut kept = Vec::new();
    for _ in 0..10 {
        kept.push(server.raw(&[4]).await);
    }
    for _ in 0..300 {
        let mut more = TcpStream::connect(server.address).await.unwrap();
        let _sent = more.write_all(&[4]).await;
        assert_closed(&mut more, 0).await;
    }
    drop(kept);
    let pool = Pool::new(PoolSettings::of_client());
    let served = async {
        while pool
            .call(server.address, "Test.Echo", b"\x01", LONG)
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, served).await.unwrap();
}

#[tokio::test]
async fn protocols_that_are_not_served_are_closed() {
    let server = Server::start(Limits::default()).await;
    for first in [2, 3, 6, 7, 8, 9, 0x16, 0xff] {
        let mut stream = server.raw(&[first]).await;
        assert_closed(&mut stream, 0).await;
    }
    server.assert_alive().await;
}

#[tokio::test]
async fn random_bytes_harm_nobody() {
    let server = Server::start(hasty()).await;
    let bytes = proptest::collection::vec(any::<u8>(), 1..2000);
    let mut runner = TestRunner::deterministic();
    for round in 0..200_u32 {
        let mut noise = bytes.new_tree(&mut runner).unwrap().current();
        noise[0] = [0, 1, 4][round as usize % 3];
        let mut stream = server.raw(&[]).await;
        let _sent = stream.write_all(&noise).await;
        // What the server says to noise is its own affair; it has to end.
        let _ended = stream.shutdown().await;
        assert_closed(&mut stream, 100_000).await;
    }
    server.assert_alive().await;
}

#[tokio::test]
async fn who_floods_and_does_not_read_is_dropped() {
    let server = Server::start(hasty()).await;
    let mut stream = server.raw(&[4]).await;
    // Pings that want answers, which nobody takes.
    let ping = b"\x00\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07".repeat(4096);
    let flood = async {
        let mut sent = 0_usize;
        while stream.write_all(&ping).await.is_ok() {
            sent += ping.len();
        }
        sent
    };
    let sent = tokio::time::timeout(LONG, flood).await.unwrap();
    // What fits into both sockets' buffers, and not what a queue without bounds would take.
    assert!(sent < 64 << 20, "{sent} bytes were taken");
    server.assert_alive().await;
}

#[tokio::test]
async fn streams_beyond_the_bound_are_reset() {
    let limits = Limits {
        streams: 4,
        ..Limits::default()
    };
    let server = Server::start(limits).await;
    let pool = Pool::new(PoolSettings::of_client());
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let (pool, address) = (pool.clone(), server.address);
            tokio::spawn(async move { pool.call(address, "Test.Wait", b"\x05", LONG).await })
        })
        .collect();
    let deeds = &server.methods.deeds;
    deeds
        .until(|deeds| deeds.begun.load(Ordering::SeqCst) == 4)
        .await;
    let fifth = pool.call(server.address, "Test.Echo", b"\x01", LONG).await;
    assert!(matches!(fifth, Err(CallError::Broken(..))), "{fifth:?}");
    server.methods.gate.add_permits(4);
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap().unwrap(), &b"\x05"[..]);
    }
}
