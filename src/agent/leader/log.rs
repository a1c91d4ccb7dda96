//! The leader's own writes.

use std::time::Duration;

use thiserror::Error;

use crate::agent::raft::{Raft, WriteError};
use crate::agent::store::{Command, Response};

/// How long a write waits where the leader cannot write for a moment: before its first heartbeats are answered, or while
/// a quorum is slow. Consul's `rpc_hold_timeout`.
const HOLD: Duration = Duration::from_secs(7);

/// Why a duty was not done.
#[derive(Debug, Error)]
pub(super) enum DutyError {
    /// The log did not take it.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The store did not take it.
    #[error("{0}")]
    Refused(String),
}

/// Writes straight into this server's log. Nothing of it is ever forwarded: what a leader has decided is of no
/// worth once another server leads.
#[derive(Clone)]
pub(super) struct LeaderLog(pub(super) Raft);

impl LeaderLog {
    /// Writes a command: on return it is committed, and visible to readers here.
    pub(super) async fn write(&self, command: Command) -> Result<(), DutyError> {
        self.write_within(command, HOLD).await
    }

    /// As [`Self::write`], waiting this long for the ability to write.
    pub(super) async fn write_within(
        &self,
        command: Command,
        hold: Duration,
    ) -> Result<(), DutyError> {
        match self.0.write(command, hold).await?.response {
            Response::Refused(reason) => Err(DutyError::Refused(reason)),
            _ => Ok(()),
        }
    }
}
