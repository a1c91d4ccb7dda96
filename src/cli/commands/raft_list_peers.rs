//! `operator raft list-peers`

use crate::cli::context::Context;
use crate::cli::error::{During as _, Outcome};
use crate::cli::flags::{HttpFlags, ServerFlags, TableFlag};
use crate::output::Table;

/// Lists the servers of the raft configuration
///
/// With -stale any server answers, which is what remains when there is no leader.
#[derive(clap::Args)]
#[command(override_usage = "consulctl operator raft list-peers [options]")]
pub(crate) struct Args {
    #[command(flatten)]
    format: TableFlag,
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
        let head = ["Node", "ID", "Address", "State", "Voter", "RaftProtocol"];
        let mut table = Table::new(&head);
        for server in found.servers.iter().cloned() {
            let state = if server.leader { "leader" } else { "follower" };
            let protocol = match server.protocol_version.as_str() {
                "" => "<=1",
                version => version,
            };
            table.rows.push(vec![
                server.node,
                server.id,
                server.address,
                state.to_owned(),
                server.voter.to_string(),
                protocol.to_owned(),
            ]);
        }
        super::print_table(context, &self.format, &table, &found)
    }
}
