//! What the agent decides about raft, and what follows from it for openraft.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openraft::{Config, ConfigError, SnapshotPolicy, StepDownPolicy};

use super::log_writer::MAX_APPEND_ENTRIES;
use super::network::Transport;
use crate::agent::telemetry::metrics::Metrics;

/// Entries since the last snapshot after which the next one is taken: Consul's
/// `raft_snapshot_threshold`.
pub const DEFAULT_SNAPSHOT_THRESHOLD: u64 = 16_384;
/// Entries that stay in the log after a snapshot: Consul's `raft_trailing_logs`.
pub const DEFAULT_TRAILING_LOGS: u64 = 10_240;

/// Time between heartbeats; also what the round of one may take. It does not grow with `raft_multiplier`, because the
/// silence after which autopilot finds a follower unwell (200 ms) does not either; Consul's leader sends something at least
/// every 100 ms, too.
const HEARTBEAT_MS: u64 = 100;
/// Shortest time without a leader before an election, times `raft_multiplier`.
const ELECTION_MIN_MS: u64 = 200;
/// Longest time without a leader before an election, and the leader's lease, times `raft_multiplier`. Voters grant
/// nothing within the lease, so that a failover takes the lease and the shorter of two election timeouts: 0.6 s with
/// multiplier 1, where Consul takes 1 to 2 s.
const ELECTION_MAX_MS: u64 = 350;
/// Time without a majority after which a leader no longer calls itself one, times `raft_multiplier`.
const QUORUM_PATIENCE_MS: u64 = 1000;
/// Time between the commit of a leader's removal and the transfer of its leadership.
const REMOVED_LEADER_MS: u64 = 50;
/// Pauses before a server that cannot be reached is tried again.
const BACKOFF: &str = "50ms 100ms 200ms ..500ms";
/// Largest `raft_multiplier`, as in Consul.
const MAX_MULTIPLIER: u64 = 10;
/// Entries that one replication message carries at most.
const MAX_PAYLOAD_ENTRIES: u64 = 1024;
/// Purged entries that one deletion waits for.
const PURGE_BATCH: u64 = 1024;
/// Time for sending and installing a snapshot.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_mins(10);

/// Tells the wall-clock time; for what people read, never for decisions.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Settings of the room.
#[derive(Clone)]
pub struct RaftSettings {
    /// The data folder, in which `raft/` is kept; without one everything is in memory.
    pub dir: Option<PathBuf>,
    /// This server's node UUID.
    pub node_uuid: String,
    /// This server's RPC address, `ip:port`.
    pub address: String,
    /// Consul's `raft_multiplier`, 1 to 10: scales all timeouts.
    pub raft_multiplier: u32,
    /// Whether to form a cluster of one when the log is empty.
    pub bootstrap: bool,
    /// See [`DEFAULT_SNAPSHOT_THRESHOLD`].
    pub snapshot_threshold: u64,
    /// See [`DEFAULT_TRAILING_LOGS`].
    pub trailing_logs: u64,
    /// Carries messages to other servers.
    pub transport: Arc<dyn Transport>,
    /// The time of leader changes and archives.
    pub clock: Clock,
    /// Where raft counts, under Consul's names.
    pub metrics: Metrics,
}

/// After how much silence this server draws its conclusions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    /// For so long after a majority's last answers no other leader is elected.
    pub(super) lease: Duration,
    /// Without a message of the leader for so long it counts as gone: voters may vote then.
    pub(super) leader_patience: Duration,
    /// Without answers of a majority for so long a leader no longer calls itself one.
    pub(super) quorum_patience: Duration,
    /// Time between two looks at the clock.
    pub(super) look_every: Duration,
    /// By then an election has been decided, when one can be.
    pub(super) election: Duration,
}

impl RaftSettings {
    fn multiplier(&self) -> u64 {
        u64::from(self.raft_multiplier).clamp(1, MAX_MULTIPLIER)
    }

    pub(super) fn timing(&self) -> Timing {
        let scaled = |ms: u64| Duration::from_millis(ms * self.multiplier());
        Timing {
            lease: scaled(ELECTION_MAX_MS),
            leader_patience: scaled(ELECTION_MAX_MS + ELECTION_MIN_MS),
            quorum_patience: scaled(QUORUM_PATIENCE_MS),
            look_every: scaled(HEARTBEAT_MS) / 2,
            election: scaled(3 * ELECTION_MAX_MS),
        }
    }

    /// openraft's configuration.
    pub(super) fn config(&self) -> Result<Config, ConfigError> {
        let multiplier = self.multiplier();
        let lease = ELECTION_MAX_MS * multiplier;
        Config {
            cluster_name: "consul".to_owned(),
            heartbeat_interval: HEARTBEAT_MS,
            election_timeout_min: ELECTION_MIN_MS * multiplier,
            election_timeout_max: lease,
            install_snapshot_timeout: millis(SNAPSHOT_TIMEOUT),
            max_payload_entries: MAX_PAYLOAD_ENTRIES,
            max_append_entries: Some(MAX_APPEND_ENTRIES),
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.snapshot_threshold.max(1)),
            // A follower that a snapshot would not help is sent entries.
            replication_lag_threshold: self.snapshot_threshold.saturating_mul(2),
            max_in_snapshot_log_to_keep: self.trailing_logs,
            purge_batch_size: PURGE_BATCH.min(self.snapshot_threshold.max(1)),
            enable_pre_vote: Some(true),
            // Without it an old leader can hold up a majority that it reaches only in part.
            quorum_loss_probe_interval: Some(2 * lease),
            removed_leader_step_down: StepDownPolicy::After(REMOVED_LEADER_MS),
            backoff: BACKOFF.to_owned(),
            // A server that lost its data and kept its id is sent the log again, as Consul does; without this the
            // leader sends it nothing, for ever. It must not vote meanwhile: see `novice`.
            allow_log_reversion: Some(true),
            // A restarted leader proves itself in an election, so that it never serves old state.
            enable_leader_restore: Some(false),
            ..Config::default()
        }
        .validate()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::raft::NoTransport;

    #[test]
    fn every_multiplier_is_a_valid_configuration() {
        for multiplier in 0..=11 {
            for threshold in [1, 100, DEFAULT_SNAPSHOT_THRESHOLD] {
                let settings = RaftSettings {
                    dir: None,
                    node_uuid: String::new(),
                    address: String::new(),
                    raft_multiplier: multiplier,
                    bootstrap: true,
                    snapshot_threshold: threshold,
                    trailing_logs: 10,
                    transport: Arc::new(NoTransport),
                    clock: Arc::new(SystemTime::now),
                    metrics: Metrics::default(),
                };
                let config = settings.config().expect("valid");
                assert!(config.replication_lag_threshold > threshold);
            }
        }
    }
}
