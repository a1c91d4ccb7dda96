//! What can be written to the log, and what applying it answers.

use serde::{Deserialize, Serialize};

use crate::model::catalog::{DeregisterRequest, RegisterRequest};
use crate::model::coordinate::NodeCoordinate;
use crate::model::kv::KvPair;
use crate::model::prepared_query::PreparedQuery;
use crate::model::raft::AutopilotConfiguration;
use crate::model::session::Session;
use crate::model::txn::{TxnOp, TxnResponse};

/// One entry of the log. Time and randomness arrive inside, so that every server computes the same.
///
/// Encoded as msgpack with field names: new fields need a serde default, old ones stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Registers a node, service and checks.
    Register(Box<RegisterRequest>),
    /// Removes a node, service or check.
    Deregister(DeregisterRequest),
    /// Changes a key.
    Kv(KvCommand),
    /// Runs operations all or nothing.
    Txn(Vec<TxnOp>),
    /// Forgets deletions up to an index.
    ReapTombstones {
        /// The last index to forget.
        index: u64,
    },
    /// Sets autopilot's configuration.
    Autopilot(AutopilotUpdate),
    /// Stores coordinates; those of unknown nodes are dropped.
    Coordinates(Vec<NodeCoordinate>),
    /// Replaces the whole state by a snapshot's bytes.
    Restore(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Changes nothing; proves that the log works.
    Barrier,
    /// A step of replacing the whole state in parts.
    RestoreStep(RestoreStep),
    /// Changes a session.
    Session(SessionCommand),
    /// Changes a prepared query.
    PreparedQuery(PreparedQueryCommand),
}

/// A change of a prepared query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PreparedQueryCommand {
    /// Writes it in the place of that with its id, which was chosen before; the indexes are the log's.
    Set(Box<PreparedQuery>),
    /// Removes it; what is not there counts as removed.
    Delete {
        /// The id.
        id: String,
    },
}

/// A change of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionCommand {
    /// Creates a session; its id is the leader's choice.
    Create(Box<Session>),
    /// Ends a session with all that is bound to it; an unknown one counts as ended.
    Destroy {
        /// The session's id.
        id: String,
    },
}

/// A step of a restoration: parts in order, then the commit. Nothing changes before the commit, and a step out of
/// order ends the restoration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestoreStep {
    /// Adds a part; number 0 begins a restoration and ends any other.
    Part {
        /// The restoration's number, chosen by the leader.
        id: u64,
        /// The part's number, from 0.
        part: u64,
        /// Rows: a snapshot's bytes.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// Replaces the state by the parts.
    Commit {
        /// The restoration's number.
        id: u64,
        /// How many parts there were.
        parts: u64,
    },
    /// Forgets the parts.
    Abandon {
        /// The restoration's number.
        id: u64,
    },
}

/// What to do with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KvVerb {
    /// Writes the value.
    Set,
    /// Writes if the key's index is the expected one; 0 expects no key.
    Cas,
    /// Removes the key.
    Delete,
    /// Removes the key if its index is the expected one.
    DeleteCas,
    /// Removes all keys that begin so.
    DeleteTree,
    /// Writes and takes the lock for a session.
    Lock,
    /// Writes and gives the lock back.
    Unlock,
}

/// A change of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvCommand {
    /// What to do.
    pub verb: KvVerb,
    /// The key, value, flags and session; `modify_index` is the index that CAS verbs expect.
    pub pair: KvPair,
}

/// A new configuration of autopilot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutopilotUpdate {
    /// The configuration.
    pub configuration: AutopilotConfiguration,
    /// Apply only if the current one has this index.
    pub cas: Option<u64>,
}

/// What a command answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Response {
    /// Done.
    Done,
    /// Done, with CAS's or a lock's success.
    Bool(bool),
    /// Done, with the id of what was changed.
    Id(String),
    /// A transaction's results or errors.
    Txn(TxnResponse),
    /// Refused; the state is unchanged. The text is shown to clients, in Consul's words.
    Refused(String),
}
