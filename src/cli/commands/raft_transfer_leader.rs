//! `operator raft transfer-leader`

use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, ServerFlags};

const TRANSFERRING: &str = "Error transfering leadership: Failed to transfer leadership";

/// Hands the leadership to another server
///
/// Done before work on the leader: writes go on within moments, where a leader that is stopped
/// costs an election. Without -id, the server that has most of the log takes over.
///
/// $ consulctl operator raft transfer-leader
#[derive(clap::Args)]
#[command(override_usage = "consulctl operator raft transfer-leader [options]")]
pub(crate) struct Args {
    /// Id of the server that is to lead, as list-peers shows it.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    id: String,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let client = context.writer(&self.http)?;
        let to = Some(self.id.as_str()).filter(|id| !id.is_empty());
        let moved = client
            .raft_transfer_leader(to, &self.server.options())
            .await
            .during(TRANSFERRING)?;
        if !moved {
            return Err(Error::message(TRANSFERRING));
        }
        Ok(context.console.line("Success")?)
    }
}
