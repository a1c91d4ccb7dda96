//! `monitor`

use std::time::Duration;

use regex::bytes::Regex;

use crate::api::{ApiError, Client, ErrorClass, LogStream};
use crate::cli::child::Interrupts;
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::HttpFlags;
use crate::output::Style;

/// Consul's text for a stream that ends without being interrupted.
const ENDED: &str = "\nRemote side ended the monitor! This usually means that the\n\
    remote side has exited or crashed.";

/// What an agent writes into the stream of a reader that is too slow.
const DROPPED: &[u8] = b"Dropped logs during monitor request";
/// What stands before the number of lines that were dropped, in text and in JSON.
const DROPPED_COUNT: [&str; 2] = ["dropped_count=", "\"dropped_count\":"];

/// The first pause before the stream is started again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause before the stream is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// The longest line that is looked at as a whole, in bytes.
const MAX_LINE: usize = 1 << 20;

/// Streams the agent's log
///
/// At a level of its own, whatever the agent writes to its own log. Ctrl-C ends it. When the agent ends the stream, the
/// command fails, unless a person watches it at a terminal: then it waits for the agent to come back.
///
/// $ consulctl monitor -log-level=trace
///
/// $ consulctl monitor -grep='raft|serf'
#[derive(clap::Args)]
#[command(override_usage = "consulctl monitor [options]")]
pub(crate) struct Args {
    /// Least important level to show: trace, debug, info, warn or err.
    #[arg(
        long,
        value_name = "string",
        default_value = "INFO",
        hide_default_value = true
    )]
    log_level: String,
    /// Print JSON, one object a line.
    #[arg(long)]
    log_json: bool,
    /// Only lines that match this regular expression.
    #[arg(long, value_name = "regexp")]
    grep: Option<String>,
    /// Start the stream again when the agent ends it; the default where standard output is a terminal.
    #[arg(long)]
    reconnect: bool,
    /// Fail when the agent ends the stream, at a terminal too.
    #[arg(long)]
    no_reconnect: bool,
    #[command(flatten)]
    http: HttpFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let grep = self.grep.as_deref().map(Regex::new).transpose();
        let grep =
            grep.map_err(|error| Error::message(format!("Failed to compile -grep: {error}")))?;
        let again = !self.no_reconnect && (self.reconnect || context.console.out_is_terminal());
        let mut lines = Lines {
            // Consul's scripts get the bytes as they come.
            whole: grep.is_some() || again || context.console.out_is_terminal(),
            grep,
            rest: Vec::new(),
        };
        let client = context.client(&self.http)?;
        let mut interrupts = Interrupts::listen()
            .map_err(|error| Error::message(format!("cannot listen for signals: {error}")))?;
        let mut stream = tokio::select! {
            _ = interrupts.next() => return Ok(()),
            stream = self.start(&client) => stream?,
        };
        let mut pauses = Pauses::default();
        loop {
            let part = tokio::select! {
                _ = interrupts.next() => return Ok(()),
                part = stream.next() => part,
            };
            let reason = match part {
                Ok(Some(part)) => {
                    lines.print(context, &part)?;
                    // A stream that ends without a line is as good as none.
                    if part.contains(&b'\n') {
                        pauses = Pauses::default();
                    }
                    continue;
                }
                Ok(None) => None,
                Err(error) => Some(error),
            };
            lines.end(context)?;
            if !again {
                let reason = reason.map(|error| format!(" ({error})"));
                return Err(Error::Message(
                    ENDED.to_owned() + &reason.unwrap_or_default(),
                ));
            }
            let reason = match reason {
                Some(error) => format!("the stream broke: {error}"),
                None => "the agent ended the stream".to_owned(),
            };
            stream = tokio::select! {
                _ = interrupts.next() => return Ok(()),
                stream = self.restart(context, &client, reason, &mut pauses) => stream?,
            };
        }
    }

    async fn start(&self, client: &Client) -> Result<LogStream, Error> {
        let stream = client.agent_monitor(&self.log_level, self.log_json).await;
        stream.during("Error starting monitor")
    }

    /// Tries until the agent is back, or says that it will not do it. What it wrote in between is not to be had.
    async fn restart(
        &self,
        context: &mut Context,
        client: &Client,
        mut reason: String,
        pauses: &mut Pauses,
    ) -> Result<LogStream, Error> {
        loop {
            let pause = pauses.take();
            let text = format!("{reason}; again in {} s", pause.as_secs());
            context.console.note(&text)?;
            tokio::time::sleep(pause).await;
            match self.start(client).await {
                Ok(stream) => {
                    context
                        .console
                        .note("the stream goes on; what was logged in between is not to be had")?;
                    return Ok(stream);
                }
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => reason = error.to_string(),
            }
        }
    }
}

