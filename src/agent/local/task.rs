//! The one task that owns the state, the scheduler and the runs under way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info, warn};

use super::alias::RemoteAlias;
use super::catalog::Catalog;
use super::deferral::Deferrals;
use super::entry::{LocalCheck, Source};
use super::error::LocalError;
use super::persist::{Files, PersistError, SavedTtl};
use super::plan::FileDefinitions;
use super::state::{Change, CheckUpdate, Effect, LocalState};
use super::sync::{Confirmation, Triggers};
use super::validate::is_dns_name;
use crate::agent::checks::outcome::{Outcome, Verdict};
use crate::agent::checks::runner::Runner;
use crate::agent::checks::scheduler::{
    Drive, Input, MAX_RUNNING, MIN_DEREGISTER_AFTER, MIN_INTERVAL, Mono, Output, Plan, Scheduler,
};
use crate::agent::checks::spec::{CheckSpec, Probe};
use crate::model::check::CheckDefinition;
use crate::model::duration::GoDuration;
use crate::model::node::StringMap;
use crate::model::service::ServiceDefinition;

/// How often the aliased node is asked about: aliases of this agent follow at once.
const REMOTE_ALIAS_INTERVAL: Duration = Duration::from_secs(10);
/// The longest name that DNS can ask for.
const DNS_LABEL_MAX: usize = 63;

/// What the handle asks of the task.
#[derive(Debug)]
pub(super) enum Action {
    RegisterService {
        definition: Box<ServiceDefinition>,
        source: Source,
        replace_checks: bool,
    },
    DeregisterService {
        id: String,
    },
    RegisterCheck {
        definition: Box<CheckDefinition>,
        source: Source,
    },
    DeregisterCheck {
        id: String,
    },
    Heartbeat {
        check_id: String,
        outcome: Outcome,
    },
    NodeMaintenance {
        enable: bool,
        reason: String,
    },
    ServiceMaintenance {
        id: String,
        enable: bool,
        reason: String,
    },
    Reload {
        files: Box<FileDefinitions>,
    },
    SetNodeMeta {
        meta: StringMap,
    },
    Confirm {
        confirmations: Vec<Confirmation>,
    },
}

/// An action and where its result goes.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) action: Action,
    pub(super) reply: oneshot::Sender<Result<(), LocalError>>,
}

/// A run that ended.
struct Finished {
    check_id: String,
    run: u64,
    outcome: Outcome,
}

/// What a run does: a runner of the checks room, or a question to the catalog.
#[derive(Clone)]
enum Job {
    Runner(Runner),
    Alias(RemoteAlias),
}

impl Job {
    async fn run(&self) -> Outcome {
        match self {
            Self::Runner(runner) => runner.run().await,
            Self::Alias(alias) => alias.run().await,
        }
    }
}

/// What the task starts with.
pub(super) struct TaskSettings {
    pub(super) state: LocalState,
    /// `None`: nothing is persisted (`-dev`).
    pub(super) files: Option<Files>,
    pub(super) check_update_interval: Duration,
    /// Bytes of output kept a check at most.
    pub(super) check_output_max_size: usize,
    pub(super) seed: u64,
    pub(super) catalog: Arc<dyn Catalog>,
}

/// The counts of `info`: checks with a runner, and TTL checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) monitors: usize,
    pub(super) ttls: usize,
}

/// What readers see: replaced as a whole after every change.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) state: Arc<LocalState>,
    pub(super) counts: Counts,
}

pub(super) struct Task {
    state: LocalState,
    scheduler: Scheduler,
    deferrals: Deferrals,
    jobs: HashMap<String, Job>,
    runs: HashMap<u64, AbortHandle>,
    files: Option<Files>,
    check_output_max_size: usize,
    catalog: Arc<dyn Catalog>,
    publish: watch::Sender<Published>,
    triggers: Triggers,
    finished: (mpsc::Sender<Finished>, mpsc::Receiver<Finished>),
    tracker: TaskTracker,
    origin: Instant,
    /// Services to deregister, each with the check that was critical for too long.
    overdue: Vec<(String, String)>,
    /// Readers have not seen the state yet.
    dirty: bool,
}

