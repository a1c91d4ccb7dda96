//! Anti-entropy: what must be sent for the catalog to equal this agent's state. Pure.
//!
//! Only the agent's own node is ever looked at; `serfHealth` and the server's own `consul`
//! service belong to the leader and are left alone.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{LocalCheck, LocalService};
use super::state::LocalState;
use crate::model::catalog::{DeregisterRequest, RegisterRequest};
use crate::model::check::{HealthCheck, SERF_HEALTH};
use crate::model::node::{Node, same_map};
use crate::model::service::NodeService;

/// The service by which servers find each other; the leader keeps it.
const SERVER_SERVICE: &str = "consul";

/// What the catalog has of this agent's node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogView {
    /// `None`: the node is unknown.
    pub node: Option<Node>,
    /// By id.
    pub services: BTreeMap<String, NodeService>,
    /// By id.
    pub checks: BTreeMap<String, HealthCheck>,
}

/// One request to the catalog, with what it proves when it succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncOp {
    /// Registers the node's own information.
    Node { revision: u64 },
    /// Removes a service with its checks.
    DeregisterService { id: String, token: String },
    /// Registers a service and those of its checks that have the same token.
    Service {
        service: Box<NodeService>,
        revision: u64,
        /// Each with its revision.
        checks: Vec<(HealthCheck, u64)>,
        token: String,
    },
    /// Removes a check.
    DeregisterCheck { id: String, token: String },
    /// Registers a check.
    Check {
        check: Box<HealthCheck>,
        revision: u64,
        token: String,
    },
}

/// The outcome of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncPlan {
    /// To be sent in this order.
    pub ops: Vec<SyncOp>,
    /// Services whose tags the catalog overrides: id, revision, the catalog's tags.
    pub adopted_tags: Vec<(String, u64, Vec<String>)>,
    /// The node's revision, when the catalog has it already.
    pub node_in_sync: Option<u64>,
    /// Services that the catalog has already, with their revisions.
    pub services_in_sync: Vec<(String, u64)>,
    /// Checks that the catalog has already, with their revisions.
    pub checks_in_sync: Vec<(String, u64)>,
    /// Removed services that the catalog does not have.
    pub services_gone: Vec<String>,
    /// Removed checks that the catalog does not have.
    pub checks_gone: Vec<String>,
}

impl SyncOp {
    /// The registration to send; `None` for removals. `skip_node_update`: the catalog has the
    /// node's information already.
    pub fn registration(
        &self,
        state: &LocalState,
        skip_node_update: bool,
    ) -> Option<RegisterRequest> {
        let node = state.node();
        let mut request = RegisterRequest {
            datacenter: node.datacenter.clone(),
            id: node.id.clone(),
            node: node.name.clone(),
            address: node.address.clone(),
            tagged_addresses: Some(node.tagged_addresses.clone()),
            node_meta: Some(node.meta.clone()),
            skip_node_update,
            ..RegisterRequest::default()
        };
        match self {
            Self::Node { .. } => request.skip_node_update = false,
            Self::Service {
                service, checks, ..
            } => {
                request.service = Some((**service).clone());
                request.checks = checks.iter().map(|(check, _)| check.clone()).collect();
            }
            Self::Check { check, .. } => request.check = Some((**check).clone()),
            Self::DeregisterService { .. } | Self::DeregisterCheck { .. } => return None,
        }
        Some(request)
    }

    /// A service that a check needs and that the catalog may have lost.
    pub fn service_of_check<'a>(&self, state: &'a LocalState) -> Option<&'a NodeService> {
        let Self::Check { check, .. } = self else {
            return None;
        };
        Some(&state.service(&check.service_id)?.service)
    }

    /// The removal to send; `None` for registrations.
    pub fn deregistration(&self, state: &LocalState) -> Option<DeregisterRequest> {
        let mut request = DeregisterRequest {
            datacenter: state.node().datacenter.clone(),
            node: state.node().name.clone(),
            ..DeregisterRequest::default()
        };
        match self {
            Self::DeregisterService { id, .. } => request.service_id.clone_from(id),
            Self::DeregisterCheck { id, .. } => request.check_id.clone_from(id),
            Self::Node { .. } | Self::Service { .. } | Self::Check { .. } => return None,
        }
        Some(request)
    }

    /// The id of what it is about; empty: the node.
    pub fn id(&self) -> &str {
        match self {
            Self::Node { .. } => "",
            Self::DeregisterService { id, .. } | Self::DeregisterCheck { id, .. } => id,
            Self::Service { service, .. } => &service.id,
            Self::Check { check, .. } => &check.check_id,
        }
    }

    /// The token to send it with; empty: the agent's own.
    pub fn token(&self) -> &str {
        match self {
            Self::Node { .. } => "",
            Self::DeregisterService { token, .. }
            | Self::Service { token, .. }
            | Self::DeregisterCheck { token, .. }
            | Self::Check { token, .. } => token,
        }
    }
}

