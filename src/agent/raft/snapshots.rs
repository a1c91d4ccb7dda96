//! Snapshots of the state: files `<term>-<index>.snap`, or a held clone with `-dev`.
//!
//! A file gets its name only when it is complete and on disk; its layout is in [`super::snapshot_file`].

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::TempPath;
use thiserror::Error;

use super::deferral::Deferral;
use super::paced::PacedFile;
use super::snapshot_file;
use super::types::{Snapshot, SnapshotMeta};
use crate::agent::store::State;
use crate::model::snapshot_archive::ArchiveError;

/// Snapshot files that are kept.
const KEPT: usize = 2;
/// End of a snapshot's file name.
const SUFFIX: &str = "snap";
/// End of an unfinished snapshot's file name.
const UNFINISHED: &str = "tmp";

/// Why a snapshot cannot be read or written.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The file is not a snapshot, or not as it was written.
    #[error("snapshot {} cannot be read: {reason}; put an undamaged copy in its place, or move the raft folder away so that the server starts empty", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The log does not go back to the beginning, and nothing holds what came before it.
    #[error("no snapshot in {}, and the raft log begins after entry {purged}: part of the data is lost; restore the snapshot, or move the raft folder away to start empty", folder.display())]
    Missing {
        /// Where snapshots are looked for.
        folder: PathBuf,
        /// The last entry that the log no longer has.
        purged: u64,
    },
}

/// Where a snapshot's bytes are.
#[derive(Debug, Clone)]
pub(super) enum SnapshotBody {
    /// In memory, sharing with the live state.
    Held(Arc<State>),
    /// In a file of ours.
    File(PathBuf),
    /// From a leader: read and verified, and on disk under a passing name.
    Received(Arc<Received>),
}

/// A snapshot that a leader has sent.
pub(super) struct Received {
    state: State,
    /// Removed with this value, unless the snapshot is installed before.
    file: Mutex<Option<TempPath>>,
}

impl Received {
    pub(super) fn new(state: State, file: TempPath) -> Self {
        Self {
            state,
            file: Mutex::new(Some(file)),
        }
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("received snapshot")
    }
}

impl SnapshotBody {
    pub(super) fn state(&self) -> Result<State, SnapshotError> {
        match self {
            Self::Held(state) => Ok((**state).clone()),
            Self::Received(received) => Ok(received.state.clone()),
            Self::File(path) => read(path).map(|(_, state)| state),
        }
    }

    /// Writes the bytes of a snapshot file. Blocks.
    pub(super) fn copy_to(&self, meta: &SnapshotMeta, mut out: impl Write) -> io::Result<()> {
        match self {
            Self::Held(state) => snapshot_file::write(meta, state, out),
            Self::Received(received) => snapshot_file::write(meta, &received.state, out),
            Self::File(path) => {
                let copied = File::open(path).and_then(|file| {
                    let len = file.metadata()?.len();
                    snapshot_file::copy(file, len, &mut out)
                });
                let named = |e: io::Error| {
                    io::Error::new(e.kind(), format!("cannot read {}: {e}", path.display()))
                };
                copied.map_err(named)
            }
        }
    }
}

/// The snapshots of this server; clones share them.
#[derive(Clone)]
pub(super) struct Snapshots {
    folder: Option<Arc<Path>>,
    /// Written by the snapshot builder and by an installation, read by openraft.
    current: Arc<Mutex<Option<Snapshot>>>,
    /// One snapshot is written at a time.
    writing: Arc<Mutex<()>>,
    /// Held while a file gets its name and older ones go; never for long.
    naming: Arc<Mutex<()>>,
    /// Set at the end: what is being written is given up.
    cancelled: Arc<AtomicBool>,
    deferral: Deferral,
}

impl Snapshots {
    /// Snapshots that are held in memory only.
    pub(super) fn in_memory() -> Self {
        Self::over(None)
    }

    fn over(folder: Option<Arc<Path>>) -> Self {
        Self {
            folder,
            current: Arc::default(),
            writing: Arc::default(),
            naming: Arc::default(),
            cancelled: Arc::default(),
            deferral: Deferral::default(),
        }
    }