/// Whether it would be the same the next time: the agent refuses, or it is not the one that is meant.
fn is_final(error: &Error) -> bool {
    let Error::Api { source, .. } = error else {
        return false;
    };
    match source {
        ApiError::Status { status, .. } => (400..500).contains(status),
        other => other.classify() == ErrorClass::Certificate,
    }
}

/// How long to wait before the stream is started again.
#[derive(Debug)]
struct Pauses {
    next: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { next: FIRST_PAUSE }
    }
}

impl Pauses {
    /// The pause to make now.
    fn take(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

/// The stream's lines on their way to standard output.
struct Lines {
    /// Whether lines are put together; if not, bytes are passed on as they come.
    whole: bool,
    grep: Option<Regex>,
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
}

impl Lines {
    fn print(&mut self, context: &mut Context, part: &[u8]) -> Outcome {
        if !self.whole {
            context.console.raw(part)?;
            return Ok(context.console.flush()?);
        }
        self.rest.extend_from_slice(part);
        let mut done = 0;
        while let Some(length) = self.rest[done..].iter().position(|byte| *byte == b'\n') {
            let end = done + length + 1;
            self.line(context, &self.rest[done..end])?;
            done = end;
        }
        self.rest.drain(..done);
        if self.rest.len() > MAX_LINE {
            self.end(context)?;
        }
        Ok(context.console.flush()?)
    }

    /// Prints what has come of a line that will not be whole.
    fn end(&mut self, context: &mut Context) -> Outcome {
        if !self.rest.is_empty() {
            let mut line = std::mem::take(&mut self.rest);
            line.push(b'\n');
            self.line(context, &line)?;
        }
        Ok(context.console.flush()?)
    }

    fn line(&self, context: &mut Context, line: &[u8]) -> Outcome {
        if let Some(count) = dropped(line) {
            let text = format!(
                "warning: {count} lines were dropped: they came faster than they were read"
            );
            return Ok(context.console.note_in(Style::Warning, &text)?);
        }
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if self.grep.as_ref().is_none_or(|grep| grep.is_match(text)) {
            let ended = line.len() - text.len();
            let text = context.console.shown_bytes(text).into_owned();
            context.console.raw(&text)?;
            context.console.raw(&line[line.len() - ended..])?;
        }
        Ok(())
    }
}

/// The number of lost lines, if the line is the agent's word about them.
fn dropped(line: &[u8]) -> Option<u64> {
    let place = line
        .windows(DROPPED.len())
        .position(|part| part == DROPPED)?;
    let said = String::from_utf8_lossy(&line[place..]).into_owned();
    // In JSON the fields stand sorted, before or behind the message.
    let whole = String::from_utf8_lossy(line);
    let number = |text: &str| {
        DROPPED_COUNT.iter().find_map(|name| {
            let (_, rest) = text.split_once(name)?;
            let rest = rest.trim_start();
            let end = rest.find(|letter: char| !letter.is_ascii_digit());
            rest[..end.unwrap_or(rest.len())].parse().ok()
        })
    };
    number(&said).or_else(|| number(&whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        let mut pauses = Pauses::default();
        let found: Vec<u64> = (0..6).map(|_| pauses.take().as_secs()).collect();
        assert_eq!(found, [1, 2, 4, 8, 15, 15]);
    }

    #[test]
    fn a_refusal_is_final_and_a_broken_agent_is_not() {
        let status = |status: u16| {
            let source = ApiError::Status {
                status,
                body: String::new(),
                request: String::new(),
            };
            let what = String::new();
            is_final(&Error::Api { what, source })
        };
        assert_eq!([400, 403, 404, 499].map(status), [true; 4]);
        assert_eq!([500, 502, 503].map(status), [false; 3]);
    }

    #[test]
    fn the_agent_s_word_about_lost_lines_is_recognised() {
        let text = b"2026-01-01T00:00:00.000Z [WARN]  agent: Dropped logs during monitor request: dropped_count=37\n";
        assert_eq!(dropped(text), Some(37));
        let json = br#"{"@level":"warn","@message":"Dropped logs during monitor request","dropped_count":4}"#;
        assert_eq!(dropped(json), Some(4));
        assert_eq!(dropped(b"agent: synced dropped_count=3"), None);
    }
}
