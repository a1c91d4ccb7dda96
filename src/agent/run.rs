//! A running agent: waits for signals, orders and failures, then stops in order.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::agent::config::{Config, debug_config, reload_diff};
use crate::agent::dns::{DnsServer, Rules};
use crate::agent::handles::{Order, SharedFacts};
use crate::agent::http::Server;
use crate::agent::identity::{DataDir, PidFile};
use crate::agent::local::Local;
use crate::agent::membership::RetryExhausted;
use crate::agent::raft::Raft;
use crate::agent::rpc::Rpc;
use crate::agent::settings;
use crate::agent::telemetry::Telemetry;
use crate::agent::watches::{AgentSource, Watches};
use crate::model::duration::GoDuration;

use super::handover::{hand_over, wait_until_removed};
use super::pools::RunningPools;
use super::start::{Start, debug_facts, node_meta};

/// How long leaving may take before the process ends all the same: Consul's, without the time for draining.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(15);
/// How long stopping may take before the process ends all the same.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// All that must be stopped, in the order of starting.
pub(super) struct Running {
    /// Servers only.
    pub(super) raft: Option<Raft>,
    pub(super) rpc: Rpc,
    pub(super) pools: RunningPools,
    pub(super) local: Local,
    pub(super) watches: Watches<AgentSource>,
    pub(super) dns: DnsServer,
    pub(super) http: Server,
    pub(super) agent: SharedFacts,
    pub(super) orders: mpsc::Receiver<Order>,
    /// Told when nobody could be joined for as long as was configured.
    pub(super) exhausted: mpsc::Receiver<RetryExhausted>,
    pub(super) background: Background,
    /// Held so that no other agent takes the folder.
    pub(super) data: Option<DataDir>,
    pub(super) pid: Option<PidFile>,
    pub(super) telemetry: Telemetry,
}

/// The agent's own tasks.
#[derive(Clone)]
pub(super) struct Background {
    pub(super) stop: CancellationToken,
    /// Ends those who join others: a leaving agent must not.
    pub(super) social: CancellationToken,
    pub(super) tasks: TaskTracker,
}

impl Default for Background {
    fn default() -> Self {
        let stop = CancellationToken::new();
        Self {
            social: stop.child_token(),
            stop,
            tasks: TaskTracker::new(),
        }
    }
}

impl Background {
    /// Runs a task until the agent stops.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks
            .spawn(self.stop.clone().run_until_cancelled_owned(task));
    }

    /// Runs a task until the agent leaves or stops.
    pub(super) fn spawn_social(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks
            .spawn(self.social.clone().run_until_cancelled_owned(task));
    }

    /// Tells the tasks to end, and waits until they have.
    pub(super) async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Why an agent ends.
enum End {
    /// A signal that does not leave.
    Stop,
    /// A signal or an order; whoever ordered waits until the agent has left.
    Leave(Option<oneshot::Sender<()>>),
    /// Consensus, gossip, or what runs the checks failed.
    Failed(String),
    /// Nobody could be joined.
    Alone(RetryExhausted),
}

/// How leaving went.
enum Leaving {
    /// The others know.
    Left,
    /// It took too long.
    TimedOut,
    /// A second signal: stop at once.
    Interrupted,
}

/// The signals that mean something to an agent.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    /// Asks for the metrics.
    user: Signal,
}