    /// Opens a folder, creating it when it does not exist, and reads the newest snapshot that the
    /// log continues. `purged` is the last entry that the log no longer has. Blocks.
    pub(super) fn open(
        folder: &Path,
        purged: Option<u64>,
    ) -> Result<(Self, Option<(SnapshotMeta, State)>), SnapshotError> {
        fs::create_dir_all(folder).map_err(io_error("create", folder))?;
        let store = Self::over(Some(Arc::from(folder)));
        remove_unfinished(folder)?;
        let mut first_failure = None;
        for (_, index, path) in list(folder)? {
            if purged.is_some_and(|purged| index < purged) {
                break;
            }
            match read(&path) {
                Ok((meta, state)) => {
                    *store.current() = Some(Snapshot {
                        meta: meta.clone(),
                        snapshot: SnapshotBody::File(path),
                    });
                    return Ok((store, Some((meta, state))));
                }
                Err(e) => {
                    tracing::error!(target: "agent.server.raft", error = %e, "failed to open snapshot");
                    first_failure.get_or_insert(e);
                }
            }
        }
        match (first_failure, purged) {
            (Some(e), _) => Err(e),
            (None, Some(purged)) => Err(SnapshotError::Missing {
                folder: folder.to_owned(),
                purged,
            }),
            // The log alone holds everything.
            (None, None) => Ok((store, None)),
        }
    }

    /// Whether a folder holds snapshots, whatever their state.
    pub(super) fn any_in(folder: &Path) -> Result<bool, SnapshotError> {
        if !folder.exists() {
            return Ok(false);
        }
        list(folder).map(|found| !found.is_empty())
    }

    /// The newest snapshot.
    pub(super) fn newest(&self) -> Option<Snapshot> {
        self.current().clone()
    }

    /// What the next one may have to wait for.
    pub(super) fn deferral(&self) -> &Deferral {
        &self.deferral
    }

    /// Gives up what is being written, for good.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// A file without a name, for an archive.
    pub(super) fn scratch(&self) -> Result<PacedFile, ArchiveError> {
        let file = match &self.folder {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        };
        Ok(PacedFile::new(file?, Arc::clone(&self.cancelled)))
    }

    /// A file for a snapshot that arrives, under a passing name.
    pub(super) fn receiving(&self) -> Option<io::Result<(PacedFile, TempPath)>> {
        let folder = self.folder.as_deref()?;
        let mut named = tempfile::Builder::new();
        let named = named
            .prefix("receiving-")
            .suffix(".tmp")
            .tempfile_in(folder);
        Some(named.map(|named| {
            let (file, path) = named.into_parts();
            (PacedFile::new(file, Arc::clone(&self.cancelled)), path)
        }))
    }

