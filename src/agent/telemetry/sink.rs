//! Where finished lines go: the interface of the sinks, and standard output.

use std::collections::VecDeque;
use std::io::{self, Write};

use jiff::Timestamp;

use super::level::Level;

/// Spaces before each log line on standard output: Consul prints its log below the banner, indented.
const INDENT: &str = "    ";
/// Lines that wait while the gate is closed; older ones are dropped and counted beyond.
pub(super) const GATE_LIMIT: usize = 4096;

/// One destination of lines. Only the writer thread calls it, and flushes after each batch.
pub(super) trait Sink: Send {
    /// What an operator calls it, for messages about its failures.
    fn name(&self) -> &'static str;

    /// Takes a line without its line break. `now` is the event's time.
    fn line(&mut self, now: Timestamp, level: Level, line: &str) -> io::Result<()>;

    /// Brings the lines to where they survive a crash of the process.
    fn flush(&mut self) -> io::Result<()>;
}

/// Standard output: indented lines behind a gate, and the agent's own lines between them.
pub(super) struct Console {
    out: Box<dyn Write + Send>,
    buffer: Vec<u8>,
    /// Lines held back until the gate opens; `None` once it is open.
    held: Option<VecDeque<String>>,
    held_dropped: u64,
}

impl Console {
    /// A console over `out`. A `gated` one holds log lines back until [`Console::open`].
    pub(super) fn new(out: Box<dyn Write + Send>, gated: bool) -> Self {
        Self {
            out,
            buffer: Vec::new(),
            held: gated.then(VecDeque::new),
            held_dropped: 0,
        }
    }

    /// Opens the gate: what was held back is written first.
    pub(super) fn open(&mut self) {
        let held = self.held.take().unwrap_or_default();
        if self.held_dropped > 0 {
            let note = format!(
                "({} log lines were dropped before this one)",
                self.held_dropped
            );
            self.append(INDENT, &note);
        }
        for line in held {
            self.append(INDENT, &line);
        }
    }

    /// Writes a line that is no log line, as it is, whether the gate is open or not.
    pub(super) fn plain(&mut self, line: &str) {
        self.append("", line);
    }

    fn append(&mut self, indent: &str, line: &str) {
        self.buffer.extend_from_slice(indent.as_bytes());
        self.buffer.extend_from_slice(line.as_bytes());
        self.buffer.push(b'\n');
    }
}

impl Sink for Console {
    fn name(&self) -> &'static str {
        "standard output"
    }

    fn line(&mut self, _now: Timestamp, _level: Level, line: &str) -> io::Result<()> {
        match &mut self.held {
            None => self.append(INDENT, line),
            Some(held) => {
                if held.len() >= GATE_LIMIT {
                    held.pop_front();
                    self.held_dropped += 1;
                }
                held.push_back(line.to_owned());
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self
            .out
            .write_all(&self.buffer)
            .and_then(|()| self.out.flush());
        // What could not be written is gone: keeping it would grow without end.
        self.buffer.clear();
        written
    }
}
