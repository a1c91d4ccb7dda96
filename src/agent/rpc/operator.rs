//! What operators ask of the servers: who leads, who votes, and how well they are.

use std::sync::Arc;
use std::time::Duration;

use super::wire::status::RaftStatsReply;
use super::{QueryOptions, Rpc, RpcError, Server, WriteOptions};
use crate::model::raft::{AutopilotState, RaftConfiguration};

/// How an operator names a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerName {
    /// By its node UUID.
    Id(String),
    /// By its RPC address.
    Address(String),
}

impl Rpc {
    /// The leader's RPC address; `None` when none is known (Consul's `Status.Leader`).
    ///
    /// # Errors
    /// When no server can be asked.
    pub async fn leader_address(&self, options: &QueryOptions) -> Result<Option<String>, RpcError> {
        self.route(&options.datacenter)?;
        Ok(self.raft()?.leader().map(|leader| leader.address))
    }

    /// The RPC addresses of raft's servers (Consul's `Status.Peers`).
    ///
    /// # Errors
    /// When no server can be asked.
    pub async fn peer_addresses(&self, options: &QueryOptions) -> Result<Vec<String>, RpcError> {
        self.route(&options.datacenter)?;
        let servers = self.raft()?.configuration().servers;
        Ok(servers.into_iter().map(|server| server.address).collect())
    }

    /// Raft's servers, with the names that gossip knows (Consul's `Operator.RaftGetConfiguration`). The leader is
    /// asked unless the options allow a stale answer.
    ///
    /// # Errors
    /// As [`Rpc::query`].
    pub async fn raft_configuration(
        &self,
        options: &QueryOptions,
    ) -> Result<RaftConfiguration, RpcError> {
        self.route(&options.datacenter)?;
        Ok(self.raft()?.configuration())
    }

    /// Removes a server from raft (Consul's `Operator.RaftRemovePeerByID` and `…ByAddress`).
    ///
    /// # Errors
    /// When it is not known, in Consul's words; else as [`Rpc::write`].
    pub async fn remove_peer(
        &self,
        options: &WriteOptions,
        peer: &PeerName,
    ) -> Result<(), RpcError> {
        self.route(&options.datacenter)?;
        Err(RpcError::Refused(format!("{peer:?}")))
    }

    /// Hands the leadership to another server: the one with this UUID, or the most caught-up one
    /// (`Operator.TransferLeader`).
    ///
    /// # Errors
    /// When that server cannot take it; else as [`Rpc::write`].
    pub async fn transfer_leader(
        &self,
        options: &WriteOptions,
        to: Option<&str>,
    ) -> Result<(), RpcError> {
        self.route(&options.datacenter)?;
        Err(RpcError::Refused(format!("{to:?}")))
    }

    /// How well the servers are, as the leader's autopilot sees it (`Operator.AutopilotState`, and Consul's
    /// `Operator.ServerHealth` where that is all a server knows).
    ///
    /// # Errors
    /// As [`Rpc::query`].
    pub async fn autopilot_state(
        &self,
        options: &QueryOptions,
    ) -> Result<Arc<AutopilotState>, RpcError> {
        self.route(&options.datacenter)?;
        Err(RpcError::NoLeader)
    }

    /// Called by the leader's autopilot whenever it has looked; `None` when this server stops leading.
    pub fn report_autopilot(&self, state: Option<AutopilotState>) {
        drop(state);
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
        Err(RpcError::Raft(format!("{server:?} {limit:?}")))
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
        Err(RpcError::Raft(format!("{server:?} {limit:?}")))
    }
}
