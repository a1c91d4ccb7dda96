//! Applies committed entries to the store's state, and publishes the result.
//!
//! The working copy is private to the task that applies. Readers see a new state once a batch:
//! published first, then watchers are woken, then the writers are answered, so that an
//! acknowledged write is visible to every read that follows.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use openraft::EntryPayload;
use openraft::entry::RaftEntry as _;
use openraft::storage::{ApplyResponder, EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use tokio_stream::{Stream, StreamExt as _};

use super::lock_delays::LockDelays;
use super::meters::Meters;
use super::snapshots::{SnapshotBody, Snapshots};
use super::types::{
    AppResponse, Applied, LogId, Snapshot, SnapshotMeta, StoredMembership, TypeConfig,
};
use super::watch::Watches;
use crate::agent::store::{Command, RestoreStep, State, Touched};

/// Entries after which a long batch is published all the same, so that writers do not wait for it.
const PUBLISH_EVERY: usize = 1024;

/// A published state and the entries that it contains.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    /// The state.
    pub(super) state: Arc<State>,
    /// The last entry in it.
    pub(super) applied: Option<LogId>,
    /// The membership as of that entry.
    pub(super) membership: StoredMembership,
}

/// The published state; written by the state machine, read by everyone.
pub(super) type Published = Arc<ArcSwap<View>>;

/// openraft's state machine over the store.
pub(super) struct StateMachine {
    state: State,
    applied: Option<LogId>,
    membership: StoredMembership,
    published: Published,
    watches: Watches,
    snapshots: Snapshots,
    meters: Arc<Meters>,
    lock_delays: Arc<LockDelays>,
}

/// What was applied and not yet published.
#[derive(Default)]
struct Batch {
    entries: usize,
    /// What each command changed.
    touched: Vec<Touched>,
    answers: Vec<(ApplyResponder<TypeConfig>, AppResponse)>,
    /// The state that a restore has replaced.
    replaced: Option<State>,
}

impl StateMachine {
    /// A state machine that continues from a snapshot, or from nothing.
    pub(super) fn new(
        start: Option<(SnapshotMeta, State)>,
        snapshots: Snapshots,
        watches: Watches,
    ) -> (Self, Published) {
        let (meta, state) = start.unwrap_or_default();
        let published = Published::default();
        let machine = Self {
            state,
            applied: meta.last_log_id,
            membership: meta.last_membership,
            published: Arc::clone(&published),
            watches,
            snapshots,
            meters: Arc::default(),
            lock_delays: Arc::default(),
        };
        machine.publish();
        (machine, published)
    }

    /// Measures from now on.
    pub(super) fn measure(&mut self, meters: Arc<Meters>) {
        self.meters = meters;
    }

    /// The keys that are closed to locks, as this machine's commands close them.
    pub(super) fn lock_delays(&self) -> Arc<LockDelays> {
        Arc::clone(&self.lock_delays)
    }

    fn publish(&self) {
        self.published.store(Arc::new(View {
            state: Arc::new(self.state.clone()),
            applied: self.applied,
            membership: self.membership.clone(),
        }));
    }

    /// Publishes what was applied since the last time, wakes watchers and answers writers.
    fn finish(&self, batch: Batch) {
        // Before anybody learns that a key is free.
        self.close_locks(&batch.touched);
        self.publish();
        self.watches.wake(&batch.touched);
        if !batch.answers.is_empty() {
            // Only a leader has somebody to answer.
            self.meters.commit_entries.set_count(batch.entries as u64);
        }
        for (responder, answer) in batch.answers {
            responder.send(answer);
        }
        if batch.replaced.is_some() {
            free(batch.replaced);
        }
    }

    fn close_locks(&self, changes: &[Touched]) {
        let delays = changes.iter().map(Touched::lock_delays);
        for delays in delays.filter(|delays| !delays.is_empty()) {
            self.lock_delays.note(delays, Instant::now());
        }
    }

