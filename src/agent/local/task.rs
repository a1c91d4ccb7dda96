//! The one task that owns the state, the scheduler and the runs under way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info};

use self::checks::Finished;
use super::action::{Action, Command, Heartbeat, Reply};
use super::alias::Followers;
use super::catalog::Catalog;
use super::deferral::Deferrals;
use super::error::LocalError;
use super::handle::HEARTBEATS_MAX;
use super::log;
use super::persist::{Files, PersistError, SavedTtl};
use super::published::{Counts, Published};
use super::state::{Change, Effect, LocalState};
use super::sync::Triggers;
use crate::agent::checks::runner::{CheckTls, Runner};
use crate::agent::checks::scheduler::{Input, Limits, Mono, Scheduler};
use crate::agent::checks::spec::Probe;
use crate::agent::machine::file_limit;

mod checks;

/// Ended runs that wait to be taken in; further ones wait with their results.
const FINISHED_MAX: usize = 256;

/// What the task starts with.
pub(super) struct TaskSettings {
    pub(super) state: LocalState,
    /// `None`: nothing is persisted (`-dev`).
    pub(super) files: Option<Files>,
    pub(super) check_update_interval: Duration,
    /// Bytes of output kept a check at most.
    pub(super) check_output_max_size: usize,
    /// What checks over TLS trust and show.
    pub(super) check_tls: CheckTls,
    pub(super) seed: u64,
    pub(super) catalog: Arc<dyn Catalog>,
    /// Those of known checks.
    pub(super) heartbeats: mpsc::Receiver<(Heartbeat, Reply)>,
}

