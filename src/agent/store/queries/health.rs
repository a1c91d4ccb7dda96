//! Reads of checks and of instances with their health.

use std::sync::Arc;

use super::catalog::has_meta;
use super::near::sort_by_distance;
use crate::agent::store::{Instance, Instances, Query, State, Topic, WatchSet};
use crate::model::access::{Requirement, Resource};
use crate::model::check::{HealthCheck, Status};

/// The checks of a node.
#[derive(Debug, Clone)]
pub struct ChecksOfNode {
    /// The node's name.
    pub node: String,
}

impl Query for ChecksOfNode {
    type Answer = Vec<Arc<HealthCheck>>;
    const METHOD: &'static str = "Health.NodeChecks";

    fn requirement(&self) -> Requirement<'_> {
        Requirement::read(Resource::Node, self.node.as_bytes())
    }

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::Checks);
        (
            state.indexes().checks,
            state.checks_of_node(&self.node).cloned().collect(),
        )
    }
}

/// The checks of a service's instances.
#[derive(Debug, Clone, Default)]
pub struct ChecksOfService {
    /// The service's name.
    pub service: String,
    /// Pairs of node metadata that all must match.
    pub node_meta: Vec<(String, String)>,
    /// The node by whose round trips the answer is sorted.
    pub near: Option<String>,
}

impl Query for ChecksOfService {
    type Answer = Vec<Arc<HealthCheck>>;
    const METHOD: &'static str = "Health.ServiceChecks";

    fn requirement(&self) -> Requirement<'_> {
        Requirement::read(Resource::Service, self.service.as_bytes())
    }

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::Checks);
        watch.add(Topic::Service(Arc::from(self.service.to_lowercase())));
        let instances = state
            .instances(&self.service)
            .map_or(&[][..], |found| found);
        let mut checks: Vec<_> = instances
            .iter()
            .filter(|instance| has_meta(instance.node.meta.as_ref(), &self.node_meta))
            .flat_map(|instance| instance.checks.iter())
            .filter(|check| !check.service_id.is_empty())
            .cloned()
            .collect();
        if let Some(near) = &self.near {
            sort_by_distance(state, near, &mut checks, |check| &check.node);
        }
        // The service's own index adds what a filter by node metadata depends on.
        let index = state
            .indexes()
            .checks
            .max(state.service_index(&self.service, false, true));
        (index, checks)
    }
}

/// All checks in a state.
#[derive(Debug, Clone, Default)]
pub struct ChecksInState {
    /// The state; `None` for any.
    pub status: Option<Status>,
    /// Pairs of node metadata that all must match.
    pub node_meta: Vec<(String, String)>,
    /// The node by whose round trips the answer is sorted.
    pub near: Option<String>,
}

impl Query for ChecksInState {
    type Answer = Vec<Arc<HealthCheck>>;
    const METHOD: &'static str = "Health.ChecksInState";

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::Checks);
        let mut index = state.indexes().checks;
        if !self.node_meta.is_empty() {
            watch.add(Topic::Nodes);
            index = index.max(state.indexes().nodes);
        }
        let mut checks: Vec<_> = state
            .nodes()
            .filter(|node| has_meta(node.meta.as_ref(), &self.node_meta))
            .flat_map(|node| state.checks_of_node(&node.node))
            .filter(|check| self.status.is_none_or(|wanted| check.status == wanted))
            .cloned()
            .collect();
        if let Some(near) = &self.near {
            sort_by_distance(state, near, &mut checks, |check| &check.node);
        }
        (index, checks)
    }
}

/// The instances of a service with their health.
#[derive(Debug, Clone, Default)]
pub struct ServiceInstances {
    /// The service's name.
    pub service: String,
    /// Tags that an instance must have, without regard to case; all of them.
    pub tags: Vec<String>,
    /// Pairs of node metadata that all must match.
    pub node_meta: Vec<(String, String)>,
    /// The node by whose round trips the answer is sorted.
    pub near: Option<String>,
    /// Only instances all of whose checks pass.
    pub passing_only: bool,
    /// Whether the instances that mesh clients reach are meant.
    pub connect: bool,
    /// Whether the ingress gateways for the service are meant. There are none: no configuration of gateways is held.
    pub ingress: bool,
    /// Whether the index counts changes of checks where the service has no instance.
    pub with_checks: bool,
}

impl Query for ServiceInstances {
    type Answer = Instances;
    const METHOD: &'static str = "Health.ServiceNodes";

    fn requirement(&self) -> Requirement<'_> {
        Requirement::read(Resource::Service, self.service.as_bytes())
    }

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::Service(Arc::from(self.service.to_lowercase())));
        let index = state.service_index(&self.service, self.connect, self.with_checks);
        let found = match (self.ingress, self.connect) {
            (true, _) => None,
            (false, true) => state.connect_instances(&self.service),
            (false, false) => state.instances(&self.service),
        };
        let Some(all) = found else {
            return (index, Instances::from([]));
        };
        if self.near.is_none() && all.iter().all(|instance| self.wants(instance)) {
            return (index, Arc::clone(all));
        }
        let mut wanted: Vec<Instance> = all
            .iter()
            .filter(|instance| self.wants(instance))
            .cloned()
            .collect();
        if let Some(near) = &self.near {
            sort_by_distance(state, near, &mut wanted, |instance| &instance.node.node);
        }
        (index, wanted.into())
    }
}

impl ServiceInstances {
    fn wants(&self, instance: &Instance) -> bool {
        let has_tag = |tag: &String| {
            instance
                .service
                .tags
                .iter()
                .any(|found| found.eq_ignore_ascii_case(tag))
        };
        (!self.passing_only || instance.status == Status::Passing)
            && self.tags.iter().all(has_tag)
            && has_meta(instance.node.meta.as_ref(), &self.node_meta)
    }
}
