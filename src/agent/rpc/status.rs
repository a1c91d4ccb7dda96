//! What a server says of itself, to anybody.

use std::time::Duration;

use crate::agent::raft::Raft;

use super::net::BoxFuture;
use super::operator::Ask;
use super::wire::coordinate::{DatacenterMap, LIST_DATACENTERS, decode_datacenters};
use super::wire::status::{LEADER, PEERS, RAFT_STATS, RaftStatsReply, decode_leader, decode_peers};
use super::wire::{Nothing, decode_reply, encode};
use super::{QueryOptions, Rpc, RpcError, Server};

/// What hashicorp/raft calls a contact that never was.
const NEVER: &str = "never";

impl Rpc {
    /// The leader's RPC address; `None` when none is known (Consul's `Status.Leader`). Every server answers for itself.
    ///
    /// # Errors
    /// When no server can be asked.
    pub async fn leader_address(&self, options: &QueryOptions) -> Result<Option<String>, RpcError> {
        self.route(&options.datacenter)?;
        if let Some(raft) = &self.shared.raft {
            return Ok(raft.leader().map(|leader| leader.address));
        }
        let address = self.ask_any(LEADER, options, decode_leader).await?;
        Ok(Some(address).filter(|address| !address.is_empty()))
    }

    /// The RPC addresses of raft's servers (Consul's `Status.Peers`). Every server answers for itself.
    ///
    /// # Errors
    /// When no server can be asked.
    pub async fn peer_addresses(&self, options: &QueryOptions) -> Result<Vec<String>, RpcError> {
        self.route(&options.datacenter)?;
        match &self.shared.raft {
            Some(raft) => Ok(addresses(raft)),
            None => self.ask_any(PEERS, options, decode_peers).await,
        }
    }

    /// Where the servers of all datacenters are (Consul's `Coordinate.ListDatacenters`). For clients: servers know it
    /// from their own WAN pool.
    ///
    /// # Errors
    /// When no server can be asked.
    pub async fn datacenter_maps(&self) -> Result<Vec<DatacenterMap>, RpcError> {
        let options = QueryOptions::default();
        self.ask_any(LIST_DATACENTERS, &options, decode_datacenters)
            .await
    }

    /// How far a server's raft is, as it says itself (Consul's `Status.RaftStats`).
    ///
    /// # Errors
    /// When it does not answer within `limit`.
    pub async fn raft_stats_of(
        &self,
        server: &Server,
        limit: Duration,
    ) -> Result<RaftStatsReply, RpcError> {
        if let Some(raft) = self.own_raft(server) {
            return Ok(stats(raft));
        }
        let pool = &self.shared.pool;
        let request = encode(&Nothing {})?;
        let reply = pool
            .call(server.address, RAFT_STATS, &request, limit)
            .await?;
        Ok(decode_reply(&reply)?)
    }

    /// How far this server's raft is.
    ///
    /// # Errors
    /// On a client.
    pub fn own_raft_stats(&self) -> Result<RaftStatsReply, RpcError> {
        self.raft().map(stats)
    }

    /// The raft servers that a server knows (Consul's `Status.Peers`): empty when it is in no cluster yet. For the
    /// first bootstrap.
    ///
    /// # Errors
    /// When it does not answer within `limit`.
    pub async fn peers_of(
        &self,
        server: &Server,
        limit: Duration,
    ) -> Result<Vec<String>, RpcError> {
        if let Some(raft) = self.own_raft(server) {
            return Ok(addresses(raft));
        }
        let pool = &self.shared.pool;
        let request = self.read_nothing(&QueryOptions::default())?;
        let reply = pool.call(server.address, PEERS, &request, limit).await?;
        Ok(decode_peers(&reply)?)
    }

    /// This server's consensus, when it is meant.
    fn own_raft(&self, server: &Server) -> Option<&Raft> {
        let raft = self.shared.raft.as_ref()?;
        (raft.own_id() == server.id).then_some(raft)
    }

    /// Asks any server of a client's.
    async fn ask_any<T: Send + 'static>(
        &self,
        method: &'static str,
        options: &QueryOptions,
        answer: fn(&[u8]) -> Result<T, super::wire::DialectError>,
    ) -> Result<T, RpcError> {
        self.carry(Ask {
            method,
            body: self.read_nothing(options)?,
            is_read: true,
            is_stale: true,
            answer,
            // Servers have answered for themselves already.
            here: Box::new(|_, _| {
                let nobody = std::future::ready(Err(RpcError::NoServers));
                Box::pin(nobody) as BoxFuture<'static, _>
            }),
        })
        .await
    }
}

fn addresses(raft: &Raft) -> Vec<String> {
    let servers = raft.configuration().servers;
    servers.into_iter().map(|server| server.address).collect()
}

fn stats(raft: &Raft) -> RaftStatsReply {
    let stats = raft.stats();
    let entries = stats.entries();
    let contact = entries.into_iter().find(|(key, _)| *key == "last_contact");
    RaftStatsReply {
        last_contact: contact.map_or_else(|| NEVER.to_owned(), |(_, value)| value),
        last_index: stats.last_log_index,
        last_term: stats.last_log_term,
    }
}
