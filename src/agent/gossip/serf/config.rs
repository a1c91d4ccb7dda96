//! Timings and bounds of serf: section 10 of the wire format.

use std::time::Duration;

/// How serf keeps house. Defaults are Consul's where they differ from serf's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Between two looks for members to forget.
    pub reap_interval: Duration,
    /// Between two attempts to reach a failed member.
    pub reconnect_interval: Duration,
    /// How long a failed member is remembered; a member's own wish wins, see [`super::Policy`].
    pub reconnect_timeout: Duration,
    /// How long a member that left is remembered.
    pub tombstone_timeout: Duration,
    /// How long intents about unknown members are remembered.
    pub recent_intent_timeout: Duration,
    /// A member that fails and returns within this time flaps.
    pub flap_timeout: Duration,
    /// How long telling others of our leaving may take.
    pub broadcast_timeout: Duration,
    /// How long a leaving member stays, so that word gets around.
    pub leave_propagate_delay: Duration,
    /// Between two looks at the queues' depths.
    pub queue_check_interval: Duration,
    /// Messages kept in each queue: at least this, or twice the members.
    pub min_queue_depth: usize,
    /// Logical times of events and queries that are remembered against duplicates.
    pub buffer: usize,
    /// Times the gossip interval and `ceil(log10(alive + 1))`: how long a query runs.
    pub query_timeout_mult: u32,
    /// Largest name plus payload of a user event, in bytes.
    pub user_event_size_limit: usize,
    /// Member events are held back this long and told together; zero tells them at once.
    pub coalesce_period: Duration,
    /// Held-back events are told earlier when nothing happened for this long.
    pub quiescent_period: Duration,
    /// Whether round trips place this member in the network.
    pub coordinates: bool,
    /// Whether a member asks the others when somebody else claims its name, and gives way to a majority.
    pub resolve_name_conflicts: bool,
}

impl Default for Config {
    fn default() -> Self {
        let hours = |n: u64| Duration::from_secs(n * 3600);
        Self {
            reap_interval: Duration::from_secs(15),
            reconnect_interval: Duration::from_secs(30),
            reconnect_timeout: hours(72),
            tombstone_timeout: hours(24),
            recent_intent_timeout: Duration::from_mins(5),
            flap_timeout: Duration::from_mins(1),
            broadcast_timeout: Duration::from_secs(5),
            leave_propagate_delay: Duration::from_secs(3),
            queue_check_interval: Duration::from_secs(30),
            min_queue_depth: 4096,
            buffer: 512,
            query_timeout_mult: 16,
            user_event_size_limit: crate::agent::gossip::wire::USER_EVENT_MAX,
            coalesce_period: Duration::ZERO,
            quiescent_period: Duration::ZERO,
            coordinates: true,
            resolve_name_conflicts: false,
        }
    }
}
