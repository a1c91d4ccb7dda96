//! `operator raft list-peers`

use crate::cli::context::Context;
use crate::cli::error::{During as _, Outcome};
use crate::cli::flags::{FormatFlag, HttpFlags, ServerFlags};
use crate::output::columnize;

/// Lists the servers of the raft configuration
///
/// With -stale any server answers, which is what remains when there is no leader.
#[derive(clap::Args)]
#[command(override_usage = "consulctl operator raft list-peers [options]")]
pub(crate) struct Args {
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let client = context.client(&self.http)?;
        let found = client
            .raft_configuration(&self.server.options())
            .await
            .during("Error getting peers: Failed to retrieve raft configuration")?;
        if self.format.is_json() {
            return super::print_json(context, &found);
        }
        let head = ["Node", "ID", "Address", "State", "Voter", "RaftProtocol"];
        let mut rows = vec![head.map(str::to_owned)];
        for server in found.servers {
            let state = if server.leader { "leader" } else { "follower" };
            let protocol = match server.protocol_version.as_str() {
                "" => "<=1",
                version => version,
            };
            rows.push([
                server.node,
                server.id,
                server.address,
                state.to_owned(),
                server.voter.to_string(),
                protocol.to_owned(),
            ]);
        }
        Ok(context.console.line(&columnize(&rows))?)
    }
}
