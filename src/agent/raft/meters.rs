//! What raft measures, under Consul's names (`raft.…`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::leadership::Role;
use crate::agent::telemetry::metrics::{Counter, Gauge, Metrics, Sample};

/// Handles that are resolved once. The default ones measure nothing.
#[derive(Debug, Default)]
pub(super) struct Meters {
    metrics: Option<Metrics>,
    /// Whether this server leads: written by the observer, read by the writer of the log.
    leads: AtomicBool,
    /// Commands that were given to raft here.
    pub(super) apply: Counter,
    /// Time from there until they were committed, and applied here.
    pub(super) commit_time: Sample,
    /// Entries that were applied together on the leader.
    pub(super) commit_entries: Gauge,
    /// Time until a leader's entries were durable on its own disk.
    dispatch: Sample,
    /// Entries in one such batch.
    dispatch_entries: Gauge,
    /// The same time on a follower.
    store_logs: Sample,
    /// Time since the leader last had an answer, of every voter.
    pub(super) last_contact: Sample,
    /// Proofs of leadership for reads.
    pub(super) verify_leader: Counter,
    pub(super) served_append: Sample,
    pub(super) served_heartbeat: Sample,
    pub(super) served_vote: Sample,
    pub(super) served_snapshot: Sample,
    /// Time for a snapshot, from the state in memory to the disk.
    pub(super) take_snapshot: Sample,
    /// Time until a snapshot of the leader has taken effect.
    pub(super) restore: Gauge,
    last_index: Gauge,
    applied_index: Gauge,
    leader: Counter,
    candidate: Counter,
    follower: Counter,
}

/// What is measured of one peer: under its UUID as a label, and at the end of the name as before Consul 1.9.
#[derive(Debug, Clone, Default)]
pub(super) struct PeerMeters {
    append: [Sample; 2],
    entries: [Counter; 2],
    heartbeat: [Sample; 2],
    snapshot: [Sample; 2],
}

impl Meters {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            metrics: Some(metrics.clone()),
            leads: AtomicBool::new(false),
            apply: metrics.counter("raft.apply"),
            commit_time: metrics.sample("raft.commitTime"),
            commit_entries: metrics.gauge("raft.commitNumLogs"),
            dispatch: metrics.sample("raft.leader.dispatchLog"),
            dispatch_entries: metrics.gauge("raft.leader.dispatchNumLogs"),
            store_logs: metrics.sample("raft.rpc.appendEntries.storeLogs"),
            last_contact: metrics.sample("raft.leader.lastContact"),
            verify_leader: metrics.counter("raft.verify_leader"),
            served_append: metrics.sample("raft.rpc.appendEntries"),
            served_heartbeat: metrics.sample("raft.rpc.processHeartbeat"),
            served_vote: metrics.sample("raft.rpc.requestVote"),
            served_snapshot: metrics.sample("raft.rpc.installSnapshot"),
            take_snapshot: metrics.sample("raft.snapshot.takeSnapshot"),
            restore: metrics.gauge("raft.fsm.lastRestoreDuration"),
            last_index: metrics.gauge("raft.last_index"),
            applied_index: metrics.gauge("raft.applied_index"),
            leader: metrics.counter("raft.state.leader"),
            candidate: metrics.counter("raft.state.candidate"),
            follower: metrics.counter("raft.state.follower"),
        }
    }

    /// The handles of a peer.
    pub(super) fn peer(&self, id: &str) -> PeerMeters {
        let Some(metrics) = &self.metrics else {
            return PeerMeters::default();
        };
        let sample = |name: &str| {
            [
                metrics.sample_with(name, &[("peer_id", id)]),
                metrics.sample(&format!("{name}.{id}")),
            ]
        };
        let logs = "raft.replication.appendEntries.logs";
        PeerMeters {
            append: sample("raft.replication.appendEntries.rpc"),
            entries: [
                metrics.counter_with(logs, &[("peer_id", id)]),
                metrics.counter(&format!("{logs}.{id}")),
            ],
            heartbeat: sample("raft.replication.heartbeat"),
            snapshot: sample("raft.replication.installSnapshot"),
        }
    }

    /// Counts that this server has become something else.
    pub(super) fn becomes(&self, role: Role) {
        self.leads.store(role == Role::Leader, Ordering::Relaxed);
        match role {
            Role::Leader => self.leader.incr(),
            Role::Candidate => self.candidate.incr(),
            Role::Follower => self.follower.incr(),
            Role::Shutdown => {}
        }
    }

    /// Notes a batch of entries that has become durable here.
    pub(super) fn stored(&self, entries: usize, time: Duration) {
        if self.leads.load(Ordering::Relaxed) {
            self.dispatch.record_duration(time);
            self.dispatch_entries.set_count(entries as u64);
        } else {
            self.store_logs.record_duration(time);
        }
    }

    /// Notes where the log ends, and how far it is applied.
    pub(super) fn indexes(&self, last: u64, applied: u64) {
        self.last_index.set_count(last);
        self.applied_index.set_count(applied);
    }
}

impl PeerMeters {
    /// Notes an answer to a message with so many entries.
    pub(super) fn appended(&self, entries: usize, time: Duration) {
        self.append.iter().for_each(|of| of.record_duration(time));
        #[expect(
            clippy::cast_precision_loss,
            reason = "a message has 1024 entries at most"
        )]
        self.entries.iter().for_each(|of| of.add(entries as f32));
    }

    /// Notes an answer to a heartbeat.
    pub(super) fn beat(&self, time: Duration) {
        self.heartbeat
            .iter()
            .for_each(|of| of.record_duration(time));
    }

    /// Notes that a snapshot has arrived.
    pub(super) fn sent_snapshot(&self, time: Duration) {
        self.snapshot.iter().for_each(|of| of.record_duration(time));
    }
}
