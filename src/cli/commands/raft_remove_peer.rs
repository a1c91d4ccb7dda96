//! `operator raft remove-peer`

use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, ServerFlags};

const REMOVING: &str = "Error removing peer";

/// Removes a server from the raft configuration
///
/// For a server that is gone and that autopilot did not remove. A server that still runs should
/// leave instead (`consulctl leave`).
#[derive(clap::Args)]
#[command(override_usage = "consulctl operator raft remove-peer [options]")]
pub(crate) struct Args {
    /// RPC address of the server, HOST:PORT as list-peers shows it.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    address: String,
    /// Id of the server, as list-peers shows it.
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
        let options = self.server.options();
        let client = context.writer(&self.http)?;
        let done = match (self.address.as_str(), self.id.as_str()) {
            ("", "") => {
                let text = "an address or id is required for the peer to remove";
                return Err(Error::message(format!("{REMOVING}: {text}")));
            }
            (address, "") => {
                let removed = client.raft_remove_peer_by_address(address, &options).await;
                removed.during(REMOVING)?;
                format!("Removed peer with address \"{address}\"")
            }
            ("", id) => {
                let removed = client.raft_remove_peer_by_id(id, &options).await;
                removed.during(REMOVING)?;
                format!("Removed peer with id \"{id}\"")
            }
            _ => {
                let text = "cannot give both an address and id";
                return Err(Error::message(format!("{REMOVING}: {text}")));
            }
        };
        Ok(context.console.line(&done)?)
    }
}
