//! The agent among others: the tasks that follow, join and bring together.

use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::{error, info};

use crate::agent::config::Config;
use crate::agent::coordinates::{self, SendRate};
use crate::agent::local::Local;
use crate::agent::membership::{PoolKind, RetryExhausted, Watch, flood, join, retry_join, watch};
use crate::agent::rpc::Rpc;
use crate::agent::settings;
use crate::agent::telemetry::Telemetry;

use super::pools::RunningPools;
use super::run::{Background, Running};
use super::start_error::StartError;

/// What Consul says to a client that is to join servers of other datacenters.
const NO_WAN_POOL: &str = "Must be a server to join WAN cluster";

/// What the tasks work with.
pub(super) struct Social<'a> {
    pub(super) config: &'a Config,
    pub(super) pools: &'a RunningPools,
    pub(super) rpc: &'a Rpc,
    pub(super) local: &'a Local,
}

impl Social<'_> {
    /// Begins to follow the pools, to bring LAN servers into the WAN pool, and to send coordinates.
    pub(super) fn begin(&self, background: &Background) {
        let node = &self.config.node;
        let (lan, wan) = (self.pools.lan(), self.pools.wan());
        let local = self.local.clone();
        let settings = Watch {
            server: node.server,
            datacenter: node.datacenter.clone(),
            server_up: Arc::new(move || local.server_up()),
        };
        background.spawn(watch(lan.clone(), wan.cloned(), settings));
        let port = self.config.addresses.ports.serf_wan;
        if let (Some(wan), Some(port)) = (wan, port) {
            background.spawn_social(flood(lan.clone(), wan.clone(), port));
        }
        if node.disable_coordinates {
            return;
        }
        let rate = SendRate::new(self.config);
        let sending = coordinates::send(lan.clone(), node.name.clone(), rate, self.rpc.clone());
        background.spawn_social(sending);
    }
}

/// Joins those who must be reachable at the start: one of them is enough.
pub(super) async fn join_at_start(
    config: &Config,
    pools: &RunningPools,
    telemetry: &Telemetry,
) -> Result<(), StartError> {
    let wanted = &config.join;
    if !wanted.start_lan.is_empty() {
        telemetry.say("==> Joining cluster...");
        let agent_count = join(pools.lan(), PoolKind::Lan, &wanted.start_lan)
            .await
            .map_err(|source| StartError::Join {
                pool: PoolKind::Lan.label(),
                source,
            })?;
        info!(target: "agent", agent_count, "Join completed. Initial agents synced with");
    }
    if !wanted.start_wan.is_empty() {
        telemetry.say("==> Joining -wan cluster...");
        let wan = pools.wan().ok_or(StartError::Refused(NO_WAN_POOL))?;
        let agent_count = join(wan, PoolKind::Wan, &wanted.start_wan)
            .await
            .map_err(|source| StartError::Join {
                pool: PoolKind::Wan.label(),
                source,
            })?;
        info!(target: "agent", agent_count, "Join -wan completed. Initial agents synced with");
    }
    Ok(())
}

impl Running {
    /// Begins to join those who may become reachable later. `failures` is told when one is given up.
    pub(super) fn retry_joins(&self, config: &Config, failures: &mpsc::Sender<RetryExhausted>) {
        for retry in settings::retry_joins(config) {
            let pool = match retry.pool {
                PoolKind::Lan => Some(self.pools.lan()),
                PoolKind::Wan => self.pools.wan(),
            };
            let Some(pool) = pool.cloned() else {
                error!(target: "agent", cluster = retry.pool.label(), error = NO_WAN_POOL, "Retry join failed");
                continue;
            };
            let failures = failures.clone();
            self.background.spawn_social(async move {
                if let Err(exhausted) = retry_join(pool, retry).await {
                    // One failure is enough to end the agent.
                    let _ = failures.try_send(exhausted);
                }
            });
        }
    }
}
