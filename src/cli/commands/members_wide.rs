//! `members -o wide`: what the catalog, the coordinates and the other agents add to a member.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::api::{Client, QueryOptions};
use crate::model::coordinate::NodeCoordinate;
use crate::model::member::Member;
use crate::output::Table;

/// What stands where a number is not to be had.
const UNKNOWN: &str = "n/a";

/// Adds the further columns to a table of these members: a star for the leader, id, round trip time from the agent asked,
/// gossip score (0 is healthy), and unless the table has them, tags. What cannot be asked for is `n/a`: other agents keep no
/// score.
pub(super) async fn extend(
    table: &mut Table,
    client: &Client,
    members: &[Member],
    wan: bool,
    tags: bool,
) {
    let head = ["Leader", "ID", "RTT~", "Score"].map(str::to_owned);
    table.head.extend(head);
    if tags {
        table.head.push("Tags".to_owned());
    }
    let leader = leader(client).await;
    let (rtts, scores) = if wan {
        (BTreeMap::new(), BTreeMap::new())
    } else {
        (round_trips(client).await, scores(client).await)
    };
    for (row, member) in table.rows.iter_mut().zip(members) {
        let unknown = || UNKNOWN.to_owned();
        let id = member.tags.get("id").cloned().unwrap_or_else(unknown);
        row.push(mark(leader.as_deref(), member).to_owned());
        row.push(id);
        row.push(rtts.get(&member.name).cloned().unwrap_or_else(unknown));
        row.push(scores.get(&member.name).cloned().unwrap_or_else(unknown));
        if tags {
            let tags = member
                .tags
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            row.push(tags.collect::<Vec<_>>().join(","));
        }
    }
}

/// The RPC address of the datacenter's leader; `None` where it cannot be asked for.
async fn leader(client: &Client) -> Option<String> {
    let options = QueryOptions {
        stale: true,
        ..QueryOptions::default()
    };
    client.status_leader(&options).await.ok()
}

fn mark(leader: Option<&str>, member: &Member) -> &'static str {
    let is_server = member.tags.get("role").is_some_and(|role| role == "consul");
    let Some(leader) = leader else {
        return UNKNOWN;
    };
    let is_leader = leader.parse::<SocketAddr>().is_ok_and(|leader| {
        let port = member.tags.get("port");
        port.is_some_and(|port| *port == leader.port().to_string())
            && member.addr.parse() == Ok(leader.ip())
    });
    if is_server && is_leader { "*" } else { "-" }
}

/// Estimates from the agent's own node to the others.
async fn round_trips(client: &Client) -> BTreeMap<String, String> {
    let options = QueryOptions {
        stale: true,
        ..QueryOptions::default()
    };
    let found = tokio::join!(client.agent_node_name(), client.coordinate_nodes(&options));
    let (Ok(own), Ok(nodes)) = found else {
        return BTreeMap::new();
    };
    estimates(&own, &nodes)
}

fn estimates(own: &str, nodes: &[NodeCoordinate]) -> BTreeMap<String, String> {
    let Some(from) = nodes.iter().find(|node| node.node == own) else {
        return BTreeMap::new();
    };
    let others = nodes
        .iter()
        .filter(|node| node.node != own && node.segment == from.segment);
    others
        .filter_map(|node| {
            let seconds = from.coord.distance_to(&node.coord)?;
            Some((node.node.clone(), format!("{:.1}ms", seconds * 1000.0)))
        })
        .collect()
}

async fn scores(client: &Client) -> BTreeMap<String, String> {
    let Ok(Some(members)) = client.gossip_members().await else {
        return BTreeMap::new();
    };
    let known = members.into_iter().filter_map(|member| {
        let report = member.report?;
        Some((member.name, report.health_score.to_string()))
    });
    known.collect()
}
