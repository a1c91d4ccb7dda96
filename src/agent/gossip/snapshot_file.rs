//! The file in which members are remembered for a restart: section 12 of the wire format.
//!
//! [`Snapshot`] lives with the driver and never touches the disk after the start; it hands out [`Job`]s
//! that do, one at a time, so that a slow disk holds up nobody.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::serf::{Remembered, SnapshotLine};
use super::wire::LamportTime;

/// Between two writes, and between two looks at the clocks.
pub(super) const FLUSH_INTERVAL: Duration = Duration::from_millis(500);
/// After a failed write, until the file is written anew.
pub(super) const RECOVERY_INTERVAL: Duration = Duration::from_secs(30);

/// Why members could not be remembered, with the file's name.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} the snapshot {}: {source}", path.display())]
pub struct SnapshotFileError {
    action: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The three clocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Clocks {
    member: LamportTime,
    event: LamportTime,
    query: LamportTime,
}

/// What is remembered, and what of it is not on disk yet.
#[derive(Debug)]
pub(super) struct Snapshot {
    path: PathBuf,
    remembered: Remembered,
    clocks: Clocks,
    /// As they are in the file, or in `pending`.
    written: Clocks,
    /// Lines that wait for the next write; bounded by the size at which the file is written anew.
    pending: String,
    /// Absent while a job has it.
    file: Option<OpenFile>,
    /// The file is not what it should be, so that the next job writes all of it.
    damaged: bool,
    /// Members are not recorded any more.
    left: bool,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    size: u64,
}

/// One write, for a thread that may block.
#[derive(Debug)]
pub(super) struct Job {
    path: PathBuf,
    file: OpenFile,
    text: String,
    compact: bool,
    sync: bool,
}

/// A [`Job`] that was run.
#[derive(Debug)]
pub(super) struct Done {
    file: OpenFile,
    /// Whether the file was written anew.
    pub(super) compacted: bool,
    pub(super) took: Duration,
    pub(super) result: Result<(), SnapshotFileError>,
}

impl Snapshot {
    /// Opens or creates the file and reads what it tells.
    ///
    /// # Errors
    /// When it cannot be read or created.
    pub(super) fn open(path: &Path, rejoin_after_leave: bool) -> Result<Self, SnapshotFileError> {
        let failed = |action| {
            move |source| SnapshotFileError {
                action,
                path: path.to_owned(),
                source,
            }
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed("create the folder of"))?;
        }
        let file = append_to(path).map_err(failed("open"))?;
        let bytes = fs::read(path).map_err(failed("read"))?;
        // A line without its end was being written in a crash.
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let text = String::from_utf8_lossy(&bytes[..whole]);
        let remembered = Remembered::replay(&text, rejoin_after_leave);
        let restored = remembered.restored();
        let clocks = Clocks {
            member: restored.clock,
            event: restored.event_clock,
            query: restored.query_clock,
        };
        Ok(Self {
            path: path.to_owned(),
            remembered,
            clocks,
            written: clocks,
            pending: String::new(),
            file: Some(OpenFile {
                file,
                size: bytes.len() as u64,
            }),
            damaged: whole < bytes.len(),
            left: false,
        })
    }

    /// What the file told at the start, and what happened since.
    pub(super) fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// Remembers a line for the next write.
    pub(super) fn line(&mut self, line: &SnapshotLine) {
        match line {
            SnapshotLine::Clock(time) => self.clocks.member = *time,
            SnapshotLine::EventClock(time) => self.clocks.event = *time,
            SnapshotLine::QueryClock(time) => self.clocks.query = *time,
            _ if self.left => return,
            SnapshotLine::Alive { name, .. } | SnapshotLine::NotAlive { name }
                if !fits_a_line(name) =>
            {
                return;
            }
            SnapshotLine::Alive { .. } | SnapshotLine::NotAlive { .. } => self.append(line),
            SnapshotLine::Leave => {
                self.left = true;
                // What comes after this line counts again at the next start.
                self.append_clocks();
                self.append(line);
            }
        }
        self.remembered.apply(line);
        if self.remembered.is_too_large(self.pending.len() as u64) {
            self.damaged = true;
            self.pending.clear();
        }
    }

