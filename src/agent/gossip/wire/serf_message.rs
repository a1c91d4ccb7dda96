//! Messages of serf: section 9 of the wire format.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::message::NodeName;

/// A logical time of one of serf's three clocks.
pub type LamportTime = u64;

/// Tags of a member: opaque to gossip.
pub type Tags = BTreeMap<String, String>;

/// Largest encoded query and response, in bytes.
pub const QUERY_MAX: usize = 1024;
/// Largest name plus payload of a user event, and largest encoded event, in bytes.
pub const USER_EVENT_MAX: usize = 512;
/// Most that any user event may be set to, in bytes.
pub const USER_EVENT_HARD_MAX: usize = 9 * 1024;

/// Type 0: a member leaves, or is told to have left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaveIntent {
    /// The sender's member time.
    pub ltime: LamportTime,
    /// Who leaves.
    pub node: NodeName,
    /// Whether the member is forgotten.
    pub prune: bool,
}

/// Type 1: a member joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinIntent {
    /// The sender's member time.
    pub ltime: LamportTime,
    /// Who joins.
    pub node: NodeName,
}

/// Type 3: an event of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEvent {
    /// The sender's event time.
    pub ltime: LamportTime,
    /// What happened; opaque to gossip.
    pub name: String,
    /// Opaque to gossip.
    pub payload: Bytes,
    /// Whether older events of the same name may be dropped.
    pub coalesce: bool,
}

/// Who is to answer a query (section 9.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Kind 0: one of these members.
    Nodes(Vec<String>),
    /// Kind 1: a member whose tag matches the expression, unanchored; a missing tag is empty text.
    Tag {
        /// The tag's name.
        tag: String,
        /// A regular expression in Go's syntax.
        expr: String,
    },
}

/// Type 4: a question to all members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The asker's query time.
    pub ltime: LamportTime,
    /// Random; with `ltime` it names the query.
    pub id: u32,
    /// Where replies go.
    pub address: SocketAddr,
    /// The asker; empty from members older than relaying.
    pub source_node: NodeName,
    /// As on the wire, so that unknown kinds survive being relayed: `kind | msgpack` each.
    pub filters: Vec<Bytes>,
    /// See [`QUERY_FLAG_ACK`] and [`QUERY_FLAG_NO_BROADCAST`].
    pub flags: u32,
    /// Members that carry each answer a second way.
    pub relay_factor: u8,
    /// How long answers are taken, from the moment that the query arrives.
    pub timeout: Duration,
    /// What is asked; names that begin with `_serf_` are serf's own.
    pub name: String,
    /// Opaque to gossip, those of serf's own queries aside.
    pub payload: Bytes,
}

/// Query: please acknowledge. Response: this is an acknowledgement.
pub const QUERY_FLAG_ACK: u32 = 1;
/// Query: do not pass on.
pub const QUERY_FLAG_NO_BROADCAST: u32 = 2;

/// Type 5: an answer to a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryResponse {
    /// The query's time.
    pub ltime: LamportTime,
    /// The query's number.
    pub id: u32,
    /// Who answers.
    pub from: NodeName,
    /// See [`QUERY_FLAG_ACK`].
    pub flags: u32,
    /// The answer; empty in an acknowledgement.
    pub payload: Bytes,
}

/// Type 9: please send this to that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// Where the message goes.
    pub to: SocketAddr,
    /// The member's name; may be empty.
    pub to_node: NodeName,
    /// A complete serf message.
    pub message: Bytes,
}

/// One serf message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SerfMessage {
    /// Type 0.
    Leave(LeaveIntent),
    /// Type 1.
    Join(JoinIntent),
    /// Type 3.
    UserEvent(UserEvent),
    /// Type 4.
    Query(Query),
    /// Type 5.
    QueryResponse(QueryResponse),
    /// Type 9.
    Relay(Relay),
}

/// Events of one logical time, as the push/pull state lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsAt {
    /// When they were fired.
    pub ltime: LamportTime,
    /// Name and payload.
    pub events: Vec<(String, Bytes)>,
}

/// Type 2: serf's part of a push/pull (section 9.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SerfState {
    /// The sender's member time.
    pub ltime: LamportTime,
    /// When each member's status changed, those that left included.
    pub status_ltimes: BTreeMap<NodeName, LamportTime>,
    /// Members that left.
    pub left_members: Vec<NodeName>,
    /// The sender's event time.
    pub event_ltime: LamportTime,
    /// The ring's slots; empty ones are sent as nil and not kept when decoded.
    pub events: Vec<Option<EventsAt>>,
    /// The sender's query time.
    pub query_ltime: LamportTime,
}

/// Type 8: what a member says to a key operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyResponse {
    /// Whether the operation succeeded.
    pub result: bool,
    /// Why it did not, or a remark.
    pub message: String,
    /// Base64, for `list` only.
    pub keys: Vec<String>,
    /// Base64, for `list` only.
    pub primary_key: String,
}
