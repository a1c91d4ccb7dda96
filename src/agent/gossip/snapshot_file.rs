//! The file in which members are remembered for a restart: section 12 of the wire format.
//!
//! [`Snapshot`] lives with the driver and never touches the disk after the start; it hands out [`Job`]s
//! that do, one at a time, so that a slow disk holds up nobody.

mod replay;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::serf::{Restored, SnapshotLine};
use super::wire::{LamportTime, NodeName};

/// Between two writes, and between two looks at the clocks.
pub(super) const FLUSH_INTERVAL: Duration = Duration::from_millis(500);
/// After a failed write, until the file is written anew.
pub(super) const RECOVERY_INTERVAL: Duration = Duration::from_secs(30);
/// A file up to this size is never compacted, in bytes.
const COMPACT_MIN: u64 = 128 * 1024;
/// What an alive member is thought to take in the file, in bytes.
const BYTES_PER_MEMBER: u64 = 128;
/// The file may be this many times larger than it has to be.
const COMPACT_FACTOR: u64 = 2;

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
pub(super) struct Clocks {
    pub(super) member: LamportTime,
    pub(super) event: LamportTime,
    pub(super) query: LamportTime,
}

/// What is remembered, and what of it is not on disk yet.
#[derive(Debug)]
pub(super) struct Snapshot {
    path: PathBuf,
    alive: BTreeMap<NodeName, SocketAddr>,
    clocks: Clocks,
    /// As they are in the file, or in `pending`.
    written: Clocks,
    /// Lines that wait for the next write; bounded by the size at which the file is written anew.
    pending: String,
    /// Absent while a job has it.
    file: Option<OpenFile>,
    /// The file is not what it should be, so that the next job writes all of it.
    damaged: bool,
    /// Whether leaving keeps the members.
    rejoin_after_leave: bool,
    /// Members are not recorded any more.
    left: bool,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    size: u64,
}

/// The file of before, as the start sees it.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) snapshot: Snapshot,
    pub(super) restored: Restored,
    /// For the log: lines that make no sense.
    pub(super) warnings: Vec<String>,
}

/// One write, for a thread that may block.
#[derive(Debug)]
pub(super) struct Job {
    path: PathBuf,
    file: Option<OpenFile>,
    text: String,
    compact: bool,
    sync: bool,
}

/// A [`Job`] that was run.
#[derive(Debug)]
pub(super) struct Done {
    file: Option<OpenFile>,
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
    pub(super) fn open(path: &Path, rejoin_after_leave: bool) -> Result<Opened, SnapshotFileError> {
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
        let replayed = replay::read(path, rejoin_after_leave).map_err(failed("read"))?;
        let restored = replayed.restored;
        let clocks = Clocks {
            member: restored.clock,
            event: restored.event_clock,
            query: restored.query_clock,
        };
        Ok(Opened {
            snapshot: Self {
                path: path.to_owned(),
                alive: restored.alive.iter().cloned().collect(),
                clocks,
                written: clocks,
                pending: String::new(),
                file: Some(OpenFile {
                    file,
                    size: replayed.size,
                }),
                damaged: replayed.torn,
                rejoin_after_leave,
                left: false,
            },
            restored,
            warnings: replayed.warnings,
        })
    }

    /// Remembers a line for the next write.
    pub(super) fn line(&mut self, line: SnapshotLine) {
        match line {
            SnapshotLine::Clock(time) => self.clocks.member = time,
            SnapshotLine::EventClock(time) => self.clocks.event = time,
            SnapshotLine::QueryClock(time) => self.clocks.query = time,
            _ if self.left => {}
            SnapshotLine::Alive { name, address } => {
                if fits_a_line(&name) {
                    _ = writeln!(self.pending, "alive: {name} {address}");
                    self.alive.insert(name, address);
                }
            }
            SnapshotLine::NotAlive { name } => {
                if self.alive.remove(&name).is_some() {
                    _ = writeln!(self.pending, "not-alive: {name}");
                }
            }
            SnapshotLine::Leave => {
                self.left = true;
                if !self.rejoin_after_leave {
                    self.alive.clear();
                }
                self.pending.push_str("leave\n");
            }
        }
        if self.pending.len() as u64 > self.size_wanted() {
            self.damaged = true;
            self.pending.clear();
        }
    }

    /// A job, if there is anything to write and no other is under way; `sync` waits for the disk.
    pub(super) fn job(&mut self, sync: bool) -> Option<Job> {
        if self.file.is_some() {
            self.write_clocks();
        }
        if !sync && !self.damaged && self.pending.is_empty() {
            return None;
        }
        let file = self.file.take()?;
        let grown = file.size.saturating_add(self.pending.len() as u64);
        let compact = self.damaged || grown > self.size_wanted();
        let text = std::mem::take(&mut self.pending);
        self.damaged = false;
        Some(Job {
            path: self.path.clone(),
            file: Some(file),
            text: if compact { self.render() } else { text },
            compact,
            sync,
        })
    }

    /// Takes the file back.
    pub(super) fn done(&mut self, done: &mut Done) {
        self.file = done.file.take();
        if done.result.is_err() {
            self.damaged = true;
            self.pending.clear();
        }
    }

    /// Whether the last write failed.
    pub(super) fn is_damaged(&self) -> bool {
        self.damaged
    }

    fn write_clocks(&mut self) {
        let now = self.clocks;
        for (keyword, now, written) in [
            ("clock", now.member, &mut self.written.member),
            ("event-clock", now.event, &mut self.written.event),
            ("query-clock", now.query, &mut self.written.query),
        ] {
            if now != *written {
                *written = now;
                _ = writeln!(self.pending, "{keyword}: {now}");
            }
        }
    }

    /// The whole file, written anew.
    fn render(&self) -> String {
        let mut text = String::new();
        for (name, address) in &self.alive {
            _ = writeln!(text, "alive: {name} {address}");
        }
        _ = writeln!(text, "clock: {}", self.clocks.member);
        _ = writeln!(text, "event-clock: {}", self.clocks.event);
        _ = writeln!(text, "query-clock: {}", self.clocks.query);
        if self.left {
            text.push_str("leave\n");
        }
        text
    }

    fn size_wanted(&self) -> u64 {
        let needed = BYTES_PER_MEMBER.saturating_mul(self.alive.len() as u64);
        needed.saturating_mul(COMPACT_FACTOR).max(COMPACT_MIN)
    }
}

impl Job {
    /// Does it. Blocks.
    pub(super) fn run(mut self) -> Done {
        let began = Instant::now();
        let result = if self.compact {
            self.rewrite()
        } else {
            self.append()
        };
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
        let Some(open) = &mut self.file else {
            return Err(io::Error::other("it is not open"));
        };
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
        self.file = Some(OpenFile {
            file: append_to(&self.path)?,
            size: self.text.len() as u64,
        });
        Ok(())
    }
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