impl Signals {
    /// Takes them over from the system's defaults, which kill.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            user: signal(SignalKind::user_defined1())?,
        })
    }

    /// One of those that end an agent.
    async fn ending(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

impl Running {
    /// Works until the agent is to end, then stops everything; returns the exit code.
    pub(super) async fn until_end(mut self, mut start: Start, mut signals: Signals) -> u8 {
        // As Consul: exit code 0 after leaving, 1 otherwise.
        let asked = match self.wait(&mut start, &mut signals).await {
            End::Stop => 1,
            End::Leave(done) => {
                let drain = start.built.config.node.leave_drain_time;
                match self.leave(drain, &mut signals).await {
                    Leaving::Left => {
                        // Whoever asked may be gone; the agent has left all the same.
                        let _ = done.map(|done| done.send(()));
                        0
                    }
                    Leaving::TimedOut => 1,
                    Leaving::Interrupted => return 1,
                }
            }
            End::Failed(reason) => {
                error!(target: "agent", reason, "stopping: this agent cannot go on safely");
                1
            }
            End::Alone(error) => {
                error!(target: "agent", %error, "Retry join failed");
                1
            }
        };
        let stopped = tokio::select! {
            stopped = self.shutdown() => stopped,
            () = signals.ending() => {
                warn!(target: "agent", "second signal: stopping at once");
                false
            }
            () = sleep(SHUTDOWN_TIMEOUT) => {
                error!(target: "agent", limit = ?SHUTDOWN_TIMEOUT, "the agent did not stop in time");
                false
            }
        };
        let code = if stopped { asked } else { 1 };
        info!(target: "agent", code, "Exit code");
        code
    }

    async fn wait(&mut self, start: &mut Start, signals: &mut Signals) -> End {
        let raft = self.raft.clone();
        let fatal = async {
            match &raft {
                Some(raft) => raft.fatal().await,
                None => std::future::pending().await,
            }
        };
        let (pools_failed, local_failed) = (self.pools.failed(), self.local.failed());
        tokio::pin!(fatal, pools_failed, local_failed);
        loop {
            let node = &start.built.config.node;
            let (leave_on_interrupt, leave_on_terminate) =
                (!node.skip_leave_on_interrupt, node.leave_on_terminate);
            tokio::select! {
                reason = &mut fatal => return End::Failed(reason),
                reason = &mut pools_failed => return End::Failed(reason),
                reason = &mut local_failed => return End::Failed(reason),
                _ = signals.interrupt.recv() => {
                    return Self::signalled("interrupt", leave_on_interrupt);
                }
                _ = signals.terminate.recv() => {
                    return Self::signalled("terminated", leave_on_terminate);
                }
                _ = signals.hangup.recv() => {
                    info!(target: "agent", signal = "hangup", "Caught");
                    if let Err(reason) = self.reload(start).await {
                        error!(target: "agent", error = reason, "Reload config failed");
                    }
                }
                _ = signals.user.recv() => self.dump_metrics(),
                Some(order) = self.orders.recv() => match order {
                    Order::Reload(done) => drop(done.send(self.reload(start).await)),
                    Order::Leave(done) => return End::Leave(Some(done)),
                },
                Some(error) = self.exhausted.recv() => return End::Alone(error),
            }
        }
    }

    fn signalled(name: &'static str, leave: bool) -> End {
        info!(target: "agent", signal = name, "Caught");
        if leave {
            info!(target: "agent", "Gracefully shutting down agent...");
            End::Leave(None)
        } else {
            info!(target: "agent", "Graceful shutdown disabled. Exiting");
            End::Stop
        }
    }

    /// Tells the others that this agent leaves, while it still answers.
    async fn leave(&self, drain_time: Duration, signals: &mut Signals) -> Leaving {
        tokio::select! {
            () = self.say_goodbye(drain_time) => {
                info!(target: "agent", "Graceful exit completed");
                Leaving::Left
            }
            () = signals.ending() => {
                warn!(target: "agent", "Caught second signal, Exiting");
                Leaving::Interrupted
            }
            () = sleep(LEAVE_TIMEOUT + drain_time) => {
                warn!(target: "agent", "Timeout on graceful leave. Exiting");
                Leaving::TimedOut
            }
        }
    }

    /// A client takes its services along; a server goes on answering until the others have stopped asking it.
    async fn say_goodbye(&self, drain_time: Duration) {
        self.background.social.cancel();
        let Some(raft) = &self.raft else {
            info!(target: "agent.client", "client starting leave");
            self.local.leave().await;
            self.pools.leave().await;
            return;
        };
        info!(target: "agent.server", "server starting leave");
        let alone = self.pools.is_alone();
        // Nothing is written into the catalog any more that is about to lose this node.
        self.local.shutdown().await;
        let own = &self.agent.config.node_id;
        let handed_over = hand_over(raft, own).await;
        self.pools.leave().await;
        self.rpc.begin_leaving();
        if !alone {
            let drain = GoDuration::from(drain_time);
            info!(target: "agent.server", drain_time = %drain, "Waiting to drain RPC traffic");
            sleep(drain_time).await;
        }
        if handed_over {
            wait_until_removed(raft, own).await;
        }
    }

    /// Reads the configuration again and applies what may change; a wrong one changes nothing.
    async fn reload(&mut self, start: &mut Start) -> Result<(), String> {
        info!(target: "agent", "Reloading configuration...");
        let built = (start.reread)().map_err(|err| err.to_string())?;
        let new = &built.config;
        let level = settings::level(new).map_err(|err| err.to_string())?;
        let dns = settings::dns(new).map_err(|err| err.to_string())?;
        let dns = Rules::new(dns).map_err(|err| err.to_string())?;
        let definitions = settings::definitions(new);
        self.local
            .reload(definitions)
            .await
            .map_err(|err| err.to_string())?;
        self.local
            .set_node_meta(node_meta(new))
            .await
            .map_err(|err| err.to_string())?;
        self.local
            .set_output_rules(new.check.update_interval, new.check.discard_output)
            .await
            .map_err(|err| err.to_string())?;
        self.dns.reload(dns);
        self.watches.set(settings::watches(new)).await;
        self.telemetry.set_level(level);
        self.http
            .set_max_connections_per_client(new.limits.http_max_conns_per_client);
        for key in reload_diff(&start.built.config, new) {
            warn!(target: "agent", key, "changed in the configuration; takes effect after a restart");
        }
        start.built.config.adopt_reloadable(new);
        self.publish(&start.built.config);
        for warning in &built.warnings {
            warn!(target: "agent", "{warning}");
        }
        Ok(())
    }

    fn publish(&self, config: &Config) {
        let facts = debug_facts(&self.agent.config.node_id);
        self.agent
            .debug_config
            .store(Arc::new(debug_config(config, &facts)));
        self.agent.meta.store(Arc::new(node_meta(config)));
    }

    /// Consul prints its metrics on standard error at SIGUSR1; the log is where ours are looked for.
    fn dump_metrics(&self) {
        match serde_json::to_string(&self.telemetry.metrics().display()) {
            Ok(text) => info!(target: "agent", metrics = text, "metrics"),
            Err(err) => error!(target: "agent", error = %err, "cannot print metrics"),
        }
    }

    /// Stops the rooms, those first that others do not need.
    /// False when data may not have been written.
    pub(super) async fn shutdown(mut self) -> bool {
        info!(target: "agent", "Requesting shutdown");
        self.watches.shutdown().await;
        self.http.shutdown(settings::DRAIN_TIMEOUT).await;
        self.dns.shutdown().await;
        self.local.shutdown().await;
        self.background.end().await;
        let ended = if let Some(raft) = &self.raft {
            info!(target: "agent.server", "shutting down server");
            self.pools.shutdown().await;
            let ended = raft.shutdown().await;
            if let Err(err) = &ended {
                error!(target: "agent.server", error = %err, "raft did not stop cleanly");
            }
            info!(target: "agent", "consul server down");
            ended.is_ok()
        } else {
            info!(target: "agent.client", "shutting down client");
            self.pools.shutdown().await;
            info!(target: "agent", "consul client down");
            true
        };
        drop((self.data, self.pid));
        info!(target: "agent", "shutdown complete");
        ended
    }
}
