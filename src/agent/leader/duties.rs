//! The task that works while this server leads.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::agent::gossip::GossipHandle;
use crate::agent::raft::Leadership;
use crate::agent::rpc::{Rpc, RpcError, WriteOptions};
use crate::agent::store::{AutopilotUpdate, Command};
use crate::model::access::{Requirement, Resource};
use crate::model::raft::AutopilotConfiguration;

use super::reconcile::registration_of;
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
}

/// Works until cancelled: waits for leadership, does the leader's duties while it lasts.
pub async fn run(
    rpc: Rpc,
    gossip: GossipHandle,
    settings: LeaderSettings,
    stop: CancellationToken,
) {
    let mut leadership = rpc.leadership();
    loop {
        let leads = leadership.borrow_and_update().is_leader();
        if leads {
            info!(target: "agent.server", "cluster leadership acquired");
            info!(target: "agent.server", payload = %gossip.name(), "New leader elected");
            tokio::select! {
                () = lead(&rpc, &gossip, &settings) => {}
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

async fn lead(rpc: &Rpc, gossip: &GossipHandle, settings: &LeaderSettings) {
    while let Err(err) = establish(rpc, settings).await {
        error!(target: "agent.server", error = %err, "failed to establish leadership");
        sleep(ESTABLISH_PAUSE).await;
    }
    let started = Instant::now();
    let mut tombstones = TombstoneClock::default();
    let mut reconcile_tick = interval(RECONCILE_INTERVAL);
    let mut tombstone_tick = interval(TOMBSTONE_GRANULARITY);
    tombstone_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = reconcile_tick.tick() => reconcile(rpc, gossip).await,
            _ = tombstone_tick.tick() => reap(rpc, &mut tombstones, started.elapsed()).await,
            () = rpc.replaced() => reconcile(rpc, gossip).await,
        }
    }
}

/// A write of its own proves that the log works; then autopilot gets its first configuration.
async fn establish(rpc: &Rpc, settings: &LeaderSettings) -> Result<(), RpcError> {
    let options = WriteOptions::default();
    rpc.write(&options, &Requirement::OPEN, Command::Barrier)
        .await?;
    if rpc.stale_state().autopilot().is_none() {
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

async fn reconcile(rpc: &Rpc, gossip: &GossipHandle) {
    for member in gossip.members().iter() {
        let Some(request) = registration_of(member, &rpc.stale_state()) else {
            continue;
        };
        info!(target: "agent.server", member = %member.name, "member joined, marking health alive");
        if let Err(err) = rpc.register(&WriteOptions::default(), request).await {
            error!(
                target: "agent.server", member = %member.name, error = %err,
                "failed to reconcile member"
            );
        }
    }
}

async fn reap(rpc: &Rpc, clock: &mut TombstoneClock, now: Duration) {
    let state = rpc.stale_state();
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
