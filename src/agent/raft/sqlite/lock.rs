//! The lock file: keeps a second agent out, and tells after a crash that there was one.
//!
//! SQLite forgets everything in a write-ahead log that is missing, and cannot know that there was one. So the lock file
//! holds one word while the log may have a write-ahead log with entries that are nowhere else.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::{DbError, io_error};

/// Content of the file while the log is written.
const OPEN: &[u8] = b"open\n";

/// The held lock.
pub(super) struct Lock {
    path: PathBuf,
    file: File,
    /// Whether the last agent ended without [`Self::note_closing`].
    pub(super) was_open: bool,
}

impl Lock {
    /// Takes the lock of the log at `log`.
    pub(super) fn take(log: &Path) -> Result<Self, DbError> {
        let path = log.with_extension("lock");
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true);
        let mut file = options.open(&path).map_err(io_error("create", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DbError::InUse(log.to_owned())),
            Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
        }
        let mut content = Vec::new();
        let read = (&mut file)
            .take(OPEN.len() as u64)
            .read_to_end(&mut content);
        read.map_err(io_error("read", &path))?;
        Ok(Self {
            was_open: content == OPEN,
            path,
            file,
        })
    }

    /// Notes, durably, that the log is written from now on. The write-ahead log must exist.
    pub(super) fn note_open(&mut self) -> Result<(), DbError> {
        if self.was_open {
            // It still says so; a full disk shall not matter here.
            return Ok(());
        }
        self.write(OPEN)
    }

    /// Notes, durably, that everything is written and the write-ahead log may go.
    pub(super) fn note_closing(&mut self) -> Result<(), DbError> {
        self.write(b"")
    }

    fn write(&mut self, content: &[u8]) -> Result<(), DbError> {
        let mut write = || -> io::Result<()> {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.file.write_all(content)?;
            self.file.sync_data()
        };
        write().map_err(io_error("write", &self.path))
    }
}