impl Task {
    /// Takes over `settings.state`: all of its checks start.
    pub(super) fn new(
        settings: TaskSettings,
        triggers: Triggers,
    ) -> (Self, watch::Receiver<Published>) {
        let state = Arc::new(settings.state.clone());
        let (publish, published) = watch::channel(Published {
            state,
            counts: Counts::default(),
        });
        let mut task = Self {
            state: settings.state,
            scheduler: Scheduler::new(settings.seed),
            deferrals: Deferrals::new(settings.check_update_interval, settings.seed),
            jobs: HashMap::new(),
            runs: HashMap::new(),
            files: settings.files,
            check_output_max_size: settings.check_output_max_size,
            catalog: settings.catalog,
            publish,
            triggers,
            finished: mpsc::channel(MAX_RUNNING),
            tracker: TaskTracker::new(),
            origin: Instant::now(),
            overdue: Vec::new(),
            dirty: true,
        };
        let ids: Vec<String> = task
            .state
            .checks()
            .map(|it| it.check.check_id.clone())
            .collect();
        for check_id in ids {
            task.watch_check(check_id);
        }
        task.settle();
        (task, published)
    }

    fn now(&self) -> Mono {
        self.origin.elapsed()
    }

    /// Runs until stopped or every handle is gone; then stops every run.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        stop: CancellationToken,
    ) {
        loop {
            let timers = [
                self.scheduler.next_deadline(),
                self.deferrals.next_deadline(),
            ];
            let deadline = timers
                .into_iter()
                .flatten()
                .min()
                .map(|due| self.origin + due);
            tokio::select! {
                () = stop.cancelled() => break,
                command = commands.recv() => match command {
                    Some(Command { action, reply }) => {
                        let result = self.act(action).await;
                        self.settle();
                        // A caller that went away does not undo what it asked for.
                        let _ = reply.send(result);
                    }
                    None => break,
                },
                Some(finished) = self.finished.1.recv() => self.run_ended(finished),
                () = sleep_until(deadline) => self.tick(),
            }
            self.settle();
            self.reap().await;
        }
        for (_, run) in self.runs.drain() {
            run.abort();
        }
        self.tracker.close();
        self.tracker.wait().await;
    }

    async fn act(&mut self, action: Action) -> Result<(), LocalError> {
        match action {
            Action::RegisterService {
                definition,
                source,
                replace_checks,
            } => {
                let change = self
                    .state
                    .plan_service(&definition, source, replace_checks)?;
                self.commit(change).await
            }
            Action::DeregisterService { id } => {
                let change = self.state.plan_service_removal(&id)?;
                self.commit(change).await
            }
            Action::RegisterCheck { definition, source } => {
                let change = self.state.plan_check(&definition, source)?;
                self.commit(change).await
            }
            Action::DeregisterCheck { id } => {
                let change = self.state.plan_check_removal(&id)?;
                self.commit(change).await
            }
            Action::Heartbeat { check_id, outcome } => self.heartbeat(check_id, outcome).await,
            Action::NodeMaintenance { enable, reason } => {
                let Some(change) = self.state.plan_node_maintenance(enable, &reason) else {
                    return Ok(());
                };
                self.commit(change).await?;
                let verb = if enable { "entered" } else { "left" };
                info!(target: "agent", "Node {verb} maintenance mode");
                Ok(())
            }
            Action::ServiceMaintenance { id, enable, reason } => {
                let plan = self.state.plan_service_maintenance(&id, enable, &reason)?;
                let Some(change) = plan else { return Ok(()) };
                self.commit(change).await?;
                let verb = if enable { "entered" } else { "left" };
                info!(target: "agent", service = %id, "Service {verb} maintenance mode");
                Ok(())
            }
            Action::Reload { files } => {
                let change = self.state.plan_reload(&files)?;
                self.commit(change).await
            }
            Action::SetNodeMeta { meta } => {
                self.state.set_node_meta(meta);
                self.dirty = true;
                self.triggers.change();
                Ok(())
            }
            Action::Confirm { confirmations } => {
                for confirmation in confirmations {
                    confirmation.apply(&mut self.state);
                }
                self.dirty = true;
                Ok(())
            }
        }
    }

    /// Persists a change, then makes it: the caller's answer means that it is durable.
    async fn commit(&mut self, change: Change) -> Result<(), LocalError> {
        let change = self.persist(change).await?;
        log_change(&change);
        for effect in self.state.commit(change) {
            match effect {
                Effect::Unwatch { check_id } => self.unwatch_check(check_id),
                Effect::Watch { check_id } => self.watch_check(check_id),
            }
        }
        self.dirty = true;
        self.refresh_aliases();
        self.triggers.change();
        Ok(())
    }

    async fn persist(&self, change: Change) -> Result<Change, PersistError> {
        let Some(files) = self.files.clone() else {
            return Ok(change);
        };
        blocking(move || files.save(&change).map(|()| change)).await
    }

    async fn heartbeat(&mut self, check_id: String, outcome: Outcome) -> Result<(), LocalError> {
        if !self.scheduler.is_ttl(&check_id) {
            let text = format!("CheckID {check_id:?} does not have associated TTL");
            return Err(LocalError::Refused(text));
        }
        let status = outcome.status;
        debug!(target: "agent", check = %check_id, status = %status, "Check status updated");
        let now = self.now();
        self.scheduler.handle(
            now,
            Input::Heartbeat {
                check_id: check_id.clone(),
                outcome,
            },
        );
        self.settle();
        self.save_ttl(&check_id).await?;
        Ok(())
    }

    /// Writes what the TTL check says now, for the next start.
    async fn save_ttl(&self, check_id: &str) -> Result<(), PersistError> {
        let (Some(files), Some(local)) = (self.files.clone(), self.state.check(check_id)) else {
            return Ok(());
        };
        let Some(Probe::Ttl { ttl }) = local.spec.as_ref().map(|spec| &spec.probe) else {
            return Ok(());
        };
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let expires = since_epoch
            .unwrap_or_default()
            .saturating_add(*ttl)
            .as_millis();
        let expires_ms = u64::try_from(expires).unwrap_or(u64::MAX);
        let saved = SavedTtl::new(
            check_id,
            local.check.status,
            &local.check.output,
            expires_ms,
        );
        blocking(move || files.save_ttl(&saved)).await
    }

    fn run_ended(&mut self, finished: Finished) {
        let Finished {
            check_id,
            run,
            outcome,
        } = finished;
        self.runs.remove(&run);
        let now = self.now();
        self.scheduler.handle(
            now,
            Input::Finished {
                check_id,
                run,
                outcome,
            },
        );
    }

    fn tick(&mut self) {
        let now = self.now();
        self.scheduler.handle(now, Input::Tick);
        while let Some(check_id) = self.deferrals.pop_due(now) {
            if self.state.release_output(&check_id) {
                self.dirty = true;
                self.triggers.change();
            }
        }
    }

    fn watch_check(&mut self, check_id: String) {
        let Some(local) = self.state.check(&check_id) else {
            return;
        };
        let Some(spec) = local.spec.clone() else {
            return;
        };
        let (drive, job) = self.drive(local, &spec);
        warn_of_short_times(&check_id, &spec);
        let plan = Plan {
            drive,
            thresholds: spec.thresholds,
            status: local.check.status,
            output: local.check.output.clone(),
            service_id: local.check.service_id.clone(),
            deregister_after: spec
                .deregister_after
                .map(|after| after.max(MIN_DEREGISTER_AFTER)),
        };
        match job {
            Some(job) => self.jobs.insert(check_id.clone(), job),
            None => self.jobs.remove(&check_id),
        };
        let now = self.now();
        self.scheduler.handle(now, Input::Add { check_id, plan });
    }

    fn drive(&self, local: &LocalCheck, spec: &CheckSpec) -> (Drive, Option<Job>) {
        let agents_limit = self.check_output_max_size;
        let limit = spec
            .output_max_size
            .map_or(agents_limit, |own| own.min(agents_limit));
        match &spec.probe {
            Probe::Ttl { ttl } => (
                Drive::Ttl {
                    ttl: *ttl,
                    output_max_size: limit,
                },
                None,
            ),
            Probe::Alias { node, .. } if self.state.is_own_node(node) => (Drive::Derived, None),
            Probe::Alias { node, service_id } => {
                let alias = RemoteAlias {
                    catalog: Arc::clone(&self.catalog),
                    check_id: local.check.check_id.clone(),
                    node: node.clone(),
                    service_id: service_id.clone(),
                    token: local.token.clone(),
                };
                let interval = REMOTE_ALIAS_INTERVAL;
                (Drive::Periodic { interval }, Some(Job::Alias(alias)))
            }
            Probe::Script(_) | Probe::Http(_) | Probe::Tcp(_) => {
                let job = Runner::new(spec, limit).map(Job::Runner);
                (
                    Drive::Periodic {
                        interval: spec.interval,
                    },
                    job,
                )
            }
        }
    }

    fn unwatch_check(&mut self, check_id: String) {
        self.jobs.remove(&check_id);
        let now = self.now();
        self.scheduler.handle(now, Input::Remove { check_id });
    }

    /// Executes what the scheduler wants and shows readers the result.
    fn settle(&mut self) {
        while let Some(output) = self.scheduler.poll_output() {
            match output {
                Output::Start { check_id, run } => self.start_run(check_id, run),
                Output::Abort { run, .. } => {
                    if let Some(run) = self.runs.remove(&run) {
                        run.abort();
                    }
                }
                Output::Report { check_id, outcome } => self.report(&check_id, &outcome),
                Output::Expired { check_id } => {
                    warn!(target: "agent", check = %check_id, "Check missed TTL, is now critical");
                }
                Output::BelowThreshold {
                    check_id,
                    status,
                    verdict,
                } => {
                    log_verdict(&check_id, status.as_str(), verdict);
                }
                Output::Deregister {
                    service_id,
                    check_id,
                } => {
                    self.overdue.push((service_id, check_id));
                }
            }
        }
        if std::mem::take(&mut self.dirty) {
            let (monitors, ttls) = self.scheduler.counts();
            let state = Arc::new(self.state.clone());
            self.publish.send_replace(Published {
                state,
                counts: Counts { monitors, ttls },
            });
        }
    }

    fn start_run(&mut self, check_id: String, run: u64) {
        let Some(job) = self.jobs.get(&check_id).cloned() else {
            return;
        };
        let results = self.finished.0.clone();
        let running = self.tracker.spawn(async move {
            let outcome = job.run().await;
            // Fails only when the task is gone, and nobody waits for the result.
            let _ = results
                .send(Finished {
                    check_id,
                    run,
                    outcome,
                })
                .await;
        });
        self.runs.insert(run, running.abort_handle());
    }

    fn report(&mut self, check_id: &str, outcome: &Outcome) {
        if self.jobs.contains_key(check_id) {
            log_result(check_id, outcome);
        }
        match self.state.update_check(check_id, outcome) {
            CheckUpdate::Nothing => return,
            CheckUpdate::OutputDeferred => {
                let now = self.now();
                self.deferrals.defer(now, check_id);
            }
            CheckUpdate::Changed => {
                self.triggers.change();
                self.refresh_aliases();
            }
        }
        self.dirty = true;
    }

    /// Lets aliases follow. An alias of an alias takes another round, a ring of aliases comes to
    /// rest because only a change of status calls for one; the bound is for the unforeseen.
    fn refresh_aliases(&mut self) {
        for _ in 0..=self.state.checks.len() {
            let mut status_changed = false;
            for (check_id, outcome) in self.state.stale_aliases() {
                let status = outcome.status;
                let old = self.state.check(&check_id).map(|it| it.check.status);
                status_changed |= old != Some(status);
                match self.state.update_check(&check_id, &outcome) {
                    CheckUpdate::Changed => self.triggers.change(),
                    CheckUpdate::OutputDeferred => {
                        let now = self.now();
                        self.deferrals.defer(now, &check_id);
                    }
                    CheckUpdate::Nothing => {}
                }
                let now = self.now();
                self.scheduler
                    .handle(now, Input::Derived { check_id, status });
                self.dirty = true;
            }
            if !status_changed {
                return;
            }
        }
    }

    /// Deregisters services whose check was critical for too long.
    async fn reap(&mut self) {
        for (service_id, check_id) in std::mem::take(&mut self.overdue) {
            let removal = match self.state.plan_service_removal(&service_id) {
                Ok(change) => self.commit(change).await,
                Err(gone) => Err(gone),
            };
            match removal {
                Ok(()) => info!(
                    target: "agent", service = %service_id, check = %check_id,
                    "Check for service has been critical for too long; deregistered service"
                ),
                Err(err) => error!(
                    target: "agent", service = %service_id, check = %check_id, error = %err,
                    "unable to deregister service after check has been critical for too long"
                ),
            }
            self.settle();
        }
    }
}

