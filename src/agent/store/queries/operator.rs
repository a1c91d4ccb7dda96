//! Reads for operators.

use std::sync::Arc;

use crate::agent::store::state::fold;
use crate::agent::store::{Query, State, Topic, WatchSet};
use crate::model::access::{Requirement, Resource};
use crate::model::coordinate::NodeCoordinate;
use crate::model::raft::AutopilotConfiguration;

/// Autopilot's configuration; the defaults before a leader has stored one.
#[derive(Debug, Clone)]
pub struct AutopilotQuery;

impl Query for AutopilotQuery {
    type Answer = Arc<AutopilotConfiguration>;
    const METHOD: &'static str = "Operator.AutopilotGetConfiguration";

    fn requirement(&self) -> Requirement<'_> {
        Requirement::read(Resource::Operator, &[])
    }

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::Autopilot);
        (
            state.indexes().autopilot,
            state.autopilot().cloned().unwrap_or_default(),
        )
    }
}

/// The coordinates of all nodes, or of one.
#[derive(Debug, Clone)]
pub struct CoordinatesOfNodes {
    /// The one node that is meant.
    pub node: Option<String>,
}

impl Query for CoordinatesOfNodes {
    type Answer = Vec<Arc<NodeCoordinate>>;
    const METHOD: &'static str = "Coordinate.ListNodes";

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::Coordinates);
        let found = match &self.node {
            Some(node) => state.coordinate(node).into_iter().cloned().collect(),
            None => state.coordinates().cloned().collect(),
        };
        (state.indexes().coordinates, found)
    }
}

impl State {
    /// The coordinate of a node.
    pub fn coordinate(&self, node: &str) -> Option<&Arc<NodeCoordinate>> {
        self.coordinates.get(&*fold(node))
    }

    /// All coordinates, in order of the nodes.
    pub fn coordinates(&self) -> impl Iterator<Item = &Arc<NodeCoordinate>> {
        self.coordinates.values()
    }
}
