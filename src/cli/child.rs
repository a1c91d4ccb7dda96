//! Programs that commands run, and the signals that they pass on to them.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal as Number, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::api::io_reason;
use crate::model::go_exit;

/// The shell, unless the environment's SHELL names another.
const SHELL: &str = "/bin/sh";

/// A command from the words that the user gave: joined as a line for the shell, or a program with its arguments.
/// There must be at least one word.
pub(crate) fn command(words: &[String], shell: bool) -> Command {
    if shell {
        let named = std::env::var("SHELL").ok().filter(|name| !name.is_empty());
        let mut command = Command::new(named.unwrap_or_else(|| SHELL.to_owned()));
        command.arg("-c").arg(words.join(" "));
        return command;
    }
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

/// Go's text for a program that could not be started.
pub(crate) fn start_failure(command: &Command, error: &io::Error) -> String {
    let program = command.as_std().get_program().to_string_lossy();
    if error.kind() == io::ErrorKind::NotFound && !program.is_empty() && !program.contains('/') {
        return format!("exec: {program:?}: executable file not found in $PATH");
    }
    format!("fork/exec {program}: {}", io_reason(error))
}

/// Go's text for a program that ended badly; `None` for one that ended well.
pub(crate) fn failure(status: ExitStatus) -> Option<String> {
    go_exit::failure(status.code(), status.signal(), status.core_dumped())
}

/// Sends a signal to the child, not to what it has started.
pub(crate) fn pass_on(child: &Child, number: Number) {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(id) = id.and_then(Pid::from_raw) {
        // It fails when the child has just ended, which is what is wanted.
        let _ = kill_process(id, number);
    }
}

/// The signals that end a command; they are heard from the beginning to the end, whatever runs.
pub(crate) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Begins to listen: from now on these signals do not end the process by themselves.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next one. Nothing is lost when the wait is given up.
    pub(crate) async fn next(&mut self) -> Number {
        tokio::select! {
            _ = self.interrupt.recv() => Number::INT,
            _ = self.terminate.recv() => Number::TERM,
        }
    }
}
