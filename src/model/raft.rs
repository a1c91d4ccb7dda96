//! Consensus, as operators see it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::duration::GoDuration;
use super::node::StringMap;

/// A server of the raft configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RaftServer {
    /// The server's node UUID.
    #[serde(rename = "ID")]
    pub id: String,
    /// The server's node name; `(unknown)` when gossip does not know it.
    pub node: String,
    /// The server's RPC address.
    pub address: String,
    /// Whether it leads.
    pub leader: bool,
    /// Raft protocol version, a number as text.
    pub protocol_version: String,
    /// Whether it votes.
    pub voter: bool,
}

/// The body of `/v1/operator/raft/configuration`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RaftConfiguration {
    /// The servers.
    pub servers: Vec<RaftServer>,
    /// Raft index of the configuration.
    pub index: u64,
}

/// The body of `/v1/operator/autopilot/configuration`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AutopilotConfiguration {
    /// Whether dead servers are removed when a new one joins.
    pub cleanup_dead_servers: bool,
    /// Time without contact after which a server is unhealthy.
    pub last_contact_threshold: GoDuration,
    /// Log entries behind the leader after which a server is unhealthy.
    pub max_trailing_logs: u64,
    /// Servers below which none is removed.
    pub min_quorum: u64,
    /// Time that a new server must be healthy before it votes.
    pub server_stabilization_time: GoDuration,
    /// Enterprise only; kept as given.
    pub redundancy_zone_tag: String,
    /// Enterprise only; kept as given.
    pub disable_upgrade_migration: bool,
    /// Enterprise only; kept as given.
    pub upgrade_version_tag: String,
    /// Raft index of the creation.
    pub create_index: u64,
    /// Raft index of the last change.
    pub modify_index: u64,
}

impl Default for AutopilotConfiguration {
    /// Consul's defaults.
    fn default() -> Self {
        Self {
            cleanup_dead_servers: true,
            last_contact_threshold: GoDuration(200_000_000),
            max_trailing_logs: 250,
            min_quorum: 0,
            server_stabilization_time: GoDuration::from_secs(10),
            redundancy_zone_tag: String::new(),
            disable_upgrade_migration: false,
            upgrade_version_tag: String::new(),
            create_index: 0,
            modify_index: 0,
        }
    }
}

/// Health of a server as autopilot sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServerHealth {
    /// The server's node UUID.
    #[serde(rename = "ID")]
    pub id: String,
    /// The server's node name.
    pub name: String,
    /// The server's RPC address.
    pub address: String,
    /// What gossip says of it: `alive`, `failed`, …
    pub serf_status: String,
    /// The server's version.
    pub version: String,
    /// Whether it leads.
    pub leader: bool,
    /// Time since the leader heard from it.
    pub last_contact: GoDuration,
    /// Term of its last log entry.
    pub last_term: u64,
    /// Index of its last log entry.
    pub last_index: u64,
    /// Whether autopilot finds it healthy.
    pub healthy: bool,
    /// Whether it votes.
    pub voter: bool,
    /// Since when it has been healthy or unhealthy, RFC 3339 in seconds.
    pub stable_since: String,
}

/// The body of `/v1/operator/autopilot/health`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OperatorHealth {
    /// Whether all servers are healthy.
    pub healthy: bool,
    /// How many servers may fail before the quorum is lost.
    pub failure_tolerance: u64,
    /// The servers.
    pub servers: Vec<ServerHealth>,
}

/// What a server is in the cluster, as autopilot names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerStatus {
    /// Leads.
    Leader,
    /// Votes.
    Voter,
    /// Does not vote yet.
    #[default]
    NonVoter,
}

/// A server as autopilot's state shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AutopilotServer {
    /// The server's node UUID.
    #[serde(rename = "ID")]
    pub id: String,
    /// The server's node name.
    pub name: String,
    /// The server's RPC address.
    pub address: String,
    /// What gossip says of it: `alive`, `failed`, …
    pub node_status: String,
    /// The server's version.
    pub version: String,
    /// Time since the server heard from the leader; negative when it never did or cannot be asked.
    pub last_contact: GoDuration,
    /// Term of its last log entry.
    pub last_term: u64,
    /// Index of its last log entry.
    pub last_index: u64,
    /// Whether autopilot finds it healthy.
    pub healthy: bool,
    /// Since when it has been healthy or unhealthy, RFC 3339 in seconds.
    pub stable_since: String,
    /// Enterprise only: never.
    pub read_replica: bool,
    /// What it is in the cluster.
    pub status: ServerStatus,
    /// Its node metadata.
    pub meta: StringMap,
    /// `voter`: enterprise has other types.
    pub node_type: String,
}

/// The body of `/v1/operator/autopilot/state`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AutopilotState {
    /// Whether all servers are healthy.
    pub healthy: bool,
    /// How many servers may fail before the quorum is lost.
    pub failure_tolerance: u64,
    /// The same in the community edition.
    pub optimistic_failure_tolerance: u64,
    /// The servers, by UUID.
    pub servers: BTreeMap<String, AutopilotServer>,
    /// UUID of the leader.
    pub leader: String,
    /// UUIDs of the voters.
    pub voters: Vec<String>,
}

impl From<&AutopilotState> for OperatorHealth {
    /// The older view of the same: what `/v1/operator/autopilot/health` shows.
    fn from(state: &AutopilotState) -> Self {
        let health = |server: &AutopilotServer| ServerHealth {
            id: server.id.clone(),
            name: server.name.clone(),
            address: server.address.clone(),
            serf_status: server.node_status.clone(),
            version: server.version.clone(),
            leader: server.status == ServerStatus::Leader,
            last_contact: server.last_contact,
            last_term: server.last_term,
            last_index: server.last_index,
            healthy: server.healthy,
            voter: server.status != ServerStatus::NonVoter,
            stable_since: server.stable_since.clone(),
        };
        Self {
            healthy: state.healthy,
            failure_tolerance: state.failure_tolerance,
            servers: state.servers.values().map(health).collect(),
        }
    }
}

/// A change of leader, as a server saw it: a row of `/v1/consulctl/leaders`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LeaderChangeRecord {
    /// When the server learned of it, RFC 3339 in milliseconds.
    pub time: String,
    /// The term.
    pub term: u64,
    /// UUID of the leader; empty when it was lost.
    #[serde(rename = "LeaderID")]
    pub leader_id: String,
    /// RPC address of the leader; empty when it was lost.
    pub leader_address: String,
    /// Why, in a few words.
    pub reason: String,
}
