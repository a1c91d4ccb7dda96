//! Snapshots on request: of raft itself, and the operator's archive.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use thiserror::Error;
use tokio::sync::mpsc;

use super::handle::{Raft, WriteError};
use super::paced::PacedFile;
use super::types::Applied;
use crate::agent::store::{Command, Response, RestoreStep, State};
use crate::model::snapshot_archive::{
    ArchiveConfiguration, ArchiveError, ArchiveMeta, ArchiveServer, read_archive, write_archive,
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

/// An archive that was made, in a file without a name: it goes with this value.
#[derive(Debug)]
pub struct ArchiveFile {
    /// What heads it.
    pub meta: ArchiveMeta,
    /// The gzip file, at its beginning.
    pub file: File,
    /// Its bytes.
    pub len: u64,
}

/// An archive that was made, in memory.
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

/// Bytes of a part in which a restored state enters the log.
const PART_BYTES: usize = 1 << 20;
/// Pause before what has to wait is looked at again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Parts that wait to be written.
const QUEUED_PARTS: usize = 2;

/// Why an archive cannot be restored.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// It is damaged.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Its state is not ours to read.
    #[error("failed to restore snapshot: {0}")]
    State(String),
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

    /// Begins to ask for each snapshot that was put off again, once nothing is in its way. openraft does so only after as
    /// many entries as lie between two snapshots.
    pub(super) fn repeat_snapshots_put_off(&self) {
        let mut put_off = self.inner.snapshots.deferral().attempts_put_off();
        let mut leadership = self.leadership();
        let own = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    changed = put_off.changed() => if changed.is_err() {
                        return;
                    },
                    // Closed with the observer, which ends with openraft.
                    _ = leadership.wait_for(|_| false) => return,
                }
                loop {
                    tokio::time::sleep(LOOK_EVERY).await;
                    let Some(inner) = own.upgrade() else { return };
                    let waits = inner.snapshots.deferral().would_wait(Instant::now());
                    if !waits && !inner.published.load().state.is_restoring() {
                        // Whoever has ended needs none.
                        let _ = inner.core.trigger().snapshot().await;
                        break;
                    }
                }
            }
        });
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

    /// Packs the published state into an archive in a temporary file, off the runtime's threads.
    pub async fn save_archive(&self) -> Result<ArchiveFile, SaveError> {
        let now = self.snapshot_now();
        let at = (self.inner.clock)();
        let file = self.inner.snapshots.scratch();
        let packed = tokio::task::spawn_blocking(move || pack(&now, at, file?));
        packed.await.map_err(|e| SaveError::Raft(e.to_string()))?
    }

    /// As [`Self::save_archive`], in memory.
    pub async fn save_snapshot(&self) -> Result<SavedArchive, SaveError> {
        let ArchiveFile { meta, mut file, .. } = self.save_archive().await?;
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map(|_| bytes)
        });
        let bytes = read.await.map_err(io::Error::other).flatten();
        let bytes = bytes.map_err(ArchiveError::from)?;
        Ok(SavedArchive { meta, bytes })
    }

    /// Replaces the whole state by an archive's, on every server, and takes a raft snapshot so that
    /// the log need not keep it. Answers the index of the restoration.
    ///
    /// The state enters the log in parts and takes effect with the last: all or nothing. It goes on when the caller
    /// does not wait. Needs memory for the state twice, besides the one that it replaces.
    pub async fn restore_from(
        &self,
        archive: impl Read + Send + 'static,
        hold: Duration,
    ) -> Result<u64, RestoreError> {
        let raft = self.clone();
        let restoring = tokio::spawn(async move {
            let checked = tokio::task::spawn_blocking(move || unpack(archive));
            let state = checked
                .await
                .map_err(|e| RestoreError::State(e.to_string()))??;
            let index = raft.restore_in_parts(state, hold).await?;
            // The restoration is durable in the log whether or not this succeeds.
            tokio::spawn(async move {
                if let Err(error) = raft.trigger_snapshot().await {
                    tracing::warn!(target: "agent.server.raft", %error, "no raft snapshot after a restore");
                }
            });
            Ok(index)
        });
        restoring
            .await
            .map_err(|e| RestoreError::State(e.to_string()))?
    }

    /// As [`Self::restore_from`], from memory.
    pub async fn restore_archive(
        &self,
        archive: Vec<u8>,
        hold: Duration,
    ) -> Result<u64, RestoreError> {
        self.restore_from(io::Cursor::new(archive), hold).await
    }

    async fn restore_in_parts(&self, state: State, hold: Duration) -> Result<u64, RestoreError> {
        let id = rand::random();
        let split = move |parts: mpsc::Sender<Vec<u8>>| {
            // Whoever took the parts has failed, and knows why.
            let _ = state.split(PART_BYTES, |part| parts.blocking_send(part));
        };
        let written = self.write_parts(id, split, hold).await;
        let committed = match written {
            Ok(parts) => {
                self.restore_step(RestoreStep::Commit { id, parts }, hold)
                    .await
            }
            Err(error) => Err(error),
        };
        if committed.is_err() {
            self.abandon(id, hold).await;
        }
        committed
    }

    /// Ends a restoration that has failed, so that it keeps neither memory nor snapshots waiting; goes on in the
    /// background until that is in the log, or another leader's first entry is, which has the same effect.
    pub(super) async fn abandon(&self, id: u64, hold: Duration) {
        let term = self.inner.leadership.borrow().term;
        if self.is_abandoned(id, term, hold).await {
            return;
        }
        let own = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let Some(inner) = own.upgrade() else { return };
                if (Self { inner }).is_abandoned(id, term, hold).await {
                    return;
                }
            }
        });
    }

    /// Tries to end a restoration of a term; tells whether nothing more is to be done.
    async fn is_abandoned(&self, id: u64, term: u64, hold: Duration) -> bool {
        let step = self.restore_step(RestoreStep::Abandon { id }, hold).await;
        match step {
            Ok(_) | Err(RestoreError::Write(WriteError::NotLeader(_) | WriteError::Stopped(_))) => {
                true
            }
            Err(_) => self.inner.leadership.borrow().term > term && !self.state().is_restoring(),
        }
    }

    /// Writes the parts that `split` gives; tells how many they were. Fails when `split` panics: they are not all.
    async fn write_parts(
        &self,
        id: u64,
        split: impl FnOnce(mpsc::Sender<Vec<u8>>) + Send + 'static,
        hold: Duration,
    ) -> Result<u64, RestoreError> {
        let (parts, mut queue) = mpsc::channel(QUEUED_PARTS);
        let splitting = tokio::task::spawn_blocking(move || split(parts));
        let mut part = 0;
        while let Some(bytes) = queue.recv().await {
            self.restore_step(RestoreStep::Part { id, part, bytes }, hold)
                .await?;
            part += 1;
        }
        splitting
            .await
            .map_err(|e| RestoreError::State(e.to_string()))?;
        Ok(part)
    }

    async fn restore_step(&self, step: RestoreStep, hold: Duration) -> Result<u64, RestoreError> {
        let Applied { index, response } = self.write(Command::RestoreStep(step), hold).await?;
        match response {
            Response::Refused(reason) => Err(RestoreError::State(reason)),
            _ => Ok(index),
        }
    }
}

