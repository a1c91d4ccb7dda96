//! `operator autopilot set-config`

use clap::ArgAction;

use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, ServerFlags, go_uint};
use crate::cli::go_flags::parse_go_bool;
use crate::model::duration::{GoDuration, parse_go_duration};

/// Changes the autopilot configuration
///
/// Only what is given changes; the rest stays as it is.
///
/// $ consulctl operator autopilot set-config -cleanup-dead-servers=false
#[derive(clap::Args)]
#[command(override_usage = "consulctl operator autopilot set-config [options]")]
pub(crate) struct Args {
    /// Whether dead servers are removed when a new server joins.
    #[arg(long, value_name = "bool", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = boolean)]
    cleanup_dead_servers: Option<bool>,
    /// Enterprise only: whether servers of a new version wait before they vote.
    #[arg(long, value_name = "bool", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = boolean)]
    disable_upgrade_migration: Option<bool>,
    /// Time without contact to the leader after which a server is unhealthy, such as 200ms.
    #[arg(long, value_name = "duration", value_parser = duration)]
    last_contact_threshold: Option<GoDuration>,
    /// How many log entries a server may lag behind before it is unhealthy.
    #[arg(long, value_name = "uint", value_parser = go_uint)]
    max_trailing_logs: Option<u64>,
    /// Number of servers below which none is removed.
    #[arg(long, value_name = "uint", value_parser = go_uint)]
    min_quorum: Option<u64>,
    /// Enterprise only: the node metadata that names a server's zone.
    #[arg(long, value_name = "string")]
    redundancy_zone_tag: Option<String>,
    /// How long a new server must be healthy before it votes, such as 10s.
    #[arg(long, value_name = "duration", value_parser = duration)]
    server_stabilization_time: Option<GoDuration>,
    /// Enterprise only: the node metadata that holds a server's version.
    #[arg(long, value_name = "string")]
    upgrade_version_tag: Option<String>,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

fn boolean(text: &str) -> Result<bool, &'static str> {
    parse_go_bool(text).ok_or("parse error")
}

fn duration(text: &str) -> Result<GoDuration, String> {
    parse_go_duration(text)
        .map(GoDuration)
        .map_err(|error| error.to_string())
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let client = context.writer(&self.http)?;
        let options = self.server.options();
        let mut found = client
            .autopilot_configuration(&options)
            .await
            .during("Error querying Autopilot configuration")?;
        set(&mut found.cleanup_dead_servers, self.cleanup_dead_servers);
        set(
            &mut found.disable_upgrade_migration,
            self.disable_upgrade_migration,
        );
        set(
            &mut found.last_contact_threshold,
            self.last_contact_threshold,
        );
        set(&mut found.max_trailing_logs, self.max_trailing_logs);
        set(&mut found.min_quorum, self.min_quorum);
        set(&mut found.redundancy_zone_tag, self.redundancy_zone_tag);
        set(
            &mut found.server_stabilization_time,
            self.server_stabilization_time,
        );
        set(&mut found.upgrade_version_tag, self.upgrade_version_tag);
        let done = client
            .autopilot_set_configuration(&found, &options)
            .await
            .during("Error setting Autopilot configuration")?;
        if !done {
            let text = "Configuration could not be atomically updated, please try again";
            return Err(Error::message(text));
        }
        Ok(context.console.line("Configuration updated!")?)
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
