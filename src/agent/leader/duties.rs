//! The task that works while this server leads.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::agent::gossip::GossipHandle;
use crate::agent::membership::NEW_LEADER;
use crate::agent::raft::{Leadership, Raft};
use crate::agent::rpc::{Rpc, RpcError, WriteOptions};
use crate::agent::store::{AutopilotUpdate, Command};
use crate::model::access::{Requirement, Resource};
use crate::model::raft::AutopilotConfiguration;

use super::catalog::CatalogKeeper;
use super::tombstones::{TOMBSTONE_GRANULARITY, TombstoneClock};

/// How often members and catalog are compared even when nothing happened: Consul's 60 seconds.
const RECONCILE_INTERVAL: Duration = Duration::from_mins(1);

/// Pause before a leader that could not take up its duties tries again.
const ESTABLISH_PAUSE: Duration = Duration::from_secs(5);

/// What the leader needs to know of the agent.
#[derive(Debug, Clone)]
pub struct LeaderSettings {
    /// Autopilot's configuration for a new cluster.
    pub autopilot: AutopilotConfiguration,
    /// The datacenter whose members belong into the catalog.
    pub datacenter: String,
}

/// Works until cancelled: waits for leadership, does the leader's duties while it lasts.
pub async fn run(
    raft: Raft,
    rpc: Rpc,
    gossip: GossipHandle,
    settings: LeaderSettings,
    stop: CancellationToken,
) {
    let mut leadership = raft.leadership();
    let keeper = CatalogKeeper {
        raft,
        rpc,
        gossip,
        datacenter: settings.datacenter.clone(),
    };
    loop {
        let leads = leadership.borrow_and_update().is_leader();
        if leads {
            info!(target: "agent.server", "cluster leadership acquired");
            tokio::select! {
                () = lead(&keeper, &settings) => {}
                () = lost(leadership.clone()) => {
                    warn!(target: "agent.server", "cluster leadership lost");
                }
                () = stop.cancelled() => return,
            }
        }
        tokio::select! {
            changed = leadership.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
    }
}

async fn lost(mut leadership: watch::Receiver<Leadership>) {
    while leadership.borrow_and_update().is_leader() {
        if leadership.changed().await.is_err() {
            return;
        }
    }
}

async fn lead(keeper: &CatalogKeeper, settings: &LeaderSettings) {
    // From here on every change is heard; what happened before is seen by the first comparison.
    let mut events = keeper.gossip.subscribe();
    announce(&keeper.gossip).await;
    let (raft, rpc) = (&keeper.raft, &keeper.rpc);
    while let Err(err) = establish(raft, rpc, settings).await {
        error!(target: "agent.server", error = %err, "failed to establish leadership");
        sleep(ESTABLISH_PAUSE).await;
    }
    let started = Instant::now();
    let mut tombstones = TombstoneClock::default();
    let mut reconcile_tick = interval(RECONCILE_INTERVAL);
    reconcile_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tombstone_tick = interval(TOMBSTONE_GRANULARITY);
    tombstone_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut hearing = true;
    loop {
        tokio::select! {
            _ = reconcile_tick.tick() => keeper.compare(is_settled(started)).await,
            _ = tombstone_tick.tick() => reap(raft, rpc, &mut tombstones, started.elapsed()).await,
            () = rpc.replaced() => keeper.compare(is_settled(started)).await,
            event = events.recv(), if hearing => match event {
                Ok(event) => keeper.hear(event).await,
                Err(RecvError::Lagged(_)) => keeper.compare(false).await,
                // The pool has ended, the agent is about to.
                Err(RecvError::Closed) => hearing = false,
            },
        }
    }
}

/// Whether serf has had time to find the members again that it knew before a restart: until then, a node
/// without a member is no reason to remove it.
fn is_settled(leads_since: Instant) -> bool {
    leads_since.elapsed() >= RECONCILE_INTERVAL
}

/// Tells all agents who leads, so that they compare their services with the catalog.
async fn announce(gossip: &GossipHandle) {
    let payload = Bytes::copy_from_slice(gossip.name().as_bytes());
    if let Err(err) = gossip.user_event(NEW_LEADER, payload, false).await {
        error!(target: "agent.server", error = %err, "failed to broadcast new leader event");
    }
}

/// A write of its own proves that the log works; then autopilot gets its first configuration.
async fn establish(raft: &Raft, rpc: &Rpc, settings: &LeaderSettings) -> Result<(), RpcError> {
    let options = WriteOptions::default();
    rpc.write(&options, &Requirement::OPEN, Command::Barrier)
        .await?;
    if raft.state().autopilot().is_none() {
        let configuration = settings.autopilot.clone();
        let command = Command::Autopilot(AutopilotUpdate {
            configuration,
            cas: Some(0),
        });
        let requirement = Requirement::write(Resource::Operator, &[]);
        rpc.write(&options, &requirement, command).await?;
    }
    Ok(())
}

async fn reap(raft: &Raft, rpc: &Rpc, clock: &mut TombstoneClock, now: Duration) {
    let state = raft.state();
    let Some(index) = clock.tick(now, state.last_index()) else {
        return;
    };
    if !state.has_tombstones_until(index) {
        return;
    }
    let command = Command::ReapTombstones { index };
    if let Err(err) = rpc
        .write(&WriteOptions::default(), &Requirement::OPEN, command)
        .await
    {
        error!(target: "agent.server", error = %err, "failed to reap tombstones");
    }
}
