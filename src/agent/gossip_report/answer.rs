//! Answers other agents.

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tracing::{debug, warn};

use crate::agent::gossip::serf::QueryKey;
use crate::agent::gossip::{Event, GossipError};

use super::own::Own;
use super::payload::{self, QUERY};

/// Hears the pool's queries from the moment on in which it is made; [`Self::run`] answers them.
pub struct Answering {
    own: Own,
    events: broadcast::Receiver<Event>,
}

impl Answering {
    pub(super) fn new(own: Own) -> Self {
        Self {
            events: own.pool().subscribe(),
            own,
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
        let payload = payload::encode(&self.own.report().await?)?;
        self.own.pool().respond(key, payload.into()).await?;
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
enum AnswerError {
    #[error(transparent)]
    Gossip(#[from] GossipError),
    #[error(transparent)]
    Encode(#[from] rmp_serde::encode::Error),
}
