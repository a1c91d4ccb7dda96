//! Anti-entropy: keeps the catalog equal to the agent's state.
//!
//! Changes are sent at once; everything is compared every minute and a bit, soon after a server
//! joined, and again some seconds after a failure. Consul's agent/ae and agent/local behaviour.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::action::{Action, Command};
use super::catalog::{Catalog, CatalogError};
use super::diff::{SyncOp, SyncPlan, plan_changes, plan_full};
use super::published::Published;
use super::state::LocalState;
use crate::model::check::SERF_HEALTH;

mod confirmation;
mod status;

pub(super) use confirmation::Confirmation;
use confirmation::{denied, known_already, proven_by};
pub use status::SyncStatus;
pub(super) use status::{Progress, Report};

/// Time between two full comparisons in a small cluster.
const FULL_INTERVAL: Duration = Duration::from_mins(1);
/// Time to the next try after a failure.
const RETRY_INTERVAL: Duration = Duration::from_secs(15);
/// Most of the time between the arrival of a server and the comparison.
const SERVER_UP_INTERVAL: Duration = Duration::from_secs(3);
/// Up to so many nodes, the intervals are as they are; beyond, they grow with the logarithm.
const SCALE_THRESHOLD: usize = 128;
/// Refusals after which a comparison ends: servers that refuse this much will refuse the rest.
const REFUSALS_MAX: usize = 64;
/// How long a leaving agent tries to take its entries along.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// How many nodes the cluster has: agents of large ones ask less often.
pub type ClusterSize = Arc<dyn Fn() -> usize + Send + Sync>;

/// What wakes the syncer.
#[derive(Clone, Debug, Default)]
pub(super) struct Triggers {
    changes: Arc<Notify>,
    full: Arc<Notify>,
}

impl Triggers {
    /// Something changed here: send it.
    pub(super) fn change(&self) {
        self.changes.notify_one();
    }

    /// A server can be reached (again): compare everything soon.
    pub(super) fn server_up(&self) {
        self.full.notify_one();
    }
}

/// The task that talks to the catalog.
pub(super) struct Syncer {
    pub(super) catalog: Arc<dyn Catalog>,
    pub(super) published: watch::Receiver<Published>,
    pub(super) commands: mpsc::WeakSender<Command>,
    pub(super) triggers: Triggers,
    pub(super) cluster_size: ClusterSize,
    pub(super) stop: CancellationToken,
    pub(super) leave: CancellationToken,
    pub(super) report: Report,
}

