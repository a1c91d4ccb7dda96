//! Reads of the catalog.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::near::sort_by_distance;
use crate::agent::store::{Query, State, Topic, WatchSet};
use crate::model::access::{Requirement, Resource};
use crate::model::node::{Node, StringMap};
use crate::model::service::{NodeService, ServiceNode};

/// Whether metadata has all the wanted pairs.
pub(super) fn has_meta(meta: Option<&StringMap>, wanted: &[(String, String)]) -> bool {
    wanted
        .iter()
        .all(|(key, value)| meta.and_then(|meta| meta.get(key)) == Some(value))
}

/// All nodes.
#[derive(Debug, Clone, Default)]
pub struct ListNodes {
    /// Pairs of node metadata that all must match.
    pub node_meta: Vec<(String, String)>,
    /// The node by whose round trips the answer is sorted.
    pub near: Option<String>,
}

impl Query for ListNodes {
    type Answer = Vec<Arc<Node>>;
    const METHOD: &'static str = "Catalog.ListNodes";

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::Nodes);
        let mut nodes: Vec<_> = state
            .nodes()
            .filter(|node| has_meta(node.meta.as_ref(), &self.node_meta))
            .cloned()
            .collect();
        if let Some(near) = &self.near {
            sort_by_distance(state, near, &mut nodes, |node| &node.node);
        }
        (state.indexes().nodes, nodes)
    }
}

/// All service names, each with the tags of all its instances.
#[derive(Debug, Clone, Default)]
pub struct ListServices {
    /// Pairs of node metadata that all must match.
    pub node_meta: Vec<(String, String)>,
}

impl Query for ListServices {
    type Answer = BTreeMap<String, Vec<String>>;
    const METHOD: &'static str = "Catalog.ListServices";

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::Services);
        let mut index = state.indexes().services;
        if !self.node_meta.is_empty() {
            watch.add(Topic::Nodes);
            index = index.max(state.indexes().nodes);
        }
        let mut services: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for node in state
            .nodes()
            .filter(|node| has_meta(node.meta.as_ref(), &self.node_meta))
        {
            for service in state.services_of_node(&node.node) {
                let tags = services.entry(service.service.clone()).or_default();
                for tag in &service.tags {
                    if !tags.contains(tag) {
                        tags.push(tag.clone());
                    }
                }
            }
        }
        (index, services)
    }
}

/// A node with its services.
#[derive(Debug, Clone)]
pub struct NodeWithServices {
    /// The node's name or UUID.
    pub node: String,
}

impl Query for NodeWithServices {
    type Answer = Option<(Arc<Node>, Vec<Arc<NodeService>>)>;
    const METHOD: &'static str = "Catalog.NodeServices";

    fn requirement(&self) -> Requirement<'_> {
        Requirement::read(Resource::Node, self.node.as_bytes())
    }

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::Nodes);
        watch.add(Topic::Services);
        let index = state.indexes().nodes.max(state.indexes().services);
        let answer = state.node_by_name_or_id(&self.node).map(|node| {
            (
                Arc::clone(node),
                state.services_of_node(&node.node).cloned().collect(),
            )
        });
        (index, answer)
    }
}

/// The instances that have an address of their own, whatever their service: what reverse DNS names ask for.
#[derive(Debug, Clone)]
pub struct InstancesAt {
    /// The address; IP addresses match in every spelling.
    pub address: String,
}

impl Query for InstancesAt {
    type Answer = Vec<ServiceNode>;
    const METHOD: &'static str = "Catalog.ServiceNodes";

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::Nodes);
        watch.add(Topic::Services);
        let index = state.indexes().nodes.max(state.indexes().services);
        let found = state.instances_at(&self.address);
        let rows = found.map(|(node, service)| ServiceNode::new(node, service));
        (index, rows.collect())
    }
}