    /// A job, if there is anything to write and no other is under way; `sync` waits for the disk.
    pub(super) fn job(&mut self, sync: bool) -> Option<Job> {
        if self.file.is_some() {
            self.append_clocks();
        }
        if !sync && !self.has_news() {
            return None;
        }
        let file = self.file.take()?;
        let grown = file.size.saturating_add(self.pending.len() as u64);
        let compact = self.damaged || self.remembered.is_too_large(grown);
        let text = std::mem::take(&mut self.pending);
        self.damaged = false;
        Some(Job {
            path: self.path.clone(),
            file,
            text: if compact { self.render() } else { text },
            compact,
            sync,
        })
    }

    /// Takes the file back.
    pub(super) fn done(&mut self, done: Done) -> Result<(), SnapshotFileError> {
        self.file = Some(done.file);
        if done.result.is_err() {
            self.damaged = true;
            self.pending.clear();
        }
        done.result
    }

    /// Whether anything waits to be written.
    pub(super) fn has_news(&self) -> bool {
        self.damaged || !self.pending.is_empty() || self.clocks != self.written
    }

    /// Whether the file has to be written anew.
    pub(super) fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Whether a job has the file.
    pub(super) fn is_busy(&self) -> bool {
        self.file.is_none()
    }

    fn append(&mut self, line: &SnapshotLine) {
        // Writing to a text cannot fail.
        _ = writeln!(self.pending, "{line}");
    }

    fn append_clocks(&mut self) {
        let (now, written) = (self.clocks, self.written);
        self.written = now;
        if now.member != written.member {
            self.append(&SnapshotLine::Clock(now.member));
        }
        if now.event != written.event {
            self.append(&SnapshotLine::EventClock(now.event));
        }
        if now.query != written.query {
            self.append(&SnapshotLine::QueryClock(now.query));
        }
    }

    /// The whole file, written anew.
    fn render(&self) -> String {
        let mut text = String::new();
        for line in self.remembered.lines() {
            _ = writeln!(text, "{line}");
        }
        if self.left {
            _ = writeln!(text, "{}", SnapshotLine::Leave);
        }
        text
    }
}

impl Job {
    /// Does it. Blocks. Does not panic: the driver waits for the file.
    pub(super) fn run(mut self) -> Done {
        let began = Instant::now();
        let result = guarded(|| {
            if self.compact {
                self.rewrite()
            } else {
                self.append()
            }
        });
        Done {
            compacted: self.compact,
            took: began.elapsed(),
            result: result.map_err(|source| SnapshotFileError {
                action: "write",
                path: self.path,
                source,
            }),
            file: self.file,
        }
    }

    fn append(&mut self) -> io::Result<()> {
        let open = &mut self.file;
        open.file.write_all(self.text.as_bytes())?;
        open.size = open.size.saturating_add(self.text.len() as u64);
        if self.sync {
            open.file.sync_all()?;
        }
        Ok(())
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let mut new = self.path.as_os_str().to_owned();
        new.push(".compact");
        let new = PathBuf::from(new);
        let mut file = File::create(&new)?;
        file.write_all(self.text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        self.file = OpenFile {
            file: append_to(&self.path)?,
            size: self.text.len() as u64,
        };
        Ok(())
    }
}

/// Makes an error of a panic: the file is written anew after either.
fn guarded(work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(io::Error::other("the write panicked")))
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Whether a name can be read back from a line.
fn fits_a_line(name: &str) -> bool {
    !name.is_empty() && !name.contains(['\n', '\r'])
}

#[cfg(test)]
mod tests;
