//! The local syslog: RFC 3164 messages to its unix datagram socket.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::level::Level;
use super::sink::Sink;

/// Where a syslog listens, in the order in which they are tried.
const SOCKETS: [&str; 3] = ["/dev/log", "/var/run/syslog", "/var/run/log"];
/// How often Consul looks again for a syslog that is not there at its start.
pub const SETUP_RETRIES: u32 = 12;
/// Consul's pause between two looks.
pub const SETUP_RETRY_DELAY: Duration = Duration::from_secs(5);
/// Longest wait for a syslog that does not read.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest message in bytes; a longer line is cut. Linux's datagram sockets take more, syslogs do not.
const MESSAGE_LIMIT: usize = 8 * 1024;

/// The facility names that syslogs know; the place in the list is the number.
const FACILITIES: [&str; 24] = [
    "KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON", "AUTHPRIV",
    "FTP", "NTP", "AUDIT", "ALERT", "CLOCK", "LOCAL0", "LOCAL1", "LOCAL2", "LOCAL3", "LOCAL4",
    "LOCAL5", "LOCAL6", "LOCAL7",
];

/// A syslog facility, such as LOCAL0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facility(u8);

impl Facility {
    /// Reads a facility's name, whatever its case.
    pub fn parse(name: &str) -> Result<Self, SyslogError> {
        FACILITIES
            .iter()
            .position(|known| known.eq_ignore_ascii_case(name))
            .and_then(|number| u8::try_from(number).ok())
            .map(Self)
            .ok_or_else(|| SyslogError::Facility(name.to_owned()))
    }

    /// Consul's default, LOCAL0.
    pub const LOCAL0: Self = Self(16);
}

/// `-syslog` and `syslog_facility`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogSettings {
    /// Under which facility the messages run.
    pub facility: Facility,
    /// How often to look again when there is no syslog at the start.
    pub retries: u32,
    /// The pause between two looks.
    pub retry_delay: Duration,
    /// The socket; `None` is the usual places.
    pub socket: Option<PathBuf>,
}

impl SyslogSettings {
    /// The local syslog with Consul's patience of a minute.
    pub fn new(facility: Facility) -> Self {
        Self {
            facility,
            retries: SETUP_RETRIES,
            retry_delay: SETUP_RETRY_DELAY,
            socket: None,
        }
    }
}

/// Why there is no syslog.
#[derive(Debug, thiserror::Error)]
pub enum SyslogError {
    /// No such facility.
    #[error("invalid syslog facility: {0}")]
    Facility(String),
    /// No syslog was there in time. The text is Consul's.
    #[error(
        "Syslog setup did not succeed within timeout ({}).",
        crate::model::duration::format_go_duration(i64::try_from(waited.as_nanos()).unwrap_or(i64::MAX))
    )]
    Absent {
        /// How long it was looked for.
        waited: Duration,
        /// The last refusal.
        source: io::Error,
    },
}

/// The open syslog.
#[derive(Debug)]
pub(super) struct Syslog {
    settings: SyslogSettings,
    socket: UnixDatagram,
    zone: TimeZone,
    message: String,
}

impl Syslog {
    /// Connects, looking again as often as the settings say. Blocks for as long; `absent` is told once
    /// that there is something to wait for.
    pub(super) fn open(
        settings: SyslogSettings,
        zone: TimeZone,
        mut absent: impl FnMut(&io::Error),
    ) -> Result<Self, SyslogError> {
        let mut tries = 0;
        loop {
            match connect(&settings) {
                Ok(socket) => {
                    return Ok(Self {
                        settings,
                        socket,
                        zone,
                        message: String::new(),
                    });
                }
                Err(source) if tries >= settings.retries => {
                    let waited = settings.retry_delay.saturating_mul(settings.retries);
                    return Err(SyslogError::Absent { waited, source });
                }
                Err(source) => {
                    if tries == 0 {
                        absent(&source);
                    }
                    tries += 1;
                }
            }
            std::thread::sleep(settings.retry_delay);
        }
    }
}

fn connect(settings: &SyslogSettings) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(SEND_TIMEOUT))?;
    if let Some(path) = &settings.socket {
        socket.connect(path)?;
        return Ok(socket);
    }
    let mut outcome = Ok(());
    for path in SOCKETS {
        outcome = socket.connect(Path::new(path));
        if outcome.is_ok() {
            break;
        }
    }
    outcome.map(|()| socket)
}

