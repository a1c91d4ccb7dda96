//! Blocking queries: wait until the answer's index passes the one that the client has seen.

use std::time::Duration;

use rand::RngExt as _;
use tokio::time::{Instant, timeout_at};

use crate::agent::raft::{Raft, Watcher};
use crate::agent::store::{Query, State, WatchSet};

use super::forward::deposed;
use super::options::JITTER_FRACTION;
use super::{Consistency, QueryOptions, Rpc, RpcError};

/// An answer and what its headers are made of.
pub(super) struct Found<Q: Query> {
    pub(super) index: u64,
    pub(super) generation: u64,
    pub(super) answer: Q::Answer,
}

impl<Q: Query> Found<Q> {
    /// Reads a state. An index is at least 1: clients must never block on 0. It is at least that of
    /// the last restored snapshot, too: the restoration changed everything, and whoever has seen an
    /// index of the state before it must neither be told an older one nor wait for ever.
    pub(super) fn read(state: &State, query: &Q, watch: &mut WatchSet) -> Self {
        let (index, answer) = query.run(state, watch);
        let generation = state.generation();
        Self {
            index: index.max(generation).max(1),
            generation,
            answer,
        }
    }
}

impl Rpc {
    /// Runs the query until its index is above `options.min_index` or the time is over; in the
    /// latter case the current answer counts.
    ///
    /// # Errors
    /// When this server stops leading and the answer may not be stale: another server has it.
    pub(super) async fn blocking<Q: Query>(
        &self,
        raft: &Raft,
        options: &QueryOptions,
        query: &Q,
        wait: Duration,
    ) -> Result<Found<Q>, RpcError> {
        let deadline = Instant::now() + wait;
        loop {
            // The topics do not depend on the answer: learn them, arm the watch, then read, so
            // that no change between reading and waiting is missed.
            let mut watch = WatchSet::default();
            let found = Found::read(&raft.state(), query, &mut watch);
            if found.index > options.min_index {
                return Ok(found);
            }
            drop(found);
            let watcher = raft.watch(&watch);
            let found = Found::read(&raft.state(), query, &mut watch);
            if found.index > options.min_index {
                return Ok(found);
            }
            drop(found);
            let changed = changed(raft, &watcher, deadline, options.consistency).await?;
            // Time has passed: another server may lead by now and know more.
            let hold = self.shared.settings.hold_timeout;
            self.ready(raft, options.consistency, hold).await?;
            if !changed {
                return Ok(Found::read(&raft.state(), query, &mut watch));
            }
        }
    }
}

/// The time and a random part more, so that many queries that began together do not end together.
pub(super) fn with_jitter(wait: Duration) -> Duration {
    wait + rand::rng().random_range(Duration::ZERO..=wait / JITTER_FRACTION)
}

/// Waits for a change; false when there was none before the deadline.
async fn changed(
    raft: &Raft,
    watcher: &Watcher,
    deadline: Instant,
    consistency: Consistency,
) -> Result<bool, RpcError> {
    if consistency == Consistency::Stale {
        return Ok(timeout_at(deadline, watcher.changed()).await.is_ok());
    }
    let waited = timeout_at(deadline, async {
        tokio::select! {
            biased;
            () = watcher.changed() => Ok(()),
            () = deposed(raft) => Err(RpcError::NotLeader),
        }
    });
    match waited.await {
        Ok(outcome) => outcome.map(|()| true),
        Err(_) => Ok(false),
    }
}
