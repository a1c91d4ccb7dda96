//! Script checks: exit status 0 passes, 1 warns, anything else is critical.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::cause;
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::output::TailBuffer;
use crate::agent::checks::quote::go_quoted;
use crate::agent::checks::spec::ScriptProbe;
use crate::model::check::Status;
use crate::model::duration::GoDuration;
use crate::model::go_error;

/// How long what is left in the pipe is read after the script ended: a background child of the
/// script may keep it open, and print, for ever.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a killed script may take to end. One that the kernel holds on to, in a read from a
/// file server that is gone, ends when the read does.
const REAP_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes read from a pipe at once.
const READ_CHUNK: usize = 4096;

/// The script's process group; killed as a whole when the run ends in any way, so that a script
/// that forks leaves nothing behind after a timeout or a deregistration.
pub(crate) struct ProcessGroup {
    leader: Option<Pid>,
}

impl ProcessGroup {
    pub(crate) fn of(child: &Child) -> Self {
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Self { leader }
    }

    /// The script ended by itself: what it left running on purpose stays.
    pub(crate) fn disarm(&mut self) {
        self.leader = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // Fails only when the whole group is gone already, which is what is wanted.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// A check's killed script that has not ended: at most one a check, for no other is started before.
#[derive(Clone, Debug, Default)]
pub struct Lingering(Arc<Mutex<Option<Child>>>);

impl Lingering {
    /// Whether there still is one.
    fn is_there(&self) -> bool {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // An error means that it was reaped already.
        let lingers = slot
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)));
        if !lingers {
            *slot = None;
        }
        lingers
    }

    /// Reaps a killed script; keeps it where it does not end.
    async fn reap(&self, mut child: Child) {
        if tokio::time::timeout(REAP_TIMEOUT, child.wait())
            .await
            .is_err()
        {
            let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *slot = Some(child);
        }
    }
}

pub(super) async fn run(
    probe: &ScriptProbe,
    output_max_size: usize,
    lingering: &Lingering,
) -> Outcome {
    if lingering.is_there() {
        let text = "the script of an earlier run was killed after its timeout and has not ended; \
                    it is started again once it has";
        return Outcome::critical(text);
    }
    let (mut child, mut output) = match command(&probe.args).and_then(spawn) {
        Ok(started) => started,
        Err(err) => return Outcome::critical(spawn_error(&probe.args, &err)),
    };
    let mut group = ProcessGroup::of(&child);
    let mut tail = TailBuffer::new(output_max_size);
    match tokio::time::timeout(probe.timeout, collect(&mut child, &mut output, &mut tail)).await {
        Ok(Ok(status)) => {
            group.disarm();
            Outcome::new(status_of(status), tail.into_captured_text())
        }
        Ok(Err(err)) => Outcome::critical(err.to_string()),
        Err(_elapsed) => {
            drop(group);
            lingering.reap(child).await;
            Outcome::critical(timed_out(probe.timeout, tail))
        }
    }
}

/// A command that leads a process group, with nothing on its standard input.
///
/// # Errors
/// Without a program to run.
pub(crate) fn command(args: &[String]) -> std::io::Result<Command> {
    let (program, rest) = args.split_first().ok_or_else(|| {
        std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "need an executable to run",
        )
    })?;
    let mut command = Command::new(program);
    command
        .args(rest)
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    Ok(command)
}

/// Starts a script. What it says comes from one pipe, as in Consul: only so both of its outputs
/// stay in the order in which it wrote them.
///
/// # Errors
/// The system's.
pub(crate) fn spawn(mut command: Command) -> std::io::Result<(Child, pipe::Receiver)> {
    let (reader, writer) = std::io::pipe()?;
    let reader = pipe::Receiver::from_owned_fd(reader.into())?;
    command.stdout(writer.try_clone()?).stderr(writer);
    // The pipe ends only once the command, which holds its other end, is gone.
    Ok((command.spawn()?, reader))
}

/// Go's text for a program that cannot be started.
pub(crate) fn spawn_error(args: &[String], err: &std::io::Error) -> String {
    let program = args.first().map(String::as_str).unwrap_or_default();
    let cause = match err.kind() {
        // Nothing is not searched for, as in Go.
        std::io::ErrorKind::NotFound if !program.is_empty() && !program.contains('/') => {
            let program = go_quoted(program);
            return format!("exec: {program}: executable file not found in $PATH");
        }
        _ => cause::shortage(err).unwrap_or_else(|| go_error::text(err)),
    };
    format!("fork/exec {program}: {cause}")
}

/// Reads what the script says into `tail` until it ends.
pub(crate) async fn collect(
    child: &mut Child,
    output: &mut pipe::Receiver,
    tail: &mut TailBuffer,
) -> std::io::Result<ExitStatus> {
    let mut buffer = [0; READ_CHUNK];
    let (mut is_open, mut ended) = (true, None);
    // Set once the script ended.
    let mut drained = std::pin::pin!(tokio::time::sleep(DRAIN_TIMEOUT));
    loop {
        tokio::select! {
            count = output.read(&mut buffer), if is_open => match count? {
                0 => is_open = false,
                count => tail.push(&buffer[..count]),
            },
            status = child.wait(), if ended.is_none() => {
                ended = Some(status?);
                drained.as_mut().reset(Instant::now() + DRAIN_TIMEOUT);
            }
            () = &mut drained, if ended.is_some() => is_open = false,
        }
        if let (Some(status), false) = (ended, is_open) {
            return Ok(status);
        }
    }
}

fn status_of(status: ExitStatus) -> Status {
    match (status.code(), status.signal()) {
        (Some(0), _) => Status::Passing,
        (Some(1), _) => Status::Warning,
        _ => Status::Critical,
    }
}

