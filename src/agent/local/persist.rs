//! Services and checks that were registered over HTTP, on disk: one JSON file each.
//!
//! `services/` and `checks/` hold the registrations and `checks/state/` what TTL checks said last.
//! A file is named by the SHA-256 of the id in hex and is replaced as a whole: temporary file,
//! fsync, rename, fsync of the folder. All functions block; call them off the async threads.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tracing::warn;

use super::entry::{LocalCheck, LocalService, Source};
use super::state::Change;
use crate::model::check::{CheckDefinition, Status};
use crate::model::service::ServiceDefinition;

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
    #[error("cannot read {path}: {source}; move the file away to start without it")]
    Decode {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error(
        "{path} has format version {found}, which is newer than {VERSION}: start the version of consulctl that wrote it"
    )]
    Version { path: PathBuf, found: u32 },
    #[error(
        "{path} has {size} bytes and at most {FILE_SIZE_MAX} are read; move the file away to start without it"
    )]
    TooLarge { path: PathBuf, size: u64 },
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

trait Versioned {
    fn version(&self) -> u32;
}

impl Versioned for SavedService {
    fn version(&self) -> u32 {
        self.version
    }
}

impl Versioned for SavedCheck {
    fn version(&self) -> u32 {
        self.version
    }
}

impl Versioned for SavedTtl {
    fn version(&self) -> u32 {
        self.version
    }
}

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

    /// Reads everything; leftovers of interrupted writes are removed.
    ///
    /// # Errors
    /// Names the first file that cannot be read: state is never dropped silently.
    pub(super) fn load(&self) -> Result<Saved, PersistError> {
        Ok(Saved {
            services: load_folder(&self.services)?,
            checks: load_folder(&self.checks)?,
            ttls: self.load_ttls()?,
        })
    }

    /// What TTL checks said last is not synced when it is written, so a power failure may leave a
    /// torn or empty file: its check starts as critical, the agent starts all the same.
    fn load_ttls(&self) -> Result<BTreeMap<String, SavedTtl>, PersistError> {
        let mut ttls = BTreeMap::new();
        for path in list(&self.ttls)? {
            match read::<SavedTtl>(&path) {
                Ok(ttl) => {
                    ttls.insert(ttl.check_id.clone(), ttl);
                }
                Err(err @ (PersistError::Decode { .. } | PersistError::TooLarge { .. })) => {
                    let file = path.display();
                    warn!(
                        target: "agent", %file, error = %err,
                        "removing the unreadable state of a TTL check, which starts as critical"
                    );
                    remove(&path)?;
                }
                Err(other) => return Err(other),
            }
        }
        Ok(ttls)
    }

    /// Makes a change durable. Entries of configuration files are not written, and what was
    /// written under their ids before is removed: files win.
    ///
    /// # Errors
    /// Names the file; what was written before it stays. Nothing is written when one of the files
    /// would be too large to be read again.
    pub(super) fn save(&self, change: &Change) -> Result<(), PersistError> {
        let services = change.services.iter().map(|it| self.service_file(it));
        let checks = change.checks.iter().map(|it| self.check_file(it));
        let files: Vec<_> = services.chain(checks).collect::<Result<_, _>>()?;
        for (path, content) in files {
            match content {
                Some(bytes) => write(&path, &bytes, true)?,
                None => remove(&path)?,
            }
        }
        for id in &change.removed_checks {
            remove(&self.checks.join(file_name(id)))?;
            remove(&self.ttls.join(file_name(id)))?;
        }
        for id in &change.removed_services {
            remove(&self.services.join(file_name(id)))?;
        }
        if !change.services.is_empty() || !change.removed_services.is_empty() {
            sync_folder(&self.services)?;
        }
        if !change.checks.is_empty() || !change.removed_checks.is_empty() {
            sync_folder(&self.checks)?;
        }
        Ok(())
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
        write(&path, &encode(&path, ttl)?, false)
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

fn load_folder<T: DeserializeOwned + Versioned>(folder: &Path) -> Result<Vec<T>, PersistError> {
    list(folder)?.iter().map(|path| read(path)).collect()
}

/// The folder's files in order; leftovers of interrupted writes are removed.
fn list(folder: &Path) -> Result<Vec<PathBuf>, PersistError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error("list", folder))? {
        let entry = entry.map_err(io_error("list", folder))?;
        let path = entry.path();
        if entry
            .file_type()
            .map_err(io_error("look at", &path))?
            .is_dir()
        {
            continue;
        }
        if path.to_string_lossy().ends_with(TEMPORARY_SUFFIX) {
            remove(&path)?;
        } else {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read<T: DeserializeOwned + Versioned>(path: &Path) -> Result<T, PersistError> {
    let size = fs::metadata(path).map_err(io_error("look at", path))?.len();
    if usize::try_from(size).map_or(true, |size| size > FILE_SIZE_MAX) {
        return Err(PersistError::TooLarge {
            path: path.to_owned(),
            size,
        });
    }
    let bytes = fs::read(path).map_err(io_error("read", path))?;
    let saved: T = serde_json::from_slice(&bytes).map_err(|source| PersistError::Decode {
        path: path.to_owned(),
        source,
    })?;
    match saved.version() {
        found if found > VERSION => Err(PersistError::Version {
            path: path.to_owned(),
            found,
        }),
        _ => Ok(saved),
    }
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

fn write(path: &Path, bytes: &[u8], durable: bool) -> Result<(), PersistError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(TEMPORARY_SUFFIX);
    let temporary = PathBuf::from(temporary);
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        if durable {
            file.sync_all()?;
        }
        fs::rename(&temporary, path)
    };
    write().map_err(io_error("write", path))
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
mod tests {
    use super::*;
    use crate::agent::local::entry::NodeIdentity;
    use crate::agent::local::state::{LocalState, StateSettings};

    fn state() -> LocalState {
        let node = NodeIdentity {
            name: "n1".to_owned(),
            ..NodeIdentity::default()
        };
        LocalState::new(node, StateSettings::default())
    }

    fn web(source: Source) -> Change {
        let json = r#"{"Name":"web","Port":80,"Token":"tok","Check":{"TTL":"10s"}}"#;
        state()
            .plan_service(&serde_json::from_str(json).unwrap(), source, false)
            .unwrap()
    }

    #[test]
    fn nobody_else_reads_definitions() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        Files::open(dir.path()).unwrap();
        for folder in ["services", "checks"] {
            let mode = fs::metadata(dir.path().join(folder)).unwrap();
            assert_eq!(mode.permissions().mode() & 0o777, PRIVATE_FOLDER);
        }
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::open(dir.path()).unwrap();
        files.save(&web(Source::Api)).unwrap();
        files
            .save_ttl(&SavedTtl::new("service:web", Status::Passing, "fine", 7))
            .unwrap();
        let saved = Files::open(dir.path()).unwrap().load().unwrap();
        let [service] = saved.services.as_slice() else {
            panic!("{saved:?}")
        };
        let SavedService {
            definition,
            sidecar,
            ..
        } = service;
        assert_eq!(
            (definition.name.as_str(), definition.port, *sidecar),
            ("web", 80, false)
        );
        assert_eq!(definition.token, "tok");
        let [check] = saved.checks.as_slice() else {
            panic!("{saved:?}")
        };
        let check = check.definition.as_ref().expect("a definition");
        assert_eq!(
            (check.id.as_str(), check.service_id.as_str()),
            ("service:web", "web")
        );
        assert_eq!(saved.ttls["service:web"].output, "fine");
    }

    #[test]
    fn files_are_named_by_the_hash_of_the_id() {
        let dir = tempfile::tempdir().unwrap();
        Files::open(dir.path())
            .unwrap()
            .save(&web(Source::Api))
            .unwrap();
        let hash = "4b5e57f6eb2f42b9039b3d1e13929295f231749c510cbe341cd68036d9af97e2";
        assert!(dir.path().join("services").join(hash).is_file());
    }

    #[test]
    fn removed_entries_and_those_of_configuration_files_leave_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::open(dir.path()).unwrap();
        files.save(&web(Source::Api)).unwrap();
        files.save(&web(Source::Config)).unwrap();
        let saved = files.load().unwrap();
        assert!(
            saved.services.is_empty() && saved.checks.is_empty(),
            "files win"
        );
        files.save(&web(Source::Api)).unwrap();
        files
            .save_ttl(&SavedTtl::new("service:web", Status::Passing, "", 7))
            .unwrap();
        let removed = |id: &str| vec![id.to_owned()];
        let gone = Change {
            removed_services: removed("web"),
            removed_checks: removed("service:web"),
            ..Change::default()
        };
        files.save(&gone).unwrap();
        files.save(&gone).unwrap();
        let saved = files.load().unwrap();
        assert!(saved.services.is_empty() && saved.checks.is_empty() && saved.ttls.is_empty());
    }

    #[test]
    fn an_unreadable_file_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::open(dir.path()).unwrap();
        let path = dir.path().join("services").join(file_name("web"));
        for (content, reason) in [
            ("{\"Version\":1", "EOF while parsing"),
            ("", "EOF while parsing"),
            (
                "{\"Version\":2,\"Sidecar\":false,\"Definition\":{}}",
                "newer than 1",
            ),
        ] {
            fs::write(&path, content).unwrap();
            let text = files.load().expect_err("unreadable").to_string();
            assert!(
                text.contains(&path.display().to_string()) && text.contains(reason),
                "{text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_again_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::open(dir.path()).unwrap();
        let tagged = |length: usize| {
            let tag = "x".repeat(length);
            let json = format!(r#"{{"Name":"web","Tags":["{tag}"],"Check":{{"TTL":"10s"}}}}"#);
            let definition = serde_json::from_str(&json).unwrap();
            state()
                .plan_service(&definition, Source::Api, false)
                .unwrap()
        };
        let refused = files.save(&tagged(FILE_SIZE_MAX)).expect_err("too large");
        assert!(
            matches!(refused, PersistError::NotWritten { .. })
                && refused
                    .to_string()
                    .contains("the registration is too large"),
            "{refused}"
        );
        let saved = files.load().unwrap();
        assert!(saved.services.is_empty() && saved.checks.is_empty());
        files.save(&tagged(BODY_MAX)).unwrap();
        assert_eq!(files.load().unwrap().services.len(), 1);
    }

    #[test]
    fn a_file_that_is_too_large_is_named_with_its_size() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::open(dir.path()).unwrap();
        let path = dir.path().join("services").join(file_name("web"));
        fs::write(&path, vec![b' '; FILE_SIZE_MAX + 1]).unwrap();
        let text = files.load().expect_err("too large").to_string();
        let size = format!("{} has {} bytes", path.display(), FILE_SIZE_MAX + 1);
        assert!(text.starts_with(&size), "{text}");
    }

    #[test]
    fn a_torn_ttl_state_is_removed_and_the_rest_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::open(dir.path()).unwrap();
        files.save(&web(Source::Api)).unwrap();
        files
            .save_ttl(&SavedTtl::new("other", Status::Passing, "", 7))
            .unwrap();
        let folder = dir.path().join("checks").join("state");
        let path = folder.join(file_name("service:web"));
        for torn in ["", "{\"Version\":1,\"Che", "\0\0\0\0"] {
            fs::write(&path, torn).unwrap();
            let saved = files.load().unwrap();
            assert_eq!(saved.checks.len(), 1, "the check itself stays");
            assert_eq!(saved.ttls.keys().collect::<Vec<_>>(), ["other"]);
            assert!(!path.exists());
        }
        fs::write(
            &path,
            r#"{"Version":2,"CheckID":"a","Status":"passing","Output":"","ExpiresMs":7}"#,
        )
        .unwrap();
        let newer = files.load().expect_err("a newer version's file stays");
        assert!(matches!(newer, PersistError::Version { .. }) && path.exists());
    }

    #[test]
    fn leftovers_of_an_interrupted_write_are_ignored_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::open(dir.path()).unwrap();
        let leftover = dir.path().join("checks").join("abc.tmp");
        fs::write(&leftover, "{\"Ver").unwrap();
        assert!(files.load().unwrap().checks.is_empty());
        assert!(!leftover.exists());
    }

    #[test]
    fn an_old_file_stays_readable() {
        let text = r#"{"Version":1,"Sidecar":false,"Definition":{"Name":"web","Port":80}}"#;
        let saved: SavedService = serde_json::from_str(text).unwrap();
        assert_eq!(saved.definition.name, "web");
        assert_eq!(serde_json::to_string(&saved).unwrap(), text);
        let text = r#"{"Version":1,"Maintenance":{"ServiceID":"web","Reason":"why"}}"#;
        let saved: SavedCheck = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&saved).unwrap(), text);
    }
}
