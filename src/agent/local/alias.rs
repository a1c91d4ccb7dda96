//! Alias checks of other nodes: their health as the catalog knows it.

use std::sync::Arc;

use super::catalog::Catalog;
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::runner::alias::{AliasTarget, alias_outcome};

/// A question about another node's health.
#[derive(Clone)]
pub(super) struct RemoteAlias {
    pub(super) catalog: Arc<dyn Catalog>,
    pub(super) check_id: String,
    pub(super) node: String,
    /// Empty: the node's own checks.
    pub(super) service_id: String,
    pub(super) token: String,
}

impl RemoteAlias {
    pub(super) async fn run(&self) -> Outcome {
        let Self {
            check_id,
            node,
            service_id,
            token,
            ..
        } = self;
        match self.catalog.view(node, token).await {
            Ok(view) => {
                let service_exists = view.services.contains_key(service_id);
                let target = AliasTarget {
                    check_id,
                    node,
                    service_id,
                    service_exists,
                };
                alias_outcome(target, view.checks.values())
            }
            Err(err) => {
                Outcome::critical(format!("Failure checking aliased node or service: {err}"))
            }
        }
    }
}
