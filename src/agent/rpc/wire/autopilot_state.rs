//! The reply to `Operator.AutopilotState`: the structure of the autopilot library that newer servers of the reference
//! use.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::decode::decode_reply;
use super::dialect::{DialectError, encode};
use super::operator::{go_time, readable_time};
use crate::model::duration::GoDuration;
use crate::model::node::StringMap;
use crate::model::raft::{AutopilotServer, AutopilotState, ServerStatus};

/// The raft protocol that all servers speak, which the reference shows with each server.
const RAFT_VERSION: i64 = 3;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireState {
    ext: Option<()>,
    failure_tolerance: i64,
    healthy: bool,
    leader: String,
    servers: BTreeMap<String, WireServerState>,
    voters: Vec<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireServerState {
    health: WireHealth,
    server: WireServer,
    state: String,
    stats: WireStats,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireHealth {
    healthy: bool,
    stable_since: ByteBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireServer {
    address: String,
    ext: Option<()>,
    #[serde(rename = "ID")]
    id: String,
    is_leader: bool,
    meta: StringMap,
    name: String,
    node_status: String,
    node_type: String,
    raft_version: i64,
    version: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireStats {
    last_contact: GoDuration,
    last_index: u64,
    last_term: u64,
}

const STATUSES: [(ServerStatus, &str); 3] = [
    (ServerStatus::Leader, "leader"),
    (ServerStatus::Voter, "voter"),
    (ServerStatus::NonVoter, "non-voter"),
];

fn status_name(status: ServerStatus) -> String {
    let found = STATUSES.iter().find(|(known, _)| *known == status);
    found.map_or_else(String::new, |(_, name)| (*name).to_owned())
}

/// Whatever is neither leader nor voter does not vote.
fn status_of(name: &str) -> ServerStatus {
    let found = STATUSES.iter().find(|(_, known)| *known == name);
    found.map_or(ServerStatus::NonVoter, |(status, _)| *status)
}

impl From<&AutopilotServer> for WireServerState {
    fn from(server: &AutopilotServer) -> Self {
        Self {
            health: WireHealth {
                healthy: server.healthy,
                stable_since: go_time(&server.stable_since),
            },
            server: WireServer {
                address: server.address.clone(),
                ext: None,
                id: server.id.clone(),
                is_leader: server.status == ServerStatus::Leader,
                meta: server.meta.clone(),
                name: server.name.clone(),
                node_status: server.node_status.clone(),
                node_type: server.node_type.clone(),
                raft_version: RAFT_VERSION,
                version: server.version.clone(),
            },
            state: status_name(server.status),
            stats: WireStats {
                last_contact: server.last_contact,
                last_index: server.last_index,
                last_term: server.last_term,
            },
        }
    }
}

impl From<WireServerState> for AutopilotServer {
    fn from(from: WireServerState) -> Self {
        let WireServerState {
            health,
            server,
            state,
            stats,
        } = from;
        Self {
            id: server.id,
            name: server.name,
            address: server.address,
            node_status: server.node_status,
            version: server.version,
            last_contact: stats.last_contact,
            last_term: stats.last_term,
            last_index: stats.last_index,
            healthy: health.healthy,
            stable_since: readable_time(&health.stable_since),
            read_replica: false,
            status: status_of(&state),
            meta: server.meta,
            node_type: server.node_type,
        }
    }
}

/// The reply to `Operator.AutopilotState`.
///
/// # Errors
/// Never with servers.
pub fn encode_autopilot_state(state: &AutopilotState) -> Result<Vec<u8>, DialectError> {
    let servers = state.servers.iter();
    encode(&WireState {
        ext: None,
        failure_tolerance: i64::try_from(state.failure_tolerance).unwrap_or(i64::MAX),
        healthy: state.healthy,
        leader: state.leader.clone(),
        servers: servers
            .map(|(id, server)| (id.clone(), server.into()))
            .collect(),
        voters: state.voters.clone(),
    })
}

/// Reads the reply to `Operator.AutopilotState`.
///
/// # Errors
/// When it is malformed.
pub fn decode_autopilot_state(body: &[u8]) -> Result<AutopilotState, DialectError> {
    let state: WireState = decode_reply(body)?;
    // Some versions keep a negative number while the quorum is lost.
    let tolerance = u64::try_from(state.failure_tolerance).unwrap_or(0);
    let servers = state.servers.into_iter();
    Ok(AutopilotState {
        healthy: state.healthy,
        failure_tolerance: tolerance,
        optimistic_failure_tolerance: tolerance,
        servers: servers.map(|(id, server)| (id, server.into())).collect(),
        leader: state.leader,
        voters: state.voters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back() {
        let server = |id: &str, status| {
            let server = AutopilotServer {
                id: id.to_owned(),
                name: format!("name of {id}"),
                address: "10.0.0.1:8300".to_owned(),
                node_status: "alive".to_owned(),
                version: "1.10.0".to_owned(),
                last_contact: GoDuration::from_secs(1),
                last_term: 3,
                last_index: 4,
                healthy: true,
                stable_since: "2026-11-20T15:20:43Z".to_owned(),
                status,
                meta: [("a".to_owned(), "b".to_owned())].into(),
                node_type: "voter".to_owned(),
                ..AutopilotServer::default()
            };
            (id.to_owned(), server)
        };
        let state = AutopilotState {
            healthy: true,
            failure_tolerance: 1,
            optimistic_failure_tolerance: 1,
            servers: STATUSES.map(|(status, name)| server(name, status)).into(),
            leader: "leader".to_owned(),
            voters: vec!["leader".to_owned(), "voter".to_owned()],
        };
        let bytes = encode_autopilot_state(&state).unwrap();
        assert_eq!(decode_autopilot_state(&bytes), Ok(state));
    }
}
