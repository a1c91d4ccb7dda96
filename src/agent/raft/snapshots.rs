//! Snapshots of the state: files `<term>-<index>.snap`, or a held clone with `-dev`.
//!
//! A file is magic, version, lengths, header (what the snapshot contains), the store's bytes, and
//! a SHA-256 of all that. It gets its name only when it is complete and on disk.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::codec::{self, CodecError};
use super::types::{Snapshot, SnapshotMeta};
use crate::agent::store::{SnapshotError as StoreError, State};

/// Marks a file as a snapshot of ours.
const MAGIC: &[u8; 8] = b"CCTLSNAP";
/// Version of the file's layout.
const VERSION: u32 = 1;
/// Magic, version, header length, body length.
const PREFIX_LEN: usize = 8 + 4 + 4 + 8;
/// Bytes of the checksum at the end.
const CHECKSUM_LEN: usize = 32;
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
    #[error("snapshot {} cannot be read: {reason}", path.display())]
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
    /// The state could not be turned into bytes.
    #[error("cannot encode the state: {0}")]
    Encode(String),
}

/// Where a snapshot's bytes are.
#[derive(Debug, Clone)]
pub(super) enum SnapshotBody {
    /// In memory, sharing with the live state.
    Held(Arc<State>),
    /// In a file of ours.
    File(PathBuf),
}

impl SnapshotBody {
    /// The state. Blocks while it reads a file.
    pub(super) fn state(&self) -> Result<State, SnapshotError> {
        match self {
            Self::Held(state) => Ok((**state).clone()),
            Self::File(path) => read(path).map(|(_, state)| state),
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
}

impl Snapshots {
    /// Snapshots that are held in memory only.
    pub(super) fn in_memory() -> Self {
        Self {
            folder: None,
            current: Arc::default(),
            writing: Arc::default(),
        }
    }

    /// Opens a folder, creating it when it does not exist, and reads the newest snapshot that the
    /// log continues. `purged` is the last entry that the log no longer has. Blocks.
    pub(super) fn open(
        folder: &Path,
        purged: Option<u64>,
    ) -> Result<(Self, Option<(SnapshotMeta, State)>), SnapshotError> {
        fs::create_dir_all(folder).map_err(io_error("create", folder))?;
        let store = Self {
            folder: Some(Arc::from(folder)),
            current: Arc::default(),
            writing: Arc::default(),
        };
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

    /// Keeps a snapshot: durable on return, when there is a folder. Blocks.
    pub(super) fn keep(&self, meta: SnapshotMeta, state: State) -> Result<Snapshot, SnapshotError> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let body = match &self.folder {
            None => SnapshotBody::Held(Arc::new(state)),
            Some(folder) => {
                let path = folder.join(file_name(&meta));
                write(&path, &meta, &state)?;
                prune(folder)?;
                SnapshotBody::File(path)
            }
        };
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
        Ok(snapshot)
    }

    fn current(&self) -> MutexGuard<'_, Option<Snapshot>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a snapshot file.
pub(super) fn encode(meta: &SnapshotMeta, state: &State) -> Result<Vec<u8>, SnapshotError> {
    let header =
        codec::encode_snapshot_meta(meta).map_err(|e| SnapshotError::Encode(e.to_string()))?;
    let body = state.to_snapshot();
    let header_len = u32::try_from(header.len())
        .map_err(|_| SnapshotError::Encode("header too long".to_owned()))?;
    let mut out = Vec::with_capacity(PREFIX_LEN + header.len() + body.len() + CHECKSUM_LEN);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&header_len.to_be_bytes());
    out.extend_from_slice(&(body.len() as u64).to_be_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(&body);
    let checksum = Sha256::digest(&out);
    out.extend_from_slice(&checksum);
    Ok(out)
}

/// The reverse of [`encode`]; the error is what is wrong with the bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<(SnapshotMeta, State), String> {
    let Some((content, checksum)) = bytes.split_last_chunk::<CHECKSUM_LEN>() else {
        return Err("it is truncated".to_owned());
    };
    let Some((prefix, rest)) = content.split_first_chunk::<PREFIX_LEN>() else {
        return Err("it is truncated".to_owned());
    };
    let (magic, numbers) = prefix.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err("it is not a snapshot".to_owned());
    }
    let number = |at: usize, len: usize| {
        let digits = &numbers[at..at + len];
        digits
            .iter()
            .fold(0_u64, |n, byte| n << 8 | u64::from(*byte))
    };
    let version = number(0, 4);
    if version != u64::from(VERSION) {
        return Err(format!(
            "version {version} is not known to this build (newest known: {VERSION})"
        ));
    }
    let (header_len, body_len) = (number(4, 4), number(8, 8));
    if header_len.checked_add(body_len) != Some(rest.len() as u64) {
        return Err("it is truncated".to_owned());
    }
    if Sha256::digest(content).as_slice() != checksum {
        return Err("the checksum does not match".to_owned());
    }
    let header_len = usize::try_from(header_len).map_err(|e| e.to_string())?;
    let (header, body) = rest.split_at(header_len);
    let meta = codec::decode_snapshot_meta(header).map_err(|e: CodecError| e.to_string())?;
    let state = State::from_snapshot(body).map_err(|e: StoreError| e.to_string())?;
    Ok((meta, state))
}

fn write(path: &Path, meta: &SnapshotMeta, state: &State) -> Result<(), SnapshotError> {
    let bytes = encode(meta, state)?;
    let unfinished = path.with_extension(UNFINISHED);
    let written = File::create(&unfinished).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()
    });
    written.map_err(io_error("write", &unfinished))?;
    fs::rename(&unfinished, path).map_err(io_error("rename", path))?;
    sync_parent(path)
}

fn read(path: &Path) -> Result<(SnapshotMeta, State), SnapshotError> {
    let bytes = fs::read(path).map_err(io_error("read", path))?;
    decode(&bytes).map_err(|reason| SnapshotError::Corrupt {
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
