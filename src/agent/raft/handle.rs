//! The handle by which the agent writes, reads and watches the replicated state.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openraft::ChangeMembers;
use openraft::ReadPolicy;
use openraft::errors::{
    ClientWriteError, ForwardReason, ForwardToLeader, InitializeError, LinearizableReadError,
    RaftError,
};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;

use super::leadership::{Core, Failure, History, Leader, LeaderChange, Leadership};
use super::log_store::LogStore;
use super::network::{Call, Peer};
use super::settings::Clock;
use super::snapshots;
use super::snapshots::SnapshotBody;
use super::state_machine::{Published, View};
use super::types::{AppCommand, Applied, NodeInfo, Snapshot, TypeConfig, derive_raft_id};
use super::watch::{Watcher, Watches};
use super::wire;
use crate::agent::store::{Command, State, WatchSet};

/// Longest pause before a held request tries again.
const RETRY_EVERY: Duration = Duration::from_millis(50);

/// Consensus; clones share it.
#[derive(Clone)]
pub struct Raft {
    pub(super) inner: Arc<Inner>,
}

/// What the clones share.
pub(super) struct Inner {
    pub(super) core: Core,
    pub(super) log: LogStore,
    pub(super) id: u64,
    pub(super) node: NodeInfo,
    pub(super) published: Published,
    pub(super) watches: Watches,
    pub(super) leadership: watch::Receiver<Leadership>,
    pub(super) failure: Failure,
    pub(super) history: History,
    pub(super) clock: Clock,
    /// When a leader was last heard; written by [`Raft::serve`], read by [`Raft::last_contact`].
    pub(super) contact: Mutex<Option<Instant>>,
}

/// Why a write was not made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WriteError {
    /// Nobody led for as long as the request was held.
    #[error("No cluster leader")]
    NoLeader,
    /// Another server leads: send it there.
    #[error("node is not the leader")]
    NotLeader(Leader),
    /// The leadership was lost while the write was under way; it may have been made.
    #[error("leadership lost while committing log")]
    LeadershipLost,
    /// Raft has stopped.
    #[error("raft is stopped: {0}")]
    Stopped(String),
    /// Raft refused for a reason of its own.
    #[error("{0}")]
    Refused(String),
}

/// Why a frame of another server was not answered.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The frame is not one of ours.
    #[error("malformed raft message: {0}")]
    Malformed(String),
    /// Raft has stopped.
    #[error("raft is stopped: {0}")]
    Stopped(String),
}

/// What a refusal of openraft means for a request.
enum Verdict {
    Hold,
    Fail(WriteError),
}

