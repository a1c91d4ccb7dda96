//! The agent's log as it is followed: a bounded ring of lines, at a level that is chosen here and changes nothing at the
//! agent.

use std::collections::VecDeque;
use std::time::Duration;

use super::snapshot::{Fault, Millis};
use super::value::harmless;

/// Lines that are kept.
const MAX_LINES: usize = 5000;
/// Longest line that is kept, in bytes.
pub const MAX_LINE: usize = 16 * 1024;

/// From which level on lines are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// What helps to find faults.
    Debug,
    /// What happens.
    #[default]
    Info,
    /// What may be wrong.
    Warn,
    /// What is wrong.
    Error,
}

impl LogLevel {
    /// As Consul names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERR",
        }
    }

    /// The next one: more and more lines, and from the top again.
    pub const fn next(self) -> Self {
        match self {
            Self::Error => Self::Warn,
            Self::Warn => Self::Info,
            Self::Info => Self::Debug,
            Self::Debug => Self::Trace,
            Self::Trace => Self::Error,
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Counted from the first one that came.
    pub number: u64,
    /// When it was written, as the agent says.
    pub time: String,
    /// Its level, without brackets; empty where it has none.
    pub level: String,
    /// The rest, without what could move a cursor.
    pub text: String,
}

impl LogLine {
    /// `2026-01-02T03:04:05.678Z [INFO]  agent: text`; a line of another shape is all text.
    fn new(number: u64, line: &str) -> Self {
        let line = line
            .get(..line.floor_char_boundary(MAX_LINE))
            .unwrap_or(line);
        let parts = line.split_once(" [").and_then(|(time, rest)| {
            let (level, text) = rest.split_once(']')?;
            let is_time = time.starts_with(|first: char| first.is_ascii_digit()) && time.len() < 40;
            (is_time && level.len() < 8).then(|| (time, level, text.trim_start()))
        });
        let (time, level, text) = parts.unwrap_or(("", "", line));
        Self {
            number,
            time: harmless(time),
            level: harmless(level),
            text: harmless(text),
        }
    }
}

/// How the stream is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Stream {
    /// It was asked for.
    #[default]
    Asked,
    /// It comes.
    Open,
    /// It cannot be had; when it is tried again.
    Lost(Fault, Millis),
}

/// The lines, and how they are looked at.
#[derive(Debug, Clone)]
pub struct Logs {
    /// The newest lines, oldest first.
    pub lines: VecDeque<LogLine>,
    /// The level that is wanted.
    pub level: LogLevel,
    /// Whether the newest line is the one that is selected.
    pub following: bool,
    /// Lines that were lost on the way, since the first.
    pub dropped: u64,
    /// How the stream is.
    pub stream: Stream,
    next: u64,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            lines: VecDeque::new(),
            level: LogLevel::default(),
            following: true,
            dropped: 0,
            stream: Stream::default(),
            next: 1,
        }
    }
}

impl Logs {
    /// Asks for another level.
    pub fn next_level(&mut self) {
        self.level = self.level.next();
        self.stream = Stream::Asked;
        self.remark(&format!("-- level {} --", self.level.name()));
    }

    /// The stream begins.
    pub fn open(&mut self) {
        if matches!(self.stream, Stream::Lost(..)) {
            self.remark("-- the stream goes on --");
        }
        self.stream = Stream::Open;
    }

    /// The stream ended, or did not begin.
    pub fn lost(&mut self, fault: Fault, retry_in: Duration, now: Millis) {
        if !matches!(self.stream, Stream::Lost(..)) {
            self.remark(&format!("-- the stream ended: {} --", fault.text));
        }
        let pause = Millis::try_from(retry_in.as_millis()).unwrap_or(Millis::MAX);
        self.stream = Stream::Lost(fault, now.saturating_add(pause));
    }

    /// Takes lines; `lost` are those that did not come before them.
    pub fn take(&mut self, lines: &[String], lost: u64) {
        self.stream = Stream::Open;
        self.dropped = self.dropped.saturating_add(lost);
        if lost > 0 {
            self.remark(&format!("-- dropped {lost} lines --"));
        }
        for line in lines {
            self.dropped = self.dropped.saturating_add(dropped_by_agent(line));
            self.put(line);
        }
    }