/// `None`: never.
async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// File work off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PersistError> + Send + 'static,
) -> Result<T, PersistError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(err) => std::panic::resume_unwind(err.into_panic()),
    }
}

fn log_change(change: &Change) {
    for id in &change.removed_services {
        debug!(target: "agent", service = %id, "removed service");
    }
    for id in &change.removed_checks {
        debug!(target: "agent", check = %id, "removed check");
    }
    for service in &change.services {
        warn_of_dns_names(&service.service.service, &service.service.tags);
    }
}

fn warn_of_dns_names(name: &str, tags: &[String]) {
    if !is_dns_name(name) {
        warn!(
            target: "agent", service = ?name,
            "Service name will not be discoverable via DNS due to invalid characters. Valid \
             characters include all alpha-numerics and dashes."
        );
    } else if name.len() > DNS_LABEL_MAX {
        warn!(
            target: "agent", service = %name,
            "Service name will not be discoverable via DNS due to it being too long. Valid \
             lengths are between 1 and 63 bytes."
        );
    }
    for tag in tags.iter().filter(|tag| !is_dns_name(tag)) {
        debug!(
            target: "agent", tag = %tag,
            "Service tag will not be discoverable via DNS due to invalid characters. Valid \
             characters include all alpha-numerics and dashes."
        );
    }
}

