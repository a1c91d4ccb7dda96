//! The operations of a transaction in their order.

use crate::agent::store::command::Response;
use crate::agent::store::state::State;
use crate::agent::store::topic::Touched;
use crate::model::txn::{TxnError, TxnOp, TxnResponse, TxnResult, TxnSubject};

use super::vet::is_without_key;

/// Most results of a transaction: many trees of many keys would take the memory of every server.
pub(super) const MAX_RESULTS: usize = 1 << 20;

impl State {
    pub(in crate::agent::store) fn apply_txn(
        &mut self,
        index: u64,
        ops: &[TxnOp],
        touched: &mut Touched,
    ) -> Response {
        let (mut copy, mut copy_touched) = (self.clone(), touched.clone());
        let response = copy.run_txn(index, ops, &mut copy_touched);
        if response.errors.is_none() {
            *self = copy;
            *touched = copy_touched;
        }
        Response::Txn(response)
    }

    /// Runs the operations in order on this very state; with errors the state is to be dropped.
    pub(in crate::agent::store) fn run_txn(
        &mut self,
        index: u64,
        ops: &[TxnOp],
        touched: &mut Touched,
    ) -> TxnResponse {
        let mut errors = without_key(ops);
        if !errors.is_empty() {
            return TxnResponse::refused(errors);
        }
        let mut results = Vec::new();
        for (op_index, op) in ops.iter().enumerate() {
            match self.run_op(index, op, touched) {
                Ok(found) if results.len() + found.len() > MAX_RESULTS => {
                    let what = format!("the transaction has more than {MAX_RESULTS} results");
                    errors.push(TxnError { op_index, what });
                    break;
                }
                Ok(found) => results.extend(found),
                Err(what) => errors.push(TxnError { op_index, what }),
            }
        }
        if !errors.is_empty() {
            return TxnResponse::refused(errors);
        }
        TxnResponse {
            results: Some(results),
            errors: None,
        }
    }

    fn run_op(
        &mut self,
        index: u64,
        op: &TxnOp,
        touched: &mut Touched,
    ) -> Result<Vec<TxnResult>, String> {
        // Consul passes over an operation that says nothing.
        let Some(subject) = op.subject() else {
            return Ok(Vec::new());
        };
        let found = match subject {
            TxnSubject::Kv(op) => {
                let pairs = self.run_kv_op(index, op, touched)?;
                return Ok(pairs.into_iter().map(TxnResult::Kv).collect());
            }
            TxnSubject::Node(op) => self.run_node_op(index, op, touched)?.map(TxnResult::Node),
            TxnSubject::Service(op) => self
                .run_service_op(index, op, touched)?
                .map(TxnResult::Service),
            TxnSubject::Check(op) => self.run_check_op(index, op, touched)?.map(TxnResult::Check),
        };
        Ok(found.into_iter().collect())
    }
}

/// Consul refuses operations on the empty key before it runs any.
fn without_key(ops: &[TxnOp]) -> Vec<TxnError> {
    let refusal = |(op_index, op): (usize, &TxnOp)| {
        is_without_key(op.kv.as_ref()?).then(|| TxnError {
            op_index,
            what: "Must provide key".to_owned(),
        })
    };
    ops.iter().enumerate().filter_map(refusal).collect()
}

/// Whether the index that `cas` expects is that of what is there; 0 expects nothing.
pub(super) const fn may_set(expected: u64, current: Option<u64>) -> bool {
    match current {
        Some(current) => current == expected,
        None => expected == 0,
    }
}
