//! Calls, as agents make them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use super::super::{CallError, Limits, Pool, PoolSettings};
use super::support::{LONG, Server, assert_closed, pool, reply, request};
use crate::agent::rpc::wire::encode;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_a_time_get_their_own_answers() {
    let server = Server::start(Limits::default()).await;
    let pool = pool();
    let mut calls = JoinSet::new();
    for n in 0..1000_usize {
        let (pool, address) = (pool.clone(), server.address);
        calls.spawn(async move {
            let body = encode(&"x".repeat(n * 7)).unwrap();
            let reply = pool.call(address, "Test.Echo", &body, LONG).await.unwrap();
            assert!(reply == body, "{n}");
        });
    }
    for outcome in calls.join_all().await {
        let () = outcome;
    }
}

#[tokio::test]
async fn large_bodies_pass_in_both_directions() {
    let server = Server::start(Limits::default()).await;
    let body = encode(serde_bytes::Bytes::new(&vec![7; 6 << 20])).unwrap();
    let reply = pool()
        .call(server.address, "Test.Echo", &body, LONG)
        .await
        .unwrap();
    assert!(reply == body);
}

#[tokio::test]
async fn a_slow_call_does_not_hold_up_others() {
    let server = Server::start(Limits::default()).await;
    let pool = pool();
    let slow = tokio::spawn({
        let (pool, address) = (pool.clone(), server.address);
        async move { pool.call(address, "Test.Wait", b"\x05", LONG).await }
    });
    let deeds = &server.methods.deeds;
    deeds
        .until(|deeds| deeds.begun.load(Ordering::SeqCst) == 1)
        .await;
    for _ in 0..50 {
        let echo = pool.call(server.address, "Test.Echo", b"\x01", LONG).await;
        assert_eq!(echo.unwrap(), &b"\x01"[..]);
    }
    assert!(!slow.is_finished());
    server.methods.gate.add_permits(1);
    assert_eq!(slow.await.unwrap().unwrap(), &b"\x05"[..]);
}

#[tokio::test]
async fn errors_are_told_apart() {
    let server = Server::start(Limits::default()).await;
    let (pool, address) = (pool(), server.address);
    let failed = pool.call(address, "Test.Fail", b"\x80", LONG).await;
    assert_eq!(failed, Err(CallError::Application("it failed".to_owned())));
    let unknown = pool.call(address, "Test.Nope", b"\x80", LONG).await;
    let text = "rpc: can't find service Test.Nope".to_owned();
    assert_eq!(unknown, Err(CallError::Application(text)));
    let short = Duration::from_millis(50);
    let late = pool.call(address, "Test.Wait", b"\x80", short).await;
    assert_eq!(late, Err(CallError::TimedOut(address, short)));
    // The stream of the call that was given up is not used for others.
    let echo = pool.call(address, "Test.Echo", b"\x01", LONG).await;
    assert_eq!(echo.unwrap(), &b"\x01"[..]);
    let address = server.stop().await;
    // The first call after its end may still find the connection.
    let _any = pool.call(address, "Test.Echo", b"\x80", LONG).await;
    let refused = pool.call(address, "Test.Echo", b"\x80", LONG).await;
    assert!(matches!(refused, Err(CallError::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    let server = Server::start(Limits::default()).await;
    let pool = pool();
    for _ in 0..3 {
        pool.call(server.address, "Test.Echo", b"\x01", LONG)
            .await
            .unwrap();
    }
    let under_way = tokio::spawn({
        let (pool, address) = (pool.clone(), server.address);
        async move { pool.call(address, "Test.Wait", b"\x05", LONG).await }
    });
    let deeds = &server.methods.deeds;
    deeds
        .until(|deeds| deeds.begun.load(Ordering::SeqCst) == 1)
        .await;
    let address = server.stop().await;
    let broken = under_way.await.unwrap();
    assert!(matches!(broken, Err(CallError::Broken(..))), "{broken:?}");
    let server = Server::start_at(address, Limits::default()).await;
    // That the call was broken was seen with the connection's end.
    let echo = pool.call(address, "Test.Echo", b"\x01", LONG).await;
    assert_eq!(echo.unwrap(), &b"\x01"[..]);
    drop(server);
}

#[tokio::test]
async fn a_client_that_goes_ends_its_reads_but_not_its_writes() {
    let server = Server::start(Limits::default()).await;
    let deeds = &server.methods.deeds;
    let short = Duration::from_millis(100);
    for method in ["Test.Wait", "Test.Write"] {
        let late = pool().call(server.address, method, b"\x80", short).await;
        assert!(matches!(late, Err(CallError::TimedOut(..))), "{late:?}");
    }
    // The read is gone, the write waits.
    deeds
        .until(|deeds| deeds.begun.load(Ordering::SeqCst) == 1)
        .await;
    assert_eq!(deeds.finished.load(Ordering::SeqCst), 0);
    server.methods.gate.add_permits(1);
    deeds
        .until(|deeds| deeds.begun.load(Ordering::SeqCst) == 0)
        .await;
    assert_eq!(deeds.finished.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed() {
    // One connection a client: a second one is possible only after the first is gone.
    let limits = Limits {
        connections_per_client: 1,
        ..Limits::default()
    };
    let server = Server::start(limits).await;
    let pool = Pool::new(PoolSettings {
        idle_limit: Duration::from_millis(100),
        ..PoolSettings::of_client()
    });
    pool.call(server.address, "Test.Echo", b"\x01", LONG)
        .await
        .unwrap();
    let fresh = async {
        loop {
            let mut stream = server.raw(&[0]).await;
            let sent = stream.write_all(&request("Test.Echo", 1, b"\x01")).await;
            let mut byte = [0];
            if sent.is_ok() && matches!(stream.read(&mut byte).await, Ok(1)) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, fresh).await.unwrap();
}

#[tokio::test]
async fn a_stream_of_its_own_serves_one_call_after_the_other() {
    let server = Server::start(Limits::default()).await;
    let mut stream = server.raw(&[0]).await;
    // Two at once, then one in single bytes.
    let mut both = request("Test.Echo", 1, b"\x01");
    both.extend(request("Test.Fail", 2, b"\xc0"));
    stream.write_all(&both).await.unwrap();
    let (first, body) = reply(&mut stream).await;
    assert_eq!(
        (first.seq, first.error.as_str(), &body[..]),
        (1, "", &b"\x01"[..])
    );
    let (second, body) = reply(&mut stream).await;
    assert_eq!(
        (second.seq, second.error.as_str(), &body[..]),
        (2, "it failed", &b"\x80"[..])
    );
    for byte in request("Test.Echo", 3, b"\xa3abc") {
        stream.write_all(&[byte]).await.unwrap();
        stream.flush().await.unwrap();
    }
    let (third, body) = reply(&mut stream).await;
    assert_eq!((third.seq, &body[..]), (3, &b"\xa3abc"[..]));
    // An unknown method is answered, then the stream ends.
    stream
        .write_all(&request("Nope.Nope", 4, b"\x80"))
        .await
        .unwrap();
    let (fourth, _) = reply(&mut stream).await;
    assert_eq!(fourth.error, "rpc: can't find service Nope.Nope");
    assert_closed(&mut stream, 0).await;
}

#[tokio::test]
async fn snapshot_streams_have_a_half_close() {
    let server = Server::start(Limits::default()).await;
    let mut stream = server.raw(b"\x05archive").await;
    stream.shutdown().await.unwrap();
    let mut back = Vec::new();
    stream.read_to_end(&mut back).await.unwrap();
    assert_eq!(back, b"archive");
}