impl Syncer {
    /// Runs until stopped.
    pub(super) async fn run(self) {
        info!(target: "agent", "started state syncer");
        let mut full_due = Instant::now();
        let mut healthy = false;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = self.triggers.full.notified() => {
                    full_due = full_due.min(Instant::now() + self.server_up_delay());
                }
                () = self.triggers.changes.notified(), if healthy => {
                    let begun = Instant::now();
                    let result = self.stoppable(self.sync_changes()).await;
                    self.report.partial(begun, &result, &self.state());
                    if let Err(err) = result {
                        error!(target: "agent.anti_entropy", error = %err, "failed to sync changes");
                        full_due = full_due.min(Instant::now() + self.stagger(RETRY_INTERVAL));
                    }
                }
                () = tokio::time::sleep_until(full_due) => {
                    let begun = Instant::now();
                    let result = self.stoppable(self.sync_full()).await;
                    self.report.full(begun, &result, &self.state());
                    healthy = result.is_ok();
                    let interval = if healthy { FULL_INTERVAL } else { RETRY_INTERVAL };
                    full_due = Instant::now() + self.stagger(interval);
                    if let Err(err) = result {
                        let text = "failed to sync remote state";
                        error!(target: "agent.anti_entropy", error = %err, "{text}");
                    }
                }
            }
        }
        if self.leave.is_cancelled() {
            self.take_everything_along().await;
        }
    }

    /// A request that hangs does not keep the agent from stopping.
    async fn stoppable(
        &self,
        work: impl Future<Output = Result<(), CatalogError>>,
    ) -> Result<(), CatalogError> {
        tokio::select! {
            result = work => result,
            () = self.stop.cancelled() => Ok(()),
        }
    }

    fn scale(&self) -> u32 {
        scale_factor((self.cluster_size)())
    }

    /// The interval and a random part of it, both longer in large clusters.
    fn stagger(&self, interval: Duration) -> Duration {
        interval + random_up_to(interval * self.scale())
    }

    /// All agents hear of a new server at once, and do not all ask it at once.
    fn server_up_delay(&self) -> Duration {
        if (self.cluster_size)() <= 1 {
            return Duration::ZERO;
        }
        random_up_to(SERVER_UP_INTERVAL * self.scale())
    }

    fn state(&self) -> Arc<LocalState> {
        Arc::clone(&self.published.borrow().state)
    }

    async fn sync_full(&self) -> Result<(), CatalogError> {
        let state = self.state();
        let view = self.catalog.view(&state.node().name, "").await?;
        let state = self.state();
        if view.checks.contains_key(SERF_HEALTH) {
            let text = "Skipping remote check since it is managed automatically";
            debug!(target: "agent", check = SERF_HEALTH, "{text}");
        }
        let plan = plan_full(&state, &view);
        log_in_sync(&plan);
        self.carry_out(&state, plan).await
    }

    async fn sync_changes(&self) -> Result<(), CatalogError> {
        let state = self.state();
        let plan = plan_changes(&state);
        self.carry_out(&state, plan).await
    }

    /// Sends the plan's requests in order until servers cannot be reached, and confirms after each one.
    ///
    /// # Errors
    /// The failure that ended it, or the first refusal: the others were sent all the same.
    async fn carry_out(&self, state: &LocalState, plan: SyncPlan) -> Result<(), CatalogError> {
        let mut node_in_sync = plan.node_in_sync.is_some() || state.node_mark.in_sync();
        let known = known_already(&plan);
        self.confirm(known).await;
        let mut refusals = Vec::new();
        for op in &plan.ops {
            let proven = match self.send(state, op, node_in_sync).await {
                Ok(()) => proven_by(op),
                Err(CatalogError::Denied(reason)) => {
                    warn_blocked(op, &reason);
                    self.report.blocked(op);
                    // As Consul: it counts as synced until the next full comparison.
                    denied(op)
                }
                Err(refused @ CatalogError::Refused(_)) if refusals.len() < REFUSALS_MAX => {
                    warn!(target: "agent.anti_entropy", error = %refused, entry = op.id(), "refused by the servers");
                    refusals.push(refused);
                    continue;
                }
                Err(err) => return Err(err),
            };
            node_in_sync |= matches!(op, SyncOp::Node { .. });
            self.confirm(proven).await;
        }
        refusals.into_iter().next().map_or(Ok(()), Err)
    }

    async fn send(
        &self,
        state: &LocalState,
        op: &SyncOp,
        node_in_sync: bool,
    ) -> Result<(), CatalogError> {
        if let Some(mut request) = op.registration(state, node_in_sync) {
            let sent = self.catalog.register(request.clone(), op.token()).await;
            match (sent, op.service_of_check(state)) {
                // Somebody may have taken its service out of the catalog.
                (Err(CatalogError::Refused(_)), Some(service)) => {
                    request.service = Some(service.clone());
                    self.catalog.register(request, op.token()).await?;
                }
                (sent, _) => sent?,
            }
        }
        if let Some(request) = op.deregistration(state) {
            self.catalog.deregister(request, op.token()).await?;
        }
        log_done(op);
        Ok(())
    }

    async fn confirm(&self, confirmations: Vec<Confirmation>) {
        let Some(commands) = self.commands.upgrade() else {
            return;
        };
        if confirmations.is_empty() {
            return;
        }
        let (reply, done) = oneshot::channel();
        let command = Command {
            action: Action::Confirm { confirmations },
            reply,
        };
        if commands.send(command).await.is_ok() {
            // An error means that the state's task ended: nothing is left to be confirmed.
            let _ = done.await;
        }
    }

    /// Removes the agent's services and checks from the catalog before it leaves for good.
    async fn take_everything_along(&self) {
        let state = self.state();
        let removals = async {
            for service in state.services() {
                let (id, token) = (service.service.id.clone(), service.token.clone());
                self.send(&state, &SyncOp::DeregisterService { id, token }, true)
                    .await?;
            }
            for check in state.checks().filter(|it| it.check.service_id.is_empty()) {
                let (id, token) = (check.check.check_id.clone(), check.token.clone());
                self.send(&state, &SyncOp::DeregisterCheck { id, token }, true)
                    .await?;
            }
            Ok::<(), CatalogError>(())
        };
        match tokio::time::timeout(LEAVE_TIMEOUT, removals).await {
            Ok(Ok(())) => {}
            Ok(Err(err)) => {
                warn!(target: "agent", error = %err, "services stay in the catalog after the leave");
            }
            Err(_elapsed) => {
                let error = "timed out";
                warn!(target: "agent", error, "services stay in the catalog after the leave");
            }
        }
    }
}

