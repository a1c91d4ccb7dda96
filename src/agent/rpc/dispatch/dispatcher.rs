//! From a method's name to its answer.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::agent::rpc::Rpc;
use crate::agent::rpc::net::{BoxFuture, CallFailure, Dispatch};
use crate::agent::rpc::wire::unknown_method;

/// Fires user events for other agents (Consul's `Internal.EventFire`).
pub trait Events: Send + Sync + 'static {
    /// Broadcasts an event; the payload is complete, as the agents understand it.
    fn fire(&self, name: String, payload: Bytes) -> BoxFuture<'_, Result<(), String>>;
}

/// Answers calls of other agents.
pub struct Dispatcher {
    rpc: Rpc,
    events: Arc<dyn Events>,
}

impl Dispatcher {
    /// Answers over this server's handle.
    pub fn new(rpc: Rpc, events: Arc<dyn Events>) -> Self {
        Self { rpc, events }
    }
}

impl Dispatch for Dispatcher {
    fn call<'a>(
        &'a self,
        _from: SocketAddr,
        method: &'a str,
        _body: Bytes,
    ) -> BoxFuture<'a, Result<Vec<u8>, CallFailure>> {
        let _ = (&self.rpc, &self.events);
        Box::pin(async move { Err(CallFailure::Unreadable(unknown_method(method))) })
    }

    fn is_read(&self, _method: &str) -> bool {
        true
    }
}
