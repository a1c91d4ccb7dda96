//! `Status`: who leads, who votes, how far raft is. Requests have options only where the client wants to be forwarded
//! to another datacenter.

use serde::{Deserialize, Serialize};

use super::decode::decode_reply;
use super::dialect::{DialectError, encode};

/// Answers with nothing.
pub const PING: &str = "Status.Ping";
/// The leader's RPC address; empty when none is known.
pub const LEADER: &str = "Status.Leader";
/// The RPC addresses of raft's servers.
pub const PEERS: &str = "Status.Peers";
/// How far the asked server is: autopilot asks every server.
pub const RAFT_STATS: &str = "Status.RaftStats";

/// Our own: asks a server to take part in a cluster of certain servers and in no other. The reply is whether it does.
pub const FOUNDING_PROMISE: &str = "Status.FoundingPromise";

/// The request of `Status.FoundingPromise`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PromiseRequest {
    /// The UUIDs of all servers of the cluster that is to be formed.
    pub servers: Vec<String>,
}

/// The reply to `Status.Leader`.
///
/// # Errors
/// Never with an address.
pub fn encode_leader(address: &str) -> Result<Vec<u8>, DialectError> {
    encode(address)
}

/// Reads the reply to `Status.Leader`.
///
/// # Errors
/// When it is malformed.
pub fn decode_leader(body: &[u8]) -> Result<String, DialectError> {
    decode_reply(body)
}

/// The reply to `Status.Peers`.
///
/// # Errors
/// Never with addresses.
pub fn encode_peers(addresses: &[String]) -> Result<Vec<u8>, DialectError> {
    encode(addresses)
}

/// Reads the reply to `Status.Peers`.
///
/// # Errors
/// When it is malformed.
pub fn decode_peers(body: &[u8]) -> Result<Vec<String>, DialectError> {
    decode_reply(body)
}

/// The reply to `Status.RaftStats`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RaftStatsReply {
    /// Time since the server heard from the leader, as Go writes durations; `0` on the leader, `never` before the
    /// first time.
    pub last_contact: String,
    /// Index of the last log entry.
    pub last_index: u64,
    /// Term of the last log entry.
    pub last_term: u64,
}
