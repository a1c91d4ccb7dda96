//! Answers other agents.

use std::time::Instant;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tracing::{debug, warn};

use crate::agent::gossip::serf::QueryKey;
use crate::agent::gossip::{Event, GossipError, GossipHandle};
use crate::model::agent::{REVISION, VERSION};
use crate::model::gossip::GossipReport;

use super::payload::{self, QUERY};

/// Hears the pool's queries from the moment on in which it is made; [`Self::run`] answers them.
pub struct Answering {
    pool: GossipHandle,
    events: broadcast::Receiver<Event>,
    started: Instant,
}

impl Answering {
    /// Counts the agent's uptime from now on.
    pub fn new(pool: GossipHandle) -> Self {
        Self {
            events: pool.subscribe(),
            pool,
            started: Instant::now(),
        }
    }

    /// Works until the pool ends.
    pub async fn run(mut self) {
        loop {
            match self.events.recv().await {
                Ok(Event::Query { key, name, .. }) if name == QUERY => {
                    if let Err(reason) = self.answer(key).await {
                        debug!(target: "agent", query = QUERY, error = %reason, "could not answer a query");
                    }
                }
                Ok(_) => {}
                Err(RecvError::Lagged(lost)) => {
                    warn!(target: "agent", lost, "gossip events came faster than they were looked at; queries may stay without an answer");
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn answer(&self, key: QueryKey) -> Result<(), AnswerError> {
        let stats = self.pool.stats().await?;
        let report = GossipReport {
            health_score: stats.health_score,
            intent_queue: stats.intent_queue as u64,
            event_queue: stats.event_queue as u64,
            query_queue: stats.query_queue as u64,
            version: version(),
            uptime_seconds: self.started.elapsed().as_secs(),
        };
        self.pool
            .respond(key, payload::encode(&report)?.into())
            .await?;
        Ok(())
    }
}

/// The version as the tag `build` has it, without the colon where there is no commit.
fn version() -> String {
    match REVISION {
        "" => VERSION.to_owned(),
        revision => format!("{VERSION}:{revision}"),
    }
}

#[derive(Debug, thiserror::Error)]
enum AnswerError {
    #[error(transparent)]
    Gossip(#[from] GossipError),
    #[error(transparent)]
    Encode(#[from] rmp_serde::encode::Error),
}
