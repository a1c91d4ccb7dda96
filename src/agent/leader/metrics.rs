//! What the leader measures, under Consul's names.

use crate::agent::telemetry::metrics::{Gauge, Metrics, Sample};

/// Handles that are resolved once.
#[derive(Clone)]
pub(super) struct LeaderMetrics {
    /// 1 on the server that leads, 0 on the others.
    pub(super) is_leader: Gauge,
    /// 1 when every server is healthy, else 0.
    pub(super) healthy: Gauge,
    /// Servers that may fail before the quorum is lost.
    pub(super) failure_tolerance: Gauge,
    pub(super) barrier: Sample,
    pub(super) reconcile: Sample,
    pub(super) reconcile_member: Sample,
    pub(super) reap_tombstones: Sample,
    /// Sessions with a time to live.
    pub(super) active_sessions: Gauge,
    /// Ends of sessions that were not renewed.
    pub(super) invalidate_session: Sample,
}

impl LeaderMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            is_leader: metrics.gauge("server.isLeader"),
            healthy: metrics.gauge("autopilot.healthy"),
            failure_tolerance: metrics.gauge("autopilot.failure_tolerance"),
            barrier: metrics.sample("leader.barrier"),
            reconcile: metrics.sample("leader.reconcile"),
            reconcile_member: metrics.sample("leader.reconcileMember"),
            reap_tombstones: metrics.sample("leader.reapTombstones"),
            active_sessions: metrics.gauge("session_ttl.active"),
            invalidate_session: metrics.sample("session_ttl.invalidate"),
        }
    }
}
