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
        let command = Command::Kv(KvCommand { verb, pair });
        match self.write(options, &Requirement::OPEN, command).await? {
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
        match self
            .write(options, &Requirement::OPEN, Command::Txn(ops))
            .await?
        {
            Response::Txn(answer) => Ok(answer),
            other => Err(RpcError::Raft(format!("a transaction answered {other:?}"))),
        }
    }

    /// Checks a command where it is written, and fills in what is missing.
    pub(super) fn admit(
        &self,
        options: &WriteOptions,
        command: &mut Command,
    ) -> Result<(), RpcError> {
        let token = &options.token;
        match command {
            Command::Kv(KvCommand { verb, pair }) => {
                let resource = if *verb == KvVerb::DeleteTree {
                    Resource::KeyPrefix
                } else {
                    Resource::Key
                };
                self.authorize(token, &Requirement::write(resource, pair.key.as_bytes()))
            }
            Command::Txn(ops) => self.admit_txn(token, ops),
            Command::Register(request) => self.admit_registration(token, request),
            Command::Deregister(request) => self.admit_deregistration(token, request),
            Command::PreparedQuery(command) => self.admit_prepared_query(command),
            _ => Ok(()),
        }
    }

    fn admit_txn(&self, token: &str, ops: &[TxnOp]) -> Result<(), RpcError> {
        for kv in ops.iter().filter_map(|op| op.kv.as_ref()) {
            let requirement = if kv.is_read() {
                Requirement::read(Resource::Key, kv.key.as_bytes())
            } else {
                Requirement::write(Resource::Key, kv.key.as_bytes())
            };
            self.authorize(token, &requirement)?;
        }
        Ok(())
    }
}
