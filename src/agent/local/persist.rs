//! Services and checks that were registered over HTTP, on disk: one JSON file each.
//!
//! `services/` and `checks/` hold the registrations and `checks/state/` what TTL checks said last.
//! A file is named by the SHA-256 of the id in hex and is replaced as a whole: temporary file,
//! fsync, rename, fsync of the folder. A damaged file is moved to `set-aside/` beside it. Files that
//! Consul left are rewritten in this form. All functions block; call them off the async threads.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::entry::{LocalCheck, LocalService, Source};
use crate::model::check::{CheckDefinition, Status};
use crate::model::service::ServiceDefinition;

mod consul;
mod read;
mod save;

/// The format's version; a file of a newer one is not guessed at.
const VERSION: u32 = 1;
/// Bytes of a registration's body that the HTTP API accepts at most.
const BODY_MAX: usize = 4 * 1024 * 1024;
/// The largest file that is written or read, in bytes. A registration may grow on its way to the
/// file: defaults are filled in, the request's token is added, and text is escaped anew.
const FILE_SIZE_MAX: usize = 2 * BODY_MAX + 64 * 1024;
const TEMPORARY_SUFFIX: &str = ".tmp";
/// The mode of the folders, as Consul's.
const PRIVATE_FOLDER: u32 = 0o700;

/// What went wrong with which file.
#[derive(Debug, thiserror::Error)]
pub enum PersistError {
    #[error("cannot {action} {path}: {source}")]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(
        "{path} has format version {found}, which is newer than {VERSION}: start the version of consulctl that wrote it"
    )]
    Version { path: PathBuf, found: u32 },
    #[error(
        "the registration is too large to be kept: {path} would have {size} bytes, at most {FILE_SIZE_MAX} are written"
    )]
    NotWritten { path: PathBuf, size: usize },
}

/// A persisted service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SavedService {
    version: u32,
    /// Whether it came from another service's `SidecarService`.
    pub sidecar: bool,
    pub definition: ServiceDefinition,
}

/// A persisted check: a registration, or a maintenance switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SavedCheck {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<CheckDefinition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<SavedMaintenance>,
}

/// Maintenance of a service, or of the node when `service_id` is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SavedMaintenance {
    #[serde(rename = "ServiceID")]
    pub service_id: String,
    pub reason: String,
}

/// What a TTL check said last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SavedTtl {
    version: u32,
    #[serde(rename = "CheckID")]
    pub check_id: String,
    pub status: Status,
    pub output: String,
    /// Milliseconds since the Unix epoch after which it means nothing.
    pub expires_ms: u64,
}

impl SavedTtl {
    pub(super) fn new(check_id: &str, status: Status, output: &str, expires_ms: u64) -> Self {
        let (check_id, output) = (check_id.to_owned(), output.to_owned());
        Self {
            version: VERSION,
            check_id,
            status,
            output,
            expires_ms,
        }
    }
}

/// Everything that was on disk.
#[derive(Debug, Default)]
pub(super) struct Saved {
    pub services: Vec<SavedService>,
    pub checks: Vec<SavedCheck>,
    /// By check id.
    pub ttls: BTreeMap<String, SavedTtl>,
}

/// The folders under the data directory.
#[derive(Clone, Debug)]
pub(super) struct Files {
    services: PathBuf,
    checks: PathBuf,
    ttls: PathBuf,
}

/// A file and its new content; `None`: there is to be no file.
type FileContent = (PathBuf, Option<Vec<u8>>);

impl Files {
    /// Makes the folders where they are missing.
    ///
    /// # Errors
    /// Names the folder that cannot be made.
    pub(super) fn open(data_dir: &Path) -> Result<Self, PersistError> {
        let checks = data_dir.join("checks");
        let files = Self {
            services: data_dir.join("services"),
            ttls: checks.join("state"),
            checks,
        };
        for folder in [&files.services, &files.checks, &files.ttls] {
            // Definitions hold tokens.
            fs::DirBuilder::new()
                .recursive(true)
                .mode(PRIVATE_FOLDER)
                .create(folder)
                .map_err(io_error("create", folder))?;
        }
        Ok(files)
    }

    fn service_file(&self, service: &LocalService) -> Result<FileContent, PersistError> {
        let path = self.services.join(file_name(&service.service.id));
        if service.source == Source::Config {
            return Ok((path, None));
        }
        let mut definition = service.definition.clone();
        definition.token.clone_from(&service.token);
        let saved = SavedService {
            version: VERSION,
            sidecar: service.sidecar,
            definition,
        };
        let bytes = encode(&path, &saved)?;
        Ok((path, Some(bytes)))
    }

    fn check_file(&self, check: &LocalCheck) -> Result<FileContent, PersistError> {
        let path = self.checks.join(file_name(&check.check.check_id));
        if check.source == Source::Config {
            return Ok((path, None));
        }
        let definition = check.definition.clone();
        let maintenance = definition.is_none().then(|| SavedMaintenance {
            service_id: check.check.service_id.clone(),
            reason: check.check.notes.clone(),
        });
        let saved = SavedCheck {
            version: VERSION,
            definition,
            maintenance,
        };
        let bytes = encode(&path, &saved)?;
        Ok((path, Some(bytes)))
    }

    /// Writes what a TTL check said. Not synced to the disk: losing it only makes the check start
    /// as critical after a power failure, and a sync for every heartbeat would be dear.
    ///
    /// # Errors
    /// Names the file.
    pub(super) fn save_ttl(&self, ttl: &SavedTtl) -> Result<(), PersistError> {
        let path = self.ttls.join(file_name(&ttl.check_id));
        let (bytes, temporary) = (encode(&path, ttl)?, temporary(&path));
        fs::write(&temporary, bytes)
            .and_then(|()| fs::rename(&temporary, &path))
            .map_err(io_error("write", &path))
    }

    /// Forgets what a TTL check said.
    ///
    /// # Errors
    /// Names the file.
    pub(super) fn remove_ttl(&self, check_id: &str) -> Result<(), PersistError> {
        remove(&self.ttls.join(file_name(check_id)))
    }
}

fn io_error<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> PersistError + 'a {
    move |source| PersistError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

fn file_name(id: &str) -> String {
    let digest = Sha256::digest(id.as_bytes());
    digest
        .iter()
        .fold(String::with_capacity(64), |mut name, byte| {
            write!(name, "{byte:02x}").expect("writing to a String does not fail");
            name
        })
}

/// What is written to `path`: never more than the next start reads.
fn encode<T: Serialize>(path: &Path, value: &T) -> Result<Vec<u8>, PersistError> {
    let bytes = serde_json::to_vec(value).expect("registrations are always representable as JSON");
    if bytes.len() > FILE_SIZE_MAX {
        return Err(PersistError::NotWritten {
            path: path.to_owned(),
            size: bytes.len(),
        });
    }
    Ok(bytes)
}

/// Where a file's new content stands until it is complete.
fn temporary(path: &Path) -> PathBuf {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(TEMPORARY_SUFFIX);
    PathBuf::from(temporary)
}

/// Writes a file and waits until the disk has it.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn remove(path: &Path) -> Result<(), PersistError> {
    match fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path)(err)),
        _ => Ok(()),
    }
}

fn sync_folder(folder: &Path) -> Result<(), PersistError> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(io_error("sync", folder))
}

#[cfg(test)]
mod tests;
