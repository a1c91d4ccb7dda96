//! `catalog nodes`

use crate::api::{Client, NodeQuery, QueryOptions};
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, NamespaceFlag, ServerFlags, TableFlag, pair};
use crate::cli::follow::follow;
use crate::cli::known::{self, Kind};
use crate::model::node::{Node, StringMap};
use crate::output::Table;

const LISTING: &str = "Error listing nodes";
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
    format: TableFlag,
    /// Go on and show every change, until interrupted.
    #[arg(long)]
    watch: bool,
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
            service: self.service.clone(),
            options: self.server.options(),
        };
        query.options.filter.clone_from(&self.filter);
        query.options.near.clone_from(&self.near);
        query.options.node_meta.clone_from(&self.node_meta);
        if self.watch {
            return self.follow(context, &client, &query).await;
        }
        let nodes = client.catalog_nodes(&query).await.during(LISTING)?;
        if nodes.is_empty() && self.format.is_text() {
            context.console.note(EMPTY)?;
            if query.service.is_empty() {
                return Ok(());
            }
            let (kind, options) = (Kind::Service, self.server.options());
            let hint = known::hint(context, &client, kind, &query.service, &options).await;
            return context.hint(hint);
        }
        super::print_table(context, &self.format, &self.table(&nodes), &nodes)
    }

    /// The nodes; whole ids and all columns unless it is Consul's short table.
    fn table(&self, nodes: &[Node]) -> Table {
        let all = self.detailed || !self.format.is_text();
        let head: &[&str] = if all {
            &["Node", "ID", "Address", "DC", "TaggedAddresses", "Meta"]
        } else {
            &["Node", "ID", "Address", "DC"]
        };
        let mut table = Table::new(head);
        table.rows = nodes.iter().map(|node| row(node, all)).collect();
        table
    }

    /// Shows the nodes again whenever one changes.
    async fn follow(&self, context: &mut Context, client: &Client, query: &NodeQuery) -> Outcome {
        let json = self.format.watch_json()?;
        let ask = async |index: u64| {
            let query = NodeQuery {
                service: query.service.clone(),
                options: QueryOptions {
                    index,
                    ..query.options.clone()
                },
            };
            let found = client.catalog_nodes_meta(&query).await;
            let (mut nodes, meta) = found.during(LISTING)?;
            // A node has a row for each instance of the service.
            nodes.dedup_by(|one, other| one.node == other.node);
            super::print::view(&self.format, &self.table(&nodes), &nodes, meta.index)
        };
        follow(context, json, ask).await
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
