//! `catalog nodes`

use crate::api::NodeQuery;
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{FormatFlag, HttpFlags, NamespaceFlag, ServerFlags, pair};
use crate::cli::known::{self, Kind};
use crate::model::node::{Node, StringMap};
use crate::output::columnize;

const EMPTY: &str = "No nodes match the given query - try expanding your search.";

/// Lists the nodes of a datacenter
///
/// $ consulctl catalog nodes -service=web -near=_agent
#[derive(clap::Args)]
#[command(override_usage = "consulctl catalog nodes [options]")]
pub(crate) struct Args {
    /// Print whole ids, tagged addresses and metadata as well.
    #[arg(long)]
    detailed: bool,
    /// Only nodes for which this expression holds, for example 'Meta.env == "prod"'.
    #[arg(
        long,
        value_name = "expression",
        default_value = "",
        hide_default_value = true
    )]
    filter: String,
    /// Sort by round trip time from this node; _agent means the agent's own.
    #[arg(
        long,
        value_name = "node",
        default_value = "",
        hide_default_value = true
    )]
    near: String,
    /// Only nodes with this metadata; may be given several times.
    #[arg(long, value_name = "key=value", value_parser = pair)]
    node_meta: Vec<(String, String)>,
    /// Only nodes that run this service.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    service: String,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    namespace: NamespaceFlag,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        if !self.words.is_empty() {
            return Err(Error::too_many("0", self.words.len()));
        }
        let client = context.client(&self.http.with_namespace(&self.namespace))?;
        let mut query = NodeQuery {
            service: self.service,
            options: self.server.options(),
        };
        query.options.filter = self.filter;
        query.options.near = self.near;
        query.options.node_meta = self.node_meta;
        let nodes = client
            .catalog_nodes(&query)
            .await
            .during("Error listing nodes")?;
        if self.format.is_json() {
            return super::print_json(context, &nodes);
        }
        if nodes.is_empty() {
            context.console.note(EMPTY)?;
            if query.service.is_empty() {
                return Ok(());
            }
            let (kind, options) = (Kind::Service, self.server.options());
            let hint = known::hint(context, &client, kind, &query.service, &options).await;
            return context.hint(hint);
        }
        let head: &[&str] = if self.detailed {
            &["Node", "ID", "Address", "DC", "TaggedAddresses", "Meta"]
        } else {
            &["Node", "ID", "Address", "DC"]
        };
        let head = head.iter().map(|name| (*name).to_owned()).collect();
        let rows = nodes.iter().map(|node| row(node, self.detailed));
        let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
        Ok(context.console.line(&columnize(&rows))?)
    }
}

fn row(node: &Node, detailed: bool) -> Vec<String> {
    let id = if detailed {
        node.id.as_str()
    } else {
        node.id.split('-').next().unwrap_or_default()
    };
    let mut cells = vec![
        node.node.clone(),
        id.to_owned(),
        node.address.clone(),
        node.datacenter.clone(),
    ];
    if detailed {
        cells.push(pairs(node.tagged_addresses.as_ref()));
        cells.push(pairs(node.meta.as_ref()));
    }
    cells
}

fn pairs(map: Option<&StringMap>) -> String {
    let pairs: Vec<String> = map
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join(", ")
}
