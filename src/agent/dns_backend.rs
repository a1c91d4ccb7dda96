//! Where DNS takes its answers from.

use std::time::Duration;

use crate::agent::dns::world::{FetchError, Need};
use crate::agent::dns::{Backend, Fetch, Servers, Staleness, StoreView, fetch};
use crate::agent::rpc::wire::RemoteQuery;
use crate::agent::rpc::{Consistency, QueryOptions, Rpc, RpcError};

/// A server's published state; for the rest, and on clients for all, the servers.
pub(super) struct DnsBackend {
    rpc: Rpc,
}

impl DnsBackend {
    pub(super) fn new(rpc: Rpc) -> Self {
        Self { rpc }
    }
}

impl Backend for DnsBackend {
    type Catalog = StoreView;

    fn local(&self, staleness: Staleness) -> Option<StoreView> {
        // How old the state is stands in answers only: under a limit a server asks for them as a client does.
        if !staleness.allowed || staleness.most < Staleness::default().most {
            return None;
        }
        self.rpc.stale_state().map(StoreView)
    }

    async fn fetch(&self, staleness: Staleness, need: &Need) -> Fetch<Self> {
        let rpc = &self.rpc;
        fetch(&Asking { rpc, staleness }, need).await
    }
}

/// The servers, as one question may ask them.
struct Asking<'a> {
    rpc: &'a Rpc,
    staleness: Staleness,
}

impl Servers for Asking<'_> {
    /// An answer that is older than it may be is asked for again at the leader, as in Consul.
    async fn ask<Q: RemoteQuery>(
        &self,
        datacenter: &str,
        query: Q,
    ) -> Result<Q::Answer, FetchError> {
        let mut options = QueryOptions {
            datacenter: datacenter.to_owned(),
            ..QueryOptions::default()
        };
        if self.staleness.allowed {
            options.consistency = Consistency::Stale;
            let (answer, meta) = self
                .rpc
                .query(&options, &query)
                .await
                .map_err(|error| failed(&error))?;
            if Duration::from_millis(meta.last_contact_ms) <= self.staleness.most {
                return Ok(answer);
            }
            options.consistency = Consistency::Default;
        }
        let (answer, _) = self
            .rpc
            .query(&options, &query)
            .await
            .map_err(|error| failed(&error))?;
        Ok(answer)
    }
}

fn failed(error: &RpcError) -> FetchError {
    if error.is_query_not_found() {
        return FetchError::NoQuery;
    }
    tracing::error!(target: "agent.dns", %error, "rpc error");
    if error.is_no_path() {
        FetchError::NoPath
    } else {
        FetchError::Unavailable
    }
}
