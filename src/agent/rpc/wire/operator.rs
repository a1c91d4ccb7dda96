//! `Operator`: raft's servers and autopilot. Requests of reads have options only.

use std::sync::Arc;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::decode::decode_reply;
use super::dialect::{DialectError, encode};
use super::forward::RemoteQuery;
use super::go_time::{decode_time, encode_time};
use super::options::Nothing;
use crate::agent::store::{AutopilotQuery, AutopilotUpdate};
use crate::model::duration::GoDuration;
use crate::model::member::MemberStatus;
use crate::model::raft::{
    AutopilotConfiguration, LeaderChangeRecord, OperatorHealth, RaftConfiguration, ServerHealth,
};

/// Raft's servers; without metadata.
pub const RAFT_GET_CONFIGURATION: &str = "Operator.RaftGetConfiguration";
/// Removes a server by address.
pub const RAFT_REMOVE_PEER_BY_ADDRESS: &str = "Operator.RaftRemovePeerByAddress";
/// Removes a server by UUID.
pub const RAFT_REMOVE_PEER_BY_ID: &str = "Operator.RaftRemovePeerByID";
/// Sets autopilot's configuration.
pub const AUTOPILOT_SET_CONFIGURATION: &str = "Operator.AutopilotSetConfiguration";
/// How the servers do, in autopilot's eyes; without metadata.
pub const SERVER_HEALTH: &str = "Operator.ServerHealth";

/// Autopilot's whole view of the servers; without metadata. Newer servers of the reference have it.
pub const AUTOPILOT_STATE: &str = "Operator.AutopilotState";
/// Hands the leadership to another server. The reference has it outside of these calls.
pub const TRANSFER_LEADER: &str = "Operator.TransferLeader";

/// The changes of leader that the asked server saw. The reference has none.
pub const LEADER_CHANGES: &str = "Operator.LeaderChanges";

/// Reads the reply to `Operator.LeaderChanges`, newest last.
///
/// # Errors
/// When it is malformed.
pub fn decode_leader_changes(body: &[u8]) -> Result<Vec<LeaderChangeRecord>, DialectError> {
    decode_reply(body)
}

/// The request of `Operator.TransferLeader`. A write's options; the reply is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TransferLeaderRequest {
    /// The server's UUID; empty for the most caught-up one.
    #[serde(rename = "ID")]
    pub id: String,
}

/// The request of both methods that remove a server; each minds its own field. A write's options.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RemovePeerRequest {
    /// The server's RPC address.
    pub address: String,
    /// The server's UUID.
    #[serde(rename = "ID")]
    pub id: String,
}

/// The reply to `Operator.RaftGetConfiguration`.
///
/// # Errors
/// Never with servers.
pub fn encode_raft_configuration(
    configuration: &RaftConfiguration,
) -> Result<Vec<u8>, DialectError> {
    encode(configuration)
}

/// Reads the reply to `Operator.RaftGetConfiguration`.
///
/// # Errors
/// When it is malformed.
pub fn decode_raft_configuration(body: &[u8]) -> Result<RaftConfiguration, DialectError> {
    decode_reply(body)
}

/// Autopilot's configuration as it travels. What is missing is zero here, unlike in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct WireAutopilot {
    cleanup_dead_servers: bool,
    create_index: u64,
    disable_upgrade_migration: bool,
    last_contact_threshold: GoDuration,
    max_trailing_logs: u64,
    min_quorum: u64,
    modify_index: u64,
    redundancy_zone_tag: String,
    server_stabilization_time: GoDuration,
    upgrade_version_tag: String,
}

impl From<&AutopilotConfiguration> for WireAutopilot {
    fn from(from: &AutopilotConfiguration) -> Self {
        Self {
            cleanup_dead_servers: from.cleanup_dead_servers,
            create_index: from.create_index,
            disable_upgrade_migration: from.disable_upgrade_migration,
            last_contact_threshold: from.last_contact_threshold,
            max_trailing_logs: from.max_trailing_logs,
            min_quorum: from.min_quorum,
            modify_index: from.modify_index,
            redundancy_zone_tag: from.redundancy_zone_tag.clone(),
            server_stabilization_time: from.server_stabilization_time,
            upgrade_version_tag: from.upgrade_version_tag.clone(),
        }
    }
}

impl From<WireAutopilot> for AutopilotConfiguration {
    fn from(from: WireAutopilot) -> Self {
        Self {
            cleanup_dead_servers: from.cleanup_dead_servers,
            last_contact_threshold: from.last_contact_threshold,
            max_trailing_logs: from.max_trailing_logs,
            min_quorum: from.min_quorum,
            server_stabilization_time: from.server_stabilization_time,
            redundancy_zone_tag: from.redundancy_zone_tag,
            disable_upgrade_migration: from.disable_upgrade_migration,
            upgrade_version_tag: from.upgrade_version_tag,
            create_index: from.create_index,
            modify_index: from.modify_index,
        }
    }
}

