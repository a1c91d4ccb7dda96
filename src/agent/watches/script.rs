//! Handlers that are programs: the data on standard input, the index in the environment.

use std::convert::Infallible;
use std::future::pending;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::ChildStdin;
use tracing::{debug, error};

use crate::agent::checks::output::TailBuffer;
use crate::agent::checks::runner::{ProcessGroup, collect, command, spawn, spawn_error};
use crate::model::go_exit;
use crate::model::watch::Handler;

/// Bytes of a handler's output that the log shows, the last ones.
pub(super) const OUTPUT_MAX: usize = 4096;

/// Runs a program until it ends. Dropped before, it kills the program and all that it has started.
pub(super) async fn run(handler: &Handler, args: &[String], index: u64, body: &[u8]) {
    let mut tail = TailBuffer::new(OUTPUT_MAX);
    if let Err(error) = run_to_end(args, index, body, &mut tail).await {
        error!(target: "agent", watch_handler = %handler, error, "Failed to run watch handler");
    }
    let output = tail.into_captured_text();
    debug!(target: "agent", watch_handler = %handler, output, "watch handler output");
}

async fn run_to_end(
    args: &[String],
    index: u64,
    body: &[u8],
    tail: &mut TailBuffer,
) -> Result<(), String> {
    let mut command = command(args).map_err(|error| error.to_string())?;
    command
        .env("CONSUL_INDEX", index.to_string())
        .stdin(Stdio::piped());
    let (mut child, mut output) = spawn(command).map_err(|error| spawn_error(args, &error))?;
    let mut group = ProcessGroup::of(&child);
    let input = child.stdin.take();
    let status = tokio::select! {
        status = collect(&mut child, &mut output, tail) => status.map_err(|error| error.to_string())?,
        never = feed(input, body) => match never {},
    };
    group.disarm();
    let failed = go_exit::failure(status.code(), status.signal(), status.core_dumped());
    failed.map_or(Ok(()), Err)
}

/// Writes the data, and closes the pipe. A program may end without reading; that is its business.
async fn feed(input: Option<ChildStdin>, body: &[u8]) -> Infallible {
    if let Some(mut input) = input {
        let _ = input.write_all(body).await;
    }
    pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str, body: &[u8]) -> (Result<(), String>, String) {
        let args = ["sh", "-c", script].map(str::to_owned);
        let mut tail = TailBuffer::new(OUTPUT_MAX);
        let result = run_to_end(&args, 17, body, &mut tail).await;
        (result, tail.into_captured_text())
    }

    #[tokio::test]
    async fn a_program_reads_the_data_and_knows_the_index() {
        let turns = "i=0; while [ $i -lt 99 ]; do echo o; echo e >&2; i=$((i+1)); done";
        let found = shell(turns, b"").await;
        assert_eq!(
            found,
            (Ok(()), "o\ne\n".repeat(99)),
            "both outputs in their order"
        );
        let found = shell("cat; echo $CONSUL_INDEX >&2", b"null\n").await;
        assert_eq!(found, (Ok(()), "null\n17\n".to_owned()));
        // More than a pipe holds, and nobody reads it.
        let found = shell("exit 4", &vec![b'x'; 1 << 20]).await;
        assert_eq!(found, (Err("exit status 4".to_owned()), String::new()));
        let found = shell("kill -9 $$", b"").await.0;
        assert_eq!(found, Err("signal: killed".to_owned()));
    }

    #[tokio::test]
    async fn what_cannot_start_says_why() {
        let mut tail = TailBuffer::new(OUTPUT_MAX);
        let missing = run_to_end(&["/nope".to_owned()], 1, b"", &mut tail).await;
        let text = "fork/exec /nope: no such file or directory";
        assert_eq!(missing, Err(text.to_owned()));
        let none = run_to_end(&[], 1, b"", &mut tail).await;
        assert_eq!(none, Err("need an executable to run".to_owned()));
    }
}
