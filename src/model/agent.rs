//! The agent itself, as its API shows it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::coordinate::Coordinate;
use super::member::Member;
use super::node::StringMap;

/// Sections of `info`, each with its keys: all values are text.
pub type Stats = BTreeMap<String, StringMap>;

/// The short configuration of `/v1/agent/self`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SelfConfig {
    /// The agent's datacenter.
    pub datacenter: String,
    /// The datacenter that owns ACLs and the mesh CA.
    pub primary_datacenter: String,
    /// The node's name.
    pub node_name: String,
    /// The node's UUID.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// The commit that the binary was built from; may be empty.
    pub revision: String,
    /// Whether the agent is a server.
    pub server: bool,
    /// The version.
    pub version: String,
}

/// The body of `/v1/agent/self`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AgentSelf {
    /// The short configuration.
    pub config: SelfConfig,
    /// The whole configuration, secrets hidden.
    pub debug_config: Value,
    /// The agent's coordinate; `null` when coordinates are disabled.
    pub coord: Option<Coordinate>,
    /// The agent as a member.
    pub member: Member,
    /// What `info` prints.
    pub stats: Stats,
    /// Node metadata.
    pub meta: Option<StringMap>,
}

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that the program was built from; empty unless the build names one.
pub const REVISION: &str = match option_env!("CONSULCTL_REVISION") {
    Some(revision) => revision,
    None => "",
};
