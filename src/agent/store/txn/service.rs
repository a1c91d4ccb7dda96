//! Operations on service instances.

use std::sync::Arc;

use crate::agent::store::state::{State, fold};
use crate::agent::store::topic::Touched;
use crate::model::service::NodeService;
use crate::model::txn::{CatalogVerb, ServiceTxnOp};

use super::run::may_set;

impl State {
    pub(super) fn run_service_op(
        &mut self,
        index: u64,
        op: &ServiceTxnOp,
        touched: &mut Touched,
    ) -> Result<Option<Arc<NodeService>>, String> {
        let (node, given) = (&op.node, &op.service);
        let current = self.instance(node, &given.id);
        let expected = given.modify_index;
        let stale = |verb: &str| {
            let id = &given.id;
            Err(format!(
                "failed to {verb} service {id:?} on node {node:?}, index is stale"
            ))
        };
        let current_index = current.as_ref().map(|current| current.modify_index);
        match CatalogVerb::parse(&op.verb) {
            Some(CatalogVerb::Get) => {
                return current.map(Some).ok_or_else(|| {
                    format!("service {:?} on node {node:?} doesn't exist", given.id)
                });
            }
            Some(CatalogVerb::Cas) if !may_set(expected, current_index) => return stale("set"),
            Some(CatalogVerb::Set | CatalogVerb::Cas) => {
                self.ensure_service(index, &fold(node), given, touched)?;
            }
            Some(CatalogVerb::DeleteCas) if current_index != Some(expected) => {
                return stale("delete");
            }
            Some(CatalogVerb::Delete | CatalogVerb::DeleteCas) => {
                self.delete_service(index, node, &given.id, touched);
                return Ok(None);
            }
            None => return Err(format!("unknown Service verb {:?}", op.verb)),
        }
        Ok(self.instance(node, &given.id))
    }
}
