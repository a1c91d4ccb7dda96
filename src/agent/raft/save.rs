//! Snapshots on request: of raft itself, and the operator's archive.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use thiserror::Error;

use super::handle::{Raft, WriteError};
use super::types::Applied;
use crate::agent::store::{Command, Response, State};
use crate::model::snapshot_archive::{
    Archive, ArchiveConfiguration, ArchiveError, ArchiveMeta, ArchiveServer,
};

/// Longest wait for a snapshot that was asked for.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_mins(10);

/// The state at one moment, and which moment that is.
#[derive(Debug, Clone)]
pub struct StateSnapshot {
    /// Consul's index of the last write in it.
    pub index: u64,
    /// Raft term of the last entry in it.
    pub term: u64,
    /// The servers then.
    pub configuration: ArchiveConfiguration,
    /// Log index of the servers' entry.
    pub configuration_index: u64,
    /// The state.
    pub state: Arc<State>,
}

/// An archive that was made.
#[derive(Debug, Clone)]
pub struct SavedArchive {
    /// What heads it.
    pub meta: ArchiveMeta,
    /// The gzip file.
    pub bytes: Vec<u8>,
}

/// Why a snapshot cannot be saved.
#[derive(Debug, Error)]
pub enum SaveError {
    /// Raft has stopped, or did not finish in time.
    #[error("failed to take a snapshot: {0}")]
    Raft(String),
    /// The archive cannot be written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// Largest state that can be restored, in bytes: a restoration is one entry of the log, and an entry must
/// fit into a row of SQLite.
const RESTORED_STATE_MAX: usize = 512 * 1024 * 1024;

/// Why an archive cannot be restored.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// It is damaged.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Its state is not ours to read.
    #[error("failed to restore snapshot: {0}")]
    State(String),
    /// It is larger than an entry of the log may be.
    #[error("the archive's state has {0} bytes; at most {RESTORED_STATE_MAX} can be restored")]
    TooLarge(usize),
    /// It could not be written to the log.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Raft {
    /// Takes a raft snapshot now, and waits until it is durable.
    pub async fn trigger_snapshot(&self) -> Result<(), SaveError> {
        let target = self.view().applied;
        let core = &self.inner.core;
        let failed = |e: String| SaveError::Raft(e);
        core.trigger()
            .snapshot()
            .await
            .map_err(|e| failed(e.to_string()))?;
        core.wait(Some(SNAPSHOT_TIMEOUT))
            .metrics(|m| m.snapshot >= target, "snapshot")
            .await
            .map(drop)
            .map_err(|e| failed(e.to_string()))
    }

    /// The published state with what an archive says of it.
    pub fn snapshot_now(&self) -> StateSnapshot {
        let view = self.view();
        let voters: Vec<u64> = view.membership.voter_ids().collect();
        let servers = view.membership.nodes().map(|(id, node)| ArchiveServer {
            suffrage: u8::from(!voters.contains(id)),
            id: node.uuid.clone(),
            address: node.address.clone(),
        });
        StateSnapshot {
            index: view
                .state
                .last_index()
                .max(view.applied.map_or(0, |id| id.index())),
            term: view.applied.map_or(0, |id| id.committed_leader_id().term),
            configuration: ArchiveConfiguration {
                servers: servers.collect(),
            },
            configuration_index: view.membership.log_id().map_or(0, |id| id.index()),
            state: view.state.clone(),
        }
    }

    /// Packs the published state into an archive, off the runtime's threads.
    pub async fn save_snapshot(&self) -> Result<SavedArchive, SaveError> {
        let now = self.snapshot_now();
        let at = (self.inner.clock)();
        let packed = tokio::task::spawn_blocking(move || pack(now, at));
        packed.await.map_err(|e| SaveError::Raft(e.to_string()))?
    }

    /// Replaces the whole state by an archive's, on every server, and takes a raft snapshot so that
    /// the log need not keep it. Answers the index of the restoration.
    pub async fn restore_archive(
        &self,
        archive: Vec<u8>,
        hold: Duration,
    ) -> Result<u64, RestoreError> {
        let checked = tokio::task::spawn_blocking(move || {
            let archive = Archive::read(&archive)?;
            // Refused here, so that nothing unreadable enters the log.
            State::from_snapshot(&archive.state).map_err(|e| RestoreError::State(e.to_string()))?;
            if archive.state.len() > RESTORED_STATE_MAX {
                return Err(RestoreError::TooLarge(archive.state.len()));
            }
            Ok::<_, RestoreError>(archive.state)
        });
        let state = checked
            .await
            .map_err(|e| RestoreError::State(e.to_string()))??;
        let Applied { index, response } = self.write(Command::Restore(state), hold).await?;
        if let Response::Refused(reason) = response {
            return Err(RestoreError::State(reason));
        }
        // The restoration is durable in the log whether or not this succeeds.
        if let Err(error) = self.trigger_snapshot().await {
            tracing::warn!(target: "agent.server.raft", %error, "no raft snapshot after a restore");
        }
        Ok(index)
    }
}

fn pack(now: StateSnapshot, at: SystemTime) -> Result<SavedArchive, SaveError> {
    let since_epoch = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let state = now.state.to_snapshot();
    let meta = ArchiveMeta::new(
        now.index,
        now.term,
        since_epoch,
        now.configuration,
        now.configuration_index,
        state.len() as u64,
    );
    let archive = Archive { meta, state };
    let bytes = archive.write(since_epoch.as_secs())?;
    Ok(SavedArchive {
        meta: archive.meta,
        bytes,
    })
}