/// The reply has no metadata, so that it cannot be waited for; what it would carry is zero when read.
impl RemoteQuery for AutopilotQuery {
    type Request = Nothing;
    type Reply = WireAutopilot;

    fn to_request(&self, _: &str) -> Result<Nothing, DialectError> {
        Ok(Nothing {})
    }

    fn from_request(_: Nothing) -> Result<Self, DialectError> {
        Ok(Self)
    }

    fn to_reply(configuration: Arc<AutopilotConfiguration>) -> WireAutopilot {
        WireAutopilot::from(&*configuration)
    }

    fn to_answer(&self, reply: WireAutopilot) -> Result<Arc<AutopilotConfiguration>, DialectError> {
        Ok(Arc::new(reply.into()))
    }
}

/// The request of `Operator.AutopilotSetConfiguration`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SetAutopilotRequest {
    #[serde(rename = "CAS")]
    cas: bool,
    config: WireAutopilot,
}

impl SetAutopilotRequest {
    pub(super) fn new(update: &AutopilotUpdate) -> Self {
        let mut config = WireAutopilot::from(&update.configuration);
        if let Some(index) = update.cas {
            config.modify_index = index;
        }
        Self {
            cas: update.cas.is_some(),
            config,
        }
    }

    pub(super) fn into_update(self) -> AutopilotUpdate {
        AutopilotUpdate {
            cas: self.cas.then_some(self.config.modify_index),
            configuration: self.config.into(),
        }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireHealth {
    failure_tolerance: u64,
    healthy: bool,
    servers: Vec<WireServerHealth>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireServerHealth {
    address: String,
    healthy: bool,
    #[serde(rename = "ID")]
    id: String,
    last_contact: GoDuration,
    last_index: u64,
    last_term: u64,
    leader: bool,
    name: String,
    serf_status: i64,
    stable_since: ByteBuf,
    version: String,
    voter: bool,
}

/// Serf's number of a state as people see it.
fn status_number(text: &str) -> i64 {
    let states = [
        MemberStatus::Alive,
        MemberStatus::Leaving,
        MemberStatus::Left,
        MemberStatus::Failed,
    ];
    let state = states.into_iter().find(|state| state.as_str() == text);
    state.map_or(0, |state| state as i64)
}

fn to_seconds(time: Timestamp) -> String {
    let whole = TimestampRound::new()
        .smallest(Unit::Second)
        .mode(RoundMode::Trunc);
    time.round(whole).unwrap_or(time).to_string()
}

/// A time as Go writes it; its zero time for what is none.
pub(super) fn go_time(text: &str) -> ByteBuf {
    let time: Result<Timestamp, _> = text.parse();
    ByteBuf::from(time.map_or_else(
        |_| b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff".to_vec(),
        |time| encode_time(time).to_vec(),
    ))
}

/// A time as people read it; empty for what is none.
pub(super) fn readable_time(bytes: &[u8]) -> String {
    decode_time(bytes).map_or_else(String::new, to_seconds)
}

impl From<&ServerHealth> for WireServerHealth {
    fn from(server: &ServerHealth) -> Self {
        Self {
            address: server.address.clone(),
            healthy: server.healthy,
            id: server.id.clone(),
            last_contact: server.last_contact,
            last_index: server.last_index,
            last_term: server.last_term,
            leader: server.leader,
            name: server.name.clone(),
            serf_status: status_number(&server.serf_status),
            stable_since: go_time(&server.stable_since),
            version: server.version.clone(),
            voter: server.voter,
        }
    }
}

impl From<WireServerHealth> for ServerHealth {
    fn from(server: WireServerHealth) -> Self {
        Self {
            id: server.id,
            name: server.name,
            address: server.address,
            serf_status: MemberStatus::from_number(server.serf_status)
                .as_str()
                .to_owned(),
            version: server.version,
            leader: server.leader,
            last_contact: server.last_contact,
            last_term: server.last_term,
            last_index: server.last_index,
            healthy: server.healthy,
            voter: server.voter,
            stable_since: readable_time(&server.stable_since),
        }
    }
}

/// The reply to `Operator.ServerHealth`.
///
/// # Errors
/// Never with servers.
pub fn encode_health(health: &OperatorHealth) -> Result<Vec<u8>, DialectError> {
    encode(&WireHealth {
        failure_tolerance: health.failure_tolerance,
        healthy: health.healthy,
        servers: health.servers.iter().map(WireServerHealth::from).collect(),
    })
}

/// Reads the reply to `Operator.ServerHealth`.
///
/// # Errors
/// When it is malformed.
pub fn decode_health(body: &[u8]) -> Result<OperatorHealth, DialectError> {
    let health: WireHealth = decode_reply(body)?;
    Ok(OperatorHealth {
        healthy: health.healthy,
        failure_tolerance: health.failure_tolerance,
        servers: health.servers.into_iter().map(ServerHealth::from).collect(),
    })
}
