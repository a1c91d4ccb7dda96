//! Runs what a job asks for, and reports while it runs.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempPath;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::Child;
use tokio::time::Instant;
use tracing::error;

use super::desk::Desk;
use super::output::{Output, PIECE};
use super::report::{Gone, Report};
use super::work::Work;
use crate::agent::checks::runner::{ProcessGroup, command, spawn, spawn_error};

/// How long output waits for more of it.
const FLUSH: Duration = Duration::from_millis(500);
/// The shortest time after which a run without output gives a sign of life.
const HEARTBEAT_MIN: Duration = Duration::from_millis(50);
/// The exit code of what could not be started.
const NOT_STARTED: i32 = 255;
/// The exit code of what a signal ended.
const BY_SIGNAL: i32 = -1;
/// The shell, unless the environment's SHELL names another.
const SHELL: &str = "/bin/sh";

/// Runs it to its end. When nobody waits for results any more, it is killed with all that it has started.
pub(super) async fn run<S: Desk>(work: Work, heartbeat: Duration, mut report: Report<S>) {
    let reported = match start(work).await {
        Ok((mut child, pipe, script)) => {
            let mut group = ProcessGroup::of(&child);
            let streaming = Streaming::new(heartbeat);
            let ended = streaming.run(&mut child, pipe, &mut report).await;
            drop(script);
            match ended {
                Ok(code) => {
                    group.disarm();
                    report.exit(code).await
                }
                Err(gone) => {
                    drop(group);
                    // Reaping is immediate after SIGKILL; an error means that it was reaped already.
                    let _ = child.wait().await;
                    Err(gone)
                }
            }
        }
        Err(reason) => {
            error!(target: "agent", error = reason, "failed to start remote exec");
            report.exit(NOT_STARTED).await
        }
    };
    if let Err(gone) = reported {
        error!(target: "agent", error = %gone, "remote exec ended without anybody who waits for it");
    }
}

/// Starts it; with the pipe of its output, and with the file of a script, which goes when it is dropped.
async fn start(work: Work) -> Result<(Child, Receiver, Option<TempPath>), String> {
    let (args, script) = match work {
        Work::Program(args) => (args, None),
        Work::Line(line) => (in_shell(line), None),
        Work::Script(script) => {
            let path = tokio::task::spawn_blocking(move || store(&script)).await;
            let path = path
                .map_err(std::io::Error::from)
                .and_then(|stored| stored)
                .map_err(|error| format!("failed to make tmp file: {error}"))?;
            (in_shell(path.to_string_lossy().into_owned()), Some(path))
        }
    };
    let command = command(&args).map_err(|error| error.to_string())?;
    let (child, pipe) = spawn(command).map_err(|error| spawn_error(&args, &error))?;
    Ok((child, pipe, script))
}

fn in_shell(line: String) -> Vec<String> {
    let named = std::env::var("SHELL").ok().filter(|name| !name.is_empty());
    let shell = named.unwrap_or_else(|| SHELL.to_owned());
    vec![shell, "-c".to_owned(), line]
}

/// A script as a file that only this user may read, write and run; closed, so that it can be run.
fn store(script: &[u8]) -> std::io::Result<TempPath> {
    let mut file = tempfile::Builder::new()
        .prefix("rexec")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempfile()?;
    file.write_all(script)?;
    Ok(file.into_temp_path())
}

/// Output on its way from the pipe to the report.
struct Streaming {
    output: Output,
    heartbeat: Duration,
    /// When output was written last, or the run began.
    heard: Instant,
    /// When the output that waits is written, even if it is not a full piece.
    flush: Option<Instant>,
}

impl Streaming {
    fn new(heartbeat: Duration) -> Self {
        Self {
            output: Output::default(),
            heartbeat: heartbeat.max(HEARTBEAT_MIN),
            heard: Instant::now(),
            flush: None,
        }
    }

    /// Reports until the program ended and its output is read; the exit code.
    async fn run<S: Desk>(
        mut self,
        child: &mut Child,
        pipe: Receiver,
        report: &mut Report<S>,
    ) -> Result<i32, Gone> {
        let (mut pipe, mut buffer) = (Some(pipe), [0; PIECE]);
        let mut ended = None;
        loop {
            let due = self.flush.unwrap_or(self.heard + self.heartbeat);
            tokio::select! {
                count = read(&mut pipe, &mut buffer), if pipe.is_some() => self.take(&buffer[..count]),
                // What it has left running may go on to write: as in Consul, that is part of the run.
                status = child.wait(), if ended.is_none() => ended = Some(status),
                () = tokio::time::sleep_until(due) => {
                    let rest = self.output.rest();
                    self.write(report, rest).await?;
                }
            }
            while let Some(piece) = self.output.full_piece() {
                self.write(report, piece).await?;
            }
            if let (Some(status), None) = (&ended, &pipe) {
                if !self.output.is_empty() {
                    report.piece(self.output.rest()).await?;
                }
                return Ok(code_of(status));
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.output.push(bytes);
        if !self.output.is_empty() && self.flush.is_none() {
            self.flush = Some(Instant::now() + FLUSH);
        }
    }

    async fn write<S: Desk>(&mut self, report: &mut Report<S>, piece: Bytes) -> Result<(), Gone> {
        report.piece(piece).await?;
        self.heard = Instant::now();
        self.flush = (!self.output.is_empty()).then(|| self.heard + FLUSH);
        Ok(())
    }
}

/// Reads a pipe, which is put away at its end.
async fn read(pipe: &mut Option<Receiver>, buffer: &mut [u8]) -> usize {
    let count = match pipe {
        // A pipe that cannot be read has ended.
        Some(open) => open.read(buffer).await.unwrap_or(0),
        None => 0,
    };
    if count == 0 {
        *pipe = None;
    }
    count
}

fn code_of(status: &std::io::Result<ExitStatus>) -> i32 {
    match status {
        Ok(status) => status.code().unwrap_or(BY_SIGNAL),
        Err(_) => BY_SIGNAL,
    }
}

#[cfg(test)]
mod tests;
