//! `catalog services`

use std::collections::BTreeMap;

use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{FormatFlag, HttpFlags, NamespaceFlag, ServerFlags, pair};
use crate::cli::known::{self, Kind};
use crate::output::tabulate;

const EMPTY: &str = "No services match the given query - try expanding your search.";

/// Lists the services of a datacenter
///
/// $ consulctl catalog services -tags
#[derive(clap::Args)]
#[command(override_usage = "consulctl catalog services [options]")]
pub(crate) struct Args {
    /// Only services of this node, by name or id.
    #[arg(
        long,
        value_name = "node",
        default_value = "",
        hide_default_value = true
    )]
    node: String,
    /// Only services of nodes with this metadata; may be given several times.
    #[arg(long, value_name = "key=value", value_parser = pair)]
    node_meta: Vec<(String, String)>,
    /// Print each service's tags as well.
    #[arg(long)]
    tags: bool,
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
        let mut options = self.server.options();
        options.node_meta.clone_from(&self.node_meta);
        let what = "Error listing services";
        let services = if self.node.is_empty() {
            client.catalog_services(&options).await.during(what)?
        } else {
            let found = client.catalog_node(&self.node, &options).await;
            let mut services: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for service in found
                .during(what)?
                .into_iter()
                .flat_map(|node| node.services)
            {
                let tags = services.entry(service.1.service).or_default();
                tags.extend(service.1.tags);
            }
            services
        };
        if self.format.is_json() {
            return super::print_json(context, &services);
        }
        if services.is_empty() {
            context.console.note(EMPTY)?;
            if self.node.is_empty() {
                return Ok(());
            }
            let (kind, options) = (Kind::Node, self.server.options());
            let hint = known::hint(context, &client, kind, &self.node, &options).await;
            return context.hint(hint);
        }
        if !self.tags {
            for name in services.keys() {
                context.console.line(name)?;
            }
            return Ok(());
        }
        let rows: Vec<(String, String)> = services
            .into_iter()
            .map(|(name, mut tags)| {
                tags.sort_unstable();
                tags.dedup();
                (name, tags.join(","))
            })
            .collect();
        Ok(context.console.raw(tabulate(&rows).as_bytes())?)
    }
}
