//! openraft's type parameters, and the short names that this room gives to its types.

use std::fmt;
use std::sync::{Arc, OnceLock};

use openraft::alias::{EntryOf, LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf, VoteOf};
use openraft::impls::leader_id_std::LeaderId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::snapshots::SnapshotBody;
use crate::agent::store::{Command, Response};

openraft::declare_raft_types!(
    /// One leader a term (`leader_id_std`), as in Consul's raft.
    pub(super) TypeConfig:
        D = AppCommand,
        R = AppResponse,
        NodeId = u64,
        Node = NodeInfo,
        LeaderId = LeaderId<u64, u64>,
);

/// A log entry.
pub(super) type Entry = EntryOf<TypeConfig>;
/// Term and index of a log entry.
pub(super) type LogId = LogIdOf<TypeConfig>;
/// What a server has voted for.
pub(super) type Vote = VoteOf<TypeConfig>;
/// The voters, the learners, and who they are.
pub(super) type Membership = openraft::Membership<u64, NodeInfo>;
/// A membership and the log entry that set it.
pub(super) type StoredMembership = StoredMembershipOf<TypeConfig>;
/// What a snapshot contains.
pub(super) type SnapshotMeta = SnapshotMetaOf<TypeConfig>;
/// A snapshot: what it contains and where its bytes are.
pub(super) type Snapshot = SnapshotOf<TypeConfig, SnapshotBody>;
/// Term of a committed leader.
pub(super) type CommittedLeader = openraft::alias::CommittedLeaderIdOf<TypeConfig>;

/// Who a raft member is: what travels in the membership entries of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NodeInfo {
    /// The server's node UUID, its id for operators.
    pub(super) uuid: String,
    /// The server's RPC address, `ip:port`.
    pub(super) address: String,
}

/// A command on its way through the log; cheap to clone, because openraft, the tail cache and the
/// state machine each hold one.
#[derive(Clone)]
pub(super) struct AppCommand(Arc<Shared>);

struct Shared {
    command: Arc<Command>,
    /// Its bytes in the log, made once for the disk and for every other server.
    encoded: OnceLock<Vec<u8>>,
}

impl AppCommand {
    /// A command that has not been encoded yet.
    pub(super) fn new(command: Arc<Command>) -> Self {
        Self(Arc::new(Shared {
            command,
            encoded: OnceLock::new(),
        }))
    }

    /// A command with the bytes that it was decoded from.
    pub(super) fn decoded(command: Command, encoded: Vec<u8>) -> Self {
        Self(Arc::new(Shared {
            command: Arc::new(command),
            encoded: OnceLock::from(encoded),
        }))
    }

    /// The command.
    pub(super) fn command(&self) -> &Arc<Command> {
        &self.0.command
    }

    /// Its bytes in the log, which `encode` makes when there are none yet.
    pub(super) fn encoded<E>(
        &self,
        encode: impl FnOnce(&Command) -> Result<Vec<u8>, E>,
    ) -> Result<&[u8], E> {
        if let Some(encoded) = self.0.encoded.get() {
            return Ok(encoded);
        }
        let encoded = encode(&self.0.command)?;
        Ok(self.0.encoded.get_or_init(|| encoded))
    }
}

impl Serialize for AppCommand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.command.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AppCommand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Command::deserialize(deserializer).map(|command| Self::new(Arc::new(command)))
    }
}

impl fmt::Debug for AppCommand {
    /// Commands hold tokens and users' values: they never reach a log line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("command")
    }
}

impl fmt::Display for AppCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("command")
    }
}

/// What applying an entry answered; `None` for entries of raft itself.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct AppResponse(pub(super) Option<Applied>);

impl fmt::Debug for AppResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("response")
    }
}

/// The outcome of a committed write.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Applied {
    /// Consul's index of the write: what `X-Consul-Index` counts.
    pub index: u64,
    /// What the store answered.
    pub response: Response,
}

/// Builds a log id.
pub(super) fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(CommittedLeader::new(term), index)
}

/// Derives a server's raft id from its node UUID; done once, then the id is on disk.
///
/// Any text is accepted, so that a node id of another form still gets a stable number.
pub(super) fn derive_raft_id(node_uuid: &str) -> u64 {
    let digest = Sha256::digest(node_uuid.as_bytes());
    let mut first = [0_u8; 8];
    first.copy_from_slice(&digest[..8]);
    // SQLite and operators' tools have signed 64-bit integers: stay within them.
    u64::from_be_bytes(first) >> 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raft_id_is_a_function_of_the_uuid() {
        let id = derive_raft_id("9865d69a-89a4-8685-2ef2-c475f8385629");
        assert_eq!(id, derive_raft_id("9865d69a-89a4-8685-2ef2-c475f8385629"));
        assert_ne!(id, derive_raft_id("9865d69a-89a4-8685-2ef2-c475f8385628"));
        assert!(i64::try_from(id).is_ok());
    }
}
