//! Reading what was persisted. What cannot be understood is set aside by name; the rest loads.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tracing::{error, info};

use super::consul::{self, FromConsul, NotConsuls};
use super::{
    FILE_SIZE_MAX, Files, PRIVATE_FOLDER, PersistError, Saved, SavedCheck, SavedService, SavedTtl,
    TEMPORARY_SUFFIX, VERSION, encode, file_name, io_error, remove, sync_folder, temporary, write,
};
use crate::model::check::{NODE_MAINTENANCE, SERVICE_MAINTENANCE_PREFIX};

/// The folder beside damaged files that takes them.
const SET_ASIDE: &str = "set-aside";
/// Files of one name that are kept there; the last one is replaced when there are more.
const SET_ASIDE_MAX: u32 = 16;
/// Letters of a file's name: SHA-256 in hex.
const NAME_LENGTH: usize = 64;

/// Why a file is set aside.
#[derive(Debug, thiserror::Error)]
enum Damage {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("it has {size} bytes and at most {FILE_SIZE_MAX} are read")]
    TooLarge { size: u64 },
    #[error("missing field `Version`")]
    NoVersion,
    #[error("it is named like a file of Consul's and does not read like one: {0}")]
    NotConsuls(#[from] NotConsuls),
    #[error("it is not a file")]
    NotAFile,
    #[error("it holds neither a registration nor a maintenance switch")]
    Empty,
    #[error("it holds {id:?}, which belongs into the file {file}")]
    WrongName { id: String, file: String },
}

/// A file that was not taken in.
enum Unread {
    /// Its content makes no sense.
    Damaged(Damage),
    /// The start cannot go on: the disk fails, or a newer version wrote the file.
    Fatal(PersistError),
}

impl From<serde_json::Error> for Unread {
    fn from(err: serde_json::Error) -> Self {
        Self::Damaged(Damage::Json(err))
    }
}

impl From<PersistError> for Unread {
    fn from(err: PersistError) -> Self {
        Self::Fatal(err)
    }
}

/// What every file starts with. Read first: a newer form may differ in all the rest.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Header {
    /// `None`: Consul's files have none.
    version: Option<u32>,
}

/// A file that was understood.
enum Understood<T> {
    Ours(T),
    /// To be rewritten in our form.
    Consuls(T),
}

/// A kind of file.
trait Entry: DeserializeOwned + Serialize + FromConsul {
    /// How the log names it.
    const NOUN: &'static str;
    /// The id that decides the file's name; `None`: there is nothing in the file.
    fn id(&self) -> Option<String>;
}

impl Entry for SavedService {
    const NOUN: &'static str = "service";

    fn id(&self) -> Option<String> {
        let ids = [&self.definition.id, &self.definition.name];
        ids.into_iter().find(|id| !id.is_empty()).cloned()
    }
}

impl Entry for SavedCheck {
    const NOUN: &'static str = "check";

    fn id(&self) -> Option<String> {
        match (&self.definition, &self.maintenance) {
            (Some(definition), _) => {
                let ids = [&definition.check_id, &definition.id, &definition.name];
                ids.into_iter().find(|id| !id.is_empty()).cloned()
            }
            (None, Some(switch)) if switch.service_id.is_empty() => {
                Some(NODE_MAINTENANCE.to_owned())
            }
            (None, Some(switch)) => {
                Some(format!("{SERVICE_MAINTENANCE_PREFIX}{}", switch.service_id))
            }
            (None, None) => None,
        }
    }
}

impl Entry for SavedTtl {
    const NOUN: &'static str = "check state";

    fn id(&self) -> Option<String> {
        Some(self.check_id.clone())
    }
}

impl Files {
    /// Reads everything. Leftovers of interrupted writes are removed; damaged files are moved to
    /// `set-aside/` and logged by name, so that the others load.
    ///
    /// # Errors
    /// Names the first file that the disk does not give, that cannot be moved, or that a newer
    /// version wrote: state is never dropped silently.
    pub(in crate::agent::local) fn load(&self) -> Result<Saved, PersistError> {
        // Torn states are expected after a power failure, as they are written without a sync:
        // their checks start as critical.
        let ttls: Vec<SavedTtl> = load_folder(&self.ttls)?;
        let ttls: BTreeMap<_, _> = ttls
            .into_iter()
            .map(|ttl| (ttl.check_id.clone(), ttl))
            .collect();
        Ok(Saved {
            services: load_folder(&self.services)?,
            checks: load_folder(&self.checks)?,
            ttls,
        })
    }

    /// Moves a check's file away: what it holds makes no sense any more.
    ///
    /// # Errors
    /// Names the file that cannot be moved.
    pub(in crate::agent::local) fn set_check_aside(
        &self,
        check_id: &str,
    ) -> Result<PathBuf, PersistError> {
        set_aside(&self.checks, &self.checks.join(file_name(check_id)))
    }
}

