//! The task that works while this server leads.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::agent::gossip::{Event, GossipHandle};
use crate::agent::membership::NEW_LEADER;
use crate::agent::raft::{Leadership, Raft};
use crate::agent::rpc::{LeaderInbox, Rpc};
use crate::agent::store::{AutopilotUpdate, Command};
use crate::agent::telemetry::metrics::Metrics;
use crate::model::raft::AutopilotConfiguration;

use super::autopilot::Autopilot;
use super::catalog::CatalogKeeper;
use super::coordinates::{CoordinateBatches, collect};
use super::establish::establish;
use super::log::{DutyError, LeaderLog};
use super::metrics::LeaderMetrics;
use super::seat::Seat;
use super::servers::{RECONCILE_INTERVAL, SETTLING_TIME, ServerKeeper};
use super::sessions::SessionKeeper;
use super::tombstones::{TOMBSTONE_GRANULARITY, TombstoneClock};

/// How long the first write of a new leader may take: Consul's 2 minutes.
const BARRIER_LIMIT: Duration = Duration::from_mins(2);
/// What the leader needs to know of the agent.
#[derive(Debug, Clone)]
pub struct LeaderSettings {
    /// Autopilot's configuration for a new cluster.
    pub autopilot: AutopilotConfiguration,
    /// The datacenter whose members belong into the catalog.
    pub datacenter: String,
    /// How coordinates are written.
    pub coordinates: CoordinateBatches,
}

/// The rooms that the leader works with.
pub struct Office {
    /// This server's consensus.
    pub raft: Raft,
    /// Asks the other servers how they are, and is told what autopilot makes of it.
    pub rpc: Rpc,
    /// The pool of the datacenter's agents.
    pub lan: GossipHandle,
    /// The pool of all datacenters' servers, where there is one.
    pub wan: Option<GossipHandle>,
    /// Where the leader's numbers go.
    pub metrics: Metrics,
}

/// What the duties share.
struct Duties {
    seat: Seat,
    rpc: Rpc,
    wan: Option<GossipHandle>,
    log: LeaderLog,
    metrics: LeaderMetrics,
    settings: LeaderSettings,
}