/// What changed since the last success, without a look at the catalog.
pub fn plan_changes(state: &LocalState) -> SyncPlan {
    let mut plan = SyncPlan::default();
    if !state.node_mark.in_sync() {
        plan.ops.push(SyncOp::Node {
            revision: state.node_mark.revision,
        });
    }
    for (id, removed) in state.removed_services.iter().filter(|it| !it.1.denied) {
        let token = removed.token.clone();
        plan.ops.push(SyncOp::DeregisterService {
            id: id.clone(),
            token,
        });
    }
    let services = state.services().filter(|it| !it.mark.in_sync());
    let services: Vec<_> = services.map(|it| (it, it.service.clone())).collect();
    let checks = state.checks().filter(|it| !it.mark.in_sync());
    let checks: Vec<_> = checks.map(|it| (it, it.check.clone())).collect();
    push_registrations(&mut plan, services, checks, |plan| {
        for (id, removed) in state.removed_checks.iter().filter(|it| !it.1.denied) {
            let token = removed.token.clone();
            plan.ops.push(SyncOp::DeregisterCheck {
                id: id.clone(),
                token,
            });
        }
    });
    plan
}

/// Everything in which the catalog differs from the agent.
pub fn plan_full(state: &LocalState, catalog: &CatalogView) -> SyncPlan {
    let mut plan = SyncPlan::default();
    compare_node(&mut plan, state, catalog);
    let leaving = compare_removed_services(&mut plan, state, catalog);
    let services = compare_services(&mut plan, state, catalog);
    let checks = compare_checks(&mut plan, state, catalog);
    push_registrations(&mut plan, services, checks, |plan| {
        compare_removed_checks(plan, state, catalog, &leaving);
    });
    plan
}

/// Services with their checks, then removed checks, then the checks that are left.
fn push_registrations(
    plan: &mut SyncPlan,
    services: Vec<(&LocalService, NodeService)>,
    checks: Vec<(&LocalCheck, HealthCheck)>,
    push_removed_checks: impl FnOnce(&mut SyncPlan),
) {
    let mut by_service: BTreeMap<String, Vec<(&LocalCheck, HealthCheck)>> = BTreeMap::new();
    for it in checks {
        let of_service = by_service.entry(it.1.service_id.clone()).or_default();
        of_service.push(it);
    }
    for (local, service) in services {
        let own = by_service.remove(&service.id).unwrap_or_default();
        let (along, rest) = own
            .into_iter()
            .partition::<Vec<_>, _>(|it| it.0.token == local.token);
        by_service.insert(service.id.clone(), rest);
        plan.ops.push(SyncOp::Service {
            service: Box::new(service),
            revision: local.mark.revision,
            checks: along
                .into_iter()
                .map(|(it, check)| (check, it.mark.revision))
                .collect(),
            token: local.token.clone(),
        });
    }
    push_removed_checks(plan);
    for (local, check) in by_service.into_values().flatten() {
        plan.ops.push(SyncOp::Check {
            check: Box::new(check),
            revision: local.mark.revision,
            token: local.token.clone(),
        });
    }
}

/// The address is not compared: the leader keeps it as gossip tells it.
fn compare_node(plan: &mut SyncPlan, state: &LocalState, catalog: &CatalogView) {
    let own = state.node();
    let same = catalog.node.as_ref().is_some_and(|node| {
        node.id == own.id
            && same_map(node.tagged_addresses.as_ref(), Some(&own.tagged_addresses))
            && same_map(node.meta.as_ref(), Some(&own.meta))
    });
    let revision = state.node_mark.revision;
    if same {
        plan.node_in_sync = Some(revision);
    } else {
        plan.ops.push(SyncOp::Node { revision });
    }
}