impl Raft {
    /// Writes a command: on return it is committed, durable, and visible to readers here.
    ///
    /// Without a leader the request is held and tried again for `hold` (Consul's
    /// `rpc_hold_timeout`).
    pub async fn write(&self, command: Command, hold: Duration) -> Result<Applied, WriteError> {
        let command = AppCommand(Arc::new(command));
        let deadline = Instant::now() + hold;
        loop {
            let verdict = match self.inner.core.client_write(command.clone()).await {
                Ok(done) => {
                    return done.data.0.ok_or_else(|| {
                        WriteError::Refused("the entry was applied without an answer".to_owned())
                    });
                }
                Err(RaftError::Fatal(fatal)) => return Err(self.stopped(fatal.to_string())),
                Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to))) => self.judge(&to),
                Err(RaftError::APIError(ClientWriteError::LogEntryDiscarded(_))) => {
                    return Err(WriteError::LeadershipLost);
                }
                Err(RaftError::APIError(other)) => {
                    return Err(WriteError::Refused(other.to_string()));
                }
            };
            self.hold(verdict, deadline).await?;
        }
    }

    /// Proves that this server leads now, and that its state has every committed write: what a
    /// consistent read needs. Held like [`Self::write`].
    pub async fn verify_leader(&self, hold: Duration) -> Result<(), WriteError> {
        self.linearize(ReadPolicy::ReadIndex, hold).await
    }

    /// Checks that a quorum has heard this leader within its lease: what a default read needs.
    /// Costs no message. Held like [`Self::write`].
    pub async fn verify_lease(&self, hold: Duration) -> Result<(), WriteError> {
        if self.leads_alone() {
            return Ok(());
        }
        self.linearize(ReadPolicy::LeaseRead, hold).await
    }

    /// Whether this server leads and is the only voter: nobody else can have taken the lead, and every
    /// committed write is in the published state. Spares the reads of a single server the way
    /// through raft's own task.
    fn leads_alone(&self) -> bool {
        let view = self.inner.published.load();
        let mut voters = view.membership.voter_ids();
        voters.next() == Some(self.inner.id) && voters.next().is_none() && self.is_leader()
    }

    async fn linearize(&self, policy: ReadPolicy, hold: Duration) -> Result<(), WriteError> {
        let deadline = Instant::now() + hold;
        loop {
            let verdict = match self.inner.core.ensure_linearizable(policy.clone()).await {
                Ok(_) => return Ok(()),
                Err(RaftError::Fatal(fatal)) => return Err(self.stopped(fatal.to_string())),
                Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(to))) => {
                    self.judge(&to)
                }
                Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => {
                    Verdict::Hold
                }
            };
            self.hold(verdict, deadline).await?;
        }
    }

    /// The published state: every acknowledged write is in it.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.inner.published.load().state)
    }

    pub(super) fn view(&self) -> Arc<View> {
        self.inner.published.load_full()
    }

    /// Registers for changes of `topics`. Register first, then read [`Self::state`]: whatever is
    /// published after the registration wakes the watcher.
    pub fn watch(&self, topics: &WatchSet) -> Watcher {
        self.inner.watches.watch(topics)
    }

    /// Who leads, when that is known.
    pub fn leader(&self) -> Option<Leader> {
        self.inner.leadership.borrow().leader.clone()
    }

    /// Whether it is known who leads.
    pub fn knows_leader(&self) -> bool {
        self.inner.leadership.borrow().leader.is_some()
    }

    /// Whether this server leads.
    pub fn is_leader(&self) -> bool {
        self.inner.leadership.borrow().is_leader()
    }

    /// Follows the leadership.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.inner.leadership.clone()
    }

    /// The last changes of leader, oldest first.
    pub fn history(&self) -> Vec<LeaderChange> {
        let history = self.inner.history.lock();
        history
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    /// Time since a leader was heard; zero on the leader, nothing when none ever was.
    pub fn last_contact(&self) -> Option<Duration> {
        if self.is_leader() {
            return Some(Duration::ZERO);
        }
        let contact = self.inner.contact.lock();
        contact
            .unwrap_or_else(PoisonError::into_inner)
            .map(|at| at.elapsed())
    }

    /// Waits until a leader is known, at most for `hold`.
    pub async fn wait_for_leader(&self, hold: Duration) -> Result<Leader, WriteError> {
        let mut leadership = self.leadership();
        let known = leadership.wait_for(|l| l.leader.is_some());
        match tokio::time::timeout(hold, known).await {
            Ok(Ok(known)) => known.leader.clone().ok_or(WriteError::NoLeader),
            Ok(Err(_)) => Err(self.stopped("shut down".to_owned())),
            Err(_) => Err(WriteError::NoLeader),
        }
    }

    /// Forms a cluster of these servers, this one among them. Does nothing when there is one.
    pub async fn bootstrap(&self, servers: &[Peer]) -> Result<(), WriteError> {
        let members: BTreeMap<u64, NodeInfo> = servers
            .iter()
            .map(|server| {
                let info = NodeInfo {
                    uuid: server.id.clone(),
                    address: server.address.clone(),
                };
                if server.id == self.inner.node.uuid {
                    (self.inner.id, info)
                } else {
                    (derive_raft_id(&server.id), info)
                }
            })
            .collect();
        match self.inner.core.initialize(members).await {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(RaftError::Fatal(fatal)) => Err(self.stopped(fatal.to_string())),
            Err(RaftError::APIError(other)) => Err(WriteError::Refused(other.to_string())),
        }
    }

    /// Writes this server's own id and address into the membership, when they differ.
    pub(super) async fn correct_own_entry(&self) -> Result<(), WriteError> {
        let known = {
            let metrics = self.inner.core.server_metrics();
            let metrics = openraft::async_runtime::WatchReceiver::borrow_watched(&metrics);
            metrics.membership_config.get_node(&self.inner.id).cloned()
        };
        if known.is_none_or(|known| known == self.inner.node) {
            return Ok(());
        }
        tracing::info!(
            target: "agent.server.raft",
            address = %self.inner.node.address,
            "updating this server's address in the raft configuration"
        );
        let own = BTreeMap::from([(self.inner.id, self.inner.node.clone())]);
        let changed = self
            .inner
            .core
            .change_membership(ChangeMembers::SetNodes(own), true);
        match changed.await {
            Ok(_) => Ok(()),
            Err(RaftError::Fatal(fatal)) => Err(self.stopped(fatal.to_string())),
            Err(RaftError::APIError(other)) => Err(WriteError::Refused(other.to_string())),
        }
    }

    /// Answers a frame of another server.
    pub async fn serve(&self, call: Call, body: &[u8]) -> Result<Vec<u8>, ServeError> {
        let malformed = |e: wire::WireError| ServeError::Malformed(e.to_string());
        let core = &self.inner.core;
        let answer = match call {
            Call::Append => {
                let rpc = wire::decode_append(body).map_err(malformed)?;
                let answer = core.append_entries(rpc).await.map_err(|e| ended(&e))?;
                self.note_contact();
                wire::encode_append_answer(&answer)
            }
            Call::Vote => {
                let rpc = wire::decode_vote_request(body).map_err(malformed)?;
                wire::encode_vote_answer(&core.vote(rpc).await.map_err(|e| ended(&e))?)
            }
            Call::PreVote => {
                let rpc = wire::decode_vote_request(body).map_err(malformed)?;
                wire::encode_vote_answer(&core.pre_vote(rpc).await.map_err(|e| ended(&e))?)
            }
            Call::Snapshot => {
                let (vote, file) = wire::decode_snapshot(body).map_err(malformed)?;
                let decoded = tokio::task::spawn_blocking(move || snapshots::decode(&file));
                let (meta, state) = decoded
                    .await
                    .map_err(|e| ServeError::Malformed(e.to_string()))?
                    .map_err(ServeError::Malformed)?;
                let snapshot = Snapshot {
                    meta,
                    snapshot: SnapshotBody::Held(Arc::new(state)),
                };
                let answer = core.install_full_snapshot(vote, snapshot).await;
                self.note_contact();
                wire::encode_snapshot_answer(
                    &answer.map_err(|e| ServeError::Stopped(e.to_string()))?,
                )
            }
            Call::TransferLeader => {
                let rpc = wire::decode_transfer(body).map_err(malformed)?;
                let answer = core.handle_transfer_leader(rpc).await;
                wire::encode_transfer_answer(
                    &answer.map_err(|e| ServeError::Stopped(e.to_string()))?,
                )
            }
        };
        answer.map_err(malformed)
    }

    /// Waits until raft has failed for good, and tells why. The agent must stop then: nothing is
    /// acknowledged any more. Never returns after an orderly [`Self::shutdown`].
    pub async fn fatal(&self) -> String {
        let mut failure = self.inner.failure.clone();
        let reason = match failure.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone(),
            Err(_) => None,
        };
        match reason {
            Some(reason) => reason,
            None => std::future::pending().await,
        }
    }

    /// Ends raft, writes what is still queued, and closes the log.
    pub async fn shutdown(&self) -> Result<(), WriteError> {
        let ended = self.inner.core.shutdown().await;
        let closed = self.inner.log.close().await;
        ended.map_err(|e| WriteError::Stopped(e.to_string()))?;
        closed.map_err(|e| WriteError::Stopped(e.to_string()))
    }

    /// Transactions of the log so far: how well writers share them.
    pub fn log_batches(&self) -> u64 {
        self.inner.log.batches()
    }

    pub(super) fn stopped(&self, reason: String) -> WriteError {
        WriteError::Stopped(self.inner.log.failure().unwrap_or(reason))
    }

    fn note_contact(&self) {
        let mut contact = self
            .inner
            .contact
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *contact = Some(Instant::now());
    }

    fn judge(&self, to: &ForwardToLeader<TypeConfig>) -> Verdict {
        match (&to.reason, to.leader_id, &to.leader_node) {
            (ForwardReason::NotLeader, Some(id), Some(node)) if id != self.inner.id => {
                Verdict::Fail(WriteError::NotLeader(Leader {
                    id: node.uuid.clone(),
                    address: node.address.clone(),
                }))
            }
            // No leader, a fresh leader without a lease, or a transfer under way: it passes.
            _ => Verdict::Hold,
        }
    }

    async fn hold(&self, verdict: Verdict, deadline: Instant) -> Result<(), WriteError> {
        if let Verdict::Fail(error) = verdict {
            return Err(error);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(WriteError::NoLeader);
        }
        let mut leadership = self.leadership();
        // A lease comes and goes without a change of leadership: look again all the same.
        let _ = tokio::time::timeout(left.min(RETRY_EVERY), leadership.changed()).await;
        Ok(())
    }
}

fn ended(error: &RaftError<TypeConfig>) -> ServeError {
    ServeError::Stopped(error.to_string())
}
