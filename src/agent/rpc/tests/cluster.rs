//! A cluster in one process: each server with its raft, its port and its handle.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::select_all;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::agent::acl::AllowAll;
use crate::agent::raft::{
    DEFAULT_SNAPSHOT_THRESHOLD, DEFAULT_TRAILING_LOGS, Leadership, Peer, Raft, RaftSettings,
};
use crate::agent::rpc::dispatch::{Dispatcher, Events, SnapshotService};
use crate::agent::rpc::net::{BoxFuture, Handlers, Limits, Listener};
use crate::agent::rpc::{
    Consistency, QueryMeta, QueryOptions, RaftService, RaftTransport, Rpc, RpcError, RpcSettings,
    Server, WriteOptions,
};
use crate::agent::store::{KvGet, KvVerb};
use crate::agent::telemetry::metrics::Metrics;
use crate::model::kv::{Blob, Key, KvPair};

/// Longer than anything here takes.
pub(in crate::agent::rpc) const LONG: Duration = Duration::from_mins(1);
/// Longer than an election takes, and short enough for tests that wait for its end.
pub(in crate::agent::rpc) const HOLD: Duration = Duration::from_secs(7);

/// Events that nobody hears.
struct Deaf;

impl Events for Deaf {
    fn fire(&self, _: String, _: Bytes) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A running server.
pub(in crate::agent::rpc) struct Node {
    pub(in crate::agent::rpc) server: Server,
    pub(in crate::agent::rpc) raft: Raft,
    pub(in crate::agent::rpc) rpc: Rpc,
    stop: CancellationToken,
    serving: Option<JoinHandle<()>>,
}

/// Servers that form one cluster.
pub(in crate::agent::rpc) struct Cluster {
    pub(in crate::agent::rpc) nodes: Vec<Node>,
}

fn settings(hold: Duration) -> RpcSettings {
    RpcSettings {
        hold_timeout: hold,
        ..RpcSettings::new("dc1", Arc::new(AllowAll))
    }
}

impl Node {
    async fn start(n: usize, hold: Duration) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::bind(any).await.unwrap();
        let server = Server {
            id: format!("00000000-0000-0000-0000-00000000000{n}"),
            name: format!("s{n}"),
            address: listener.address().unwrap(),
        };
        let (raft, _) = Raft::start(RaftSettings {
            dir: None,
            node_uuid: server.id.clone(),
            address: server.address.to_string(),
            raft_multiplier: 1,
            bootstrap: false,
            snapshot_threshold: DEFAULT_SNAPSHOT_THRESHOLD,
            trailing_logs: DEFAULT_TRAILING_LOGS,
            transport: Arc::new(RaftTransport::default()),
            clock: Arc::new(SystemTime::now),
            metrics: crate::agent::telemetry::metrics::Metrics::default(),
        })
        .await
        .unwrap();
        let (rpc, _) = Rpc::server(raft.clone(), settings(hold), &Metrics::default());
        let handlers = Handlers {
            calls: Arc::new(Dispatcher::new(rpc.clone(), Arc::new(Deaf))),
            raft: Arc::new(RaftService::new(raft.clone(), server.id.clone())),
            snapshots: Arc::new(SnapshotService::new(rpc.clone())),
        };
        let stop = CancellationToken::new();
        let serving = listener.serve(handlers, Limits::default(), stop.clone());
        Self {
            serving: Some(tokio::spawn(serving)),
            server,
            raft,
            rpc,
            stop,
        }
    }

    /// Whether it was not killed.
    pub(in crate::agent::rpc) fn is_alive(&self) -> bool {
        self.serving.is_some()
    }

    /// Ends its port with all connections, then its raft: what the others see of a `kill -9`.
    pub(in crate::agent::rpc) async fn kill(&mut self) {
        self.stop.cancel();
        if let Some(serving) = self.serving.take() {
            serving.await.unwrap();
            self.raft.shutdown().await.unwrap();
        }
    }
}

impl Cluster {
    /// Forms a cluster and waits for its leader.
    pub(in crate::agent::rpc) async fn start(count: usize) -> Self {
        Self::start_with(count, HOLD).await
    }

    /// The same with another `rpc_hold_timeout`.
    pub(in crate::agent::rpc) async fn start_with(count: usize, hold: Duration) -> Self {
        let mut nodes = Vec::new();
        for n in 0..count {
            nodes.push(Node::start(n, hold).await);
        }
        let cluster = Self { nodes };
        let peers: Vec<Peer> = cluster
            .servers()
            .into_iter()
            .map(|server| Peer {
                id: server.id,
                address: server.address.to_string(),
            })
            .collect();
        for node in &cluster.nodes {
            node.rpc.set_servers(cluster.servers());
        }
        cluster.nodes[0].raft.bootstrap(&peers).await.unwrap();
        let leader = cluster.leader().await;
        cluster.all_follow(leader).await;
        cluster
    }