/// Returns the services that the catalog loses: their checks go with them.
fn compare_removed_services<'a>(
    plan: &mut SyncPlan,
    state: &LocalState,
    catalog: &'a CatalogView,
) -> BTreeSet<&'a str> {
    let mut leaving = BTreeSet::new();
    for id in catalog.services.keys() {
        let removed = state.removed_services.get(id);
        let foreign = state.service(id).is_none() && id != SERVER_SERVICE;
        if removed.is_some() || foreign {
            let token = removed.map(|it| it.token.clone()).unwrap_or_default();
            plan.ops.push(SyncOp::DeregisterService {
                id: id.clone(),
                token,
            });
            leaving.insert(id.as_str());
        }
    }
    let gone = state
        .removed_services
        .keys()
        .filter(|id| !catalog.services.contains_key(*id));
    plan.services_gone = gone.cloned().collect();
    leaving
}

fn compare_removed_checks(
    plan: &mut SyncPlan,
    state: &LocalState,
    catalog: &CatalogView,
    leaving: &BTreeSet<&str>,
) {
    for (id, check) in &catalog.checks {
        let removed = state.removed_checks.get(id);
        let foreign = state.check(id).is_none() && id != SERF_HEALTH;
        let of_server = removed.is_none() && check.service_id == SERVER_SERVICE;
        let goes_along = leaving.contains(check.service_id.as_str());
        if (removed.is_some() || foreign) && !goes_along && !of_server {
            let token = removed.map(|it| it.token.clone()).unwrap_or_default();
            plan.ops.push(SyncOp::DeregisterCheck {
                id: id.clone(),
                token,
            });
        }
    }
    // A check that goes with its service needs no request of its own.
    let is_gone = |id: &&String| {
        let remote = catalog.checks.get(*id);
        remote.is_none_or(|check| leaving.contains(check.service_id.as_str()))
    };
    plan.checks_gone = state
        .removed_checks
        .keys()
        .filter(is_gone)
        .cloned()
        .collect();
}

fn compare_services<'a>(
    plan: &mut SyncPlan,
    state: &'a LocalState,
    catalog: &CatalogView,
) -> Vec<(&'a LocalService, NodeService)> {
    let mut differing = Vec::new();
    for local in state.services() {
        let mut wanted = local.service.clone();
        let (id, revision) = (wanted.id.clone(), local.mark.revision);
        let remote = catalog.services.get(&id);
        if let Some(remote) = remote
            && wanted.enable_tag_override
            && remote.tags != wanted.tags
        {
            wanted.tags.clone_from(&remote.tags);
            plan.adopted_tags
                .push((id.clone(), revision, remote.tags.clone()));
        }
        if remote.is_some_and(|remote| wanted.is_same(remote)) {
            plan.services_in_sync.push((id, revision));
        } else {
            differing.push((local, wanted));
        }
    }
    differing
}

fn compare_checks<'a>(
    plan: &mut SyncPlan,
    state: &'a LocalState,
    catalog: &CatalogView,
) -> Vec<(&'a LocalCheck, HealthCheck)> {
    let mut differing = Vec::new();
    for local in state.checks() {
        let mut wanted = local.check.clone();
        let adopted = plan
            .adopted_tags
            .iter()
            .find(|(id, ..)| *id == wanted.service_id);
        if let Some((_, _, tags)) = adopted {
            wanted.service_tags.clone_from(tags);
        }
        let same = catalog.checks.get(&wanted.check_id).is_some_and(|remote| {
            let mut expected = wanted.clone();
            if local.output_deferred {
                // The output is synced when its time comes, not now.
                expected.output.clone_from(&remote.output);
            }
            expected.is_same(remote)
        });
        if same {
            plan.checks_in_sync
                .push((wanted.check_id, local.mark.revision));
        } else {
            differing.push((local, wanted));
        }
    }
    differing
}

#[cfg(test)]
mod tests;