    fn apply_entry(&mut self, log_id: LogId, command: &Command, batch: &mut Batch) -> Applied {
        if matches!(
            command,
            Command::Restore(_) | Command::RestoreStep(RestoreStep::Commit { .. })
        ) {
            batch.replaced.get_or_insert_with(|| self.state.clone());
        }
        let mut touched = Touched::default();
        let response = self.state.apply(log_id.index(), command, &mut touched);
        if !touched.is_empty() {
            batch.touched.push(touched);
        }
        Applied {
            index: self.state.last_index(),
            response,
        }
    }

    fn meta(&self) -> SnapshotMeta {
        SnapshotMeta {
            last_log_id: self.applied,
            last_membership: self.membership.clone(),
        }
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = SnapshotBody;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + Send,
    {
        let mut batch = Batch::default();
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let log_id = entry.log_id();
            let answer = match entry.payload {
                EntryPayload::Blank => {
                    // A new leader: what the old one was restoring has no end.
                    self.state.abandon_restoration();
                    None
                }
                EntryPayload::Normal(command) => {
                    Some(self.apply_entry(log_id, command.command(), &mut batch))
                }
                EntryPayload::Membership(membership) => {
                    self.membership = StoredMembership::new(Some(log_id), membership);
                    None
                }
            };
            self.applied = Some(log_id);
            if let Some(responder) = responder {
                batch.answers.push((responder, AppResponse(answer)));
            }
            batch.entries += 1;
            if batch.entries == PUBLISH_EVERY {
                self.finish(std::mem::take(&mut batch));
            }
        }
        if batch.entries > 0 {
            self.finish(batch);
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder {
            meta: self.meta(),
            state: self.state.clone(),
            snapshots: self.snapshots.clone(),
            meters: Arc::clone(&self.meters),
        }
    }

    async fn try_create_snapshot_builder(&mut self, _: bool) -> Option<Builder> {
        // The parts of a restoration are in no snapshot: the log must keep them until it ends.
        let deferral = self.snapshots.deferral();
        if self.state.is_restoring() || deferral.must_wait(Instant::now()) {
            deferral.put_off();
            return None;
        }
        Some(self.get_snapshot_builder().await)
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotBody,
    ) -> Result<(), io::Error> {
        let (snapshots, meta_kept) = (self.snapshots.clone(), meta.clone());
        let began = Instant::now();
        // The state is decoded already: nothing here takes long, since raft answers nobody meanwhile.
        let state = blocking(move || snapshots.adopt(meta_kept, snapshot)).await?;
        let old = std::mem::replace(&mut self.state, state);
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.publish();
        self.watches.wake_all();
        free(Some(old));
        let took = began.elapsed().as_secs_f32() * 1000.0;
        self.meters.restore.set(took);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        Ok(self.snapshots.newest())
    }
}

/// Builds a snapshot from a clone of the state, while the original goes on.
pub(super) struct Builder {
    meta: SnapshotMeta,
    state: State,
    snapshots: Snapshots,
    meters: Arc<Meters>,
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    type SnapshotData = SnapshotBody;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        let (meta, state) = (self.meta.clone(), self.state.clone());
        let snapshots = self.snapshots.clone();
        let began = Instant::now();
        let kept = blocking(move || snapshots.keep(meta, state)).await;
        let took = &self.meters.take_snapshot;
        took.record_duration(began.elapsed());
        let deferral = self.snapshots.deferral();
        deferral.note_attempt(kept.is_ok(), Instant::now());
        // Without a new one everything goes on: the log keeps more.
        kept.or_else(|error| {
            tracing::error!(target: "agent.server.raft", %error, "failed to take snapshot");
            Ok(self.snapshots.newest().unwrap_or_else(|| Snapshot {
                meta: SnapshotMeta::default(),
                snapshot: SnapshotBody::Held(Arc::default()),
            }))
        })
    }
}

/// Frees a state that may be large, off the runtime's threads.
fn free(state: Option<State>) {
    drop(tokio::task::spawn_blocking(move || drop(state)));
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, super::snapshots::SnapshotError> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
        .map_err(io::Error::other)
}
