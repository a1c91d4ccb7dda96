//! `rtt`

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{DataFlag, HttpFlags};
use crate::cli::suggest::did_you_mean;
use crate::model::coordinate::NodeCoordinate;

const COORDINATES: &str = "Error getting coordinates";

/// Estimates the round trip time between two nodes
///
/// The estimate comes from network coordinates that agents learn while they gossip; no packet is
/// sent for it. Without a second node, the agent's own is taken.
///
/// $ consulctl rtt web-1 db-1
///
/// $ consulctl rtt -wan srv-1.dc1 srv-1.dc2
#[derive(clap::Args)]
#[command(override_usage = "consulctl rtt [options] node1 [node2]")]
pub(crate) struct Args {
    /// Estimate between servers in the WAN pool; names are NODE.DATACENTER.
    #[arg(long)]
    wan: bool,
    #[command(flatten)]
    format: DataFlag,
    #[command(flatten)]
    http: HttpFlags,
    #[arg(hide = true, num_args = 0.., value_name = "node")]
    nodes: Vec<String>,
}

/// The estimate, for JSON.
#[derive(Serialize)]
struct Estimate<'a> {
    from: &'a str,
    to: &'a str,
    rtt_ms: f64,
    pool: &'a str,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        if self.nodes.is_empty() || self.nodes.len() > 2 {
            let text = "One or two node names must be specified";
            return Err(Error::Usage(text.to_owned()));
        }
        let client = context.client(&self.http)?;
        let own = || async {
            let what = "Unable to look up local node name";
            client.agent_node_name().await.during(what)
        };
        let first = self.nodes[0].clone();
        let (second, pairs): (String, Vec<NodeCoordinate>) = if self.wan {
            let second = match self.nodes.get(1) {
                Some(name) => name.clone(),
                None if !is_wan_name(&first) => String::new(),
                None => {
                    let agent = client
                        .agent_self()
                        .await
                        .during("Unable to look up local node name")?;
                    let text = |name: &str| agent["Config"][name].as_str().unwrap_or_default();
                    format!("{}.{}", text("NodeName"), text("Datacenter"))
                }
            };
            if !(is_wan_name(&first) && is_wan_name(&second)) {
                let text = "Node names must be specified as <node name>.<datacenter> with -wan";
                return Err(Error::message(text));
            }
            let found = client.coordinate_datacenters().await.during(COORDINATES)?;
            let wan = found.into_iter().filter(|part| part.area_id == "wan");
            let named = wan.flat_map(|part| {
                let datacenter = part.datacenter;
                part.coordinates.into_iter().map(move |mut node| {
                    node.node = format!("{}.{datacenter}", node.node);
                    node
                })
            });
            (second, named.collect())
        } else {
            let second = match self.nodes.get(1) {
                Some(name) => name.clone(),
                None => own().await?,
            };
            let options = crate::api::QueryOptions::default();
            let found = client
                .coordinate_nodes(&options)
                .await
                .during(COORDINATES)?;
            (second, found)
        };
        let done = self.print(context, &first, &second, &pairs);
        let names: Vec<&str> = pairs.iter().map(|node| node.node.as_str()).collect();
        let missing = [&first, &second]
            .into_iter()
            .find(|name| !names.contains(&name.as_str()));
        let hint = missing.filter(|_| context.talks());
        let hint = hint.and_then(|name| did_you_mean(name, names));
        done.map_err(|error| error.with_hint(hint))
    }

    fn print(
        &self,
        context: &mut Context,
        first: &str,
        second: &str,
        nodes: &[NodeCoordinate],
    ) -> Outcome {
        let (from, to) = (find(nodes, first)?, find(nodes, second)?);
        let of = |list: &[&NodeCoordinate], segment: &str| {
            list.iter()
                .find(|node| node.segment == segment)
                .copied()
                .cloned()
        };
        let shared = from.iter().find_map(|a| {
            let b = of(&to, &a.segment)?;
            a.coord.distance_to(&b.coord)
        });
        let Some(seconds) = shared else {
            let text = "Nodes do not have compatible coordinates";
            return Err(Error::message(text));
        };
        let pool = if self.wan { "WAN" } else { "LAN" };
        let rtt_ms = seconds * 1000.0;
        if self.format.is_data() {
            let estimate = Estimate {
                from: first,
                to: second,
                rtt_ms,
                pool,
            };
            return super::print_data(context, self.format, &estimate);
        }
        let text = format!(
            "Estimated {first} <-> {second} rtt: {rtt_ms:.3} ms (using {pool} coordinates)"
        );
        Ok(context.console.line(&text)?)
    }
}

/// Whether a name has the form `NODE.DATACENTER`.
fn is_wan_name(name: &str) -> bool {
    name.split('.').count() == 2
}

fn find<'a>(nodes: &'a [NodeCoordinate], name: &str) -> Result<Vec<&'a NodeCoordinate>, Error> {
    let found: Vec<_> = nodes.iter().filter(|node| node.node == name).collect();
    if found.is_empty() {
        let text = format!("Could not find a coordinate for node \"{name}\"");
        return Err(Error::Message(text));
    }
    Ok(found)
}
