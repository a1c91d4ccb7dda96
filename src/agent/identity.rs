//! Who this agent is: the data folder, its lock, the node's UUID and name.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// The file in the data folder that one agent at a time holds locked.
const LOCK_FILE: &str = "agent.lock";
/// The file in the data folder that keeps the node's UUID.
const NODE_ID_FILE: &str = "node-id";

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The system refused.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another agent uses the folder.
    #[error(
        "data-dir {0} is in use by another agent: stop it, or give this one a folder of its own"
    )]
    InUse(PathBuf),
    /// The stored UUID is none.
    #[error("{path} holds {text:?}, which is no UUID: remove the file to get a new one")]
    BadNodeId {
        /// The file.
        path: PathBuf,
        /// What it holds.
        text: String,
    },
}

/// The data folder, locked for this process as long as this value lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> IdentityError + 'a {
    move |source| IdentityError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

impl DataDir {
    /// Creates the folder where it is missing, and locks it.
    ///
    /// # Errors
    /// When the folder cannot be written or another agent holds it.
    pub fn open(path: &Path) -> Result<Self, IdentityError> {
        fs::create_dir_all(path).map_err(failed("create data-dir", path))?;
        let lock_path = path.join(LOCK_FILE);
        let lock = File::create(&lock_path).map_err(failed("create", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(IdentityError::InUse(path.to_owned())),
            Err(TryLockError::Error(err)) => Err(failed("lock", &lock_path)(err)),
        }
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The node's UUID: the configured one, else the stored one, else a new one. It is stored.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn node_id(&self, configured: Option<&str>) -> Result<String, IdentityError> {
        let path = self.path.join(NODE_ID_FILE);
        let stored = match fs::read_to_string(&path) {
            Ok(text) => Some(text.trim().to_owned()),
            Err(err) if err.kind() == io::ErrorKind::NotFound => None,
            Err(err) => return Err(failed("read", &path)(err)),
        };
        let id = match (configured, &stored) {
            (Some(id), _) => id.to_lowercase(),
            (None, Some(text)) if Uuid::parse_str(text).is_ok() => text.to_lowercase(),
            (None, Some(text)) => {
                return Err(IdentityError::BadNodeId {
                    path,
                    text: text.clone(),
                });
            }
            (None, None) => Uuid::new_v4().to_string(),
        };
        if stored.as_deref() != Some(&id) {
            write_durably(&path, &id).map_err(failed("write", &path))?;
        }
        Ok(id)
    }
}

/// The file with the process's number; removed with this value.
#[derive(Debug)]
pub struct PidFile(PathBuf);

impl PidFile {
    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(path: &Path) -> Result<Self, IdentityError> {
        fs::write(path, std::process::id().to_string()).map_err(failed("write pid-file", path))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(err) = fs::remove_file(&self.0) {
            let path = self.0.display();
            tracing::warn!(target: "agent", %path, error = %err, "could not delete pid file");
        }
    }
}

/// Writes a file so that a crash leaves the old text or the new one.
fn write_durably(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uuid_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let id = data.node_id(None).unwrap();
        assert_eq!(data.node_id(None).unwrap(), id);
        let wanted = "11111111-2222-3333-4444-555555555555";
        assert_eq!(data.node_id(Some(wanted)).unwrap(), wanted);
        assert_eq!(data.node_id(None).unwrap(), wanted);
    }

    #[test]
    fn a_folder_has_one_agent() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataDir::open(folder.path()).unwrap();
        assert!(matches!(
            DataDir::open(folder.path()),
            Err(IdentityError::InUse(_))
        ));
        drop(first);
        DataDir::open(folder.path()).unwrap();
    }

    #[test]
    fn a_damaged_uuid_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(NODE_ID_FILE), "nonsense").unwrap();
        let err = DataDir::open(folder.path())
            .unwrap()
            .node_id(None)
            .unwrap_err();
        assert!(err.to_string().contains("node-id"), "{err}");
    }
}
