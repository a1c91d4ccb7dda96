//! Transactions: written, and what they need permission for.

use crate::agent::store::{Command, Response, State, vet_txn};
use crate::model::access::{Requirement, Resource};
use crate::model::txn::{
    CatalogVerb, CheckTxnOp, ServiceTxnOp, TxnError, TxnOp, TxnResponse, TxnSubject,
};

use super::{Rpc, RpcError, WriteOptions};

impl Rpc {
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

    /// Checks operations where they are written, and fills in what is missing. What is wrong with an operation,
    /// permissions included, is told of that operation.
    pub(super) fn admit_txn(
        &self,
        state: &State,
        token: &str,
        ops: &mut [TxnOp],
    ) -> Result<Vec<TxnError>, RpcError> {
        let mut errors = vet_txn(ops);
        for (op_index, op) in ops.iter().enumerate() {
            match self.may_run(state, token, op) {
                Ok(()) => {}
                Err(denied @ RpcError::PermissionDenied) => errors.push(TxnError {
                    op_index,
                    what: denied.to_string(),
                }),
                Err(other) => return Err(other),
            }
        }
        errors.sort_by_key(|error| error.op_index);
        errors.dedup_by_key(|error| error.op_index);
        Ok(errors)
    }

    /// Checks the permissions that an operation needs.
    ///
    /// # Errors
    /// When one of them is missing or the token is not known.
    pub(super) fn may_run(&self, state: &State, token: &str, op: &TxnOp) -> Result<(), RpcError> {
        requirements(state, op)
            .iter()
            .try_for_each(|needed| self.authorize(token, &needed.requirement()))
    }
}

/// A permission that an operation needs, with a name of its own.
#[derive(Debug, PartialEq, Eq)]
struct Needed {
    resource: Resource,
    name: Vec<u8>,
    reads: bool,
}

impl Needed {
    fn new(resource: Resource, name: impl Into<Vec<u8>>, reads: bool) -> Self {
        Self {
            resource,
            name: name.into(),
            reads,
        }
    }

    fn requirement(&self) -> Requirement<'_> {
        if self.reads {
            Requirement::read(self.resource, &self.name)
        } else {
            Requirement::write(self.resource, &self.name)
        }
    }
}

fn requirements(state: &State, op: &TxnOp) -> Vec<Needed> {
    match op.subject() {
        None => Vec::new(),
        Some(TxnSubject::Kv(op)) => {
            let resource = if matches!(op.verb.as_str(), "delete-tree" | "get-tree") {
                Resource::KeyPrefix
            } else {
                Resource::Key
            };
            vec![Needed::new(resource, op.key.as_bytes(), op.is_read())]
        }
        Some(TxnSubject::Node(op)) => {
            vec![Needed::new(
                Resource::Node,
                op.node.node.as_str(),
                is_get(&op.verb),
            )]
        }
        Some(TxnSubject::Service(op)) => of_service(state, op),
        Some(TxnSubject::Check(op)) => of_check(state, op),
    }
}

fn is_get(verb: &str) -> bool {
    CatalogVerb::parse(verb) == Some(CatalogVerb::Get)
}

/// The service that is named, and the one that the instance belongs to now: an id alone must not let anybody at it.
fn of_service(state: &State, op: &ServiceTxnOp) -> Vec<Needed> {
    let current = state.instance(&op.node, &op.service.id);
    let names = [
        (!is_get(&op.verb)).then(|| op.service.service.clone()),
        current.map(|current| current.service.clone()),
    ];
    let mut needed: Vec<Needed> = names
        .into_iter()
        .flatten()
        .map(|name| Needed::new(Resource::Service, name, is_get(&op.verb)))
        .collect();
    needed.dedup();
    needed
}

/// A check of a service counts as that service, any other as the node; one that is moved counts as both.
fn of_check(state: &State, op: &CheckTxnOp) -> Vec<Needed> {
    let (given, reads) = (&op.check, is_get(&op.verb));
    let known = state.check(&given.node, &given.check_id);
    let owners = [
        known.as_ref().map(|known| known.service_id.as_str()),
        (!reads).then_some(given.service_id.as_str()),
    ];
    let mut needed: Vec<Needed> = owners
        .into_iter()
        .flatten()
        .map(|owner| match state.instance(&given.node, owner) {
            Some(service) => Needed::new(Resource::Service, service.service.as_str(), reads),
            None => Needed::new(Resource::Node, given.node.as_str(), reads),
        })
        .collect();
    needed.dedup();
    needed
}

#[cfg(test)]
mod tests;
