//! Sends this agent's network coordinate to the servers.

use std::time::Duration;

use rand::RngExt as _;
use tokio::time::sleep;
use tracing::{error, warn};

use crate::agent::config::Config;
use crate::agent::gossip::GossipHandle;
use crate::agent::rpc::{Rpc, WriteOptions};
use crate::model::coordinate::NodeCoordinate;

/// How often this agent sends its coordinate.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SendRate {
    /// Updates a second that the whole cluster aims at.
    target: f64,
    /// Shortest time between two updates of this agent.
    min: Duration,
}

impl SendRate {
    pub(super) fn new(config: &Config) -> Self {
        let upkeep = &config.node.upkeep;
        Self {
            target: upkeep.sync_coordinate_rate_target,
            min: upkeep.sync_coordinate_interval_min,
        }
    }

    /// Time between two updates in a cluster of this size, without the random part.
    fn interval(&self, members: usize) -> Duration {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a cluster has fewer members than a float has exact integers"
        )]
        let seconds = members as f64 / self.target;
        let scaled = Duration::try_from_secs_f64(seconds).unwrap_or(self.min);
        scaled.max(self.min)
    }
}

/// Sends this agent's coordinate for as long as it runs.
pub(super) async fn send(lan: GossipHandle, node: String, rate: SendRate, rpc: Rpc) {
    loop {
        let interval = rate.interval(lan.members().len());
        let random = rand::rng().random_range(Duration::ZERO..=interval);
        sleep(interval + random).await;
        let coord = match lan.coordinate().await {
            Ok(Some(coord)) => coord,
            // Coordinates are off.
            Ok(None) => return,
            Err(error) => {
                warn!(target: "agent", %error, "Failed to get coordinate");
                continue;
            }
        };
        let update = NodeCoordinate {
            node: node.clone(),
            segment: String::new(),
            coord,
        };
        match rpc
            .update_coordinate(&WriteOptions::default(), update)
            .await
        {
            Ok(()) => {}
            Err(error) if error.is_denied() => {
                warn!(target: "agent", %error, "Coordinate update blocked by ACLs");
            }
            Err(error) => error!(target: "agent", %error, "Coordinate update error"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_clusters_send_less_often() {
        let rate = SendRate {
            target: 64.0,
            min: Duration::from_secs(15),
        };
        for (members, seconds) in [(0, 15.0), (1, 15.0), (960, 15.0), (6400, 100.0)] {
            assert_eq!(rate.interval(members), Duration::from_secs_f64(seconds));
        }
    }
}
