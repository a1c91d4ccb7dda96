//! The handle by which the agent writes, reads and watches the replicated state.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use openraft::errors::RaftError;
use openraft::raft::AppendEntriesResponse;
use thiserror::Error;
use tokio::sync::watch;

use super::contact::Contact;
use super::guard::Complaints;
use super::leadership::{Core, Failure, History, Leader, LeaderChange, Leadership};
use super::lock_delays::LockDelays;
use super::log_store::LogStore;
use super::meters::Meters;
use super::network::Call;
use super::novice::Novice;
use super::probation::Probation;
use super::settings::{Clock, Timing};
use super::snapshot_transfer::Transfers;
use super::snapshots::Snapshots;
use super::state_machine::{Published, View};
use super::types::{NodeInfo, TypeConfig};
use super::watch::{Watcher, Watches};
use super::wire;
use crate::agent::store::{State, WatchSet};
use crate::model::kv::Key;

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
    pub(super) timing: Timing,
    /// When a leader was last heard; written by [`Raft::serve`].
    pub(super) contact: Arc<Contact>,
    /// Held for as long as a change of the membership takes, both halves of it: one is made at a time.
    pub(super) changing: tokio::sync::Mutex<()>,
    /// Whether this server still has to get its log from others before it may vote.
    pub(super) novice: Novice,
    /// This server's snapshots.
    pub(super) snapshots: Snapshots,
    /// What a leader is sending.
    pub(super) transfers: Transfers,
    /// Until when this server must not help another leader to be elected.
    pub(super) probation: Probation,
    /// Leaders that contradicted what is committed here.
    pub(super) complaints: Complaints,
    pub(super) meters: Arc<Meters>,
    /// Keys that are closed to locks.
    pub(super) lock_delays: Arc<LockDelays>,
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
    /// The sender's log has other entries where this server's are committed: see [`super::guard`].
    #[error("the two logs contradict each other, as those of two clusters do: {0}")]
    Contradiction(String),
    /// A snapshot cannot be taken; the sender begins anew.
    #[error("cannot receive the snapshot: {0}")]
    Snapshot(String),
}

impl Raft {
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

    /// How long a key must not be locked, because its last holder's session has ended; `None` when it may be.
    pub fn lock_delay(&self, key: &Key) -> Option<Duration> {
        self.inner.lock_delays.left(key, Instant::now())
    }

    /// This server's node UUID.
    pub fn own_id(&self) -> &str {
        &self.inner.node.uuid
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
        self.inner.contact.age()
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

    /// Answers a frame of another server.
    pub async fn serve(&self, call: Call, body: &[u8]) -> Result<Vec<u8>, ServeError> {
        self.serve_from(None, call, body).await
    }

    /// As [`Self::serve`], with the address that the frame came from, for the log.
    pub async fn serve_from(
        &self,
        from: Option<IpAddr>,
        call: Call,
        body: &[u8],
    ) -> Result<Vec<u8>, ServeError> {
        let malformed = |e: wire::WireError| ServeError::Malformed(e.to_string());
        let (core, meters) = (&self.inner.core, &self.inner.meters);
        let began = Instant::now();
        let answer = match call {
            Call::Append => {
                let rpc = wire::decode_append(body).map_err(malformed)?;
                self.check_append(&rpc, from).await?;
                // One that is refused has an earlier term, and does not count.
                self.inner.contact.heard(rpc.vote.leader_id().term);
                let (leader, committed) = (rpc.vote, rpc.leader_commit);
                let is_heartbeat = rpc.entries.is_empty();
                let answer = core.append_entries(rpc).await.map_err(|e| ended(&e))?;
                if !matches!(answer, AppendEntriesResponse::HigherVote(_)) {
                    self.heard_commit(&leader, committed);
                }
                meters.served_append.record_duration(began.elapsed());
                if is_heartbeat {
                    meters.served_heartbeat.record_duration(began.elapsed());
                }
                wire::encode_append_answer(&answer)
            }
            Call::Vote => {
                let rpc = wire::decode_vote_request(body).map_err(malformed)?;
                self.check_candidate(&rpc, from)?;
                let answer = match self.refusal(&rpc).await? {
                    Some(refusal) => refusal,
                    None => core.vote(rpc).await.map_err(|e| ended(&e))?,
                };
                meters.served_vote.record_duration(began.elapsed());
                wire::encode_vote_answer(&answer)
            }
            Call::PreVote => {
                let rpc = wire::decode_vote_request(body).map_err(malformed)?;
                self.check_candidate(&rpc, from)?;
                let answer = match self.refusal(&rpc).await? {
                    Some(refusal) => refusal,
                    None => core.pre_vote(rpc).await.map_err(|e| ended(&e))?,
                };
                wire::encode_vote_answer(&answer)
            }
            Call::Snapshot => {
                let (number, step) = wire::decode_snapshot(body).map_err(malformed)?;
                let (vote, progress) = self.receive_snapshot(number, step, from).await?;
                wire::encode_snapshot_answer(&vote, progress)
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
        self.inner.snapshots.cancel();
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

    pub(super) fn note_contact(&self) {
        self.inner.contact.heard_again();
    }
}

pub(super) fn ended(error: &RaftError<TypeConfig>) -> ServeError {
    ServeError::Stopped(error.to_string())
}
