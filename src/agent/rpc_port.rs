//! Port 8300: taken first, served once there is something to serve.

use std::sync::Arc;

use bytes::Bytes;

use crate::agent::config::Config;
use crate::agent::gossip::GossipHandle;
use crate::agent::membership::{ServerInfo, wan_coordinates};
use crate::agent::raft::Raft;
use crate::agent::rpc::dispatch::{Dispatcher, Events, Federation, SnapshotService, WriteLimits};
use crate::agent::rpc::net::{BoxFuture, Handlers, Limits, Listener};
use crate::agent::rpc::wire::coordinate::DatacenterMap;
use crate::agent::rpc::{RaftService, Rpc, Server};
use crate::agent::user_events::PREFIX;

use super::reserved::{self, ReserveError};
use super::run::Background;

/// The port, before anything is served.
pub(super) struct RpcPort {
    listener: Listener,
    limits: Limits,
    writes: WriteLimits,
}

/// What answers on the port.
pub(super) struct Answering<'a> {
    pub(super) raft: &'a Raft,
    pub(super) rpc: &'a Rpc,
    pub(super) lan: &'a GossipHandle,
    pub(super) wan: Option<&'a GossipHandle>,
    /// This server's UUID.
    pub(super) node_id: &'a str,
}

impl RpcPort {
    /// Takes the port; `None` on a client.
    ///
    /// # Errors
    /// When it is taken.
    pub(super) async fn bind(config: &Config) -> Result<Option<Self>, ReserveError> {
        let Some(address) = config.addresses.rpc_bind.filter(|_| config.node.server) else {
            return Ok(None);
        };
        let listener = Listener::bind(address)
            .await
            .map_err(reserved::failed(address, "RPC"))?;
        let from = &config.limits;
        let limits = Limits {
            handshake_timeout: from.rpc_handshake_timeout,
            connections_per_client: usize::try_from(from.rpc_max_conns_per_client)
                .unwrap_or(usize::MAX),
            ..Limits::default()
        };
        let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let value_bytes = bytes(from.kv_max_value_size);
        let writes = WriteLimits {
            value_bytes,
            txn_bytes: bytes(from.txn_max_req_len).max(value_bytes),
        };
        Ok(Some(Self {
            listener,
            limits,
            writes,
        }))
    }

    /// Serves until the agent stops.
    pub(super) fn serve(self, answering: &Answering<'_>, background: &Background) {
        let events = Arc::new(Pool(answering.lan.clone()));
        let rpc = answering.rpc.clone();
        let mut calls = Dispatcher::new(rpc.clone(), events).with_limits(self.writes);
        if let Some(wan) = answering.wan {
            calls = calls.with_federation(Arc::new(Wan {
                pool: wan.clone(),
                datacenter: rpc.datacenter().to_owned(),
            }));
        }
        let handlers = Handlers {
            calls: Arc::new(calls),
            raft: Arc::new(RaftService::new(
                answering.raft.clone(),
                answering.node_id.to_owned(),
            )),
            snapshots: Arc::new(SnapshotService::new(rpc)),
        };
        let stop = background.stop.clone();
        background
            .tasks
            .spawn(self.listener.serve(handlers, self.limits, stop));
    }
}

/// The LAN pool, for other agents' user events.
struct Pool(GossipHandle);

impl Events for Pool {
    fn fire(&self, name: String, payload: Bytes) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let name = format!("{PREFIX}{name}");
            let fired = self.0.user_event(&name, payload, false).await;
            fired.map(drop).map_err(|error| error.to_string())
        })
    }
}

/// The WAN pool, for other agents' questions. Requests for other datacenters are not forwarded, so that only this one is
/// listed.
struct Wan {
    pool: GossipHandle,
    datacenter: String,
}

impl Federation for Wan {
    fn datacenters(&self) -> Vec<String> {
        vec![self.datacenter.clone()]
    }

    fn coordinates(&self) -> BoxFuture<'_, Result<Vec<DatacenterMap>, String>> {
        Box::pin(async {
            let found = wan_coordinates(&self.pool).await;
            found
                .map(DatacenterMap::of_wan)
                .map_err(|error| error.to_string())
        })
    }
}

/// Tells `rpc` of the datacenter's servers for as long as the pool lives.
pub(super) async fn follow_servers(lan: GossipHandle, rpc: Rpc) {
    let mut changes = lan.changes();
    loop {
        changes.mark_unchanged();
        let datacenter = rpc.datacenter().to_owned();
        let members = lan.members();
        let servers = members.iter().filter_map(ServerInfo::of);
        let present =
            servers.filter(|server| server.is_present() && server.datacenter == datacenter);
        let named = members.iter().filter_map(ServerInfo::of);
        rpc.set_names(named.map(|server| (server.id, server.name)).collect());
        rpc.set_servers(
            present
                .map(|server| Server {
                    id: server.id,
                    name: server.name,
                    address: server.rpc,
                })
                .collect(),
        );
        if changes.changed().await.is_err() {
            return;
        }
    }
}
