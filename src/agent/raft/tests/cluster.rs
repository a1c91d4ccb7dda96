//! Several servers in one process, over a transport that can be cut and slowed down.

mod failover;
mod members;
mod pipeline;
mod recovery;
mod transfer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::*;

type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Answer = Result<Vec<u8>, TransportError>;
/// From, to, and what for.
type Way = (String, String, Lane);

/// Frames between handles in this process.
#[derive(Default)]
struct Switch {
    servers: Mutex<BTreeMap<String, Raft>>,
    cut: Mutex<BTreeSet<String>>,
    lanes: Mutex<Vec<(Way, mpsc::UnboundedSender<Parcel>)>>,
    /// Time that a frame and an answer each take.
    delay: Duration,
}

/// A frame on its way.
struct Parcel {
    due: Instant,
    call: Call,
    body: Vec<u8>,
    answer: oneshot::Sender<Answer>,
}

/// One server's end of the switch.
struct Port {
    switch: Arc<Switch>,
    own: String,
}

fn cut_off(address: &str) -> TransportError {
    TransportError::Unreachable(address.to_owned(), "cut".to_owned())
}

fn locked<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Transport for Port {
    fn call<'a>(
        &'a self,
        peer: &'a Peer,
        lane: Lane,
        call: Call,
        body: Vec<u8>,
        limit: Duration,
    ) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            if self.switch.receiver(&self.own, peer).is_none() {
                return Err(cut_off(&peer.address));
            }
            let (answer, answered) = oneshot::channel();
            let parcel = Parcel {
                due: Instant::now() + self.switch.delay,
                call,
                body,
                answer,
            };
            let way = (self.own.clone(), peer.address.clone(), lane);
            self.switch.send(way, peer, parcel);
            match timeout(limit, answered).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(cut_off(&peer.address)),
                Err(late) => Err(TransportError::Broken(late.to_string())),
            }
        })
    }
}

impl Switch {
    /// Who takes a frame; nobody when either end is cut off, or another server is there.
    fn receiver(&self, from: &str, peer: &Peer) -> Option<Raft> {
        if self.is_cut(from) || self.is_cut(&peer.address) {
            return None;
        }
        let raft = locked(&self.servers).get(&peer.address).cloned();
        raft.filter(|raft| raft.inner.node.uuid == peer.id)
    }

    /// Puts a frame on its lane: frames of one lane arrive in order and are served at the same time.
    fn send(self: &Arc<Self>, way: Way, peer: &Peer, parcel: Parcel) {
        let mut lanes = locked(&self.lanes);
        let known = lanes.iter().find(|(known, _)| *known == way);
        let lane = if let Some((_, lane)) = known {
            lane.clone()
        } else {
            let (lane, mut parcels) = mpsc::unbounded_channel::<Parcel>();
            lanes.push((way.clone(), lane.clone()));
            let (switch, peer) = (Arc::clone(self), peer.clone());
            tokio::spawn(async move {
                while let Some(parcel) = parcels.recv().await {
                    sleep_until(parcel.due).await;
                    switch.deliver(&way.0, &peer, parcel).await;
                }
            });
            lane
        };
        drop(lanes);
        lane.send(parcel).expect("the lane is open");
    }

    async fn deliver(self: &Arc<Self>, from: &str, peer: &Peer, parcel: Parcel) {
        let Parcel {
            call, body, answer, ..
        } = parcel;
        let Some(raft) = self.receiver(from, peer) else {
            return;
        };
        let (switch, from, peer) = (Arc::clone(self), from.to_owned(), peer.clone());
        let mut serve = Box::pin(async move {
            let served = raft.serve(call, &body).await;
            let served = served.map_err(|e| TransportError::Broken(e.to_string()));
            sleep_until(Instant::now() + switch.delay).await;
            if switch.receiver(&from, &peer).is_some() {
                let _gone = answer.send(served);
            }
        });
        // Begun here, so that frames begin in their order.
        tokio::select! {
            biased;
            () = &mut serve => {}
            () = std::future::ready(()) => drop(tokio::spawn(serve)),
        }
    }

    fn add(&self, address: String, raft: Raft) {
        locked(&self.servers).insert(address, raft);
    }

    fn is_cut(&self, address: &str) -> bool {
        locked(&self.cut).contains(address)
    }

    fn set_cut(&self, address: &str, is_cut: bool) {
        let mut cut = locked(&self.cut);
        if is_cut {
            cut.insert(address.to_owned());
        } else {
            cut.remove(address);
        }
    }
}

struct Cluster {
    switch: Arc<Switch>,
    servers: Vec<Raft>,
    snapshot_threshold: u64,
}

fn address(n: usize) -> String {
    format!("10.0.0.{n}:8300")
}

fn peer(n: usize) -> Peer {
    Peer {
        id: format!("node-{n}"),
        address: address(n),
    }
}

impl Cluster {
    async fn start(count: usize, snapshot_threshold: u64) -> Self {
        Self::start_with(count, snapshot_threshold, Duration::ZERO).await
    }

    async fn start_with(count: usize, snapshot_threshold: u64, delay: Duration) -> Self {
        let cluster = Self::without_servers(snapshot_threshold, delay);
        cluster.with_blank(count).await.formed(count).await
    }

    fn without_servers(snapshot_threshold: u64, delay: Duration) -> Self {
        Self {
            switch: Arc::new(Switch {
                delay,
                ..Switch::default()
            }),
            servers: Vec::new(),
            snapshot_threshold,
        }
    }

    /// Adds servers that are in no configuration.
    async fn with_blank(mut self, count: usize) -> Self {
        for _ in 0..count {
            let raft = self.launch(self.servers.len(), None).await;
            self.servers.push(raft);
        }
        self
    }