/// Consul's scaling: 1 up to 128 nodes, then one more for each doubling.
fn scale_factor(nodes: usize) -> u32 {
    if nodes <= SCALE_THRESHOLD {
        return 1;
    }
    let doublings = nodes.next_power_of_two().ilog2() - SCALE_THRESHOLD.ilog2();
    doublings + 1
}

pub(super) fn random_up_to(limit: Duration) -> Duration {
    rand::rng().random_range(Duration::ZERO..=limit)
}

fn log_in_sync(plan: &SyncPlan) {
    if plan.node_in_sync.is_some() {
        debug!(target: "agent", "Node info in sync");
    }
    for (id, _) in &plan.services_in_sync {
        debug!(target: "agent", service = %id, "Service in sync");
    }
    for (id, _) in &plan.checks_in_sync {
        debug!(target: "agent", check = %id, "Check in sync");
    }
}

fn log_done(op: &SyncOp) {
    match op {
        SyncOp::Node { .. } => info!(target: "agent", "Synced node info"),
        SyncOp::DeregisterService { id, .. } => {
            info!(target: "agent", service = %id, "Deregistered service");
        }
        SyncOp::Service { service, .. } => {
            info!(target: "agent", service = %service.id, "Synced service");
        }
        SyncOp::DeregisterCheck { id, .. } => {
            info!(target: "agent", check = %id, "Deregistered check");
        }
        SyncOp::Check { check, .. } => {
            info!(target: "agent", check = %check.check_id, "Synced check");
        }
    }
}

fn warn_blocked(op: &SyncOp, reason: &str) {
    match op {
        SyncOp::Node { .. } => {
            warn!(target: "agent", error = %reason, "Node info update blocked by ACLs");
        }
        SyncOp::DeregisterService { id, .. } => warn!(
            target: "agent", service = %id, error = %reason,
            "Service deregistration blocked by ACLs"
        ),
        SyncOp::Service { service, .. } => warn!(
            target: "agent", service = %service.id, error = %reason,
            "Service registration blocked by ACLs"
        ),
        SyncOp::DeregisterCheck { id, .. } => warn!(
            target: "agent", check = %id, error = %reason, "Check deregistration blocked by ACLs"
        ),
        SyncOp::Check { check, .. } => warn!(
            target: "agent", check = %check.check_id, error = %reason,
            "Check registration blocked by ACLs"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_clusters_stretch_the_intervals() {
        for (nodes, scale) in [
            (0, 1),
            (1, 1),
            (128, 1),
            (129, 2),
            (256, 2),
            (512, 3),
            (1024, 4),
        ] {
            assert_eq!(scale_factor(nodes), scale, "{nodes} nodes");
        }
    }
}
