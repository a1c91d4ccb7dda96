//! What is asked of operations before any of them runs.

use crate::model::registration::{check_node, complete_check, complete_service};
use crate::model::txn::{KvTxnOp, TxnError, TxnOp};

/// Checks operations where they are about to be written, and fills in what Consul fills in.
///
/// Operations that only get something are left alone: they say themselves what they do not find. One verb that there is
/// not is refused when it runs.
pub fn vet(ops: &mut [TxnOp]) -> Vec<TxnError> {
    let mut errors = Vec::new();
    for (op_index, op) in ops.iter_mut().enumerate() {
        if let Err(what) = vet_op(op) {
            errors.push(TxnError { op_index, what });
        }
    }
    errors
}

fn vet_op(op: &mut TxnOp) -> Result<(), String> {
    op.keep_subject();
    if op.kv.as_ref().is_some_and(is_without_key) {
        return Err("Must provide key".to_owned());
    }
    if let Some(op) = op.node.as_mut().filter(|op| op.verb != "get") {
        check_node(&op.node.node, &op.node.id)?;
    }
    if let Some(op) = op.service.as_mut().filter(|op| op.verb != "get") {
        complete_service(&mut op.service)?;
    }
    if let Some(op) = op.check.as_mut().filter(|op| op.verb != "get") {
        complete_check(&mut op.check);
    }
    Ok(())
}

/// The empty key is none; as the tree's it is all keys.
pub(super) fn is_without_key(op: &KvTxnOp) -> bool {
    op.key.as_bytes().is_empty() && op.verb != "delete-tree"
}
