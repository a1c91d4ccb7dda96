//! A large file beside a log: written so that the log's own syncs never wait for long.
//!
//! A sync of any file waits for the disk's queue, and on journalling file systems for other files' unwritten pages as
//! well. So the pages are written out every few MiB, and the disk is left alone in between for as long as that took.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Bytes after which the file is synced.
const SYNC_EVERY: usize = 4 << 20;
/// Longest pause after a sync.
const MAX_PAUSE: Duration = Duration::from_millis(50);

/// A file that is written at the log's pace. Blocks.
pub(super) struct PacedFile {
    file: File,
    unsynced: usize,
    /// Set from outside to give up.
    cancelled: Arc<AtomicBool>,
}

impl PacedFile {
    pub(super) fn new(file: File, cancelled: Arc<AtomicBool>) -> Self {
        Self {
            file,
            unsynced: 0,
            cancelled,
        }
    }

    /// The file, as it is.
    pub(super) fn into_inner(self) -> File {
        self.file
    }

    /// Makes everything durable.
    pub(super) fn sync_all(&mut self) -> io::Result<()> {
        self.unsynced = 0;
        self.file.sync_all()
    }
}

impl Write for PacedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(io::Error::other("raft is stopped"));
        }
        let written = self.file.write(bytes)?;
        self.unsynced += written;
        if self.unsynced >= SYNC_EVERY {
            self.unsynced = 0;
            let began = Instant::now();
            self.file.sync_data()?;
            std::thread::sleep(began.elapsed().min(MAX_PAUSE));
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
