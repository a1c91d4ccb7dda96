//! Gossip keys of a pool, as operators see them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the members of a pool say about their keys: an item of `/v1/operator/keyring`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeyringResponse {
    /// Whether this is the pool of all datacenters' servers.
    #[serde(rename = "WAN")]
    pub wan: bool,
    /// The datacenter.
    pub datacenter: String,
    /// The network segment; empty for the default one.
    pub segment: String,
    /// Remarks by member.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub messages: BTreeMap<String, String>,
    /// How many members have each key (base64).
    pub keys: BTreeMap<String, usize>,
    /// How many members use each key (base64).
    pub primary_keys: BTreeMap<String, usize>,
    /// Members that were asked.
    pub num_nodes: usize,
}

impl KeyringResponse {
    /// The pool as Consul calls it: `WAN`, `dc1 (LAN)`, `dc1 (LAN) [segment]`.
    pub fn pool(&self) -> String {
        if self.wan {
            return "WAN".to_owned();
        }
        let segment = match self.segment.as_str() {
            "" => String::new(),
            segment => format!(" [{segment}]"),
        };
        format!("{} (LAN){segment}", self.datacenter)
    }
}
