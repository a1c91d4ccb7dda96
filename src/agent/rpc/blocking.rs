//! Blocking queries: wait until the answer's index passes the one that the client has seen.

use std::time::Duration;

use rand::RngExt as _;
use tokio::time::{Instant, timeout_at};

use crate::agent::store::{Query, WatchSet};

use super::options::JITTER_FRACTION;
use super::{Consistency, QueryOptions, Rpc, RpcError};

impl Rpc {
    /// Runs the query until its index is above `options.min_index` or the time is over; in the
    /// latter case the current answer counts.
    pub(super) async fn blocking<Q: Query>(
        &self,
        options: &QueryOptions,
        query: &Q,
    ) -> Result<(u64, Q::Answer), RpcError> {
        let deadline = Instant::now() + self.wait_time(options.max_wait);
        loop {
            // The topics do not depend on the answer: learn them, arm the watch, then read, so
            // that no change between reading and waiting is missed.
            let mut watch = WatchSet::default();
            let (index, answer) = query.run(&self.raft.state(), &mut watch);
            if index.max(1) > options.min_index {
                return Ok((index, answer));
            }
            drop(answer);
            let watcher = self.raft.watch(&watch);
            let (index, answer) = query.run(&self.raft.state(), &mut watch);
            if index.max(1) > options.min_index {
                return Ok((index, answer));
            }
            drop(answer);
            if timeout_at(deadline, watcher.changed()).await.is_err() {
                return Ok(query.run(&self.raft.state(), &mut watch));
            }
            if options.consistency == Consistency::Consistent {
                self.ready(Consistency::Consistent).await?;
            }
        }
    }

    /// The time that a query asks for within the agent's bounds, and a random part more.
    fn wait_time(&self, asked: Duration) -> Duration {
        let settings = &self.settings;
        let wait = if asked.is_zero() {
            settings.default_query_time
        } else {
            asked
        };
        let wait = wait.min(settings.max_query_time);
        wait + rand::rng().random_range(Duration::ZERO..=wait / JITTER_FRACTION)
    }
}
