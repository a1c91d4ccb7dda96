//! Operations on keys.

use std::sync::Arc;

use crate::agent::store::state::State;
use crate::agent::store::topic::Touched;
use crate::model::kv::{Blob, KvPair};
use crate::model::txn::KvTxnOp;

impl State {
    pub(super) fn run_kv_op(
        &mut self,
        index: u64,
        op: &KvTxnOp,
        touched: &mut Touched,
    ) -> Result<Vec<KvPair>, String> {
        let pair = KvPair {
            key: op.key.clone(),
            value: op.value.clone(),
            flags: op.flags,
            session: op.session.clone(),
            ..KvPair::default()
        };
        let key = &op.key;
        let stale = |verb: &str| format!("failed to {verb} key \"{key}\", index is stale");
        let written = match op.verb.as_str() {
            "set" => self.kv_set(index, &pair, touched),
            "cas" => self
                .kv_cas(index, &pair, op.index, touched)
                .ok_or_else(|| stale("set"))?,
            "lock" => self
                .kv_lock(index, &pair, touched)?
                .ok_or_else(|| format!("failed to lock key \"{key}\", lock is already held"))?,
            "unlock" if op.session.is_empty() => return Err("missing session".to_owned()),
            "unlock" => self.kv_unlock(index, &pair, touched).ok_or_else(|| {
                format!(
                    "failed to unlock key \"{key}\", lock isn't held, or is held by another session"
                )
            })?,
            "delete" => {
                self.kv_delete(index, key, touched);
                return Ok(Vec::new());
            }
            "delete-cas" => {
                return if self.kv_delete_cas(index, key, op.index, touched) {
                    Ok(Vec::new())
                } else {
                    Err(stale("delete"))
                };
            }
            "delete-tree" => {
                self.kv_delete_tree(index, key, touched);
                return Ok(Vec::new());
            }
            _ => return self.read_kv_op(op),
        };
        Ok(vec![without_value(&written)])
    }

    /// The verbs that change nothing.
    fn read_kv_op(&self, op: &KvTxnOp) -> Result<Vec<KvPair>, String> {
        let key = &op.key;
        let found = self.kv(key.as_bytes());
        match op.verb.as_str() {
            "get" => {
                let pair = found.ok_or_else(|| format!("key \"{key}\" doesn't exist"))?;
                Ok(vec![KvPair::clone(pair)])
            }
            "get-tree" => Ok(self
                .kv_prefix(key.as_bytes())
                .map(|pair| KvPair::clone(pair))
                .collect()),
            "check-session" => {
                let pair = found.ok_or_else(|| {
                    format!("failed to check session, key \"{key}\" doesn't exist")
                })?;
                if pair.session != op.session {
                    return Err(format!(
                        "failed session check for key \"{key}\", current session {:?} != {:?}",
                        pair.session, op.session
                    ));
                }
                Ok(vec![without_value(pair)])
            }
            "check-index" => {
                let pair = found
                    .ok_or_else(|| format!("failed to check index, key \"{key}\" doesn't exist"))?;
                if pair.modify_index != op.index {
                    return Err(format!(
                        "failed index check for key \"{key}\", current modify index {} != {}",
                        pair.modify_index, op.index
                    ));
                }
                Ok(vec![without_value(pair)])
            }
            "check-not-exists" if found.is_some() => Err(format!("key \"{key}\" exists")),
            "check-not-exists" => Ok(Vec::new()),
            verb => Err(format!("unknown KV verb {verb:?}")),
        }
    }
}

/// Consul answers writes and checks without the value.
fn without_value(pair: &Arc<KvPair>) -> KvPair {
    KvPair {
        value: Blob::default(),
        ..KvPair::clone(pair)
    }
}
