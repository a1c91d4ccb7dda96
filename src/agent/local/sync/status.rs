//! How anti-entropy fares: for `info`, and counted for the metrics.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::agent::local::catalog::CatalogError;
use crate::agent::local::diff::SyncOp;
use crate::agent::local::state::LocalState;
use crate::agent::telemetry::metrics::{Counter, Gauge, Metrics, Sample};

/// How the syncer has fared since the start. It writes; `info` reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::agent::local) struct Progress {
    /// When everything was compared and put right last.
    last_full: Option<Instant>,
    full: u64,
    partial: u64,
    failed: u64,
    failures_in_a_row: u64,
}

impl Progress {
    fn full_done(&mut self, now: Instant) {
        self.last_full = Some(now);
        self.full += 1;
        self.failures_in_a_row = 0;
    }

    fn partial_done(&mut self) {
        self.partial += 1;
        self.failures_in_a_row = 0;
    }

    fn has_failed(&mut self) {
        self.failed += 1;
        self.failures_in_a_row += 1;
    }
}

/// The section `anti_entropy` of `info`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncStatus {
    /// Whether the catalog is known to have everything.
    pub in_sync: bool,
    /// Services whose newest form the catalog is not known to have.
    pub pending_services: usize,
    /// Checks of which that is true.
    pub pending_checks: usize,
    /// Services and checks that the catalog may still have although they are gone here.
    pub pending_removals: usize,
    /// Time since everything was compared and put right last; `None`: never.
    pub since_last_full: Option<Duration>,
    /// Full comparisons that succeeded.
    pub full: u64,
    /// Sends of changes that succeeded.
    pub partial: u64,
    /// Comparisons and sends that failed.
    pub failed: u64,
    /// Failures since the last success.
    pub failures_in_a_row: u64,
}

impl SyncStatus {
    pub(in crate::agent::local) fn new(state: &LocalState, progress: Progress) -> Self {
        let services = state.services().filter(|it| !it.mark.in_sync());
        let checks = state.checks().filter(|it| !it.mark.in_sync());
        Self {
            in_sync: state.in_sync(),
            pending_services: services.count(),
            pending_checks: checks.count(),
            pending_removals: state.removed_services.len() + state.removed_checks.len(),
            since_last_full: progress.last_full.map(|at| at.elapsed()),
            full: progress.full,
            partial: progress.partial,
            failed: progress.failed,
            failures_in_a_row: progress.failures_in_a_row,
        }
    }

    /// Everything that the catalog lacks or has too much.
    pub fn pending(&self) -> usize {
        self.pending_services + self.pending_checks + self.pending_removals
    }
}

/// Whom the syncer tells how it fares: `info` and the metrics.
pub(in crate::agent::local) struct Report {
    metrics: SyncMetrics,
    progress: watch::Sender<Progress>,
}

impl Report {
    pub(in crate::agent::local) fn new(metrics: &Metrics) -> (Self, watch::Receiver<Progress>) {
        let (progress, seen) = watch::channel(Progress::default());
        let metrics = SyncMetrics::new(metrics);
        (Self { metrics, progress }, seen)
    }

    /// A full comparison ended; `state` is the newest one.
    pub(super) fn full(
        &self,
        begun: Instant,
        result: &Result<(), CatalogError>,
        state: &LocalState,
    ) {
        let now = Instant::now();
        if result.is_ok() {
            self.metrics.full.record_duration(now - begun);
        }
        self.ended(result, state, |progress| progress.full_done(now));
    }

    /// A sending of changes ended; `state` is the newest one.
    pub(super) fn partial(
        &self,
        begun: Instant,
        result: &Result<(), CatalogError>,
        state: &LocalState,
    ) {
        if result.is_ok() {
            self.metrics.partial.record_duration(begun.elapsed());
        }
        self.ended(result, state, Progress::partial_done);
    }

    fn ended(
        &self,
        result: &Result<(), CatalogError>,
        state: &LocalState,
        done: impl FnOnce(&mut Progress),
    ) {
        if result.is_err() {
            self.metrics.failed.incr();
        }
        let pending = SyncStatus::new(state, Progress::default()).pending();
        self.metrics.pending.set_count(pending as u64);
        self.progress.send_modify(|progress| match result {
            Ok(()) => done(progress),
            Err(_) => progress.has_failed(),
        });
    }

    /// The token of an entry does not allow the request.
    pub(super) fn blocked(&self, op: &SyncOp) {
        self.metrics.blocked(op);
    }
}

/// Handles that are resolved once.
struct SyncMetrics {
    full: Sample,
    partial: Sample,
    failed: Counter,
    pending: Gauge,
    blocked: Blocked,
}

/// Consul's counters of what the token of an entry does not allow.
struct Blocked {
    node_registration: Counter,
    service_registration: Counter,
    service_deregistration: Counter,
    check_registration: Counter,
    check_deregistration: Counter,
}

impl SyncMetrics {
    fn new(metrics: &Metrics) -> Self {
        Self {
            full: metrics.sample("anti_entropy.full"),
            partial: metrics.sample("anti_entropy.partial"),
            failed: metrics.counter("anti_entropy.failed"),
            pending: metrics.gauge("anti_entropy.pending"),
            blocked: Blocked {
                node_registration: metrics.counter("acl.blocked.node.registration"),
                service_registration: metrics.counter("acl.blocked.service.registration"),
                service_deregistration: metrics.counter("acl.blocked.service.deregistration"),
                check_registration: metrics.counter("acl.blocked.check.registration"),
                check_deregistration: metrics.counter("acl.blocked.check.deregistration"),
            },
        }
    }

    fn blocked(&self, op: &SyncOp) {
        let blocked = &self.blocked;
        let counter = match op {
            SyncOp::Node { .. } => &blocked.node_registration,
            SyncOp::Service { .. } => &blocked.service_registration,
            SyncOp::DeregisterService { .. } => &blocked.service_deregistration,
            SyncOp::Check { .. } => &blocked.check_registration,
            SyncOp::DeregisterCheck { .. } => &blocked.check_deregistration,
        };
        counter.incr();
    }
}
