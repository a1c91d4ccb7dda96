//! Where the servers of all datacenters are, as this server learnt from its WAN pool.

use std::collections::BTreeMap;

use tracing::warn;

use crate::agent::gossip::{GossipError, GossipHandle};
use crate::model::coordinate::NodeCoordinate;
use crate::model::member::Member;

/// The coordinates of servers, by datacenter. Servers that this one knows no coordinate of are left out.
///
/// # Errors
/// When the pool has ended.
pub async fn wan_coordinates(
    wan: &GossipHandle,
) -> Result<BTreeMap<String, Vec<NodeCoordinate>>, GossipError> {
    let mut found: BTreeMap<String, Vec<NodeCoordinate>> = BTreeMap::new();
    for member in wan.members().iter() {
        let Some((node, datacenter)) = server_of(member) else {
            warn!(target: "agent.router", non_server = member.name, "Non-server in server-only area");
            continue;
        };
        let coord = if member.name == wan.name() {
            wan.coordinate().await?
        } else {
            wan.coordinate_of(&member.name).await?
        };
        if let Some(coord) = coord {
            let of = found.entry(datacenter.to_owned()).or_default();
            of.push(NodeCoordinate {
                node: node.to_owned(),
                segment: String::new(),
                coord,
            });
        }
    }
    Ok(found)
}

/// A WAN member's node name and datacenter, when it is a server.
fn server_of(member: &Member) -> Option<(&str, &str)> {
    let tag = |name: &str| member.tags.get(name).map(String::as_str);
    let datacenter = tag("dc").filter(|_| tag("role") == Some("consul"))?;
    let node = member.name.strip_suffix(datacenter);
    let node = node.and_then(|node| node.strip_suffix('.'));
    Some((node.unwrap_or(&member.name), datacenter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_wan_pool_end_with_the_datacenter() {
        let member = |name: &str, role: &str, dc: &str| Member {
            name: name.to_owned(),
            tags: [("role", role), ("dc", dc)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into_iter()
                .collect(),
            ..Member::default()
        };
        let of = |member: &Member| server_of(member).map(|(a, b)| (a.to_owned(), b.to_owned()));
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(of(&member("a.dc1", "consul", "dc1")), pair("a", "dc1"));
        assert_eq!(of(&member("a.b.dc1", "consul", "dc1")), pair("a.b", "dc1"));
        assert_eq!(of(&member("adc1", "consul", "dc1")), pair("adc1", "dc1"));
        assert_eq!(of(&member("a", "consul", "dc1")), pair("a", "dc1"));
        assert_eq!(of(&member("a.dc1", "node", "dc1")), None);
        assert_eq!(of(&Member::default()), None);
    }
}
