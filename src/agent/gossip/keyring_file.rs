//! The keyring's file: a JSON list of base64 keys, the primary one first, for its owner's eyes only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::wire::{Key, Keyring};

/// Largest file that is read, in bytes.
const SIZE_MAX: u64 = 1024 * 1024;
/// Rights of the file: keys are secrets.
const MODE: u32 = 0o600;

/// Why the keyring cannot be kept in its file.
#[derive(Debug, thiserror::Error)]
pub enum KeyringFileError {
    /// The file cannot be read.
    #[error("cannot read the keyring file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not a keyring.
    #[error("the keyring file {} is damaged: {reason}; repair it, or remove it to start from the configured key", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        reason: String,
    },
    /// The file cannot be written.
    #[error("cannot write the keyring file {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// What a pool starts with.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) keyring: Option<Keyring>,
    /// The configured key is not among the file's, which count.
    pub(super) key_ignored: bool,
}

/// The keyring to start with: the file's, else one of the configured key, which is then written.
///
/// # Errors
/// When the file cannot be read or written, or is no keyring.
pub(super) fn open(path: Option<&Path>, key: Option<&Key>) -> Result<Opened, KeyringFileError> {
    if let Some(path) = path
        && let Some(keyring) = load(path)?
    {
        let key_ignored = key.is_some_and(|key| !keyring.keys().contains(key));
        return Ok(Opened {
            keyring: Some(keyring),
            key_ignored,
        });
    }
    let keyring = key.cloned().map(Keyring::new);
    if let (Some(path), Some(keyring)) = (path, &keyring) {
        save(path, keyring)?;
    }
    Ok(Opened {
        keyring,
        key_ignored: false,
    })
}

/// Reads the file; `None` when there is none.
fn load(path: &Path) -> Result<Option<Keyring>, KeyringFileError> {
    let failed = |source| KeyringFileError::Read {
        path: path.to_owned(),
        source,
    };
    let damaged = |reason| KeyringFileError::Damaged {
        path: path.to_owned(),
        reason,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(failed(err)),
    };
    let mut text = Vec::new();
    let read = file.take(SIZE_MAX + 1).read_to_end(&mut text);
    let size = read.map_err(failed)?;
    if size as u64 > SIZE_MAX {
        return Err(damaged(format!("it is larger than {SIZE_MAX} bytes")));
    }
    match Keyring::from_json(&text) {
        Ok(keyring) => Ok(Some(keyring)),
        Err(err) => Err(damaged(err.to_string())),
    }
}

/// Replaces the file so that a crash leaves the old keys or the new ones.
///
/// # Errors
/// When it cannot be written.
pub(super) fn save(path: &Path, keyring: &Keyring) -> Result<(), KeyringFileError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let write = || -> io::Result<()> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            fs::create_dir_all(folder)?;
        }
        // A left-over of a crash may have other rights.
        match fs::remove_file(&temporary) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(&temporary)?;
        file.write_all(keyring.to_json().as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|source| KeyringFileError::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn key(byte: u8) -> Key {
        Key::new(&[byte; 16]).expect("has a key's length")
    }

    #[test]
    fn the_first_start_writes_the_file_and_the_file_wins_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serf/local.keyring");
        let first = open(Some(&path), Some(&key(1))).unwrap();
        assert_eq!(first.keyring, Some(Keyring::new(key(1))));
        assert!(!first.key_ignored);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "[\n  \"AQEBAQEBAQEBAQEBAQEBAQ==\"\n]");
        let again = open(Some(&path), Some(&key(2))).unwrap();
        assert_eq!(again.keyring, Some(Keyring::new(key(1))));
        assert!(again.key_ignored);
        let without = open(Some(&path), None).unwrap();
        assert_eq!(without.keyring, Some(Keyring::new(key(1))));
        assert!(!without.key_ignored);
    }

    #[test]
    fn a_left_over_with_other_rights_does_not_leak_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("local.keyring");
        fs::write(folder.path().join("local.keyring.tmp"), "torn").unwrap();
        save(&path, &Keyring::new(key(3))).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn without_file_and_key_there_is_no_encryption() {
        assert_eq!(open(None, None).unwrap().keyring, None);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("local.keyring");
        assert_eq!(open(Some(&path), None).unwrap().keyring, None);
        assert!(!path.exists());
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("local.keyring");
        for text in ["", "{}", "[]", "[\"!\"]", "[\"AQE=\"]"] {
            fs::write(&path, text).unwrap();
            let error = open(Some(&path), Some(&key(1))).expect_err("is no keyring");
            assert!(error.to_string().contains("local.keyring"), "{error}");
        }
        fs::write(&path, vec![b' '; 2 * 1024 * 1024]).unwrap();
        let error = open(Some(&path), None).expect_err("is too large");
        assert!(error.to_string().contains("larger"), "{error}");
    }
}
