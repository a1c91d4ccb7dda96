//! The indexes of whole tables, from which `X-Consul-Index` is taken.

use serde::{Deserialize, Serialize};

/// For every table the raft index of its last change; 0 when it never changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Indexes {
    /// Nodes.
    pub nodes: u64,
    /// Services.
    pub services: u64,
    /// Checks.
    pub checks: u64,
    /// The last time that the last instance of any service went away.
    pub service_last_extinction: u64,
    /// Keys.
    pub kvs: u64,
    /// Deleted keys.
    pub tombstones: u64,
    /// Sessions.
    pub sessions: u64,
    /// Coordinates.
    pub coordinates: u64,
    /// Autopilot's configuration.
    pub autopilot: u64,
    /// Prepared queries.
    pub prepared_queries: u64,
}
