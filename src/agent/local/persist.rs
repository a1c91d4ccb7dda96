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

use super::entry::{LocalCheck, LocalService, Source};
use super::state::Change;
use crate::model::check::{CheckDefinition, Status};
use crate::model::service::ServiceDefinition;

/// The format's version; a file of a newer one is not guessed at.
const VERSION: u32 = 1;
/// The largest file that is read: registrations are far smaller.
const FILE_SIZE_MAX: u64 = 4 * 1024 * 1024;
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
    #[error("{path} is larger than {FILE_SIZE_MAX} bytes: it was not written by this agent")]
    TooLarge { path: PathBuf },
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
        let ttls = load_folder::<SavedTtl>(&self.ttls)?;
        Ok(Saved {
            services: load_folder(&self.services)?,
            checks: load_folder(&self.checks)?,
            ttls: ttls
                .into_iter()
                .map(|ttl| (ttl.check_id.clone(), ttl))
                .collect(),
        })
    }

    /// Makes a change durable. Entries of configuration files are not written, and what was
    /// written under their ids before is removed: files win.
    ///
    /// # Errors
    /// Names the file; what was written before it stays.
    pub(super) fn save(&self, change: &Change) -> Result<(), PersistError> {
        for service in &change.services {
            self.save_service(service)?;
        }
        for check in &change.checks {
            self.save_check(check)?;
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

    fn save_service(&self, service: &LocalService) -> Result<(), PersistError> {
        let path = self.services.join(file_name(&service.service.id));
        if service.source == Source::Config {
            return remove(&path);
        }
        let mut definition = service.definition.clone();
        definition.token.clone_from(&service.token);
        write(
            &path,
            &SavedService {
                version: VERSION,
                sidecar: service.sidecar,
                definition,
            },
            true,
        )
    }

    fn save_check(&self, check: &LocalCheck) -> Result<(), PersistError> {
        let path = self.checks.join(file_name(&check.check.check_id));
        if check.source == Source::Config {
            return remove(&path);
        }
        let definition = check.definition.clone();
        let maintenance = definition.is_none().then(|| SavedMaintenance {
            service_id: check.check.service_id.clone(),
            reason: check.check.notes.clone(),
        });
        write(
            &path,
            &SavedCheck {
                version: VERSION,
                definition,
                maintenance,
            },
            true,
        )
    }

    /// Writes what a TTL check said. Not synced to the disk: losing it only makes the check start
    /// as critical after a power failure, and a sync for every heartbeat would be dear.
    ///
    /// # Errors
    /// Names the file.
    pub(super) fn save_ttl(&self, ttl: &SavedTtl) -> Result<(), PersistError> {
        write(&self.ttls.join(file_name(&ttl.check_id)), ttl, false)
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
    paths.iter().map(|path| read(path)).collect()
}

fn read<T: DeserializeOwned + Versioned>(path: &Path) -> Result<T, PersistError> {
    let size = fs::metadata(path).map_err(io_error("look at", path))?.len();
    if size > FILE_SIZE_MAX {
        return Err(PersistError::TooLarge {
            path: path.to_owned(),
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

fn write<T: Serialize>(path: &Path, value: &T, durable: bool) -> Result<(), PersistError> {
    let bytes = serde_json::to_vec(value).expect("registrations are always representable as JSON");
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(TEMPORARY_SUFFIX);
    let temporary = PathBuf::from(temporary);
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(&bytes)?;
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
