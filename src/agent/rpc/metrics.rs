//! What requests to the servers count, under Consul's names.

use crate::agent::store::Command;
use crate::agent::telemetry::metrics::{Counter, Metrics, Sample};

/// Handles that are resolved once, so that a request costs no look-up.
#[derive(Clone)]
pub(super) struct RpcMetrics {
    metrics: Metrics,
    /// Reads.
    pub(super) query: Counter,
    /// Reads that wait.
    pub(super) blocking: Counter,
    /// Writes.
    pub(super) request: Counter,
    /// Requests that failed.
    pub(super) failed: Counter,
    /// Calls of this client to servers.
    pub(super) client_calls: Counter,
    /// Calls of this client beyond `limits.rpc_rate`.
    pub(super) client_exceeded: Counter,
    kv: Sample,
    txn: Sample,
    register: Sample,
    deregister: Sample,
    session: Sample,
    /// Renewals of sessions.
    pub(super) session_renew: Sample,
}

impl RpcMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            metrics: metrics.clone(),
            query: metrics.counter("rpc.query"),
            blocking: metrics.counter("rpc.queries_blocking"),
            request: metrics.counter("rpc.request"),
            failed: metrics.counter("rpc.request_error"),
            client_calls: metrics.counter("client.rpc"),
            client_exceeded: metrics.counter("client.rpc.exceeded"),
            kv: metrics.sample("kvs.apply"),
            txn: metrics.sample("txn.apply"),
            register: metrics.sample("catalog.register"),
            deregister: metrics.sample("catalog.deregister"),
            session: metrics.sample("session.apply"),
            session_renew: metrics.sample("session.renew"),
        }
    }

    /// Counts a read of a service's instances, by the service's name.
    pub(super) fn service_query(&self, service: &str) {
        self.metrics
            .counter_with("catalog.service.query", &[("service", service)])
            .incr();
    }

    /// Counts a call of this client that a server failed to answer.
    pub(super) fn client_failed(&self, server: &str) {
        self.metrics
            .counter_with("client.rpc.failed", &[("server", server)])
            .incr();
    }

    /// Where the time of a command is recorded, for those that Consul times.
    pub(super) fn time_of(&self, command: &Command) -> Option<Sample> {
        match command {
            Command::Kv(_) => Some(self.kv.clone()),
            Command::Txn(_) => Some(self.txn.clone()),
            Command::Register(_) => Some(self.register.clone()),
            Command::Deregister(_) => Some(self.deregister.clone()),
            Command::Session(_) => Some(self.session.clone()),
            _ => None,
        }
    }
}
