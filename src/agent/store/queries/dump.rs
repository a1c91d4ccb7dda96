//! Reads of everything that the catalog has of nodes and services.

use std::sync::Arc;

use crate::agent::store::{Instance, Instances, Query, State, Topic, WatchSet};
use crate::model::check::HealthCheck;
use crate::model::node::Node;
use crate::model::service::NodeService;

/// A node with all that runs on it.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRecord {
    /// The node.
    pub node: Arc<Node>,
    /// Its services.
    pub services: Vec<Arc<NodeService>>,
    /// Its checks and those of its services.
    pub checks: Vec<Arc<HealthCheck>>,
}

/// All nodes with all that runs on them, or one.
#[derive(Debug, Clone, Default)]
pub struct NodeDump {
    /// The one node that is meant, by its name.
    pub node: Option<String>,
}

impl Query for NodeDump {
    type Answer = Vec<NodeRecord>;
    const METHOD: &'static str = "Internal.NodeDump";

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        let record = |node: &Arc<Node>| NodeRecord {
            node: Arc::clone(node),
            services: state.services_of_node(&node.node).cloned().collect(),
            checks: state.checks_of_node(&node.node).cloned().collect(),
        };
        let found = match &self.node {
            Some(name) => state.node(name).map(record).into_iter().collect(),
            None => state.nodes().map(record).collect(),
        };
        (catalog_index(state, watch), found)
    }
}

/// The instances of all services.
#[derive(Debug, Clone, Default)]
pub struct ServiceDump {
    /// The one kind of services that is meant; the empty kind is that of usual services.
    pub kind: Option<String>,
}

impl Query for ServiceDump {
    type Answer = Instances;
    const METHOD: &'static str = "Internal.ServiceDump";

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        let all = state
            .service_names()
            .filter_map(|name| state.instances(name));
        let wanted = |instance: &&Instance| {
            let kind = self.kind.as_ref();
            kind.is_none_or(|kind| instance.service.kind == *kind)
        };
        let found = all.flat_map(|of_service| of_service.iter());
        let found = found.filter(wanted).cloned().collect();
        (catalog_index(state, watch), found)
    }
}

/// The index of what depends on the whole catalog.
fn catalog_index(state: &State, watch: &mut WatchSet) -> u64 {
    for topic in [Topic::Nodes, Topic::Services, Topic::Checks] {
        watch.add(topic);
    }
    let indexes = state.indexes();
    indexes.nodes.max(indexes.services).max(indexes.checks)
}
