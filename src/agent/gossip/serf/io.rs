//! What goes into serf and what comes out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::agent::gossip::swim;
use crate::agent::gossip::wire::{Keyring, LamportTime, NodeName};

use crate::model::node::StringMap;

use super::member::Member;
use super::snapshot::SnapshotLine;

/// Names a query: its logical time and random number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueryKey {
    pub ltime: LamportTime,
    pub id: u32,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// On the network; [`swim::Input::Exchange`], `SetMeta`, `Leave` and `Tick` are serf's own to give.
    Net(swim::Input),
    /// The keyring of an [`Output::SaveKeyring`] is on disk, or why it is not.
    KeyringSaved(Result<(), String>),
    /// Time passed.
    Tick,
}

/// A change of a member, as the application hears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MemberChange {
    Join,
    Leave,
    Failed,
    Update,
    /// Forgotten.
    Reap,
}

/// What the application hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Members changed, all in the same way.
    Members(MemberChange, Vec<Member>),
    /// An event was fired, here or elsewhere.
    User {
        ltime: LamportTime,
        name: String,
        payload: Bytes,
        coalesce: bool,
    },
    /// A question that the application may answer once, until its time is up.
    Query {
        key: QueryKey,
        name: String,
        payload: Bytes,
        /// Who asks.
        source: NodeName,
    },
}

/// One answer to our query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryReply {
    /// The member got the query.
    Ack(NodeName),
    /// The member's answer.
    Response { from: NodeName, payload: Bytes },
}

/// What must be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// On the network. [`swim::Output::ExchangeDone`], `Left` and `Notice` come as they are.
    Net(swim::Output),
    /// Tell the application.
    Event(Event),
    /// To whoever asked this query.
    QueryReply { key: QueryKey, reply: QueryReply },
    /// The query's time is up, or it was given up.
    QueryDone { key: QueryKey },
    /// Write the keyring to disk and give back [`Input::KeyringSaved`]; then, in the case of success, use
    /// `Serf::keyring` from there on. One at a time.
    SaveKeyring(Arc<Keyring>),
    /// Append to the snapshot file.
    Snapshot(SnapshotLine),
    /// For the log and the metrics.
    Notice(Notice),
    /// We have left; nothing more comes.
    Left,
    /// End the pool without leaving: the name belongs to somebody else. So many members know us by it, of so
    /// many that know anybody; nothing more comes.
    ConflictLost { matching: usize, responses: usize },
}

/// What is worth saying or counting.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A failed member came back quickly.
    Flap { node: NodeName },
    /// A queue was cut to its bound.
    QueuePruned {
        queue: &'static str,
        depth: usize,
        dropped: usize,
    },
    /// Trying to reach a failed member.
    Reconnecting { node: NodeName, to: SocketAddr },
    /// Trying to reach a member of an earlier life.
    Rejoining { node: NodeName, to: SocketAddr },
    /// A member of an earlier life answered.
    Rejoined { node: NodeName },
    /// No member of an earlier life answered.
    RejoinFailed,
    /// A message, event or query could not be used.
    Ignored { what: &'static str, reason: String },
    /// A coordinate of a peer was refused.
    CoordinateRejected { node: NodeName, reason: String },
    /// Our coordinate moved this far, in seconds.
    CoordinateUpdated { adjustment: f64 },
    /// Somebody else claims our name; so many members know us by it, of so many that know anybody.
    NameKept { matching: usize, responses: usize },
    /// A key operation of another member was done, or refused.
    KeyOperation {
        operation: &'static str,
        result: Result<(), String>,
    },
    /// Lengths of the queues, at each check.
    Queues {
        intents: usize,
        events: usize,
        queries: usize,
    },
    /// Sizes of serf messages, in bytes.
    MessageReceived { bytes: usize },
    /// See [`Notice::MessageReceived`].
    MessageSent { bytes: usize },
}

/// A question to the pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryRequest {
    pub name: String,
    pub payload: Bytes,
    /// All must match.
    pub filters: Vec<crate::agent::gossip::wire::Filter>,
    /// Whether members say that they got it.
    pub ack: bool,
    /// Members that carry each answer a second way, 0 to 5.
    pub relay_factor: u8,
    /// `None` for serf's default.
    pub timeout: Option<Duration>,
}

/// Counters and queues, as `info` shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    pub members: usize,
    pub failed: usize,
    pub left: usize,
    pub health_score: u32,
    pub member_time: LamportTime,
    pub event_time: LamportTime,
    pub query_time: LamportTime,
    pub intent_queue: usize,
    pub event_queue: usize,
    pub query_queue: usize,
    pub coordinate_resets: u64,
    pub encrypted: bool,
}

impl Stats {
    /// The keys of the `serf_lan` and `serf_wan` sections of `info`.
    pub fn to_info(self) -> StringMap {
        let pairs = [
            ("coordinate_resets", self.coordinate_resets.to_string()),
            ("encrypted", self.encrypted.to_string()),
            ("event_queue", self.event_queue.to_string()),
            ("event_time", self.event_time.to_string()),
            ("failed", self.failed.to_string()),
            ("health_score", self.health_score.to_string()),
            ("intent_queue", self.intent_queue.to_string()),
            ("left", self.left.to_string()),
            ("member_time", self.member_time.to_string()),
            ("members", self.members.to_string()),
            ("query_queue", self.query_queue.to_string()),
            ("query_time", self.query_time.to_string()),
        ];
        pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }
}

/// Why something asked of serf was not done. Texts are serf's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A user event's name and payload are too large together.
    #[error("user event exceeds configured limit of {limit} bytes before encoding")]
    EventTooLarge { limit: usize },
    /// A user event is larger than any may be.
    #[error("user event exceeds sane limit of {limit} bytes before encoding")]
    EventInsane { limit: usize },
    /// A user event is too large once encoded.
    #[error("encoded user event exceeds configured limit of {limit} bytes after encoding")]
    EncodedEventTooLarge { limit: usize },
    /// A query is too large.
    #[error("query exceeds limit of {limit} bytes")]
    QueryTooLarge { limit: usize },
    /// An answer is too large.
    #[error("response exceeds limit of {limit} bytes")]
    ResponseTooLarge { limit: usize },
    /// The query is over, or was answered.
    #[error("response is past the deadline")]
    QueryOver,
    /// The tags do not fit.
    #[error("Encoded length of tags exceeds limit of {limit} bytes")]
    TagsTooLarge { limit: usize },
    /// Nobody has this name.
    #[error("No node found with name '{0}'")]
    UnknownMember(String),
    /// This member asks too many queries at once.
    #[error("too many queries are running")]
    TooManyQueries,
    /// The relay factor is out of bounds.
    #[error("relay factor must be between 0 and 5")]
    RelayFactor,
    /// This member has left.
    #[error("Serf can't do that after Leave or Shutdown")]
    Leaving,
}
