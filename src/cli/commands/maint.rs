//! `maint`

use serde::Serialize;

use crate::api::QueryOptions;
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{DataFlag, HttpFlags};
use crate::cli::known::{self, Kind};
use crate::model::check::{NODE_MAINTENANCE, SERVICE_MAINTENANCE_PREFIX};

/// Puts the node or a service into maintenance
///
/// In maintenance, neither DNS nor health queries name the node's (or the one service's) instances.
/// It stays until -disable, over restarts too. Without flags, lists what is in maintenance.
///
/// $ consulctl maint -enable -reason="new disk"
///
/// $ consulctl maint -enable -service=web-1
#[derive(clap::Args)]
#[command(override_usage = "consulctl maint [options]")]
pub(crate) struct Args {
    /// Enter maintenance.
    #[arg(long)]
    enable: bool,
    /// Leave maintenance.
    #[arg(long)]
    disable: bool,
    /// Why, for those who find it later.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    reason: String,
    /// Only the service with this id, instead of the whole node.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    service: String,
    #[command(flatten)]
    format: DataFlag,
    #[command(flatten)]
    http: HttpFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

/// Something in maintenance, for JSON.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    kind: &'static str,
    #[serde(rename = "ID")]
    id: String,
    reason: String,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let wrong = if self.enable && self.disable {
            "Only one of -enable or -disable may be provided"
        } else if !self.enable && !self.reason.is_empty() {
            "Reason may only be provided with -enable"
        } else if !self.enable && !self.disable && !self.service.is_empty() {
            "Service requires either -enable or -disable"
        } else {
            ""
        };
        if !wrong.is_empty() {
            return Err(Error::message(wrong));
        }
        if self.enable || self.disable {
            return self.switch(context).await;
        }
        self.list(context).await
    }

    async fn switch(self, context: &mut Context) -> Outcome {
        let client = context.writer(&self.http)?;
        let (doing, done) = if self.enable {
            ("enabling", "enabled")
        } else {
            ("disabling", "disabled")
        };
        let text = if self.service.is_empty() {
            client
                .agent_node_maintenance(self.enable, &self.reason)
                .await
                .during(&format!("Error {doing} node maintenance"))?;
            format!("Node maintenance is now {done}")
        } else {
            let (id, options) = (&self.service, QueryOptions::default());
            let switched = client.agent_service_maintenance(id, self.enable, &self.reason);
            let what = format!("Error {doing} service maintenance");
            if let Err(error) = switched.await.during(&what) {
                let hint = known::hint(context, &client, Kind::ServiceId, id, &options).await;
                return Err(error.with_hint(hint));
            }
            format!("Service maintenance is now {done} for \"{}\"", self.service)
        };
        Ok(context.console.line(&text)?)
    }

    async fn list(self, context: &mut Context) -> Outcome {
        let client = context.client(&self.http)?;
        let what = "Error querying Consul agent";
        let node = client.agent_node_name().await.during(what)?;
        let checks = client.agent_checks().await.during("Error getting checks")?;
        let found = checks.into_values().filter_map(|check| {
            let (kind, id) = if check.check_id == NODE_MAINTENANCE {
                ("node", node.clone())
            } else {
                check.check_id.strip_prefix(SERVICE_MAINTENANCE_PREFIX)?;
                ("service", check.service_id)
            };
            Some(Entry {
                kind,
                id,
                reason: check.notes,
            })
        });
        let found: Vec<Entry> = found.collect();
        if self.format.is_data() {
            return super::print_data(context, self.format, &found);
        }
        for entry in found {
            let (title, label) = match entry.kind {
                "node" => ("Node:", "Name:   "),
                _ => ("Service:", "ID:     "),
            };
            context.console.line(title)?;
            context.console.line(&format!("  {label}{}", entry.id))?;
            context
                .console
                .line(&format!("  Reason: {}", entry.reason))?;
            context.console.line("")?;
        }
        Ok(())
    }
}