    /// Writes a snapshot: durable on return, when there is a folder. Blocks, for long when the state is large.
    pub(super) fn keep(&self, meta: SnapshotMeta, state: State) -> Result<Snapshot, SnapshotError> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(folder) = &self.folder else {
            return Ok(self.set(meta, SnapshotBody::Held(Arc::new(state))));
        };
        let path = folder.join(file_name(&meta));
        let unfinished = path.with_extension(UNFINISHED);
        let file = File::create(&unfinished).map_err(io_error("create", &unfinished))?;
        // Goes with what failed.
        let passing =
            TempPath::try_from_path(&unfinished).map_err(io_error("write", &unfinished))?;
        let mut file = PacedFile::new(file, Arc::clone(&self.cancelled));
        let written = snapshot_file::write(&meta, &state, &mut file).and_then(|()| file.sync_all());
        written.map_err(io_error("write", &unfinished))?;
        // A large state takes its time to go when this was its last holder.
        drop(state);
        self.name(passing, &path)?;
        Ok(self.set(meta, SnapshotBody::File(path)))
    }

    /// Makes a snapshot that was received this server's own, and gives its state. Blocks, but not for long.
    pub(super) fn adopt(
        &self,
        meta: SnapshotMeta,
        body: SnapshotBody,
    ) -> Result<State, SnapshotError> {
        let received = match body {
            SnapshotBody::Received(received) => received,
            SnapshotBody::Held(state) if self.folder.is_none() => {
                let own = (*state).clone();
                self.set(meta, SnapshotBody::Held(state));
                return Ok(own);
            }
            other => {
                let state = other.state()?;
                self.keep(meta, state.clone())?;
                return Ok(state);
            }
        };
        let file = {
            let mut file = received.file.lock();
            file.as_mut()
                .unwrap_or_else(|poisoned| poisoned.get_mut())
                .take()
        };
        if let (Some(folder), Some(file)) = (&self.folder, file) {
            let path = folder.join(file_name(&meta));
            self.name(file, &path)?;
            self.set(meta, SnapshotBody::File(path));
        }
        Ok(received.state.clone())
    }

    /// Gives a complete file its name, and removes what is too old.
    fn name(&self, file: TempPath, path: &Path) -> Result<(), SnapshotError> {
        let _alone = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        file.persist(path)
            .map_err(|e| io_error("rename", path)(e.error))?;
        sync_parent(path)?;
        path.parent().map_or(Ok(()), prune)
    }

    fn set(&self, meta: SnapshotMeta, body: SnapshotBody) -> Snapshot {
        let snapshot = Snapshot {
            meta,
            snapshot: body,
        };
        let mut current = self.current();
        // An installation may have overtaken a snapshot that was built meanwhile.
        if current
            .as_ref()
            .is_none_or(|c| c.meta.last_log_id <= snapshot.meta.last_log_id)
        {
            *current = Some(snapshot.clone());
        }
        snapshot
    }

    fn current(&self) -> MutexGuard<'_, Option<Snapshot>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> Result<(SnapshotMeta, State), SnapshotError> {
    let file = File::open(path).map_err(io_error("open", path))?;
    snapshot_file::read(file).map_err(|reason| SnapshotError::Corrupt {
        path: path.to_owned(),
        reason,
    })
}

fn sync_parent(path: &Path) -> Result<(), SnapshotError> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io_error("sync", folder))
}

fn file_name(meta: &SnapshotMeta) -> String {
    let (term, index) = meta
        .last_log_id
        .map_or((0, 0), |id| (id.committed_leader_id().term, id.index()));
    format!("{term}-{index}.{SUFFIX}")
}

/// Term, index and path of the finished snapshots, newest first.
fn list(folder: &Path) -> Result<Vec<(u64, u64, PathBuf)>, SnapshotError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error("list", folder))? {
        let path = entry.map_err(io_error("list", folder))?.path();
        if path.extension().is_none_or(|e| e != SUFFIX) {
            continue;
        }
        let stem = path
            .file_stem()
            .and_then(|s| s.to_str())
            .unwrap_or_default();
        let parsed = stem
            .split_once('-')
            .and_then(|(term, index)| Some((term.parse().ok()?, index.parse().ok()?)));
        let Some((term, index)) = parsed else {
            return Err(SnapshotError::Corrupt {
                path,
                reason: "its name is not <term>-<index>.snap".to_owned(),
            });
        };
        found.push((term, index, path));
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

fn remove_unfinished(folder: &Path) -> Result<(), SnapshotError> {
    for entry in fs::read_dir(folder).map_err(io_error("list", folder))? {
        let path = entry.map_err(io_error("list", folder))?.path();
        if path.extension().is_some_and(|e| e == UNFINISHED) {
            fs::remove_file(&path).map_err(io_error("remove", &path))?;
        }
    }
    Ok(())
}

fn prune(folder: &Path) -> Result<(), SnapshotError> {
    for (_, _, path) in list(folder)?.into_iter().skip(KEPT) {
        fs::remove_file(&path).map_err(io_error("remove", &path))?;
    }
    Ok(())
}

fn io_error<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> SnapshotError + 'a {
    move |source| SnapshotError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