fn load_folder<T: Entry>(folder: &Path) -> Result<Vec<T>, PersistError> {
    let mut entries = Vec::new();
    for path in list(folder)? {
        match read(&path) {
            Ok(Understood::Ours(entry)) => entries.push(entry),
            Ok(Understood::Consuls(entry)) => entries.extend(take_over(folder, &path, entry)?),
            Err(Unread::Fatal(err)) => return Err(err),
            Err(Unread::Damaged(damage)) => {
                let moved = set_aside(folder, &path)?;
                error!(
                    target: "agent", file = %path.display(), error = %damage,
                    set_aside = %moved.display(),
                    "Failed decoding {} file; it was set aside and the others are loaded", T::NOUN
                );
            }
        }
    }
    Ok(entries)
}

/// Writes what a file of Consul's says in our form and removes it. `None`: there is a file of ours
/// for that id, which is newer: an earlier start came no further than to write it.
fn take_over<T: Entry>(folder: &Path, path: &Path, entry: T) -> Result<Option<T>, PersistError> {
    let id = entry.id().unwrap_or_default();
    let target = folder.join(file_name(&id));
    let known = fs::symlink_metadata(&target).is_ok();
    if !known {
        let (bytes, temporary) = (encode(&target, &entry)?, temporary(&target));
        write(&temporary, &bytes)
            .and_then(|()| fs::rename(&temporary, &target))
            .map_err(io_error("write", &target))?;
        sync_folder(folder)?;
    }
    remove(path)?;
    let (from, to) = (path.display(), target.display());
    info!(target: "agent", id, %from, %to, "took over Consul's {} file", T::NOUN);
    Ok((!known).then_some(entry))
}

/// The folder's files in order, and folders that stand where a file is meant; leftovers of
/// interrupted writes are removed.
fn list(folder: &Path) -> Result<Vec<PathBuf>, PersistError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error("list", folder))? {
        let entry = entry.map_err(io_error("list", folder))?;
        let path = entry.path();
        let name = entry.file_name();
        let is_folder = entry
            .file_type()
            .map_err(io_error("look at", &path))?
            .is_dir();
        if is_folder && !is_file_name(&name.to_string_lossy()) {
            continue;
        }
        if !is_folder && name.to_string_lossy().ends_with(TEMPORARY_SUFFIX) {
            remove(&path)?;
        } else {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_file_name(name: &str) -> bool {
    name.len() == NAME_LENGTH && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn read<T: Entry>(path: &Path) -> Result<Understood<T>, Unread> {
    let about = fs::metadata(path).map_err(io_error("look at", path))?;
    // Anything but a file may have no end, or wait for ever.
    if !about.is_file() {
        return Err(Unread::Damaged(Damage::NotAFile));
    }
    let size = about.len();
    if usize::try_from(size).map_or(true, |size| size > FILE_SIZE_MAX) {
        return Err(Unread::Damaged(Damage::TooLarge { size }));
    }
    let bytes = fs::read(path).map_err(io_error("read", path))?;
    let header: Header = serde_json::from_slice(&bytes)?;
    let Some(found) = header.version else {
        if !consul::is_file_name(path) {
            return Err(Unread::Damaged(Damage::NoVersion));
        }
        let entry = T::from_consul(&bytes).map_err(|err| Unread::Damaged(err.into()))?;
        entry.id().ok_or(Unread::Damaged(Damage::Empty))?;
        return Ok(Understood::Consuls(entry));
    };
    if found > VERSION {
        let path = path.to_owned();
        return Err(Unread::Fatal(PersistError::Version { path, found }));
    }
    let entry: T = serde_json::from_slice(&bytes)?;
    let id = entry.id().ok_or(Unread::Damaged(Damage::Empty))?;
    let file = file_name(&id);
    if path.file_name().is_none_or(|name| *name != *file) {
        return Err(Unread::Damaged(Damage::WrongName { id, file }));
    }
    Ok(Understood::Ours(entry))
}

/// Moves a file or folder out of the way, under a name that no earlier one has; says where it is.
fn set_aside(folder: &Path, path: &Path) -> Result<PathBuf, PersistError> {
    let aside = folder.join(SET_ASIDE);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE_FOLDER)
        .create(&aside)
        .map_err(io_error("create", &aside))?;
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let numbered = |number| match number {
        0 => aside.join(&name),
        _ => aside.join(format!("{name}.{number}")),
    };
    let mut target = numbered(0);
    for number in 1..SET_ASIDE_MAX {
        if fs::symlink_metadata(&target).is_err() {
            break;
        }
        target = numbered(number);
    }
    fs::rename(path, &target).map_err(io_error("set aside", path))?;
    sync_folder(&aside)?;
    sync_folder(folder)?;
    Ok(target)
}
