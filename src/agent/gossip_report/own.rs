//! What this agent says of itself.

use std::time::Instant;

use crate::agent::gossip::{GossipError, GossipHandle};
use crate::model::agent::{REVISION, VERSION};
use crate::model::gossip::GossipReport;

/// This agent's part in a pool.
#[derive(Clone)]
pub(super) struct Own {
    pool: GossipHandle,
    started: Instant,
}

impl Own {
    /// Counts the agent's uptime from now on.
    pub(super) fn new(pool: GossipHandle) -> Self {
        Self {
            pool,
            started: Instant::now(),
        }
    }

    pub(super) fn pool(&self) -> &GossipHandle {
        &self.pool
    }

    /// # Errors
    /// When the pool has ended.
    pub(super) async fn report(&self) -> Result<GossipReport, GossipError> {
        let stats = self.pool.stats().await?;
        Ok(GossipReport {
            health_score: stats.health_score,
            intent_queue: stats.intent_queue as u64,
            event_queue: stats.event_queue as u64,
            query_queue: stats.query_queue as u64,
            version: version(),
            uptime_seconds: self.started.elapsed().as_secs(),
        })
    }
}

/// The version as the tag `build` has it, without the colon where there is no commit.
fn version() -> String {
    match REVISION {
        "" => VERSION.to_owned(),
        revision => format!("{VERSION}:{revision}"),
    }
}
