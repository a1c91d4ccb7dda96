//! `operator autopilot get-config`

use crate::cli::context::Context;
use crate::cli::error::{During as _, Outcome};
use crate::cli::flags::{DataFlag, HttpFlags, ServerFlags};

/// Shows the autopilot configuration
#[derive(clap::Args)]
#[command(override_usage = "consulctl operator autopilot get-config [options]")]
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
            .autopilot_configuration(&self.server.options())
            .await
            .during("Error querying Autopilot configuration")?;
        if self.format.is_data() {
            return super::print_data(context, self.format, &found);
        }
        let lines = [
            format!("CleanupDeadServers = {}", found.cleanup_dead_servers),
            format!("LastContactThreshold = {}", found.last_contact_threshold),
            format!("MaxTrailingLogs = {}", found.max_trailing_logs),
            format!("MinQuorum = {}", found.min_quorum),
            format!(
                "ServerStabilizationTime = {}",
                found.server_stabilization_time
            ),
            format!("RedundancyZoneTag = {:?}", found.redundancy_zone_tag),
            format!(
                "DisableUpgradeMigration = {}",
                found.disable_upgrade_migration
            ),
            format!("UpgradeVersionTag = {:?}", found.upgrade_version_tag),
        ];
        Ok(context.console.line(&lines.join("\n"))?)
    }
}
