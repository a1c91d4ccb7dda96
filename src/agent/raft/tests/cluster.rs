//! Three servers in one process, over a transport that can be cut.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use super::*;

type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Frames between handles in this process.
#[derive(Default)]
struct Switch {
    servers: Mutex<BTreeMap<String, Raft>>,
    cut: Mutex<BTreeSet<String>>,
}

/// One server's end of the switch.
struct Port {
    switch: Arc<Switch>,
    own: String,
}

impl Transport for Port {
    fn call<'a>(
        &'a self,
        peer: &'a Peer,
        _: Lane,
        call: Call,
        body: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, TransportError>> {
        Box::pin(async move {
            let broken = |e: String| TransportError::Broken(e);
            let raft = {
                let cut = self
                    .switch
                    .cut
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                let servers = self
                    .switch
                    .servers
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                let is_cut = cut.contains(&peer.address) || cut.contains(&self.own);
                servers.get(&peer.address).filter(|_| !is_cut).cloned()
            };
            let Some(raft) = raft else {
                return Err(TransportError::Unreachable(
                    peer.address.clone(),
                    "cut".to_owned(),
                ));
            };
            let answer = tokio::time::timeout(timeout, raft.serve(call, &body)).await;
            answer
                .map_err(|e| broken(e.to_string()))?
                .map_err(|e| broken(e.to_string()))
        })
    }
}

struct Cluster {
    switch: Arc<Switch>,
    servers: Vec<Raft>,
}

fn address(n: usize) -> String {
    format!("10.0.0.{n}:8300")
}

impl Cluster {
    async fn start(count: usize, snapshot_threshold: u64) -> Self {
        let switch = Arc::new(Switch::default());
        let mut servers = Vec::new();
        for n in 0..count {
            let port = Port {
                switch: Arc::clone(&switch),
                own: address(n),
            };
            let (raft, _) = super::start(RaftSettings {
                node_uuid: format!("node-{n}"),
                address: address(n),
                bootstrap: false,
                snapshot_threshold,
                trailing_logs: snapshot_threshold / 10,
                transport: Arc::new(port),
                ..settings(None)
            })
            .await;
            switch.add(address(n), raft.clone());
            servers.push(raft);
        }
        let peers: Vec<Peer> = (0..count)
            .map(|n| Peer {
                id: format!("node-{n}"),
                address: address(n),
            })
            .collect();
        servers[0].bootstrap(&peers).await.expect("formed");
        Self { switch, servers }
    }

    /// Waits until one of the servers that are not cut leads, and returns which.
    async fn leader(&self) -> usize {
        let waits = self.servers.iter().enumerate().map(|(n, raft)| {
            let (mut leadership, switch) = (raft.leadership(), Arc::clone(&self.switch));
            Box::pin(async move {
                let leads = leadership.wait_for(|l| l.is_leader() && !switch.is_cut(&address(n)));
                leads.await.expect("running");
                n
            })
        });
        let mut set = tokio::task::JoinSet::new();
        for wait in waits {
            set.spawn(wait);
        }
        let first = tokio::time::timeout(HOLD, set.join_next()).await;
        first
            .expect("a leader")
            .expect("servers")
            .expect("no panic")
    }

    /// Waits until every server has a key.
    async fn everyone_has(&self, key: &str) {
        for raft in &self.servers {
            let mut topics = WatchSet::default();
            topics.add(Topic::Kv(Key::from(key)));
            let appears = async {
                loop {
                    let watcher = raft.watch(&topics);
                    if get(raft, key).is_some() {
                        return;
                    }
                    watcher.changed().await;
                }
            };
            tokio::time::timeout(HOLD, appears)
                .await
                .expect("replicated");
        }
    }

    async fn shutdown(self) {
        self.switch
            .servers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        for raft in self.servers {
            raft.shutdown().await.expect("closed");
        }
    }
}

impl Switch {
    fn add(&self, address: String, raft: Raft) {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        servers.insert(address, raft);
    }

    fn is_cut(&self, address: &str) -> bool {
        let cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        cut.contains(address)
    }

    fn set_cut(&self, address: &str, is_cut: bool) {
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        if is_cut {
            cut.insert(address.to_owned());
        } else {
            cut.remove(address);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_agree_and_survive_a_lost_leader() {
    let cluster = Cluster::start(3, DEFAULT_SNAPSHOT_THRESHOLD).await;
    let first = cluster.leader().await;
    let leader = &cluster.servers[first];
    leader
        .write(put("before", b"1"), HOLD)
        .await
        .expect("written");
    leader.verify_leader(HOLD).await.expect("leads");
    cluster.everyone_has("before").await;
    let follower = &cluster.servers[(first + 1) % 3];
    let refused = follower
        .write(put("x", b"1"), HOLD)
        .await
        .expect_err("not here");
    assert_eq!(
        refused,
        WriteError::NotLeader(leader.leader().expect("known"))
    );
    assert!(follower.last_contact().is_some());
    cluster.switch.set_cut(&address(first), true);
    let second = cluster.leader().await;
    assert_ne!(first, second);
    let leader = &cluster.servers[second];
    leader
        .write(put("after", b"2"), HOLD)
        .await
        .expect("written");
    let lost = cluster.servers[first]
        .write(put("lost", b"1"), Duration::from_millis(200))
        .await;
    assert_eq!(lost.expect_err("no quorum"), WriteError::NoLeader);
    cluster.switch.set_cut(&address(first), false);
    cluster.everyone_has("after").await;
    assert!(
        cluster
            .servers
            .iter()
            .all(|raft| get(raft, "lost").is_none())
    );
    assert!(leader.history().len() >= 2);
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_far_behind_gets_a_snapshot() {
    let cluster = Cluster::start(3, 50).await;
    let first = cluster.leader().await;
    let leader = &cluster.servers[first];
    leader
        .write(put("before", b"1"), HOLD)
        .await
        .expect("written");
    cluster.everyone_has("before").await;
    let behind = (first + 1) % 3;
    cluster.switch.set_cut(&address(behind), true);
    for n in 0..400 {
        leader
            .write(put(&format!("k{n}"), b"v"), HOLD)
            .await
            .expect("written");
    }
    leader.trigger_snapshot().await.expect("held");
    cluster.switch.set_cut(&address(behind), false);
    cluster.everyone_has("k399").await;
    let follower = &cluster.servers[behind].inner.core;
    let installed = follower
        .wait(Some(HOLD))
        .metrics(|m| m.snapshot.is_some(), "snapshot")
        .await;
    installed.expect("by snapshot, not by entries");
    cluster.shutdown().await;
}