    /// All servers, as gossip would tell of them.
    pub(in crate::agent::rpc) fn servers(&self) -> Vec<Server> {
        self.nodes.iter().map(|node| node.server.clone()).collect()
    }

    /// A client agent that knows these servers.
    pub(in crate::agent::rpc) fn client_of(&self, servers: &[usize], hold: Duration) -> Rpc {
        let rpc = Rpc::client(settings(hold), &Metrics::default());
        let known = servers.iter().map(|&n| self.nodes[n].server.clone());
        rpc.set_servers(known.collect());
        rpc
    }

    /// A client agent.
    pub(in crate::agent::rpc) fn client(&self) -> Rpc {
        let all: Vec<usize> = (0..self.nodes.len()).collect();
        self.client_of(&all, HOLD)
    }

    /// Waits until a server leads that was not killed, and returns which.
    pub(in crate::agent::rpc) async fn leader(&self) -> usize {
        let alive = self.nodes.iter().enumerate().filter(|(_, n)| n.is_alive());
        let waits = alive.map(|(n, node)| {
            let mut leadership = node.raft.leadership();
            Box::pin(async move {
                let leads = leadership.wait_for(Leadership::is_leader);
                leads.await.expect("running");
                n
            })
        });
        let first = timeout(LONG, select_all(waits)).await.expect("a leader");
        first.0
    }

    /// Waits until all servers that were not killed know the leader.
    pub(in crate::agent::rpc) async fn all_follow(&self, leader: usize) {
        let id = &self.nodes[leader].server.id;
        for node in self.nodes.iter().filter(|node| node.is_alive()) {
            let mut leadership = node.raft.leadership();
            let knows = leadership.wait_for(|now| now.leader.as_ref().is_some_and(|l| l.id == *id));
            let known = timeout(LONG, knows).await.expect("known in time");
            drop(known.expect("running"));
        }
    }

    /// The servers that do not lead and were not killed.
    pub(in crate::agent::rpc) async fn followers(&self) -> Vec<usize> {
        let leader = self.leader().await;
        let others = 0..self.nodes.len();
        others
            .filter(|&n| n != leader && self.nodes[n].is_alive())
            .collect()
    }

    /// Ends all.
    pub(in crate::agent::rpc) async fn stop(mut self) {
        for node in &mut self.nodes {
            node.kill().await;
        }
    }
}

/// Writes a key.
pub(in crate::agent::rpc) async fn put(
    rpc: &Rpc,
    key: &str,
    value: &str,
) -> Result<bool, RpcError> {
    apply(rpc, KvVerb::Set, key, value, 0).await
}

/// Changes a key.
pub(in crate::agent::rpc) async fn apply(
    rpc: &Rpc,
    verb: KvVerb,
    key: &str,
    value: &str,
    index: u64,
) -> Result<bool, RpcError> {
    let pair = KvPair {
        key: Key::from(key),
        value: Blob(value.as_bytes().to_vec().into()),
        modify_index: index,
        ..KvPair::default()
    };
    rpc.kv_apply(&WriteOptions::default(), verb, pair).await
}

/// Reads a key.
pub(in crate::agent::rpc) async fn get(
    rpc: &Rpc,
    key: &str,
    options: &QueryOptions,
) -> Result<(Option<String>, QueryMeta), RpcError> {
    let query = KvGet {
        key: Key::from(key),
    };
    let (found, meta) = rpc.query(options, &query).await?;
    let value = found.map(|pair| String::from_utf8(pair.value.0.to_vec()).unwrap());
    Ok((value, meta))
}

/// Options with a consistency.
pub(in crate::agent::rpc) fn with(consistency: Consistency) -> QueryOptions {
    QueryOptions {
        consistency,
        ..QueryOptions::default()
    }
}

/// The keys that a state has.
pub(in crate::agent::rpc) async fn missing(rpc: &Rpc, keys: &BTreeSet<String>) -> Vec<String> {
    let mut missing = Vec::new();
    for key in keys {
        let found = get(rpc, key, &with(Consistency::Consistent)).await.unwrap();
        if found.0.is_none() {
            missing.push(key.clone());
        }
    }
    missing
}