/// The severity of a level: Consul's scale keeps INFO at "notice", one above "informational".
const fn severity(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 5,
        Level::Debug => 6,
        Level::Trace => 7,
    }
}

impl Sink for Syslog {
    fn name(&self) -> &'static str {
        "syslog"
    }

    fn line(&mut self, now: Timestamp, level: Level, line: &str) -> io::Result<()> {
        use std::fmt::Write as _;

        let priority = self.settings.facility.0 * 8 + severity(level);
        let time = now.to_zoned(self.zone.clone());
        let pid = std::process::id();
        self.message.clear();
        // Writing to a String cannot fail.
        let _ = write!(
            self.message,
            "<{priority}>{} consul[{pid}]: ",
            time.strftime("%b %e %H:%M:%S")
        );
        let room = MESSAGE_LIMIT.saturating_sub(self.message.len() + 1);
        self.message
            .push_str(&line[..line.floor_char_boundary(room.min(line.len()))]);
        self.message.push('\n');
        if self.socket.send(self.message.as_bytes()).is_err() {
            // A restarted syslog has a new socket under the old path.
            self.socket = connect(&self.settings)?;
            self.socket.send(self.message.as_bytes())?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(socket: &Path) -> SyslogSettings {
        let mut settings = SyslogSettings::new(Facility::LOCAL0);
        settings.retries = 0;
        settings.socket = Some(socket.to_owned());
        settings
    }

    fn receive(server: &UnixDatagram) -> String {
        let mut buffer = vec![0; 2 * MESSAGE_LIMIT];
        let length = server.recv(&mut buffer).expect("a message came");
        String::from_utf8(buffer[..length].to_vec()).expect("is text")
    }

    #[test]
    fn facilities_have_their_numbers() {
        assert_eq!(
            Facility::parse("local0").expect("is known"),
            Facility::LOCAL0
        );
        assert_eq!(Facility::parse("DAEMON").expect("is known"), Facility(3));
        assert_eq!(Facility::parse("LOCAL7").expect("is known"), Facility(23));
        let error = Facility::parse("LOCAL8").expect_err("is unknown");
        assert_eq!(error.to_string(), "invalid syslog facility: LOCAL8");
    }

    #[test]
    fn a_missing_syslog_is_consuls_error() {
        let mut settings = settings(Path::new("/nonexistent/log"));
        let error = Syslog::open(settings.clone(), TimeZone::UTC, |_| ()).expect_err("is absent");
        assert_eq!(
            error.to_string(),
            "Syslog setup did not succeed within timeout (0s)."
        );
        settings.retries = 3;
        settings.retry_delay = Duration::ZERO;
        let mut told = 0;
        assert!(Syslog::open(settings, TimeZone::UTC, |_| told += 1).is_err());
        assert_eq!(told, 1);
    }

    #[test]
    fn lines_arrive_with_priority_time_and_tag_and_a_restart_is_survived() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let server = UnixDatagram::bind(&path).expect("binds");
        let mut syslog = Syslog::open(settings(&path), TimeZone::UTC, |_| ()).expect("connects");
        let now: Timestamp = "2026-01-02T15:04:05Z".parse().expect("is a time");
        let pid = std::process::id();
        syslog
            .line(now, Level::Info, "agent: hello")
            .expect("is sent");
        assert_eq!(
            receive(&server),
            format!("<133>Jan  2 15:04:05 consul[{pid}]: agent: hello\n")
        );
        drop(server);
        std::fs::remove_file(&path).expect("is removed");
        assert!(syslog.line(now, Level::Error, "agent: lost").is_err());
        let server = UnixDatagram::bind(&path).expect("binds again");
        syslog
            .line(now, Level::Error, "agent: back")
            .expect("is sent");
        assert_eq!(
            receive(&server),
            format!("<131>Jan  2 15:04:05 consul[{pid}]: agent: back\n")
        );
    }

    #[test]
    fn a_long_line_is_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let server = UnixDatagram::bind(&path).expect("binds");
        let mut syslog = Syslog::open(settings(&path), TimeZone::UTC, |_| ()).expect("connects");
        syslog
            .line(
                Timestamp::UNIX_EPOCH,
                Level::Info,
                &"é".repeat(MESSAGE_LIMIT),
            )
            .expect("is sent");
        assert!(receive(&server).len() <= MESSAGE_LIMIT);
    }
}
