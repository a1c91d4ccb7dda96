//! What a comparison, or a request that succeeded, proves about the catalog. Pure.

use crate::agent::local::diff::{SyncOp, SyncPlan};
use crate::agent::local::state::LocalState;

/// What the catalog is now known to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent::local) enum Confirmation {
    Node {
        revision: u64,
    },
    Service {
        id: String,
        revision: u64,
    },
    Check {
        id: String,
        revision: u64,
    },
    ServiceRemoved {
        id: String,
    },
    /// It is still there, and the token is why.
    ServiceRemovalDenied {
        id: String,
    },
    /// It is still there, and the token is why.
    CheckRemovalDenied {
        id: String,
    },
    CheckRemoved {
        id: String,
    },
    Tags {
        id: String,
        revision: u64,
        tags: Vec<String>,
    },
}

impl Confirmation {
    pub(in crate::agent::local) fn apply(&self, state: &mut LocalState) {
        match self {
            Self::Node { revision } => state.confirm_node(*revision),
            Self::Service { id, revision } => state.confirm_service(id, *revision),
            Self::Check { id, revision } => state.confirm_check(id, *revision),
            Self::ServiceRemoved { id } => state.confirm_service_removed(id),
            Self::ServiceRemovalDenied { id } => state.deny_service_removal(id),
            Self::CheckRemovalDenied { id } => state.deny_check_removal(id),
            Self::CheckRemoved { id } => state.confirm_check_removed(id),
            Self::Tags { id, revision, tags } => state.adopt_tags(id, *revision, tags),
        }
    }
}

/// What a comparison found in the catalog already.
pub(super) fn known_already(plan: &SyncPlan) -> Vec<Confirmation> {
    let tags = plan.adopted_tags.iter().map(|(id, revision, tags)| {
        let (id, revision, tags) = (id.clone(), *revision, tags.clone());
        Confirmation::Tags { id, revision, tags }
    });
    let services = plan
        .services_in_sync
        .iter()
        .map(|(id, revision)| Confirmation::Service {
            id: id.clone(),
            revision: *revision,
        });
    let checks = plan
        .checks_in_sync
        .iter()
        .map(|(id, revision)| Confirmation::Check {
            id: id.clone(),
            revision: *revision,
        });
    let services_gone = plan
        .services_gone
        .iter()
        .map(|id| Confirmation::ServiceRemoved { id: id.clone() });
    let checks_gone = plan
        .checks_gone
        .iter()
        .map(|id| Confirmation::CheckRemoved { id: id.clone() });
    let node = plan
        .node_in_sync
        .map(|revision| Confirmation::Node { revision });
    tags.chain(services)
        .chain(checks)
        .chain(services_gone)
        .chain(checks_gone)
        .chain(node)
        .collect()
}

/// What a request proves that succeeded.
pub(super) fn proven_by(op: &SyncOp) -> Vec<Confirmation> {
    match op {
        SyncOp::Node { revision } => vec![Confirmation::Node {
            revision: *revision,
        }],
        SyncOp::DeregisterService { id, .. } => {
            vec![Confirmation::ServiceRemoved { id: id.clone() }]
        }
        SyncOp::DeregisterCheck { id, .. } => vec![Confirmation::CheckRemoved { id: id.clone() }],
        SyncOp::Service {
            service,
            revision,
            checks,
            ..
        } => {
            let (id, revision) = (service.id.clone(), *revision);
            let checks = checks.iter().map(|(check, revision)| Confirmation::Check {
                id: check.check_id.clone(),
                revision: *revision,
            });
            std::iter::once(Confirmation::Service { id, revision })
                .chain(checks)
                .collect()
        }
        SyncOp::Check {
            check, revision, ..
        } => {
            vec![Confirmation::Check {
                id: check.check_id.clone(),
                revision: *revision,
            }]
        }
    }
}

/// What a denied request leaves as it was, and is not tried again before the next full comparison.
pub(super) fn denied(op: &SyncOp) -> Vec<Confirmation> {
    match op {
        SyncOp::DeregisterService { id, .. } => {
            vec![Confirmation::ServiceRemovalDenied { id: id.clone() }]
        }
        SyncOp::DeregisterCheck { id, .. } => {
            vec![Confirmation::CheckRemovalDenied { id: id.clone() }]
        }
        _ => proven_by(op),
    }
}
