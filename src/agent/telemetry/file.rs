//! The log file and its rotation by size and age, with Consul's file names.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::level::Level;
use super::sink::Sink;
use crate::model::go_error;

/// Consul's `log_rotate_duration` when none is given.
pub const DEFAULT_MAX_AGE: Duration = Duration::from_hours(24);
/// The file's name when `-log-file` names a folder.
const DEFAULT_NAME: &str = "consul.log";
/// The extension of a name that has none.
const DEFAULT_EXTENSION: &str = ".log";
/// Permissions of a new log file: Consul's.
const MODE: u32 = 0o640;

/// `-log-file` and the `-log-rotate-*` flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSettings {
    /// The path as given. With a slash at its end it is a folder, which must exist; the file is then named
    /// `consul-<creation time in Unix nanoseconds>.log`. Otherwise the number is put before the extension
    /// (`.log` when there is none).
    pub path: String,
    /// A file of this many bytes or more is closed and a new one begun; 0 is without bound.
    pub max_bytes: u64,
    /// A file of this age or more is closed and a new one begun.
    pub max_age: Duration,
    /// Closed files that are kept: 0 is all, a negative number none.
    pub max_files: i64,
}

impl FileSettings {
    /// A file at `path` that is rotated daily and never removed: Consul's defaults.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            max_bytes: 0,
            max_age: DEFAULT_MAX_AGE,
            max_files: 0,
        }
    }
}

/// The names that a settings' files have: `<folder>/<stem>-<number><extension>`.
#[derive(Debug, PartialEq, Eq)]
struct Names {
    folder: PathBuf,
    stem: String,
    extension: String,
}

impl Names {
    fn of(path: &str) -> Self {
        let (folder, name) = match path.rfind('/') {
            Some(slash) => path.split_at(slash + 1),
            None => ("", path),
        };
        let name = if name.is_empty() { DEFAULT_NAME } else { name };
        let (stem, extension) = match name.rfind('.') {
            Some(dot) => name.split_at(dot),
            None => (name, DEFAULT_EXTENSION),
        };
        Self {
            folder: folder.into(),
            stem: stem.to_owned(),
            extension: extension.to_owned(),
        }
    }

    fn path(&self, created: Timestamp) -> PathBuf {
        let Self {
            folder,
            stem,
            extension,
        } = self;
        folder.join(format!("{stem}-{}{extension}", created.as_nanosecond()))
    }

    /// Whether a file name is one that [`Names::path`] makes; other files are not ours to remove.
    fn matches(&self, name: &str) -> bool {
        name.strip_prefix(self.stem.as_str())
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|rest| rest.strip_suffix(self.extension.as_str()))
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    }

    /// The files that exist, oldest first.
    fn existing(&self) -> io::Result<Vec<PathBuf>> {
        let folder = if self.folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &self.folder
        };
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry
                .file_name()
                .to_str()
                .is_some_and(|name| self.matches(name))
            {
                found.push(entry.path());
            }
        }
        // The numbers have as many digits for the next two centuries: the order of names is that of time.
        found.sort();
        Ok(found)
    }
}

/// The open log file.
#[derive(Debug)]
pub(super) struct LogFile {
    settings: FileSettings,
    names: Names,
    file: File,
    created: Timestamp,
    /// Bytes given to this file, those in `buffer` included.
    written: u64,
    buffer: Vec<u8>,
}

/// The first log file could not be created. The text is Go's, as Consul prints it.
#[derive(Debug, thiserror::Error)]
#[error("open {}: {}", path.display(), go_error::text(source))]
pub struct OpenError {
    path: PathBuf,
    source: io::Error,
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(MODE)
        .open(path)
}

impl LogFile {
    /// Creates the first file, named by `now`.
    pub(super) fn open(settings: FileSettings, now: Timestamp) -> Result<Self, OpenError> {
        let names = Names::of(&settings.path);
        let path = names.path(now);
        let file = create(&path).map_err(|source| OpenError { path, source })?;
        Ok(Self {
            settings,
            names,
            file,
            created: now,
            written: 0,
            buffer: Vec::new(),
        })
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let Self { settings, .. } = self;
        let full = settings.max_bytes > 0 && self.written >= settings.max_bytes;
        let age = now.duration_since(self.created);
        full || age
            .try_into()
            .is_ok_and(|age: Duration| age >= settings.max_age)
    }

    /// Closes the file, removes what is too old, opens the next. The old file stays in use on failure.
    fn rotate(&mut self, now: Timestamp) -> io::Result<()> {
        self.flush()?;
        self.prune()?;
        self.file = create(&self.names.path(now))?;
        self.created = now;
        self.written = 0;
        Ok(())
    }

