//! The handle to this agent's services and checks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::action::{Action, Command, Heartbeat, Reply};
use super::catalog::Catalog;
use super::entry::{NodeIdentity, Source};
use super::error::LocalError;
use super::persist::Files;
use super::plan::FileDefinitions;
use super::published::Published;
use super::restore::restore;
use super::state::{LocalState, StateSettings};
use super::sync::{ClusterSize, Progress, Report, SyncStatus, Syncer, Triggers};
use super::task::{Task, TaskSettings};
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::output::DEFAULT_OUTPUT_MAX_SIZE;
use crate::agent::checks::runner::CheckTls;
use crate::agent::telemetry::metrics::{Metrics, MetricsSettings};
use crate::model::check::{CheckDefinition, Status};
use crate::model::node::StringMap;
use crate::model::service::{AgentService, ServiceDefinition};

/// Requests that wait for the task; further callers wait for a place.
const COMMANDS_MAX: usize = 256;
/// Heartbeats that wait for the task; further callers wait for a place.
pub(super) const HEARTBEATS_MAX: usize = 4096;
/// Consul's `check_update_interval`.
pub const DEFAULT_CHECK_UPDATE_INTERVAL: Duration = Duration::from_mins(5);

/// What the room starts with.
#[derive(Clone)]
pub struct LocalSettings {
    pub node: NodeIdentity,
    pub state: StateSettings,
    /// Where registrations are persisted; `None`: nowhere (`-dev`).
    pub data_dir: Option<PathBuf>,
    /// Services and checks of the configuration.
    pub definitions: FileDefinitions,
    /// How long a change of a check's output alone may wait; zero: it does not.
    pub check_update_interval: Duration,
    /// `check_output_max_size`, in bytes.
    pub check_output_max_size: usize,
    /// What checks over TLS trust and show.
    pub check_tls: CheckTls,
    /// How many nodes the cluster has now.
    pub cluster_size: ClusterSize,
    /// Decides the jitter of checks.
    pub seed: u64,
    /// Where anti-entropy is counted.
    pub metrics: Metrics,
}

impl LocalSettings {
    /// Consul's defaults for a node, with nothing persisted and metrics that nobody reads.
    pub fn new(node: NodeIdentity) -> Self {
        Self {
            node,
            state: StateSettings::default(),
            data_dir: None,
            definitions: FileDefinitions::default(),
            check_update_interval: DEFAULT_CHECK_UPDATE_INTERVAL,
            check_output_max_size: DEFAULT_OUTPUT_MAX_SIZE,
            check_tls: CheckTls::default(),
            cluster_size: Arc::new(|| 1),
            seed: rand::random(),
            metrics: Metrics::detached(MetricsSettings::default()),
        }
    }
}

/// Counts of `info`'s section `agent`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalStats {
    pub check_monitors: usize,
    pub check_ttls: usize,
    pub checks: usize,
    pub services: usize,
}

/// This agent's own services and checks. Cheap to clone; reads never wait.
#[derive(Clone)]
pub struct Local {
    commands: mpsc::Sender<Command>,
    /// Those of known checks; they overtake commands, whose files a slow disk may hold up.
    heartbeats: mpsc::Sender<(Heartbeat, Reply)>,
    published: watch::Receiver<Published>,
    progress: watch::Receiver<Progress>,
    triggers: Triggers,
    stop: CancellationToken,
    leave: CancellationToken,
    tracker: TaskTracker,
}

impl Local {
    /// Restores what was persisted, starts all checks and anti-entropy.
    ///
    /// # Errors
    /// An invalid definition in the configuration, or a file that cannot be read.
    pub async fn start(
        settings: LocalSettings,
        catalog: Arc<dyn Catalog>,
    ) -> Result<Self, LocalError> {
        let (state, files) = load(&settings).await?;
        let triggers = Triggers::default();
        let (stop, leave) = (CancellationToken::new(), CancellationToken::new());
        let (commands, queue) = mpsc::channel(COMMANDS_MAX);
        let (heartbeats, heard) = mpsc::channel(HEARTBEATS_MAX);
        let task = TaskSettings {
            state,
            files,
            check_update_interval: settings.check_update_interval,
            check_output_max_size: settings.check_output_max_size,
            check_tls: settings.check_tls.clone(),
            seed: settings.seed,
            catalog: Arc::clone(&catalog),
            heartbeats: heard,
        };
        let (task, published) = Task::new(task, triggers.clone());
        let (report, progress) = Report::new(&settings.metrics);
        let syncer = Syncer {
            catalog,
            published: published.clone(),
            commands: commands.downgrade(),
            triggers: triggers.clone(),
            cluster_size: settings.cluster_size,
            stop: stop.clone(),
            leave: leave.clone(),
            report,
        };
        let tracker = TaskTracker::new();
        tracker.spawn(task.run(queue, stop.clone()));
        tracker.spawn(syncer.run());
        tracker.close();
        Ok(Self {
            commands,
            heartbeats,
            published,
            progress,
            triggers,
            stop,
            leave,
            tracker,
        })
    }

