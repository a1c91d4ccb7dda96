//! Calls that write, and transactions.

use crate::agent::rpc::WriteOptions;
use crate::agent::rpc::net::CallFailure;
use crate::agent::rpc::wire::session::ReadNothing;
use crate::agent::rpc::wire::{
    ReadOptions, RemoteQuery, decode_command, encode_response, kvs, txn,
};
use crate::agent::store::{
    Command, KvCommand, KvGet, KvKeys, KvList, Query as _, Response, TxnRead,
};
use crate::model::access::{Requirement, Resource};
use crate::model::txn::{TxnOp, TxnResponse};

use super::dispatcher::{Answer, Dispatcher, failed, unknown};
use super::limits::{empty_operations, writing_operations};

impl Dispatcher {
    /// `KVS`.
    pub(super) async fn kvs(&self, method: &str, body: &[u8]) -> Answer {
        match method {
            kvs::APPLY => self.write(method, body).await,
            KvGet::METHOD => self.read::<KvGet>(body).await,
            KvList::METHOD => self.read::<KvList>(body).await,
            KvKeys::METHOD => self.read::<KvKeys>(body).await,
            _ => Err(unknown(method)),
        }
    }

    /// `Txn`.
    pub(super) async fn txn(&self, method: &str, body: &[u8]) -> Answer {
        match method {
            txn::APPLY => self.write(method, body).await,
            txn::READ => self.read_txn(body).await,
            _ => Err(unknown(method)),
        }
    }

    /// Answers a call that writes, after the checks that all writes of its kind have.
    pub(super) async fn write(&self, method: &str, body: &[u8]) -> Answer {
        let Some((options, command)) = decode_command(method, body)? else {
            return Err(unknown(method));
        };
        self.limits.check(&command, body.len()).map_err(failed)?;
        let response = self.carry_out(&options, command).await?;
        Ok(encode_response(method, response)?)
    }

    async fn carry_out(
        &self,
        options: &WriteOptions,
        command: Command,
    ) -> Result<Response, CallFailure> {
        let rpc = &self.rpc;
        match command {
            Command::Register(request) => rpc.register(options, *request).await?,
            Command::Deregister(request) => rpc.deregister(options, request).await?,
            Command::Kv(KvCommand { verb, pair }) => {
                let done = rpc.kv_apply(options, verb, pair).await?;
                if kvs::is_conditional(verb) {
                    return Ok(Response::Bool(done));
                }
            }
            Command::Txn(ops) => return self.apply_txn(options, ops).await.map(Response::Txn),
            Command::Coordinates(updates) => {
                for update in updates {
                    rpc.update_coordinate(options, update).await?;
                }
            }
            Command::PreparedQuery(command) => {
                let id = rpc.prepared_query_apply(options, command).await?;
                return Ok(Response::Id(id));
            }
            operators => {
                let requirement = Requirement::write(Resource::Operator, &[]);
                return Ok(rpc.write(options, &requirement, operators).await?);
            }
        }
        Ok(Response::Done)
    }

    /// What reads only is not written to the log.
    async fn apply_txn(
        &self,
        options: &WriteOptions,
        ops: Vec<TxnOp>,
    ) -> Result<TxnResponse, CallFailure> {
        let empty = empty_operations(&ops);
        if !empty.is_empty() {
            return Ok(TxnResponse::refused(empty));
        }
        if !writing_operations(&ops).is_empty() {
            return Ok(self.rpc.txn_apply(options, ops).await?);
        }
        let mut reading = ReadOptions::default();
        reading.query.datacenter.clone_from(&options.datacenter);
        reading.query.token.clone_from(&options.token);
        self.may_read(&options.token, &ops)?;
        let (_, response) = self.query(&reading, &TxnRead { ops }).await?;
        Ok(response)
    }

    async fn read_txn(&self, body: &[u8]) -> Answer {
        let (options, read) = TxnRead::decode_request(body)?;
        let checked = self.limits.check_txn(&read.ops, body.len());
        checked.map_err(failed)?;
        let mut errors = empty_operations(&read.ops);
        errors.extend(writing_operations(&read.ops));
        self.may_read(&options.query.token, &read.ops)?;
        let (meta, response) = if errors.is_empty() {
            self.query(&options, &read).await?
        } else {
            errors.sort_by_key(|error| error.op_index);
            let (meta, ()) = self.query(&options, &ReadNothing).await?;
            (meta, TxnResponse::refused(errors))
        };
        Ok(TxnRead::encode_reply(&meta, response)?)
    }

    fn may_read(&self, token: &str, ops: &[TxnOp]) -> Result<(), CallFailure> {
        let state = self.rpc.stale_state().unwrap_or_default();
        for op in ops {
            self.rpc.may_run(&state, token, op)?;
        }
        Ok(())
    }
}
