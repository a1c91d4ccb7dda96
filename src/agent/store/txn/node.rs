//! Operations on nodes.

use std::sync::Arc;

use crate::agent::store::state::State;
use crate::agent::store::topic::Touched;
use crate::model::node::Node;
use crate::model::registration::check_uuid;
use crate::model::txn::{CatalogVerb, NodeTxnOp};

use super::run::may_set;

impl State {
    pub(super) fn run_node_op(
        &mut self,
        index: u64,
        op: &NodeTxnOp,
        touched: &mut Touched,
    ) -> Result<Option<Arc<Node>>, String> {
        let given = &op.node;
        let name = &given.node;
        let current = self.node(name).map(|node| node.modify_index);
        let stale = |verb: &str| Err(format!("failed to {verb} node {name:?}, index is stale"));
        match CatalogVerb::parse(&op.verb) {
            Some(CatalogVerb::Get) => {
                let found = self.node_meant(given)?;
                return found
                    .map(Some)
                    .ok_or_else(|| format!("node {name:?} doesn't exist"));
            }
            Some(CatalogVerb::Cas) if !may_set(given.modify_index, current) => return stale("set"),
            Some(CatalogVerb::Set | CatalogVerb::Cas) => {
                self.ensure_node(index, given.clone(), touched)?;
            }
            Some(CatalogVerb::DeleteCas) if current != Some(given.modify_index) => {
                return stale("delete");
            }
            Some(CatalogVerb::Delete | CatalogVerb::DeleteCas) => {
                self.delete_node(index, name, touched);
                return Ok(None);
            }
            None => return Err(format!("unknown Node verb {:?}", op.verb)),
        }
        self.node_meant(given)
    }

    /// A node by its UUID, where one is given, or else by name.
    fn node_meant(&self, given: &Node) -> Result<Option<Arc<Node>>, String> {
        let id = &given.id;
        if id.is_empty() {
            return Ok(self.node(&given.node).cloned());
        }
        check_uuid(id)
            .map_err(|why| format!("node lookup by ID failed, wrong UUID: {why} for '{id}'"))?;
        let name = self.node_ids.get(&**id);
        Ok(name.and_then(|name| self.node(name)).cloned())
    }
}