    fn prune(&self) -> io::Result<()> {
        let keep = match self.settings.max_files {
            0 => return Ok(()),
            count => usize::try_from(count).unwrap_or(0),
        };
        let files = self.names.existing()?;
        let stale = files.len().saturating_sub(keep);
        for path in &files[..stale] {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

impl Sink for LogFile {
    fn name(&self) -> &'static str {
        "the log file"
    }

    fn line(&mut self, now: Timestamp, _level: Level, line: &str) -> io::Result<()> {
        let rotated = if self.is_due(now) {
            self.rotate(now)
        } else {
            Ok(())
        };
        self.buffer.extend_from_slice(line.as_bytes());
        self.buffer.push(b'\n');
        self.written += line.len() as u64 + 1;
        rotated
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.buffer);
        // What could not be written is gone: keeping it would grow without end.
        self.buffer.clear();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanosecond: i64) -> Timestamp {
        Timestamp::from_nanosecond(nanosecond.into()).expect("fits")
    }

    fn names_in(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("is a folder")
            .map(|entry| {
                entry
                    .expect("is readable")
                    .file_name()
                    .into_string()
                    .expect("is text")
            })
            .collect();
        names.sort();
        names
    }

    fn settings(folder: &Path) -> FileSettings {
        FileSettings::new(format!("{}/a.b.txt", folder.display()))
    }

    /// Writes one line of 10 bytes at each of the given times.
    fn write(file: &mut LogFile, times: impl IntoIterator<Item = i64>) {
        for time in times {
            file.line(at(time), Level::Info, "123456789")
                .expect("is written");
            file.flush().expect("is flushed");
        }
    }

    #[test]
    fn names_are_consuls() {
        let path = |text: &str| {
            Names::of(text)
                .path(at(1_795_173_576))
                .display()
                .to_string()
        };
        assert_eq!(path("logs/"), "logs/consul-1795173576.log");
        assert_eq!(path("existing"), "existing-1795173576.log");
        assert_eq!(path("/var/log/a.b.txt"), "/var/log/a.b-1795173576.txt");
    }

    #[test]
    fn only_our_own_files_are_counted() {
        let names = Names::of("consul.log");
        assert!(names.matches("consul-17.log"));
        for name in [
            "consul.log",
            "consul-.log",
            "consul-17.txt",
            "consul-notes.log",
            "consul-1.2.log",
        ] {
            assert!(!names.matches(name), "{name}");
        }
    }

    #[test]
    fn a_full_file_is_followed_by_the_next_and_old_ones_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = FileSettings {
            max_bytes: 20,
            max_files: 2,
            ..settings(folder.path())
        };
        let mut file = LogFile::open(settings, at(10)).expect("opens");
        write(&mut file, 11..21);
        // Two lines a file; three files: the current one and the two kept ones.
        assert_eq!(
            names_in(folder.path()),
            ["a.b-15.txt", "a.b-17.txt", "a.b-19.txt"]
        );
    }

    #[test]
    fn an_old_file_is_followed_by_the_next_and_a_negative_count_keeps_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let max_age = Duration::from_nanos(5);
        let settings = FileSettings {
            max_age,
            max_files: -1,
            ..settings(folder.path())
        };
        let mut file = LogFile::open(settings, at(10)).expect("opens");
        write(&mut file, [14]);
        assert_eq!(names_in(folder.path()), ["a.b-10.txt"]);
        write(&mut file, [15, 16]);
        assert_eq!(names_in(folder.path()), ["a.b-15.txt"]);
        let text = fs::read_to_string(folder.path().join("a.b-15.txt")).expect("is readable");
        assert_eq!(text, "123456789\n123456789\n");
    }

    #[test]
    fn by_default_every_file_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = FileSettings {
            max_bytes: 1,
            ..settings(folder.path())
        };
        let mut file = LogFile::open(settings, at(10)).expect("opens");
        write(&mut file, 11..16);
        assert_eq!(names_in(folder.path()).len(), 5);
    }

    #[test]
    fn a_missing_folder_is_an_error_with_gos_text() {
        let settings = FileSettings::new("/nonexistent/logs/");
        let error = LogFile::open(settings, at(7)).expect_err("is no folder");
        assert_eq!(
            error.to_string(),
            "open /nonexistent/logs/consul-7.log: no such file or directory"
        );
    }

    #[test]
    fn a_failed_rotation_goes_on_with_the_old_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("logs");
        fs::create_dir(&inner).expect("is created");
        let mut file = LogFile::open(
            FileSettings {
                max_bytes: 1,
                ..settings(&inner)
            },
            at(10),
        )
        .expect("opens");
        write(&mut file, [11]);
        fs::rename(&inner, folder.path().join("moved")).expect("is moved");
        assert!(file.line(at(12), Level::Info, "kept").is_err());
        file.flush().expect("is flushed");
        let text = fs::read_to_string(folder.path().join("moved/a.b-10.txt")).expect("is there");
        assert_eq!(text, "123456789\nkept\n");
    }
}
