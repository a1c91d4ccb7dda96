//! `operator autopilot state`

use std::fmt::Write as _;

use crate::cli::context::Context;
use crate::cli::error::{During as _, Outcome};
use crate::cli::flags::{DataFlag, HttpFlags, ServerFlags};
use crate::model::raft::{AutopilotServer, AutopilotState, ServerStatus};

/// Shows how well the servers are
///
/// As the leader's autopilot sees them: who votes, who is healthy and since when, and how many
/// servers may fail before the cluster stops.
#[derive(clap::Args)]
#[command(override_usage = "consulctl operator autopilot state [options]")]
pub(crate) struct Args {
    #[command(flatten)]
    format: DataFlag,
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
            .autopilot_state(&self.server.options())
            .await
            .during("Error querying Autopilot state")?;
        if self.format.is_data() {
            return super::print_data(context, self.format, &found);
        }
        let text = pretty(&found).unwrap_or_default();
        Ok(context.console.line(&text)?)
    }
}

/// Consul's layout, with the empty line at its end. Labels are padded so that values stand below each other.
fn pretty(state: &AutopilotState) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let summary = [
        ("Healthy:", state.healthy.to_string()),
        ("Failure Tolerance:", state.failure_tolerance.to_string()),
        (
            "Optimistic Failure Tolerance:",
            state.optimistic_failure_tolerance.to_string(),
        ),
        ("Leader:", state.leader.clone()),
    ];
    for (label, value) in summary {
        writeln!(text, "{label:<29} {value}")?;
    }
    writeln!(text, "Voters:")?;
    for voter in &state.voters {
        writeln!(text, "   {voter}")?;
    }
    writeln!(text, "Servers:")?;
    for server in state.servers.values() {
        write_server(&mut text, server)?;
    }
    Ok(text)
}

fn write_server(text: &mut String, server: &AutopilotServer) -> std::fmt::Result {
    let status = match server.status {
        ServerStatus::Leader => "leader",
        ServerStatus::Voter => "voter",
        ServerStatus::NonVoter => "non-voter",
    };
    let mut rows = vec![
        ("Name:", server.name.clone()),
        ("Address:", server.address.clone()),
        ("Version:", server.version.clone()),
        ("Status:", status.to_owned()),
        ("Node Type:", server.node_type.clone()),
        ("Node Status:", server.node_status.clone()),
        ("Healthy:", server.healthy.to_string()),
        ("Last Contact:", server.last_contact.to_string()),
        ("Last Term:", server.last_term.to_string()),
        ("Last Index:", server.last_index.to_string()),
    ];
    if server.read_replica {
        rows.push(("Read Replica:", "true".to_owned()));
    }
    writeln!(text, "   {}", server.id)?;
    for (label, value) in rows {
        writeln!(text, "      {label:<16} {value}")?;
    }
    if !server.meta.is_empty() {
        writeln!(text, "      Meta")?;
        for (key, value) in &server.meta {
            writeln!(text, "         {key:?}: {value:?}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::duration::GoDuration;

    #[test]
    fn the_state_is_laid_out_as_consul_does() {
        let server = AutopilotServer {
            id: "i1".to_owned(),
            name: "s1".to_owned(),
            address: "10.0.0.1:8300".to_owned(),
            node_status: "alive".to_owned(),
            version: "1.10.0".to_owned(),
            last_contact: GoDuration(21_850_360),
            last_term: 2,
            last_index: 14,
            healthy: true,
            status: ServerStatus::Leader,
            meta: [("zone".to_owned(), "a\"b".to_owned())]
                .into_iter()
                .collect(),
            node_type: "voter".to_owned(),
            ..AutopilotServer::default()
        };
        let state = AutopilotState {
            healthy: true,
            failure_tolerance: 1,
            optimistic_failure_tolerance: 1,
            servers: BTreeMap::from([("i1".to_owned(), server)]),
            leader: "i1".to_owned(),
            voters: vec!["i1".to_owned(), "i2".to_owned()],
        };
        let expected = "\
Healthy:                      true
Failure Tolerance:            1
Optimistic Failure Tolerance: 1
Leader:                       i1
Voters:
   i1
   i2
Servers:
   i1
      Name:            s1
      Address:         10.0.0.1:8300
      Version:         1.10.0
      Status:          leader
      Node Type:       voter
      Node Status:     alive
      Healthy:         true
      Last Contact:    21.85036ms
      Last Term:       2
      Last Index:      14
      Meta
         \"zone\": \"a\\\"b\"
";
        assert_eq!(pretty(&state).unwrap(), expected);
    }
}