    /// The line of a number, while it is kept.
    pub fn line(&self, number: u64) -> Option<&LogLine> {
        let first = self.lines.front()?.number;
        let place = usize::try_from(number.checked_sub(first)?).ok()?;
        self.lines.get(place)
    }

    /// How many lines came after the one of that number.
    pub fn after(&self, number: u64) -> u64 {
        (self.next - 1).saturating_sub(number)
    }

    /// How many lines came, kept or not.
    pub fn count(&self) -> u64 {
        self.next - 1
    }

    fn remark(&mut self, text: &str) {
        self.put(text);
    }

    fn put(&mut self, line: &str) {
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(LogLine::new(self.next, line));
        self.next += 1;
    }
}

/// What the agent says that it left out: `Dropped logs during monitor request: dropped_count=37`.
fn dropped_by_agent(line: &str) -> u64 {
    let count = line
        .split_once("Dropped logs")
        .and_then(|(_, rest)| rest.split_once("dropped_count="));
    let digits = count.map_or("", |(_, rest)| rest);
    let end = digits.find(|letter: char| !letter.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().unwrap_or(0)
}

/// Cuts what is streamed into lines. A line without an end is kept up to [`MAX_LINE`] bytes.
#[derive(Debug, Default)]
pub struct Splitter {
    rest: Vec<u8>,
}

impl Splitter {
    /// The lines that are whole with these bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            let room = MAX_LINE.saturating_sub(self.rest.len());
            self.rest.extend_from_slice(&piece[..piece.len().min(room)]);
            if pieces.peek().is_some() {
                let line = String::from_utf8_lossy(&self.rest).trim_end().to_owned();
                self.rest.clear();
                if !line.is_empty() {
                    lines.push(line);
                }
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::snapshot::FaultKind;

    #[test]
    fn lines_are_cut_where_they_end() {
        let mut splitter = Splitter::default();
        assert!(splitter.push(b"a").is_empty());
        assert_eq!(splitter.push(b"b\nc\r\n\nd"), ["ab", "c"]);
        assert!(splitter.push(&vec![b'x'; MAX_LINE * 3]).is_empty());
        assert_eq!(splitter.push(b"\n")[0].len(), MAX_LINE);
    }

    #[test]
    fn a_line_has_time_level_and_text() {
        let line = LogLine::new(1, "2026-01-02T03:04:05.678Z [INFO]  agent: a [x] \u{1b}[2J");
        assert_eq!(
            (line.time.as_str(), line.level.as_str()),
            ("2026-01-02T03:04:05.678Z", "INFO")
        );
        assert_eq!(line.text, "agent: a [x] \\u{1b}[2J");
        let line = LogLine::new(1, "==> a [b] c");
        assert_eq!(
            (line.level.as_str(), line.text.as_str()),
            ("", "==> a [b] c")
        );
    }

    #[test]
    fn the_ring_is_bounded_and_counts_what_was_lost() {
        let mut logs = Logs::default();
        let lines: Vec<String> = (0..MAX_LINES + 10).map(|n| format!("line {n}")).collect();
        logs.take(&lines, 0);
        assert_eq!(logs.lines.len(), MAX_LINES);
        assert_eq!(logs.line(10), None);
        assert_eq!(
            logs.line(11).map(|line| line.text.as_str()),
            Some("line 10")
        );
        assert_eq!(logs.after(5000), 10);
        let said = "2026-01-02T03:04:05Z [WARN]  agent: Dropped logs during monitor request: dropped_count=30";
        logs.take(&[said.to_owned()], 7);
        assert_eq!(logs.dropped, 37);
        assert_eq!(dropped_by_agent("dropped_count=9"), 0);
    }

    #[test]
    fn the_stream_survives_and_says_so() {
        let mut logs = Logs::default();
        logs.open();
        let fault = Fault {
            kind: FaultKind::Unreachable,
            text: "connection refused".to_owned(),
        };
        logs.lost(fault.clone(), Duration::from_secs(1), 1000);
        logs.lost(fault.clone(), Duration::from_secs(2), 2000);
        assert_eq!(logs.stream, Stream::Lost(fault, 4000));
        logs.open();
        let texts: Vec<&str> = logs.lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "-- the stream ended: connection refused --",
                "-- the stream goes on --"
            ]
        );
    }
}
