//! `event`

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use crate::api::EventFilter;
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{DataFlag, HttpFlags, ServerFlags};
use crate::model::regexp;

/// Sends an event to the agents of a datacenter
///
/// Agents act on it with a watch of the type event. Delivery is by gossip: fast, and without a
/// guarantee.
///
/// $ consulctl event -name=deploy 1.2.3
#[derive(clap::Args)]
#[command(override_usage = "consulctl event [options] [payload]")]
pub(crate) struct Args {
    /// The event's name.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    name: String,
    /// Only nodes whose name matches this regular expression.
    #[arg(
        long,
        value_name = "regexp",
        default_value = "",
        hide_default_value = true
    )]
    node: String,
    /// Only nodes that run a service whose name matches this regular expression.
    #[arg(
        long,
        value_name = "regexp",
        default_value = "",
        hide_default_value = true
    )]
    service: String,
    /// Only services with a tag that matches this regular expression; needs -service.
    #[arg(
        long,
        value_name = "regexp",
        default_value = "",
        hide_default_value = true
    )]
    tag: String,
    #[command(flatten)]
    format: DataFlag,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[arg(hide = true, num_args = 0.., value_name = "payload")]
    words: Vec<OsString>,
}

impl Args {
    pub(crate) async fn run(mut self, context: &mut Context) -> Outcome {
        if self.name.is_empty() {
            return Err(Error::Usage("Event name must be specified".to_owned()));
        }
        for (what, text) in [
            ("node", &self.node),
            ("service", &self.service),
            ("tag", &self.tag),
        ] {
            regexp::compile(text).map_err(|error| {
                Error::message(format!("Failed to compile {what} filter regexp: {error}"))
            })?;
        }
        if !self.tag.is_empty() && self.service.is_empty() {
            let text = "Cannot provide tag filter without service filter.";
            return Err(Error::message(text));
        }
        if self.words.len() > 1 {
            return Err(Error::Usage("Too many command line arguments.".to_owned()));
        }
        let payload = self.words.pop().unwrap_or_default().into_vec();
        let client = context.writer(&self.http)?;
        // Consul's client asks the agent for itself first: an unreachable agent is told apart from
        // a refused event.
        client
            .agent_node_name()
            .await
            .during("Error querying Consul agent")?;
        let filter = EventFilter {
            node: self.node,
            service: self.service,
            tag: self.tag,
        };
        let options = self.server.options();
        let event = client
            .event_fire(&self.name, payload.into(), &filter, &options)
            .await
            .during("Error firing event")?;
        if self.format.is_data() {
            return super::print_data(context, self.format, &event);
        }
        Ok(context.console.line(&format!("Event ID: {}", event.id))?)
    }
}
