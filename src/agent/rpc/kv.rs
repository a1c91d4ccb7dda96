//! Writes of keys and transactions.

use crate::agent::store::{Command, KvCommand, KvVerb, Response};
use crate::model::access::{Requirement, Resource};
use crate::model::kv::KvPair;
use crate::model::txn::{TxnOp, TxnResponse};

use super::{Rpc, RpcError, WriteOptions};

impl Rpc {
    /// Changes a key (Consul's `KVS.Apply`); false when CAS or a lock failed.
    ///
    /// # Errors
    /// As [`Rpc::write`].
    pub async fn kv_apply(
        &self,
        options: &WriteOptions,
        verb: KvVerb,
        pair: KvPair,
    ) -> Result<bool, RpcError> {
        let key = pair.key.clone();
        let resource = if verb == KvVerb::DeleteTree {
            Resource::KeyPrefix
        } else {
            Resource::Key
        };
        let requirement = Requirement::write(resource, key.as_bytes());
        let command = Command::Kv(KvCommand { verb, pair });
        match self.write(options, &requirement, command).await? {
            Response::Bool(done) => Ok(done),
            _ => Ok(true),
        }
    }

    /// Runs a transaction that writes (Consul's `Txn.Apply`).
    ///
    /// # Errors
    /// As [`Rpc::write`]; failed operations are part of the answer.
    pub async fn txn_apply(
        &self,
        options: &WriteOptions,
        ops: Vec<TxnOp>,
    ) -> Result<TxnResponse, RpcError> {
        for kv in ops.iter().filter_map(|op| op.kv.as_ref()) {
            let requirement = if kv.is_read() {
                Requirement::read(Resource::Key, kv.key.as_bytes())
            } else {
                Requirement::write(Resource::Key, kv.key.as_bytes())
            };
            self.authorize(&options.token, &requirement)?;
        }
        match self
            .write(options, &Requirement::OPEN, Command::Txn(ops))
            .await?
        {
            Response::Txn(answer) => Ok(answer),
            other => Err(RpcError::Raft(format!("a transaction answered {other:?}"))),
        }
    }
}