/// Works until cancelled: waits for leadership, does the leader's duties while it lasts.
pub async fn run(
    office: Office,
    settings: LeaderSettings,
    mut inbox: LeaderInbox,
    stop: CancellationToken,
) {
    let mut leadership = office.raft.leadership();
    let duties = Duties {
        log: LeaderLog(office.raft.clone()),
        metrics: LeaderMetrics::new(&office.metrics),
        seat: Seat::new(office.raft, office.lan, settings.datacenter.clone()),
        rpc: office.rpc,
        wan: office.wan,
        settings,
    };
    loop {
        let now = leadership.borrow_and_update().clone();
        let leads = now.is_leader();
        duties.metrics.is_leader.set(f32::from(u8::from(leads)));
        if leads {
            info!(target: "agent.server", "cluster leadership acquired");
            tokio::select! {
                () = duties.lead(&mut inbox) => {}
                () = lost(leadership.clone(), now.term) => {
                    info!(target: "agent.server", "cluster leadership lost");
                }
                () = stop.cancelled() => return,
            }
        }
        tokio::select! {
            changed = leadership.changed() => if changed.is_err() { return },
            () = drain(&mut inbox) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// What was taken in by a server that does not lead any more is of no use; the nodes send anew.
async fn drain(inbox: &mut LeaderInbox) {
    while inbox.coordinates.recv().await.is_some() {}
    // Nobody can send any more: the agent is about to end.
    std::future::pending::<()>().await;
}

/// Returns when this server does not lead any more, or leads anew: then others may have led in between.
async fn lost(mut leadership: watch::Receiver<Leadership>, term: u64) {
    let is_over = |now: &Leadership| !now.is_leader() || now.term != term;
    // An error means that raft has ended.
    let _ = leadership.wait_for(is_over).await;
}

impl Duties {
    /// Leads until it is dropped, or until another server was asked to lead instead.
    ///
    /// Consistent reads need not wait for any of this: openraft lets a linearizable read, and one within a lease, wait until
    /// the entry that begins the leader's term is applied, and with it everything that earlier leaders have acknowledged.
    /// That is all that Consul's `Not ready to serve consistent reads` protects.
    async fn lead(&self, inbox: &mut LeaderInbox) {
        // From here on every change is heard; what happened before is seen by the first comparison.
        let events = self.seat.lan.subscribe();
        announce(&self.seat.lan).await;
        if !establish(&self.seat.raft, || self.take_office()).await {
            return;
        }
        let (stable, stable_servers) = watch::channel(BTreeSet::new());
        let autopilot = Autopilot {
            seat: &self.seat,
            rpc: &self.rpc,
            metrics: &self.metrics,
            stable,
        };
        let sessions = SessionKeeper {
            raft: &self.seat.raft,
            log: &self.log,
            clocks: self.rpc.session_clocks(),
            metrics: &self.metrics,
        };
        let mut servers = ServerKeeper::new(&self.seat, self.wan.as_ref()).asking(&self.rpc);
        tokio::join!(
            self.keep_catalog(events),
            self.reap_tombstones(),
            collect(&self.log, self.settings.coordinates, &mut inbox.coordinates),
            autopilot.watch(),
            sessions.keep(),
            servers.keep(stable_servers),
        );
    }

    /// A write of its own proves that the log works; then autopilot gets its first configuration.
    async fn take_office(&self) -> Result<(), DutyError> {
        let began = Instant::now();
        let barrier = self.log.write_within(Command::Barrier, BARRIER_LIMIT).await;
        self.metrics.barrier.record_duration(began.elapsed());
        if let Err(error) = barrier {
            error!(target: "agent.server", %error, "failed to wait for barrier");
            return Err(error);
        }
        if self.seat.raft.state().autopilot().is_none() {
            let configuration = self.settings.autopilot.clone();
            let update = AutopilotUpdate {
                configuration,
                cas: Some(0),
            };
            self.log.write(Command::Autopilot(update)).await?;
        }
        Ok(())
    }

    async fn keep_catalog(&self, mut events: Receiver<Event>) {
        let keeper = CatalogKeeper {
            seat: &self.seat,
            log: &self.log,
            metrics: &self.metrics,
        };
        let started = Instant::now();
        // Until serf has had the time to find the members again that it knew before a restart, a node without a member
        // is no reason to remove it.
        let is_settled = || started.elapsed() >= SETTLING_TIME;
        let mut tick = interval(RECONCILE_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut hearing = true;
        loop {
            tokio::select! {
                _ = tick.tick() => keeper.compare(is_settled()).await,
                () = self.rpc.replaced() => keeper.compare(is_settled()).await,
                event = events.recv(), if hearing => match event {
                    Ok(event) => keeper.hear(event).await,
                    Err(RecvError::Lagged(_)) => keeper.compare(false).await,
                    // The pool has ended, the agent is about to.
                    Err(RecvError::Closed) => hearing = false,
                },
            }
        }
    }

    async fn reap_tombstones(&self) {
        let started = Instant::now();
        let mut clock = TombstoneClock::default();
        let mut tick = interval(TOMBSTONE_GRANULARITY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let state = self.seat.raft.state();
            let due = clock.tick(started.elapsed(), state.last_index());
            let Some(index) = due.filter(|index| state.has_tombstones_until(*index)) else {
                continue;
            };
            let began = Instant::now();
            if let Err(error) = self.log.write(Command::ReapTombstones { index }).await {
                error!(target: "agent.server", %error, "failed to reap tombstones");
            }
            self.metrics
                .reap_tombstones
                .record_duration(began.elapsed());
        }
    }
}

/// Tells all agents who leads, so that they compare their services with the catalog.
async fn announce(lan: &GossipHandle) {
    let payload = Bytes::copy_from_slice(lan.name().as_bytes());
    if let Err(error) = lan.user_event(NEW_LEADER, payload, false).await {
        error!(target: "agent.server", %error, "failed to broadcast new leader event");
    }
}
