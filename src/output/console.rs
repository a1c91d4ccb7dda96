//! The only place that writes to the terminal.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Read, Write};

use super::safe::{safe, safe_bytes};
use super::style::{Colours, Style};

/// Longest answer to a question, in bytes.
const MAX_ANSWER: usize = 4096;

/// Where a command reads from and writes to; tests put buffers here.
pub struct Streams {
    /// Standard input; read only by commands that were asked to (`-`).
    pub input: Box<dyn Read>,
    /// Standard output: data.
    pub out: Box<dyn Write>,
    /// Standard error: talk.
    pub err: Box<dyn Write>,
    /// Whether `input` is a terminal.
    pub in_is_terminal: bool,
    /// Whether `out` is a terminal.
    pub out_is_terminal: bool,
    /// Whether `err` is a terminal.
    pub err_is_terminal: bool,
}

impl Streams {
    /// The process's own streams. Standard output is buffered; [`Console::flush`] empties it.
    pub fn of_process() -> Self {
        let out = io::stdout();
        let err = io::stderr();
        let in_is_terminal = io::stdin().is_terminal();
        let out_is_terminal = out.is_terminal();
        let err_is_terminal = err.is_terminal();
        Self {
            input: Box::new(io::stdin()),
            out: Box::new(io::BufWriter::new(out)),
            err: Box::new(err),
            in_is_terminal,
            out_is_terminal,
            err_is_terminal,
        }
    }
}

/// A line on the process's standard error about what happens inside. Whether it can be written matters to nobody.
pub fn trace(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// What commands print with. Every method returns the write's error; a closed pipe is such an
/// error, and the caller ends quietly on it.
pub struct Console {
    streams: Streams,
    colours: Colours,
    quiet: bool,
}

impl Console {
    /// A console over `streams` that colours text as `colours` allows.
    pub fn new(streams: Streams, colours: Colours) -> Self {
        Self {
            streams,
            colours,
            quiet: false,
        }
    }

    /// A line of data.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.raw(text.as_bytes())?;
        self.raw(b"\n")
    }

    /// Bytes of data, as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.streams.out.write_all(bytes)
    }

    /// A line of talk, after the data printed so far. A terminal gets nothing to obey, whoever the text is of.
    pub fn note(&mut self, text: &str) -> io::Result<()> {
        let text = self.safe_note(text).into_owned();
        self.write_note(&text)
    }

    /// The same with a colour, if standard error wants colours.
    pub fn note_in(&mut self, style: Style, text: &str) -> io::Result<()> {
        let text = self.colours.paint_err(style, &self.safe_note(text));
        self.write_note(&text)
    }

    fn write_note(&mut self, text: &str) -> io::Result<()> {
        // What cannot be printed is told at the end; it must not keep an error from being told.
        let flushed = self.streams.out.flush();
        self.streams.err.write_all(text.as_bytes())?;
        self.streams.err.write_all(b"\n")?;
        flushed
    }

    fn safe_note<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.streams.err_is_terminal {
            safe(text)
        } else {
            Cow::Borrowed(text)
        }
    }

    /// Text of others as standard output may have it: a terminal gets nothing to obey.
    pub fn shown<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.streams.out_is_terminal {
            safe(text)
        } else {
            Cow::Borrowed(text)
        }
    }

    /// The same for bytes, which may be no text.
    pub fn shown_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if self.streams.out_is_terminal {
            Cow::Owned(safe_bytes(bytes).into_bytes())
        } else {
            Cow::Borrowed(bytes)
        }
    }

    /// Hands everything printed so far to the system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.streams.out.flush()?;
        self.streams.err.flush()
    }

    /// Reads standard input to its end.
    pub fn read_input(&mut self) -> io::Result<Vec<u8>> {
        let mut data = Vec::new();
        self.streams.input.read_to_end(&mut data)?;
        Ok(data)
    }

    /// Asks on standard error and reads one line, without its end. `None` when nobody can be asked: standard input or
    /// error is no terminal, or the input is over.
    pub fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        if !self.can_ask() {
            return Ok(None);
        }
        self.streams.out.flush()?;
        let question = self.safe_note(question).into_owned();
        self.streams.err.write_all(question.as_bytes())?;
        self.streams.err.flush()?;
        let mut line = Vec::new();
        let mut letter = [0];
        while line.len() < MAX_ANSWER {
            match self.streams.input.read(&mut letter)? {
                0 if line.is_empty() => return Ok(None),
                0 => break,
                _ if letter[0] == b'\n' => break,
                _ => line.push(letter[0]),
            }
        }
        Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()))
    }

    /// Whether somebody can be asked: standard input and error are terminals.
    pub fn can_ask(&self) -> bool {
        self.streams.in_is_terminal && self.streams.err_is_terminal
    }

    /// Whether somebody sits there: standard input is a terminal, and at least one of the outputs.
    pub fn has_person(&self) -> bool {
        let shows = self.streams.out_is_terminal || self.streams.err_is_terminal;
        self.streams.in_is_terminal && shows
    }

    /// Colours from now on.
    pub fn set_colours(&mut self, colours: Colours) {
        self.colours = colours;
    }

    /// From now on nothing is shown that is neither data nor an error nor a question.
    pub fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    /// Whether somebody watches who may be shown progress: standard error is a terminal, and nobody asked for silence.
    pub fn shows_progress(&self) -> bool {
        self.streams.err_is_terminal && !self.quiet
    }

    /// `text` with a colour, if standard output wants colours.
    pub fn paint(&self, style: Style, text: &str) -> String {
        self.colours.paint_out(style, text)
    }

    /// The colours themselves, for text that is made elsewhere.
    pub fn painter(&self) -> Colours {
        self.colours
    }

    /// Whether standard output is a terminal.
    pub fn out_is_terminal(&self) -> bool {
        self.streams.out_is_terminal
    }

    /// Whether standard error is a terminal.
    pub fn err_is_terminal(&self) -> bool {
        self.streams.err_is_terminal
    }
}
