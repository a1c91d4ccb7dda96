//! Brings this agent's network coordinate into the catalog.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::{error, warn};

use crate::agent::config::Config;
use crate::agent::gossip::GossipHandle;
use crate::agent::rpc::{Rpc, RpcError, WriteOptions};
use crate::agent::store::Command;
use crate::model::access::{Requirement, Resource};
use crate::model::coordinate::NodeCoordinate;

/// Updates on their way to the batch; further senders wait.
const UPDATES: usize = 128;

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

/// How a server writes what it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchSettings {
    /// Between two writes.
    period: Duration,
    /// Updates in one write.
    size: usize,
    /// Writes a period; what is beyond is dropped.
    max_batches: usize,
}

impl BatchSettings {
    pub(super) fn new(config: &Config) -> Self {
        let upkeep = &config.node.upkeep;
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            period: upkeep.coordinate_update_period,
            size: count(upkeep.coordinate_update_batch_size).max(1),
            max_batches: count(upkeep.coordinate_update_max_batches),
        }
    }
}

/// Where coordinates are sent: on a server to its batch, on a client to the servers.
#[derive(Clone)]
pub(super) enum Recipient {
    /// This server's batch.
    Batch(mpsc::Sender<NodeCoordinate>),
    /// Whatever server answers.
    Servers(Rpc),
}

/// Sends this agent's coordinate for as long as it runs.
pub(super) async fn send(lan: GossipHandle, node: String, rate: SendRate, to: Recipient) {
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
        let sent = match &to {
            // An error means that the batch has ended, and the agent is about to.
            Recipient::Batch(batch) => batch.send(update).await.map_err(|_| None),
            Recipient::Servers(rpc) => write(rpc, vec![update]).await.map_err(Some),
        };
        match sent {
            Ok(()) => {}
            Err(Some(error)) if error.is_denied() => {
                warn!(target: "agent", %error, "Coordinate update blocked by ACLs");
            }
            Err(Some(error)) => error!(target: "agent", %error, "Coordinate update error"),
            Err(None) => return,
        }
    }
}

async fn write(rpc: &Rpc, updates: Vec<NodeCoordinate>) -> Result<(), RpcError> {
    let node = updates.first().map_or("", |update| &update.node).to_owned();
    let requirement = Requirement::write(Resource::Node, node.as_bytes());
    let command = Command::Coordinates(updates);
    rpc.write(&WriteOptions::default(), &requirement, command)
        .await
        .map(drop)
}

/// A server's batch: a place for updates, and the work of writing them.
pub(super) fn batch(
    rpc: Rpc,
    settings: BatchSettings,
) -> (mpsc::Sender<NodeCoordinate>, impl Future<Output = ()>) {
    let (sender, updates) = mpsc::channel(UPDATES);
    (sender, collect(rpc, settings, updates))
}

async fn collect(rpc: Rpc, settings: BatchSettings, mut updates: mpsc::Receiver<NodeCoordinate>) {
    let mut pending = Pending::default();
    let mut tick = interval(settings.period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            update = updates.recv() => match update {
                Some(update) => pending.add(update),
                None => return,
            },
            _ = tick.tick() => flush(&rpc, settings, &mut pending).await,
        }
    }
}

async fn flush(rpc: &Rpc, settings: BatchSettings, pending: &mut Pending) {
    let (batches, number_discarded) = pending.take(settings);
    if number_discarded > 0 {
        warn!(
            target: "agent.server.coordinate", number_discarded,
            "Discarded coordinate updates"
        );
    }
    for batch in batches {
        // Members may name nodes of their own only: that was checked when the update was taken in.
        let command = Command::Coordinates(batch);
        let written = rpc
            .write(&WriteOptions::default(), &Requirement::OPEN, command)
            .await;
        if let Err(error) = written {
            warn!(target: "agent.server.coordinate", %error, "Batch update failed");
            return;
        }
    }
}

/// The newest coordinate of each node and segment since the last write.
#[derive(Debug, Default)]
struct Pending(BTreeMap<(String, String), NodeCoordinate>);

impl Pending {
    fn add(&mut self, update: NodeCoordinate) {
        let key = (update.node.clone(), update.segment.clone());
        self.0.insert(key, update);
    }

    /// Empties itself into batches; also tells how many were too many.
    fn take(&mut self, settings: BatchSettings) -> (Vec<Vec<NodeCoordinate>>, usize) {
        let mut updates: Vec<NodeCoordinate> = std::mem::take(&mut self.0).into_values().collect();
        let limit = settings.size.saturating_mul(settings.max_batches);
        let discarded = updates.len().saturating_sub(limit);
        updates.truncate(limit);
        let batches = updates.chunks(settings.size).map(<[_]>::to_vec).collect();
        (batches, discarded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::coordinate::Coordinate;

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

    #[test]
    fn the_newest_coordinate_of_each_node_is_written_in_batches() {
        let settings = BatchSettings {
            period: Duration::from_secs(5),
            size: 2,
            max_batches: 2,
        };
        let update = |node: &str, height: f64| NodeCoordinate {
            node: node.to_owned(),
            segment: String::new(),
            coord: Coordinate {
                height,
                ..Coordinate::default()
            },
        };
        let mut pending = Pending::default();
        pending.add(update("a", 1.0));
        pending.add(update("b", 1.0));
        pending.add(update("c", 1.0));
        pending.add(update("a", 2.0));
        let (batches, discarded) = pending.take(settings);
        let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!((sizes, discarded), (vec![2, 1], 0));
        assert!((batches[0][0].coord.height - 2.0).abs() < f64::EPSILON);
        for node in ["a", "b", "c", "d", "e", "f"] {
            pending.add(update(node, 1.0));
        }
        let (batches, discarded) = pending.take(settings);
        assert_eq!((batches.concat().len(), discarded), (4, 2));
        assert_eq!(pending.take(settings), (Vec::new(), 0));
    }
}