    async fn ask(&self, action: Action) -> Result<(), LocalError> {
        let (reply, result) = oneshot::channel();
        let sent = self.commands.send(Command { action, reply }).await;
        sent.map_err(|_| LocalError::Stopped)?;
        result.await.map_err(|_| LocalError::Stopped)?
    }

    /// Registers a service with its checks and its sidecar; persisted when this returns.
    /// `replace_existing_checks`: checks that the definition leaves out are removed.
    ///
    /// # Errors
    /// [`LocalError::Invalid`] for a broken rule, [`LocalError::Refused`] for what this agent
    /// does not do, [`LocalError::Persist`] when it cannot be made durable.
    pub async fn register_service(
        &self,
        definition: ServiceDefinition,
        replace_existing_checks: bool,
    ) -> Result<(), LocalError> {
        self.ask(Action::RegisterService {
            definition: Box::new(definition),
            source: Source::Api,
            replace_checks: replace_existing_checks,
        })
        .await
    }

    /// Removes a service, its checks and the sidecar that came with it.
    ///
    /// # Errors
    /// [`LocalError::NotFound`]: Consul's HTTP API answers 200 all the same, and logs it.
    pub async fn deregister_service(&self, id: &str) -> Result<(), LocalError> {
        self.ask(Action::DeregisterService { id: id.to_owned() })
            .await
    }

    /// Registers a check of the node or of a service.
    ///
    /// # Errors
    /// As [`Self::register_service`].
    pub async fn register_check(&self, definition: CheckDefinition) -> Result<(), LocalError> {
        let definition = Box::new(definition);
        self.ask(Action::RegisterCheck {
            definition,
            source: Source::Api,
        })
        .await
    }

    /// Removes a check.
    ///
    /// # Errors
    /// [`LocalError::NotFound`]: Consul's HTTP API answers 200 all the same.
    pub async fn deregister_check(&self, id: &str) -> Result<(), LocalError> {
        self.ask(Action::DeregisterCheck { id: id.to_owned() })
            .await
    }

    /// The application reports on a TTL check.
    ///
    /// # Errors
    /// [`LocalError::Refused`] when there is no such TTL check.
    pub async fn update_ttl(
        &self,
        check_id: &str,
        status: Status,
        output: &str,
    ) -> Result<(), LocalError> {
        let heartbeat = Heartbeat {
            check_id: check_id.to_owned(),
            outcome: Outcome::new(status, output),
        };
        if self.state().check(check_id).is_none() {
            // Its registration may be on its way.
            return self.ask(Action::Heartbeat(heartbeat)).await;
        }
        let (reply, result) = oneshot::channel();
        let sent = self.heartbeats.send((heartbeat, reply)).await;
        sent.map_err(|_| LocalError::Stopped)?;
        result.await.map_err(|_| LocalError::Stopped)?
    }

    /// Puts the node into maintenance or takes it out; an empty reason gets Consul's default.
    ///
    /// # Errors
    /// [`LocalError::Persist`] when it cannot be made durable.
    pub async fn set_node_maintenance(&self, enable: bool, reason: &str) -> Result<(), LocalError> {
        self.ask(Action::NodeMaintenance {
            enable,
            reason: reason.to_owned(),
        })
        .await
    }

    /// Puts a service into maintenance or takes it out.
    ///
    /// # Errors
    /// [`LocalError::NotFound`] when there is no such service.
    pub async fn set_service_maintenance(
        &self,
        id: &str,
        enable: bool,
        reason: &str,
    ) -> Result<(), LocalError> {
        let (id, reason) = (id.to_owned(), reason.to_owned());
        self.ask(Action::ServiceMaintenance { id, enable, reason })
            .await
    }