/// The owner; see [`super::Local`] for the handle.
pub(super) struct Task {
    state: LocalState,
    scheduler: Scheduler,
    deferrals: Deferrals,
    jobs: HashMap<String, Runner>,
    runs: HashMap<u64, AbortHandle>,
    files: Option<Files>,
    check_output_max_size: usize,
    check_tls: CheckTls,
    /// Who follows other nodes for alias checks.
    followers: Followers,
    publish: watch::Sender<Published>,
    triggers: Triggers,
    finished: (mpsc::Sender<Finished>, mpsc::Receiver<Finished>),
    heartbeats: mpsc::Receiver<(Heartbeat, Reply)>,
    tracker: TaskTracker,
    origin: Instant,
    /// Services to deregister, each with the check that was critical for too long.
    overdue: Vec<(String, String)>,
    /// Readers have not seen the state yet.
    dirty: bool,
    /// The catalog lacks something; told once readers see it, for the syncer is one of them.
    unsynced: bool,
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
        let tracker = TaskTracker::new();
        let mut task = Self {
            state: settings.state,
            scheduler: Scheduler::new(settings.seed, Limits::of_files(file_limit())),
            deferrals: Deferrals::new(settings.check_update_interval, settings.seed),
            jobs: HashMap::new(),
            runs: HashMap::new(),
            files: settings.files,
            check_output_max_size: settings.check_output_max_size,
            check_tls: settings.check_tls,
            followers: Followers::new(settings.catalog, tracker.clone()),
            publish,
            triggers,
            finished: mpsc::channel(FINISHED_MAX),
            heartbeats: settings.heartbeats,
            tracker,
            origin: Instant::now(),
            overdue: Vec::new(),
            dirty: true,
            unsynced: false,
        };
        let ids: Vec<String> = task
            .state
            .checks()
            .map(|it| it.check.check_id.clone())
            .collect();
        for check_id in ids {
            task.watch_check(&check_id);
        }
        // Aliases of what files and the last run brought.
        task.refresh_aliases();
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
                Some(first) = self.heartbeats.recv() => {
                    let heard = self.hear(Some(first));
                    self.acknowledge(heard).await;
                }
                news = self.followers.news() => self.follow_up(news),
                () = sleep_until(deadline) => {
                    let heard = self.hear(None);
                    self.tick();
                    // What is due does not wait for the files.
                    self.settle();
                    self.acknowledge(heard).await;
                }
            }
            self.settle();
            self.reap().await;
            self.settle();
        }
        for (_, run) in self.runs.drain() {
            run.abort();
        }
        self.followers.stop();
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
            Action::Heartbeat(heartbeat) => self.heartbeat_in_turn(heartbeat).await,
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
                self.unsynced = true;
                Ok(())
            }
            Action::SetOutputRules {
                update_interval,
                discard,
            } => {
                self.set_output_rules(update_interval, discard);
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

    fn set_output_rules(&mut self, update_interval: Duration, discard: bool) {
        let now = self.now();
        self.state
            .set_output_rules(discard, !update_interval.is_zero());
        self.deferrals.set_interval(now, update_interval);
        self.dirty = true;
    }

    /// Persists a change, then makes it: the caller's answer means that it is durable.
    async fn commit(&mut self, change: Change) -> Result<(), LocalError> {
        let change = self.persist(change).await?;
        log::change(&change);
        for effect in self.state.commit(change) {
            match effect {
                Effect::Unwatch { check_id } => self.unwatch_check(check_id),
                Effect::Watch { check_id } => self.watch_check(&check_id),
            }
        }
        self.dirty = true;
        self.refresh_aliases();
        self.unsynced = true;
        Ok(())
    }

    async fn persist(&self, change: Change) -> Result<Change, PersistError> {
        let Some(files) = self.files.clone() else {
            return Ok(change);
        };
        blocking(move || files.save(&change).map(|()| change)).await
    }

    /// A heartbeat behind the registration of its check.
    async fn heartbeat_in_turn(&mut self, heartbeat: Heartbeat) -> Result<(), LocalError> {
        let check_id = self.heartbeat(heartbeat)?;
        self.settle();
        Ok(self.save_ttl(&check_id).await?)
    }

    /// Takes in one heartbeat; says which check's it is.
    fn heartbeat(&mut self, heartbeat: Heartbeat) -> Result<String, LocalError> {
        let Heartbeat { check_id, outcome } = heartbeat;
        if !self.scheduler.is_ttl(&check_id) {
            let text = format!("CheckID {check_id:?} does not have associated TTL");
            return Err(LocalError::Refused(text));
        }
        let status = outcome.status;
        debug!(target: "agent", check = %check_id, status = %status, "Check status updated");
        let now = self.now();
        let input = Input::Heartbeat {
            check_id: check_id.clone(),
            outcome,
        };
        self.scheduler.handle(now, input);
        Ok(check_id)
    }

    /// Takes in all heartbeats that wait, without waiting itself. They are told with
    /// [`Self::acknowledge`].
    fn hear(
        &mut self,
        first: Option<(Heartbeat, Reply)>,
    ) -> Vec<(Result<String, LocalError>, Reply)> {
        let mut heard = Vec::new();
        let mut next = first.or_else(|| self.heartbeats.try_recv().ok());
        while let Some((heartbeat, reply)) = next {
            heard.push((self.heartbeat(heartbeat), reply));
            // They come while others are taken in.
            let more = heard.len() < HEARTBEATS_MAX;
            next = more.then(|| self.heartbeats.try_recv().ok()).flatten();
        }
        self.settle();
        heard
    }

    /// Writes what heartbeats said and answers who sent them.
    async fn acknowledge(&mut self, heard: Vec<(Result<String, LocalError>, Reply)>) {
        for (heartbeat, reply) in heard {
            let result = match heartbeat {
                Ok(check_id) => self.save_ttl(&check_id).await.map_err(LocalError::from),
                Err(refused) => Err(refused),
            };
            // A caller that went away does not undo what it said.
            let _ = reply.send(result);
        }
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

    fn tick(&mut self) {
        let now = self.now();
        self.scheduler.handle(now, Input::Tick);
        while let Some(check_id) = self.deferrals.pop_due(now) {
            if self.state.release_output(&check_id) {
                self.dirty = true;
                self.unsynced = true;
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
