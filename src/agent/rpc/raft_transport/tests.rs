//! Servers that talk over real connections.

use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use tempfile::TempDir;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::agent::raft::{DEFAULT_SNAPSHOT_THRESHOLD, DEFAULT_TRAILING_LOGS, RaftSettings};
use crate::agent::rpc::net::{
    CallFailure, Dispatch, DuplexStream, Handlers, Limits, Listener, SnapshotStreams,
};
use crate::agent::store::{Command, KvCommand, KvVerb};
use crate::model::kv::{Blob, Key, KvPair};

const HOLD: Duration = Duration::from_secs(30);

#[test]
fn kinds_have_their_numbers() {
    for (kind, call) in (0..).zip(CALLS) {
        assert_eq!((number(call), call_of(kind)), (kind, Some(call)));
    }
    assert_eq!(call_of(5), None);
}

/// Serves raft only.
struct Nothing;

impl Dispatch for Nothing {
    fn call<'a>(
        &'a self,
        _: SocketAddr,
        _: &'a str,
        _: Bytes,
    ) -> BoxFuture<'a, Result<Vec<u8>, CallFailure>> {
        let refused = CallFailure::Unreadable("nothing".to_owned());
        Box::pin(std::future::ready(Err(refused)))
    }

    fn is_read(&self, _: &str) -> bool {
        false
    }
}

impl SnapshotStreams for Nothing {
    fn serve(&self, _: SocketAddr, _: Box<dyn DuplexStream>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A server with its port.
struct Server {
    raft: Raft,
    stop: CancellationToken,
    listening: JoinHandle<()>,
    _dir: TempDir,
}

impl Server {
    async fn start(n: usize, listener: Listener) -> Self {
        let dir = tempfile::tempdir().expect("folder");
        let address = listener.address().expect("bound").to_string();
        let (raft, _) = Raft::start(settings(n, dir.path(), address))
            .await
            .expect("started");
        let stop = CancellationToken::new();
        let handlers = Handlers {
            calls: Arc::new(Nothing),
            raft: Arc::new(RaftService::new(raft.clone(), id(n))),
            snapshots: Arc::new(Nothing),
        };
        let listening = tokio::spawn(listener.serve(handlers, Limits::default(), stop.clone()));
        Self {
            raft,
            stop,
            listening,
            _dir: dir,
        }
    }

    /// Nobody hears of it any more.
    async fn end(self) {
        self.stop.cancel();
        self.listening.await.expect("no panic");
        self.raft.shutdown().await.expect("closed");
    }
}

fn id(n: usize) -> String {
    format!("aaaaaaaa-0000-0000-0000-00000000000{n}")
}

fn settings(n: usize, dir: &Path, address: String) -> RaftSettings {
    RaftSettings {
        dir: Some(dir.to_owned()),
        node_uuid: id(n),
        address,
        raft_multiplier: 1,
        bootstrap: false,
        snapshot_threshold: DEFAULT_SNAPSHOT_THRESHOLD,
        trailing_logs: DEFAULT_TRAILING_LOGS,
        transport: Arc::new(RaftTransport::default()),
        clock: Arc::new(|| SystemTime::UNIX_EPOCH),
        metrics: crate::agent::telemetry::metrics::Metrics::default(),
    }
}

async fn three() -> Vec<Server> {
    let mut servers = Vec::new();
    let mut peers = Vec::new();
    for n in 0..3 {
        let address = format!("127.0.51.{}:0", n + 1);
        let listener = Listener::bind(address.parse().expect("an address")).await;
        let listener = listener.expect("free");
        peers.push(Peer {
            id: id(n),
            address: listener.address().expect("bound").to_string(),
        });
        servers.push(Server::start(n, listener).await);
    }
    for server in &servers {
        server.raft.bootstrap(&peers).await.expect("formed");
    }
    servers
}

/// Waits until one of them leads, and returns which.
async fn leader(servers: &[Server]) -> usize {
    let mut waiting = JoinSet::new();
    for (n, server) in servers.iter().enumerate() {
        let mut leadership = server.raft.leadership();
        waiting.spawn(async move {
            let leads = leadership.wait_for(crate::agent::raft::Leadership::is_leader);
            leads.await.is_ok().then_some(n)
        });
    }
    let first = timeout(HOLD, waiting.join_next()).await.expect("in time");
    let first = first.expect("servers").expect("no panic");
    first.expect("running")
}

fn put(key: &str) -> Command {
    Command::Kv(KvCommand {
        verb: KvVerb::Set,
        pair: KvPair {
            key: Key::from(key),
            value: Blob(vec![7; 128].into()),
            ..KvPair::default()
        },
    })
}

async fn write(raft: &Raft, writers: usize, each: usize, name: &'static str) {
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let raft = raft.clone();
        tasks.spawn(async move {
            for n in 0..each {
                let command = put(&format!("{name}/{writer}/{n}"));
                raft.write(command, HOLD).await.expect("written");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
}

/// Waits until a server has so many keys.
async fn has(raft: &Raft, keys: usize) {
    let mut topics = crate::agent::store::WatchSet::default();
    topics.add(crate::agent::store::Topic::KvPrefix(Key::from("")));
    let complete = async {
        loop {
            let changed = raft.watch(&topics);
            if raft.state().kv_prefix(b"").count() == keys {
                return;
            }
            changed.changed().await;
        }
    };
    timeout(HOLD, complete).await.expect("replicated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_over_real_connections_survive_a_kill() {
    let mut servers = three().await;
    let first = leader(&servers).await;
    write(&servers[first].raft, 20, 100, "before").await;
    for server in &servers {
        has(&server.raft, 2000).await;
    }
    servers.remove(first).end().await;
    let second = leader(&servers).await;
    let raft = &servers[second].raft;
    write(raft, 20, 10, "after").await;
    for server in &servers {
        has(&server.raft, 2200).await;
    }
    let other = &servers[1 - second].raft;
    let moved = raft.transfer_leader(None, HOLD).await.expect("moved");
    let mut leadership = other.leadership();
    let leads = leadership.wait_for(crate::agent::raft::Leadership::is_leader);
    drop(
        timeout(HOLD, leads)
            .await
            .expect("in time")
            .expect("running"),
    );
    assert_eq!(other.leader().map(|leader| leader.id), Some(moved.id));
    write(other, 20, 10, "last").await;
    for server in servers {
        has(&server.raft, 2400).await;
        server.end().await;
    }
}

/// Writes a second of three servers in this process; run with
/// `cargo test --release raft_transport -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn writes_per_second() {
    let servers = three().await;
    let raft = &servers[leader(&servers).await].raft;
    for (writers, each) in [(1, 2000), (64, 1500), (1024, 150)] {
        let batches: u64 = servers.iter().map(|s| s.raft.log_batches()).sum();
        let began = Instant::now();
        write(raft, writers, each, "bench").await;
        let took = began.elapsed();
        let batches = servers.iter().map(|s| s.raft.log_batches()).sum::<u64>() - batches;
        let writes = u32::try_from(writers * each).expect("few");
        eprintln!(
            "{writers:>4} writers: {:>7.0} writes/s, {batches} transactions in all for {writes} writes",
            f64::from(writes) / took.as_secs_f64()
        );
    }
    for server in servers {
        server.end().await;
    }
}
