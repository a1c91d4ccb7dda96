//! When a number becomes a warning, and when it becomes critical.

/// The limits. Autopilot's own ones replace lag and contact where the agent tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Entries behind the leader from which a server is worth a warning.
    pub lag_warn: u64,
    /// Entries behind the leader above which a server is unhealthy.
    pub lag_max: u64,
    /// Milliseconds without contact above which a server is unhealthy.
    pub contact_max_ms: i64,
    /// Gossip health score from which a node is worth a warning.
    pub score_warn: u64,
    /// Gossip health score from which a node is critical.
    pub score_crit: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            lag_warn: 50,
            lag_max: 250,
            contact_max_ms: 200,
            score_warn: 1,
            score_crit: 3,
        }
    }
}
