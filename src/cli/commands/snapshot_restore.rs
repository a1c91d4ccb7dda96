//! `snapshot restore`

use std::path::Path;

use tokio::io::AsyncReadExt as _;

use crate::api::file_reason;
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, ServerFlags};
use crate::output::Progress;

/// Bytes that are read from the file at a time.
const PART: usize = 128 * 1024;

/// Parts that wait to be sent.
const WAITING_PARTS: usize = 4;

/// Replaces the servers' state with a snapshot
///
/// Everything written since the snapshot is lost. A disaster recovery, not a way to move a part of
/// the data: for that, see `kv export` and `kv import`.
///
/// $ consulctl snapshot restore backup.snap
#[derive(clap::Args)]
#[command(override_usage = "consulctl snapshot restore [options] FILE")]
pub(crate) struct Args {
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[arg(hide = true, num_args = 0.., value_name = "FILE")]
    files: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let path = match self.files.as_slice() {
            [] => return Err(Error::message("Missing FILE argument")),
            [file] => Path::new(file),
            more => return Err(Error::too_many("1", more.len())),
        };
        let failed = |error: std::io::Error| {
            let reason = file_reason("open", path, &error);
            Error::message(format!("Error opening snapshot file: {reason}"))
        };
        let client = context.writer(&self.http)?;
        let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
        let length = file.metadata().await.map_err(failed)?.len();
        let progress = Progress::bytes(context.console.shows_progress(), Some(length));
        let (parts, waiting) = tokio::sync::mpsc::channel(WAITING_PARTS);
        // The body is sent by the request below while this task fills it.
        tokio::spawn(async move {
            loop {
                let mut part = Vec::with_capacity(PART);
                let read = (&mut file).take(PART as u64).read_to_end(&mut part).await;
                let part = match read {
                    Ok(0) => return,
                    Ok(count) => {
                        progress.advance(count as u64);
                        Ok(part)
                    }
                    Err(error) => Err(error),
                };
                let broken = part.is_err();
                if parts.send(part).await.is_err() || broken {
                    return;
                }
            }
        });
        client
            .snapshot_restore(waiting, &self.server.options())
            .await
            .during("Error restoring snapshot")?;
        Ok(context.console.line("Restored snapshot")?)
    }
}
