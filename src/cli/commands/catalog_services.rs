//! `catalog services`

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::api::{Client, QueryOptions};
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, NamespaceFlag, ServerFlags, TableFlag, pair};
use crate::cli::follow::follow;
use crate::cli::known::{self, Kind};
use crate::output::{Table, tabulate};

/// Services with their tags.
type Services = BTreeMap<String, Vec<String>>;

const LISTING: &str = "Error listing services";
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
        if self.watch {
            let json = self.format.watch_json()?;
            let ask = async |index: u64| {
                let (services, index) = self.found(&client, index).await?;
                let objects: Vec<Service<'_>> = services.iter().map(Service::of).collect();
                super::print::view(&self.format, &self.table(&services), &objects, index)
            };
            return follow(context, json, ask).await;
        }
        let (services, _) = self.found(&client, 0).await?;
        if services.is_empty() && self.format.is_text() {
            context.console.note(EMPTY)?;
            if self.node.is_empty() {
                return Ok(());
            }
            let (kind, options) = (Kind::Node, self.server.options());
            let hint = known::hint(context, &client, kind, &self.node, &options).await;
            return context.hint(hint);
        }
        let table = self.table(&services);
        if !self.format.is_text() {
            return super::print_table(context, &self.format, &table, &services);
        }
        if !self.tags {
            for name in services.keys() {
                let name = context.console.shown(name).into_owned();
                context.console.line(&name)?;
            }
            return Ok(());
        }
        let rows: Vec<(&str, &str)> = table
            .rows
            .iter()
            .filter_map(|cells| Some((cells.first()?.as_str(), cells.get(1)?.as_str())))
            .collect();
        // As in Consul, nothing stands behind the last word.
        let text = tabulate(&rows);
        let text = context.console.shown(text.trim_end()).into_owned();
        Ok(context.console.line(&text)?)
    }

    /// The services with their tags, and what to wait behind for the next change.
    async fn found(&self, client: &Client, index: u64) -> Result<(Services, u64), Error> {
        let options = QueryOptions {
            node_meta: self.node_meta.clone(),
            index,
            ..self.server.options()
        };
        if self.node.is_empty() {
            let found = client.catalog_services_meta(&options).await;
            let (services, meta) = found.during(LISTING)?;
            return Ok((services, meta.index));
        }
        let found = client.catalog_node_meta(&self.node, &options).await;
        let (node, meta) = found.during(LISTING)?;
        let mut services = Services::new();
        for (_, service) in node.into_iter().flat_map(|node| node.services) {
            let tags = services.entry(service.service).or_default();
            tags.extend(service.tags);
        }
        Ok((services, meta.index))
    }

    /// The services with their tags; for `-watch` without the tags, which Consul's list does not show.
    fn table(&self, services: &Services) -> Table {
        let with_tags = self.tags || !(self.watch && self.format.is_text());
        let mut table = Table::new(if with_tags {
            &["Service", "Tags"]
        } else {
            &["Service"]
        });
        table.rows = services
            .iter()
            .map(|(name, tags)| {
                let tags: BTreeSet<&str> = tags.iter().map(String::as_str).collect();
                let tags: Vec<&str> = tags.into_iter().collect();
                let mut cells = vec![name.clone(), tags.join(",")];
                cells.truncate(table.head.len());
                cells
            })
            .collect();
        table
    }
}

/// A service, for the JSON of `-watch`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Service<'a> {
    name: &'a str,
    tags: &'a [String],
}

impl<'a> Service<'a> {
    fn of((name, tags): (&'a String, &'a Vec<String>)) -> Self {
        Self { name, tags }
    }
}
