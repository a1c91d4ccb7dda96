//! Writes of keys, and what is checked before any write.

use crate::agent::raft::Raft;
use crate::agent::store::{Command, KvCommand, KvVerb, Response};
use crate::model::access::{Requirement, Resource};
use crate::model::kv::KvPair;
use crate::model::txn::TxnResponse;

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

    /// Checks a command where it is written, and fills in what is missing. With an answer, there is nothing to write.
    pub(super) fn admit(
        &self,
        raft: &Raft,
        options: &WriteOptions,
        command: &mut Command,
    ) -> Result<Option<Response>, RpcError> {
        let token = &options.token;
        match command {
            Command::Kv(KvCommand { verb, pair }) => {
                let resource = if *verb == KvVerb::DeleteTree {
                    Resource::KeyPrefix
                } else {
                    Resource::Key
                };
                self.authorize(token, &Requirement::write(resource, pair.key.as_bytes()))?;
            }
            Command::Txn(ops) => {
                let errors = self.admit_txn(&raft.state(), token, ops)?;
                return Ok(
                    (!errors.is_empty()).then(|| Response::Txn(TxnResponse::refused(errors)))
                );
            }
            Command::Register(request) => self.admit_registration(token, request)?,
            Command::Deregister(request) => self.admit_deregistration(token, request)?,
            Command::Session(command) => self.admit_session(token, command)?,
            Command::PreparedQuery(command) => self.admit_prepared_query(token, command)?,
            _ => {}
        }
        Ok(None)
    }
}
