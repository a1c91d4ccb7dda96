//! What may enter the log from the wire: no more than what may from HTTP. Pure.

use crate::agent::store::Command;
use crate::model::coordinate::NodeCoordinate;
use crate::model::kv::Key;
use crate::model::txn::{MAX_TXN_OPS, TxnError, TxnOp, TxnSubject};

/// Longest name of a node whose coordinate is taken.
const NODE_NAME_BYTES: usize = 1024;
/// What an operation takes on the wire beyond its JSON, which leaves out what is not set: whatever HTTP took on another
/// agent must be taken here.
const OPERATION_BYTES: usize = 256;
/// Consul's default of both limits.
const DEFAULT_BYTES: usize = 512 * 1024;
/// The end of the refusal of what Consul can do and this version cannot.
pub(super) const NOT_BUILT: &str = "are not supported by this version of consulctl";

/// The agent's limits of writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteLimits {
    /// Largest value of a key (`limits.kv_max_value_size`).
    pub value_bytes: usize,
    /// Largest request with a transaction (`limits.txn_max_req_len`).
    pub txn_bytes: usize,
}

impl Default for WriteLimits {
    fn default() -> Self {
        Self {
            value_bytes: DEFAULT_BYTES,
            txn_bytes: DEFAULT_BYTES,
        }
    }
}

impl WriteLimits {
    /// Checks a command that arrived with so many bytes.
    ///
    /// # Errors
    /// With the reason, in the words that HTTP uses.
    pub(super) fn check(&self, command: &Command, bytes: usize) -> Result<(), String> {
        match command {
            Command::Kv(command) => self.check_value(&command.pair.key, command.pair.value.0.len()),
            Command::Txn(ops) => self.check_txn(ops, bytes),
            Command::Coordinates(coordinates) => {
                let too_long = |update: &NodeCoordinate| update.node.len() > NODE_NAME_BYTES;
                if coordinates.iter().any(too_long) {
                    return Err("Must provide node".to_owned());
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Checks a transaction, whether it writes or not.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub(super) fn check_txn(&self, ops: &[TxnOp], bytes: usize) -> Result<(), String> {
        let limit = self.txn_bytes;
        if bytes > limit.saturating_add(MAX_TXN_OPS * OPERATION_BYTES) {
            return Err(format!(
                "Request body({bytes} bytes) too large, max size: {limit} bytes."
            ));
        }
        if ops.len() > MAX_TXN_OPS {
            return Err(format!(
                "Transaction contains too many operations ({} > {MAX_TXN_OPS})",
                ops.len()
            ));
        }
        for kv in ops.iter().filter_map(|op| op.kv.as_ref()) {
            self.check_value(&kv.key, kv.value.0.len())?;
        }
        Ok(())
    }

    fn check_value(&self, key: &Key, bytes: usize) -> Result<(), String> {
        let limit = self.value_bytes;
        if bytes > limit {
            return Err(format!(
                "Value for key \"{key}\" is too large ({bytes} > {limit} bytes)"
            ));
        }
        Ok(())
    }
}

/// Operations that say nothing, which Consul refuses before it runs any.
pub(super) fn empty_operations(ops: &[TxnOp]) -> Vec<TxnError> {
    let empty = |(op_index, op): (usize, &TxnOp)| {
        op.subject().is_none().then(|| TxnError {
            op_index,
            what: "no operation specified".to_owned(),
        })
    };
    ops.iter().enumerate().filter_map(empty).collect()
}

/// Operations that write, in a transaction that may only read.
pub(super) fn writing_operations(ops: &[TxnOp]) -> Vec<TxnError> {
    let errors = ops.iter().enumerate().filter_map(|(op_index, op)| {
        let (entry, verb) = match op.subject()? {
            TxnSubject::Kv(op) => ("kvs entry", &op.verb),
            TxnSubject::Node(op) => ("node", &op.verb),
            TxnSubject::Service(op) => ("service", &op.verb),
            TxnSubject::Check(op) => ("check", &op.verb),
        };
        let (doing, cannot) = match verb.as_str() {
            "set" | "cas" | "lock" | "unlock" => ("inserting", "insert"),
            "delete" | "delete-cas" | "delete-tree" => ("deleting", "delete"),
            _ => return None,
        };
        let what = format!("failed {doing} {entry}: cannot {cannot} in read-only transaction");
        Some(TxnError { op_index, what })
    });
    errors.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::store::{KvCommand, KvVerb};
    use crate::model::kv::{Blob, KvPair};
    use crate::model::txn::{KvTxnOp, NodeTxnOp};

    const LIMITS: WriteLimits = WriteLimits {
        value_bytes: 10,
        txn_bytes: 1000,
    };

    fn op(verb: &str, value: &'static [u8]) -> TxnOp {
        TxnOp {
            kv: Some(KvTxnOp {
                verb: verb.to_owned(),
                key: Key::from("k"),
                value: Blob(value.into()),
                ..KvTxnOp::default()
            }),
            ..TxnOp::default()
        }
    }

    #[test]
    fn values_have_a_limit_wherever_they_are() {
        let set = |value: &'static [u8]| {
            Command::Kv(KvCommand {
                verb: KvVerb::Set,
                pair: KvPair {
                    key: Key::from("k"),
                    value: Blob(value.into()),
                    ..KvPair::default()
                },
            })
        };
        let refusal = "Value for key \"k\" is too large (11 > 10 bytes)";
        assert_eq!(LIMITS.check(&set(b"0123456789"), 0), Ok(()));
        assert_eq!(LIMITS.check(&set(b"0123456789a"), 0).unwrap_err(), refusal);
        let txn = Command::Txn(vec![op("set", b"0123456789a")]);
        assert_eq!(LIMITS.check(&txn, 0).unwrap_err(), refusal);
    }

    #[test]
    fn transactions_have_limits() {
        let of = |count| vec![op("get", b""); count];
        let most = 1000 + 128 * OPERATION_BYTES;
        assert_eq!(LIMITS.check_txn(&of(128), most), Ok(()));
        let refusal = LIMITS.check_txn(&of(129), 1000).unwrap_err();
        assert_eq!(
            refusal,
            "Transaction contains too many operations (129 > 128)"
        );
        let refusal = LIMITS.check_txn(&of(1), most + 1).unwrap_err();
        assert!(refusal.contains("too large"), "{refusal}");
    }

    #[test]
    fn operations_that_do_not_belong_are_named() {
        let node = |verb: &str| TxnOp {
            node: Some(Box::new(NodeTxnOp {
                verb: verb.to_owned(),
                ..NodeTxnOp::default()
            })),
            ..TxnOp::default()
        };
        let ops = [
            op("get", b""),
            TxnOp::default(),
            op("delete-cas", b""),
            node("get"),
            node("set"),
        ];
        let places = |errors: Vec<TxnError>| -> Vec<usize> {
            errors.iter().map(|error| error.op_index).collect()
        };
        assert_eq!(places(empty_operations(&ops)), [1]);
        assert_eq!(places(writing_operations(&ops)), [2, 4]);
        assert_eq!(
            writing_operations(&ops)[1].what,
            "failed inserting node: cannot insert in read-only transaction"
        );
    }

    #[test]
    fn nodes_of_coordinates_have_sensible_names() {
        let update = |len: usize| {
            Command::Coordinates(vec![NodeCoordinate {
                node: "n".repeat(len),
                ..NodeCoordinate::default()
            }])
        };
        assert_eq!(LIMITS.check(&update(1024), 0), Ok(()));
        assert!(LIMITS.check(&update(1025), 0).is_err());
    }
}
