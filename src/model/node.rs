//! Nodes of the catalog.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Free-form text pairs: node and service metadata, tagged addresses.
pub type StringMap = BTreeMap<String, String>;

/// A node as the catalog holds it. `None` maps print as `null`, as Go's nil maps do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Node {
    /// The node's UUID; empty for nodes that were registered without one.
    #[serde(rename = "ID")]
    pub id: String,
    /// The node's name, unique without regard to case.
    pub node: String,
    /// IP address or host name.
    pub address: String,
    /// The datacenter that the node belongs to.
    pub datacenter: String,
    /// Addresses by tag: `lan`, `wan`, `lan_ipv4`, …
    pub tagged_addresses: Option<StringMap>,
    /// Node metadata.
    pub meta: Option<StringMap>,
    /// Raft index of the creation.
    pub create_index: u64,
    /// Raft index of the last change.
    pub modify_index: u64,
}

impl Node {
    /// Whether both describe the same node, whatever their indexes.
    pub fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
            && self.node.eq_ignore_ascii_case(&other.node)
            && self.address == other.address
            && self.datacenter == other.datacenter
            && same_map(
                self.tagged_addresses.as_ref(),
                other.tagged_addresses.as_ref(),
            )
            && same_map(self.meta.as_ref(), other.meta.as_ref())
    }
}

/// Whether two maps have the same pairs; an absent map equals an empty one.
pub fn same_map<V: PartialEq>(
    a: Option<&BTreeMap<String, V>>,
    b: Option<&BTreeMap<String, V>>,
) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b,
        (Some(map), None) | (None, Some(map)) => map.is_empty(),
        (None, None) => true,
    }
}