fn timed_out(timeout: Duration, tail: TailBuffer) -> String {
    let headline = format!("Timed out ({}) running check", GoDuration::from(timeout));
    let output = tail.into_captured_text();
    if output.is_empty() {
        headline
    } else {
        format!("{headline}\n\n{output}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str, timeout: Duration) -> Outcome {
        let args = ["sh", "-c", script].map(str::to_owned).to_vec();
        run_once(&ScriptProbe { args, timeout }).await
    }

    async fn run_once(probe: &ScriptProbe) -> Outcome {
        run(probe, 64, &Lingering::default()).await
    }

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn exit_statuses_are_consuls() {
        for (script, status, output) in [
            ("echo fine", Status::Passing, "fine\n"),
            ("echo meh >&2; exit 1", Status::Warning, "meh\n"),
            ("exit 2", Status::Critical, ""),
            ("echo dead; kill -9 $$", Status::Critical, "dead\n"),
        ] {
            assert_eq!(
                shell(script, LONG).await,
                Outcome::new(status, output),
                "{script}"
            );
        }
    }

    #[tokio::test]
    async fn both_outputs_stay_in_their_order() {
        let script = "i=0; while [ $i -lt 500 ]; do echo out$i; echo err$i >&2; i=$((i+1)); done";
        let probe = ScriptProbe {
            args: ["sh", "-c", script].map(str::to_owned).to_vec(),
            timeout: LONG,
        };
        let lines: Vec<_> = (0..500).map(|i| format!("out{i}\nerr{i}\n")).collect();
        let outcome = run(&probe, 1 << 16, &Lingering::default()).await;
        assert_eq!(outcome, Outcome::passing(lines.concat()));
    }

    #[tokio::test]
    async fn a_background_child_that_goes_on_printing_is_left_behind() {
        let script = "while :; do echo tick; sleep 0.1; done & exit 1";
        let outcome = shell(script, Duration::from_secs(10)).await;
        assert_eq!(outcome.status, Status::Warning, "{outcome:?}");
        assert!(outcome.output.contains("tick"), "{outcome:?}");
    }

    #[tokio::test]
    async fn long_output_keeps_its_tail() {
        let outcome = shell("yes | head -c 10000", LONG).await;
        assert_eq!(outcome.status, Status::Passing);
        let tail = "y\n".repeat(32);
        assert_eq!(
            outcome.output,
            format!("Captured 64 of 10000 bytes\n...\n{tail}")
        );
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_critical() {
        let probe = |program: &str| ScriptProbe {
            args: vec![program.to_owned()],
            timeout: LONG,
        };
        let outcome = run_once(&probe("/nonexistent/x")).await;
        let text = "fork/exec /nonexistent/x: no such file or directory";
        assert_eq!(outcome, Outcome::critical(text));
        let outcome = run_once(&probe("no-such-program-anywhere")).await;
        let text = "exec: \"no-such-program-anywhere\": executable file not found in $PATH";
        assert_eq!(outcome, Outcome::critical(text));
        let outcome = run_once(&probe("")).await;
        let text = "fork/exec : no such file or directory";
        assert_eq!(outcome, Outcome::critical(text));
        let none = ScriptProbe {
            args: vec![],
            timeout: LONG,
        };
        assert_eq!(run_once(&none).await.status, Status::Critical);
    }

    #[tokio::test]
    async fn a_timeout_kills_the_whole_group_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; echo early; wait", file.display());
        let outcome = shell(&script, Duration::from_millis(500)).await;
        assert_eq!(
            outcome,
            Outcome::critical("Timed out (500ms) running check\n\nearly\n")
        );
        let grandchild: i32 = std::fs::read_to_string(file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        assert!(
            is_gone(grandchild),
            "the script's own child must be killed too"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_script_that_does_not_die_is_reported_and_not_started_twice() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("started");
        let script = format!("touch {}", file.display());
        let probe = ScriptProbe {
            args: ["sh", "-c", &script].map(str::to_owned).to_vec(),
            timeout: LONG,
        };
        // For the one who waits, a process that nobody kills is as good as one that cannot be.
        let sleep = ["sleep", "600"].map(str::to_owned);
        let (child, _output) = spawn(command(&sleep).unwrap()).unwrap();
        let lingering = Lingering::default();
        lingering.reap(child).await;
        let outcome = run(&probe, 64, &lingering).await;
        assert_eq!(outcome.status, Status::Critical);
        assert!(outcome.output.contains("has not ended"), "{outcome:?}");
        assert!(!file.exists());
        let mut child = lingering.0.lock().unwrap().take().expect("it lingers");
        child.kill().await.unwrap();
        *lingering.0.lock().unwrap() = Some(child);
        tokio::time::resume();
        let outcome = run(&probe, 64, &lingering).await;
        assert_eq!(outcome, Outcome::passing(""));
        assert!(file.exists());
    }

    #[tokio::test]
    async fn a_dropped_run_kills_the_whole_group() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        let made = std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap();
        assert!(made.success());
        let script = format!("sleep 600 & echo $! > {}; wait", fifo.display());
        let running = tokio::spawn(async move { shell(&script, LONG).await });
        let pid = tokio::task::spawn_blocking(move || std::fs::read_to_string(fifo)).await;
        let grandchild: i32 = pid.unwrap().unwrap().trim().parse().unwrap();
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        assert!(is_gone(grandchild));
    }

    /// Whether the process is dead: gone, or a zombie that only waits for init.
    fn is_gone(pid: i32) -> bool {
        (0..10_000).any(|_| {
            std::thread::yield_now();
            match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
                Ok(stat) => stat
                    .rsplit(')')
                    .next()
                    .is_some_and(|rest| rest.starts_with(" Z")),
                Err(_) => true,
            }
        })
    }
}
