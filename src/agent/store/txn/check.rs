//! Operations on checks.

use std::sync::Arc;

use crate::agent::store::state::{State, fold};
use crate::agent::store::topic::Touched;
use crate::model::check::HealthCheck;
use crate::model::txn::{CatalogVerb, CheckTxnOp};

use super::run::may_set;

impl State {
    pub(super) fn run_check_op(
        &mut self,
        index: u64,
        op: &CheckTxnOp,
        touched: &mut Touched,
    ) -> Result<Option<Arc<HealthCheck>>, String> {
        let given = &op.check;
        let (node, id) = (&given.node, &given.check_id);
        let current = self.check(node, id);
        let current_index = current.as_ref().map(|current| current.modify_index);
        let stale = |verb: &str| {
            Err(format!(
                "failed to {verb} check {id:?} on node {node:?}, index is stale"
            ))
        };
        match CatalogVerb::parse(&op.verb) {
            Some(CatalogVerb::Get) => {
                return current
                    .map(Some)
                    .ok_or_else(|| format!("check {id:?} on node {node:?} doesn't exist"));
            }
            Some(CatalogVerb::Cas) if !may_set(given.modify_index, current_index) => {
                return stale("set");
            }
            // Where the node is not there, Consul does nothing for `cas` and calls it done; that is refused here.
            Some(CatalogVerb::Set | CatalogVerb::Cas) => {
                self.ensure_check(index, &fold(node), given, touched)?;
            }
            Some(CatalogVerb::DeleteCas) if current_index != Some(given.modify_index) => {
                return stale("delete");
            }
            Some(CatalogVerb::Delete | CatalogVerb::DeleteCas) => {
                self.delete_check(index, node, id, touched);
                return Ok(None);
            }
            None => return Err(format!("unknown Check verb {:?}", op.verb)),
        }
        Ok(self.check(node, id))
    }
}
