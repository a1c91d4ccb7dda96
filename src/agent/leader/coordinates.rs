//! Coordinates of nodes, written in batches.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use crate::agent::store::Command;
use crate::model::coordinate::NodeCoordinate;

use super::log::LeaderLog;

/// The shortest time between two rounds, whatever is configured.
const SHORTEST_PERIOD: Duration = Duration::from_millis(10);

/// How the leader writes the coordinates that it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoordinateBatches {
    /// Between two rounds of writes.
    pub period: Duration,
    /// Updates in one write, at least 1.
    pub size: usize,
    /// Writes in a round; what is beyond is dropped, newer ones follow.
    pub max_batches: usize,
}

impl CoordinateBatches {
    fn capacity(&self) -> usize {
        self.size.saturating_mul(self.max_batches)
    }
}

/// Writes what comes in, for as long as this server leads.
pub(super) async fn collect(
    log: &LeaderLog,
    settings: CoordinateBatches,
    updates: &mut mpsc::Receiver<NodeCoordinate>,
) {
    let mut pending = Pending::default();
    let mut tick = interval(settings.period.max(SHORTEST_PERIOD));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut open = true;
    loop {
        tokio::select! {
            update = updates.recv(), if open => match update {
                Some(update) => pending.add(update, settings.capacity()),
                // The agent is about to end.
                None => open = false,
            },
            _ = tick.tick() => flush(log, settings, &mut pending).await,
        }
    }
}

async fn flush(log: &LeaderLog, settings: CoordinateBatches, pending: &mut Pending) {
    let (batches, number_discarded) = pending.take(settings.size);
    if number_discarded > 0 {
        warn!(
            target: "agent.server.coordinate", number_discarded,
            "Discarded coordinate updates"
        );
    }
    for batch in batches {
        if let Err(error) = log.write(Command::Coordinates(batch)).await {
            warn!(target: "agent.server.coordinate", %error, "Batch update failed");
            return;
        }
    }
}

/// The newest coordinate of each node and segment since the last round.
#[derive(Debug, Default)]
struct Pending {
    updates: BTreeMap<(String, String), NodeCoordinate>,
    discarded: usize,
}

impl Pending {
    fn add(&mut self, update: NodeCoordinate, capacity: usize) {
        let key = (update.node.clone(), update.segment.clone());
        if self.updates.len() < capacity || self.updates.contains_key(&key) {
            self.updates.insert(key, update);
        } else {
            self.discarded += 1;
        }
    }

    /// Empties itself into batches; also tells how many updates were too many.
    fn take(&mut self, size: usize) -> (Vec<Vec<NodeCoordinate>>, usize) {
        let Self { updates, discarded } = std::mem::take(self);
        let updates: Vec<NodeCoordinate> = updates.into_values().collect();
        let batches = updates.chunks(size.max(1)).map(<[_]>::to_vec).collect();
        (batches, discarded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::coordinate::Coordinate;

    #[test]
    fn the_newest_coordinate_of_each_node_is_written_in_batches() {
        let update = |node: &str, height: f64| NodeCoordinate {
            node: node.to_owned(),
            segment: String::new(),
            coord: Coordinate {
                height,
                ..Coordinate::default()
            },
        };
        let settings = CoordinateBatches {
            period: Duration::from_secs(5),
            size: 2,
            max_batches: 2,
        };
        let mut pending = Pending::default();
        for (node, height) in [("a", 1.0), ("b", 1.0), ("c", 1.0), ("a", 2.0)] {
            pending.add(update(node, height), settings.capacity());
        }
        let (batches, discarded) = pending.take(settings.size);
        let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!((sizes, discarded), (vec![2, 1], 0));
        assert!((batches[0][0].coord.height - 2.0).abs() < f64::EPSILON);
        for node in ["a", "b", "c", "d", "e", "f"] {
            pending.add(update(node, 1.0), settings.capacity());
        }
        // Those who are in it already are brought up to date even when it is full.
        pending.add(update("d", 3.0), settings.capacity());
        let (batches, discarded) = pending.take(settings.size);
        assert_eq!((batches.concat().len(), discarded), (4, 2));
        assert!((batches[1][1].coord.height - 3.0).abs() < f64::EPSILON);
        assert_eq!(pending.take(settings.size), (Vec::new(), 0));
    }
}