/// Counts what is written.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn pack(
    now: &StateSnapshot,
    at: SystemTime,
    mut file: PacedFile,
) -> Result<ArchiveFile, SaveError> {
    let since_epoch = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    // The size stands before the state: it is written twice, once to nowhere.
    let mut size = Counter(0);
    now.state
        .write_snapshot(&mut size)
        .map_err(ArchiveError::from)?;
    let meta = ArchiveMeta::new(
        now.index,
        now.term,
        since_epoch,
        now.configuration.clone(),
        now.configuration_index,
        size.0,
    );
    let out = io::BufWriter::new(&mut file);
    write_archive(&meta, since_epoch.as_secs(), out, |mut out| {
        now.state.write_snapshot(&mut out)
    })?;
    let mut file = file.into_inner();
    let rewound = file.stream_position().and_then(|len| {
        file.rewind()?;
        Ok(len)
    });
    let len = rewound.map_err(ArchiveError::from)?;
    Ok(ArchiveFile { meta, file, len })
}

fn unpack(archive: impl Read) -> Result<State, RestoreError> {
    let (_, state) = read_archive(archive, |state| {
        State::read_snapshot(&mut io::BufReader::new(state))
    })?;
    match state {
        // Refused here, so that nothing unreadable enters the log.
        Some(state) => state.map_err(|e| RestoreError::State(e.to_string())),
        None => Err(RestoreError::State("the archive has no state".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::raft::tests::{HOLD, put, settings};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_state_that_is_given_in_part_is_not_restored() {
        let (raft, _) = Raft::start(settings(None)).await.expect("started");
        raft.write(put("a", b"1"), HOLD).await.expect("written");
        let state = State::clone(&raft.state());
        let dies = move |parts: mpsc::Sender<Vec<u8>>| {
            let _ = state.split(PART_BYTES, |part| -> Result<(), ()> {
                parts.blocking_send(part).expect("taken");
                panic!("after the first part");
            });
        };
        let written = raft.write_parts(1, dies, HOLD).await;
        let error = written.expect_err("not all").to_string();
        assert!(error.contains("panicked"), "{error}");
        raft.shutdown().await.expect("closed");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_snapshot_that_was_put_off_is_taken_in_the_end() {
        let (raft, _) = Raft::start(settings(None)).await.expect("started");
        raft.write(put("a", b"1"), HOLD).await.expect("written");
        let deferral = raft.inner.snapshots.deferral().clone();
        let mut put_off = deferral.attempts_put_off();
        let sending = deferral.begin_sending();
        let asking = raft.clone();
        let asked = tokio::spawn(async move { asking.trigger_snapshot().await });
        put_off.changed().await.expect("runs");
        drop(sending);
        let taken = tokio::time::timeout(HOLD, asked).await.expect("in time");
        taken.expect("no panic").expect("taken");
        raft.shutdown().await.expect("closed");
    }
}