fn warn_of_short_times(check_id: &str, spec: &CheckSpec) {
    let short = |time: Duration, min: Duration| !time.is_zero() && time < min;
    if short(spec.interval, MIN_INTERVAL) {
        warn!(
            target: "agent", check = %check_id, minimum_interval = %GoDuration::from(MIN_INTERVAL),
            "check has interval below minimum"
        );
    }
    if short(
        spec.deregister_after.unwrap_or_default(),
        MIN_DEREGISTER_AFTER,
    ) {
        let minimum_interval = GoDuration::from(MIN_DEREGISTER_AFTER);
        warn!(
            target: "agent", check = %check_id, minimum_interval = %minimum_interval,
            "check has deregister interval below minimum"
        );
    }
}

fn log_result(check_id: &str, outcome: &Outcome) {
    use crate::model::check::Status;
    match outcome.status {
        Status::Critical => warn!(target: "agent", check = %check_id, "Check is now critical"),
        status @ (Status::Passing | Status::Warning) => {
            debug!(target: "agent", check = %check_id, status = %status, "Check status updated");
        }
    }
}

fn log_verdict(check_id: &str, status: &str, verdict: Verdict) {
    match verdict {
        Verdict::TooFewSuccesses { count, needed } => warn!(
            target: "agent", check = %check_id, status = %status, success_count = count,
            success_threshold = needed, "Check passed but has not reached success threshold"
        ),
        Verdict::TooFewFailures { count, needed } => warn!(
            target: "agent", check = %check_id, status = %status, failure_count = count,
            failure_threshold = needed, "Check failed but has not reached failure threshold"
        ),
        Verdict::Report(_) => {}
    }
}
