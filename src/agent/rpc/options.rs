//! How a request wants to be served.

use std::time::Duration;

/// Longest time that a blocking query waits when it names none.
pub(super) const DEFAULT_QUERY_TIME: Duration = Duration::from_mins(5);
/// Longest time that a blocking query may ask for.
pub(super) const MAX_QUERY_TIME: Duration = Duration::from_mins(10);
/// A blocking query waits up to this part of its time longer, at random, so that many that began
/// together do not end together.
pub(super) const JITTER_FRACTION: u32 = 16;

/// How current a read must be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Consistency {
    /// The leader answers while its lease holds.
    #[default]
    Default,
    /// The leader proves its leadership first.
    Consistent,
    /// Any server answers.
    Stale,
}

impl Consistency {
    /// The value of `X-Consul-Effective-Consistency`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "leader",
            Self::Consistent => "consistent",
            Self::Stale => "stale",
        }
    }
}

/// How a read is to be served.
#[derive(Debug, Clone, Default)]
pub struct QueryOptions {
    /// The datacenter; empty for the agent's own.
    pub datacenter: String,
    /// The ACL token's secret; empty for anonymous.
    pub token: String,
    /// How current the answer must be.
    pub consistency: Consistency,
    /// The index that the client has seen; above 0 the query waits for a newer one.
    pub min_index: u64,
    /// How long to wait; zero for the agent's default.
    pub max_wait: Duration,
}

/// How a write is to be served.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// The datacenter; empty for the agent's own.
    pub datacenter: String,
    /// The ACL token's secret; empty for anonymous.
    pub token: String,
}

/// What an answer says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryMeta {
    /// The index of the answer, at least 1.
    pub index: u64,
    /// Whether the answering server knows a leader.
    pub known_leader: bool,
    /// Milliseconds since the answering server heard from the leader; 0 on the leader.
    pub last_contact_ms: u64,
    /// How the answer was made.
    pub consistency: Consistency,
    /// The generation of the state; the same index means the same answer only within one.
    pub generation: u64,
}
