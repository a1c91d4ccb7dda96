//! A server whose methods are for tests, and clients without manners.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::super::{
    BoxFuture, CallFailure, Dispatch, DuplexStream, Handlers, Limits, Listener, Pool, PoolSettings,
    RaftFrames, SnapshotStreams,
};
use crate::agent::rpc::wire::{ReplyHeader, RequestHeader, Scan, unknown_method};

/// Longer than anything here takes.
pub(super) const LONG: Duration = Duration::from_secs(20);

/// What the test methods did.
#[derive(Default)]
pub(super) struct Deeds {
    pub(super) begun: AtomicUsize,
    pub(super) finished: AtomicUsize,
    /// Wakes whoever waits for a change of the two.
    pub(super) changed: Notify,
}

impl Deeds {
    /// Waits until a condition holds.
    pub(super) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if holds(self) {
                    return;
                }
                changed.await;
            }
        };
        timeout(LONG, wait).await.expect("it never came to that");
    }
}

/// `Test.Echo`, `Test.Fail`; `Test.Wait` and `Test.Write` wait for the gate.
pub(super) struct Methods {
    pub(super) gate: Semaphore,
    pub(super) deeds: Deeds,
}

impl Dispatch for Methods {
    fn call<'a>(
        &'a self,
        _: SocketAddr,
        method: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Vec<u8>, CallFailure>> {
        Box::pin(async move {
            match method {
                "Test.Echo" => Ok(body.to_vec()),
                "Test.Fail" => Err(CallFailure::Failed("it failed".to_owned())),
                "Test.Wait" | "Test.Write" => {
                    self.deeds.begun.fetch_add(1, Ordering::SeqCst);
                    self.deeds.changed.notify_waiters();
                    let ended = Ended(&self.deeds);
                    let _permit = self.gate.acquire().await;
                    ended.0.finished.fetch_add(1, Ordering::SeqCst);
                    Ok(body.to_vec())
                }
                unknown => Err(CallFailure::Unreadable(unknown_method(unknown))),
            }
        })
    }

    fn is_read(&self, method: &str) -> bool {
        method == "Test.Wait"
    }
}

/// Takes back that a call began, when it ends in whatever way.
struct Ended<'a>(&'a Deeds);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.begun.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

/// Kind 0 answers with the body reversed, 1 refuses, 2 waits for the gate; the order of begins is kept.
pub(super) struct Frames {
    pub(super) gate: Arc<Semaphore>,
    pub(super) order: Arc<std::sync::Mutex<Vec<Vec<u8>>>>,
}

/// The UUID that the test server answers to.
pub(super) const HERE: &str = "here";

impl RaftFrames for Frames {
    fn is_here(&self, server: &[u8]) -> bool {
        server == HERE.as_bytes()
    }

    fn limit(&self, kind: u8) -> Option<u64> {
        [1 << 20, 100, 100].get(usize::from(kind)).copied()
    }

    fn serve(
        &self,
        _: SocketAddr,
        kind: u8,
        body: Vec<u8>,
    ) -> BoxFuture<'static, Result<Vec<u8>, String>> {
        let (gate, order) = (Arc::clone(&self.gate), Arc::clone(&self.order));
        Box::pin(async move {
            order.lock().unwrap().push(body.clone());
            if kind == 2 {
                let _permit = gate.acquire().await;
            }
            if kind == 1 {
                return Err("refused".to_owned());
            }
            Ok(body.into_iter().rev().collect())
        })
    }
}

/// Sends what it gets back, once the client has closed its half.
pub(super) struct Snapshots;

impl SnapshotStreams for Snapshots {
    fn serve(&self, _: SocketAddr, mut stream: Box<dyn DuplexStream>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let mut archive = Vec::new();
            if stream.read_to_end(&mut archive).await.is_ok() {
                let _sent = stream.write_all(&archive).await;
            }
        })
    }
}

/// A running listener.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) methods: Arc<Methods>,
    pub(super) raft_gate: Arc<Semaphore>,
    pub(super) raft_order: Arc<std::sync::Mutex<Vec<Vec<u8>>>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(limits: Limits) -> Self {
        Self::start_at("127.0.64.1:0".parse().unwrap(), limits).await
    }

    pub(super) async fn start_at(address: SocketAddr, limits: Limits) -> Self {
        let listener = Listener::bind(address).await.unwrap();
        let address = listener.address().unwrap();
        let methods = Arc::new(Methods {
            gate: Semaphore::new(0),
            deeds: Deeds::default(),
        });
        let (raft_gate, raft_order) = (Arc::new(Semaphore::new(0)), Arc::default());
        let handlers = Handlers {
            calls: Arc::clone(&methods) as Arc<dyn Dispatch>,
            raft: Arc::new(Frames {
                gate: Arc::clone(&raft_gate),
                order: Arc::clone(&raft_order),
            }),
            snapshots: Arc::new(Snapshots),
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(listener.serve(handlers, limits, stop.clone()));
        Self {
            address,
            methods,
            raft_gate,
            raft_order,
            stop,
            task,
        }
    }

    pub(super) async fn stop(self) -> SocketAddr {
        self.stop.cancel();
        timeout(LONG, self.task).await.unwrap().unwrap();
        self.address
    }

    /// A connection with these first bytes.
    pub(super) async fn raw(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// That the server still serves others.
    pub(super) async fn assert_alive(&self) {
        let pool = pool();
        let echo = pool.call(self.address, "Test.Echo", b"\x01", LONG).await;
        assert_eq!(echo.unwrap(), &b"\x01"[..]);
    }
}

pub(super) fn pool() -> Pool {
    Pool::new(PoolSettings::of_client())
}

/// That the other side closes, having sent no more than `most` bytes.
pub(super) async fn assert_closed(stream: &mut TcpStream, most: usize) {
    let mut rest = Vec::new();
    // A reset is a way of closing, too.
    let _ended = timeout(LONG, stream.read_to_end(&mut rest))
        .await
        .expect("it stays open");
    assert!(rest.len() <= most, "{rest:?}");
}

/// A request as bytes.
pub(super) fn request(method: &str, seq: u64, body: &[u8]) -> Vec<u8> {
    let header = RequestHeader {
        service_method: method.to_owned(),
        seq,
    };
    let mut bytes = header.encode().unwrap();
    bytes.extend_from_slice(body);
    bytes
}

/// The next reply of a stream of calls.
pub(super) async fn reply(stream: &mut TcpStream) -> (ReplyHeader, Vec<u8>) {
    let mut parts = Vec::new();
    for _ in 0..2 {
        let (mut bytes, mut scan) = (Vec::new(), Scan::new(1 << 20));
        while scan.advance(&bytes).unwrap() != Some(bytes.len()) {
            let byte = timeout(LONG, stream.read_u8()).await.unwrap().unwrap();
            bytes.push(byte);
        }
        parts.push(bytes);
    }
    let body = parts.pop().unwrap();
    (ReplyHeader::decode(&parts[0]).unwrap(), body)
}