    /// The first servers form a cluster, as Consul's do: each of them for itself.
    async fn formed(self, count: usize) -> Self {
        let peers: Vec<Peer> = (0..count).map(peer).collect();
        for raft in &self.servers[..count] {
            raft.bootstrap(&peers).await.expect("formed");
        }
        self
    }

    /// Starts a server under its number; in memory when there is no folder.
    async fn launch(&self, n: usize, dir: Option<&Path>) -> Raft {
        let port = Port {
            switch: Arc::clone(&self.switch),
            own: address(n),
        };
        let (raft, _) = super::start(RaftSettings {
            node_uuid: peer(n).id,
            address: address(n),
            bootstrap: false,
            snapshot_threshold: self.snapshot_threshold,
            trailing_logs: self.snapshot_threshold / 10,
            transport: Arc::new(port),
            ..settings(dir)
        })
        .await;
        self.switch.add(address(n), raft.clone());
        raft
    }

    /// Waits until one of the servers that are not cut leads, and returns which.
    async fn leader(&self) -> usize {
        leader_of(&self.servers, &self.switch).await
    }

    /// Writes at whoever leads, wherever the request comes to first.
    async fn write(&self, key: &str) -> Result<(), WriteError> {
        write_at(&self.servers, key).await
    }

    /// Waits until these servers have a key.
    async fn have(&self, servers: impl IntoIterator<Item = usize>, key: &str) {
        for n in servers {
            let raft = &self.servers[n];
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
            timeout(HOLD, appears).await.expect("replicated");
        }
    }

    /// Waits until every server has a key.
    async fn everyone_has(&self, key: &str) {
        self.have(0..self.servers.len(), key).await;
    }

    /// Who votes, and who is sent the log, as a server has it.
    fn members(&self, at: usize) -> (Vec<String>, Vec<String>) {
        let servers = self.servers[at].configuration().servers;
        let (voters, others): (Vec<_>, Vec<_>) = servers.into_iter().partition(|s| s.voter);
        let ids = |of: Vec<crate::model::raft::RaftServer>| {
            let mut ids: Vec<String> = of.into_iter().map(|s| s.id).collect();
            ids.sort();
            ids
        };
        (ids(voters), ids(others))
    }

    async fn shutdown(self) {
        locked(&self.switch.servers).clear();
        for raft in self.servers {
            raft.shutdown().await.expect("closed");
        }
    }
}

/// Waits until one of the servers that are not cut leads, and returns which.
async fn leader_of(servers: &[Raft], switch: &Arc<Switch>) -> usize {
    let mut set = tokio::task::JoinSet::new();
    for (n, raft) in servers.iter().enumerate() {
        let (mut leadership, switch) = (raft.leadership(), Arc::clone(switch));
        let address = raft.inner.node.address.clone();
        set.spawn(async move {
            let leads = leadership.wait_for(|l| l.is_leader() && !switch.is_cut(&address));
            leads.await.is_ok().then_some(n)
        });
    }
    let first = async {
        loop {
            let ended = set.join_next().await.expect("servers");
            if let Some(leader) = ended.expect("no panic") {
                return leader;
            }
        }
    };
    timeout(HOLD, first).await.expect("a leader")
}

/// Waits until a server knows of no leader.
async fn until_leaderless(raft: &Raft) {
    let mut leadership = raft.leadership();
    let leaderless = leadership.wait_for(|now| !now.is_leader() && now.leader.is_none());
    let waited = timeout(HOLD, leaderless).await.expect("in time");
    drop(waited.expect("running"));
}

/// Writes at whoever leads, as an agent that forwards does: the request comes to the first of these servers, and goes from
/// there to the leader that it names. One that knows of none is not asked again.
async fn write_at(servers: &[Raft], key: &str) -> Result<(), WriteError> {
    let until = Instant::now() + HOLD;
    let first = servers.first().expect("servers");
    let mut at = first;
    loop {
        match at.write(put(key, b"v"), HOLD).await {
            Ok(_) => return Ok(()),
            Err(WriteError::NotLeader(leader)) => {
                let mut known = servers.iter();
                at = known
                    .find(|raft| raft.inner.node.uuid == leader.id)
                    .expect("a server of the cluster");
            }
            Err(WriteError::NoLeader) if Instant::now() < until => at = first,
            Err(other) => return Err(other),
        }
    }
}

/// Writers that go on until they are stopped.
struct Writers {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicUsize>,
    tasks: tokio::task::JoinSet<Result<usize, WriteError>>,
}

impl Writers {
    fn start(count: usize, servers: &[Raft]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let written = Arc::new(AtomicUsize::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for writer in 0..count {
            let (stop, written) = (Arc::clone(&stop), Arc::clone(&written));
            let servers = servers.to_vec();
            tasks.spawn(async move {
                let mut done = 0;
                while !stop.load(Ordering::Relaxed) {
                    write_at(&servers, &format!("w{writer}/{done}")).await?;
                    done += 1;
                    written.fetch_add(1, Ordering::Relaxed);
                }
                Ok(done)
            });
        }
        Self {
            stop,
            written,
            tasks,
        }
    }

    /// Stops them: none may have failed, and what they have written must be there.
    async fn stop(mut self, at: &Raft) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(done) = self.tasks.join_next().await {
            done.expect("no panic").expect("no write failed");
        }
        at.verify_leader(HOLD).await.expect("leads");
        let all = self.written.load(Ordering::Relaxed);
        let there = at.state().kv_prefix(b"w").count();
        assert!(there >= all, "{there} of {all} writes are there");
        assert!(all > 0);
    }
}