    /// Makes what came from configuration files equal to what they say now; what did not change
    /// is not touched.
    ///
    /// # Errors
    /// The first definition that is refused; then nothing changes.
    pub async fn reload(&self, definitions: FileDefinitions) -> Result<(), LocalError> {
        self.ask(Action::Reload {
            files: Box::new(definitions),
        })
        .await
    }

    /// Replaces the node's metadata.
    ///
    /// # Errors
    /// [`LocalError::Stopped`].
    pub async fn set_node_meta(&self, meta: StringMap) -> Result<(), LocalError> {
        self.ask(Action::SetNodeMeta { meta }).await
    }

    /// Changes how long a change of a check's output alone may wait (zero: it does not), and
    /// whether output is kept at all.
    ///
    /// # Errors
    /// [`LocalError::Stopped`].
    pub async fn set_output_rules(
        &self,
        update_interval: Duration,
        discard: bool,
    ) -> Result<(), LocalError> {
        self.ask(Action::SetOutputRules {
            update_interval,
            discard,
        })
        .await
    }

    /// A server can be reached again, or a leader was elected: compare with the catalog soon.
    pub fn server_up(&self) {
        self.triggers.server_up();
    }

    /// The newest state; a snapshot that never changes.
    pub fn state(&self) -> Arc<LocalState> {
        Arc::clone(&self.published.borrow().state)
    }

    /// Counts for `info`.
    pub fn stats(&self) -> LocalStats {
        let published = self.published.borrow();
        LocalStats {
            check_monitors: published.counts.monitors,
            check_ttls: published.counts.ttls,
            checks: published.state.checks().count(),
            services: published.state.services().count(),
        }
    }

    /// How anti-entropy fares.
    pub fn sync_status(&self) -> SyncStatus {
        let progress = *self.progress.borrow();
        SyncStatus::new(&self.state(), progress)
    }

    /// Waits until the service's content hash is not `hash`, or the service is gone (`None`). The
    /// caller bounds the time.
    pub async fn wait_change(&self, service_id: &str, hash: &str) -> Option<AgentService> {
        let mut published = self.published.clone();
        loop {
            let found = published
                .borrow_and_update()
                .state
                .agent_service(service_id);
            if found
                .as_ref()
                .is_none_or(|service| service.content_hash != hash)
            {
                return found;
            }
            if published.changed().await.is_err() {
                return found;
            }
        }
    }

    /// Waits until the catalog is known to have everything.
    pub async fn wait_in_sync(&self) {
        let mut published = self.published.clone();
        // An error means that the room stopped: nothing will be synced any more.
        let _ = published.wait_for(|it| it.state.in_sync()).await;
    }

    /// Returns when the services' owner or anti-entropy has ended that was not asked to, with the
    /// reason to end the agent, too: its checks would stand still, and nobody would know.
    pub fn failed(&self) -> impl Future<Output = String> + Send + use<> {
        let (commands, mut progress) = (self.commands.clone(), self.progress.clone());
        let (stop, leave) = (self.stop.clone(), self.leave.clone());
        async move {
            let what = tokio::select! {
                () = commands.closed() => "running the checks",
                // Its sender is the syncer's own.
                Err(_) = progress.wait_for(|_| false) => "anti-entropy",
            };
            drop(commands);
            if stop.is_cancelled() || leave.is_cancelled() {
                std::future::pending::<()>().await;
            }
            format!("{what} has ended unexpectedly")
        }
    }

    /// Stops all checks and anti-entropy, and waits for their end. What is registered stays in
    /// the catalog.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tracker.wait().await;
    }

    /// As [`Self::shutdown`], and takes the services and checks out of the catalog, as far as
    /// that is possible in two seconds.
    pub async fn leave(&self) {
        self.leave.cancel();
        self.shutdown().await;
    }
}

/// Reads what was persisted and builds the first state, off the async threads.
async fn load(settings: &LocalSettings) -> Result<(LocalState, Option<Files>), LocalError> {
    let mut rules = settings.state;
    rules.defer_output = !settings.check_update_interval.is_zero();
    let mut state = LocalState::new(settings.node.clone(), rules);
    let (data_dir, definitions) = (settings.data_dir.clone(), settings.definitions.clone());
    let work = move || {
        let files = data_dir.as_deref().map(Files::open).transpose()?;
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now_ms = u64::try_from(since_epoch.unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
        restore(&mut state, &definitions, files.as_ref(), now_ms)?;
        Ok((state, files))
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(err) => std::panic::resume_unwind(err.into_panic()),
    }
}

#[cfg(test)]
mod tests;
