//! From a method's name to its answer.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::agent::rpc::Rpc;
use crate::agent::rpc::net::{BoxFuture, CallFailure, Dispatch};
use crate::agent::rpc::wire::coordinate::DatacenterMap;
use crate::agent::rpc::wire::{
    catalog, coordinate, internal, kvs, operator, prepared_query, session, txn, unknown_method,
};

use super::limits::WriteLimits;

/// A reply as bytes, or why there is none.
pub(super) type Answer = Result<Vec<u8>, CallFailure>;

/// Fires user events for other agents (Consul's `Internal.EventFire`).
pub trait Events: Send + Sync + 'static {
    /// Broadcasts an event; the payload is complete, as the agents understand it.
    fn fire(&self, name: String, payload: Bytes) -> BoxFuture<'_, Result<(), String>>;
}

/// What this server knows of other datacenters.
pub trait Federation: Send + Sync + 'static {
    /// The datacenters, nearest first, this one included.
    fn datacenters(&self) -> Vec<String>;

    /// The coordinates of the datacenters' servers.
    fn coordinates(&self) -> BoxFuture<'_, Result<Vec<DatacenterMap>, String>>;
}

/// Answers calls of other agents.
pub struct Dispatcher {
    pub(super) rpc: Rpc,
    pub(super) events: Arc<dyn Events>,
    pub(super) federation: Option<Arc<dyn Federation>>,
    pub(super) limits: WriteLimits,
}

impl Dispatcher {
    /// Answers over this server's handle; writes have the default limits, and other datacenters are not known.
    pub fn new(rpc: Rpc, events: Arc<dyn Events>) -> Self {
        Self {
            rpc,
            events,
            federation: None,
            limits: WriteLimits::default(),
        }
    }

    /// The same with the agent's own limits of writes.
    #[must_use]
    pub fn with_limits(self, limits: WriteLimits) -> Self {
        Self { limits, ..self }
    }

    /// The same with what is known of other datacenters.
    #[must_use]
    pub fn with_federation(self, federation: Arc<dyn Federation>) -> Self {
        Self {
            federation: Some(federation),
            ..self
        }
    }
}

impl Dispatch for Dispatcher {
    fn call<'a>(
        &'a self,
        _from: SocketAddr,
        method: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Answer> {
        // Boxed one by one: each future is as large as it has to be.
        match method.split_once('.').map_or("", |(service, _)| service) {
            "KVS" => Box::pin(async move { self.kvs(method, &body).await }),
            "Health" => Box::pin(async move { self.health(method, &body).await }),
            "Catalog" => Box::pin(async move { self.catalog(method, &body).await }),
            "Txn" => Box::pin(async move { self.txn(method, &body).await }),
            "Coordinate" => Box::pin(async move { self.coordinate(method, &body).await }),
            "Session" => Box::pin(async move { self.session(method, &body).await }),
            "PreparedQuery" => Box::pin(async move { self.prepared_query(method, &body).await }),
            "Status" => Box::pin(async move { self.status(method, &body) }),
            "Operator" => Box::pin(async move { self.operator(method, &body).await }),
            "Internal" => Box::pin(async move { self.internal(method, &body).await }),
            _ => Box::pin(async move { self.absent(method, &body).await }),
        }
    }

    fn is_read(&self, method: &str) -> bool {
        !WRITES.contains(&method)
    }
}

/// What is finished even when nobody waits for the answer any more.
const WRITES: [&str; 12] = [
    prepared_query::APPLY,
    kvs::APPLY,
    txn::APPLY,
    catalog::REGISTER,
    catalog::DEREGISTER,
    coordinate::UPDATE,
    session::APPLY,
    operator::AUTOPILOT_SET_CONFIGURATION,
    operator::RAFT_REMOVE_PEER_BY_ADDRESS,
    operator::RAFT_REMOVE_PEER_BY_ID,
    operator::TRANSFER_LEADER,
    internal::EVENT_FIRE,
];

/// The answer to a method that does not exist.
pub(super) fn unknown(method: &str) -> CallFailure {
    CallFailure::Unreadable(unknown_method(method))
}

/// A refusal in words of our own.
pub(super) fn failed(why: impl Into<String>) -> CallFailure {
    CallFailure::Failed(why.into())
}
