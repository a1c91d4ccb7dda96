//! Raft's messages between servers: our own frames over a [`Transport`] that others provide.
//!
//! openraft asks for a network per peer and per duty; every request becomes one frame. The other
//! side answers it with [`super::Raft::serve`].

use std::sync::Arc;
use std::time::Duration;

use openraft::RaftNetworkFactory;
use openraft::alias::VoteOf;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use thiserror::Error;

use super::medium::BoxFuture;
use super::snapshot_transfer;
use super::snapshots::SnapshotBody;
use super::types::{NodeInfo, Snapshot, TypeConfig};
use super::wire::{self, WireError};

/// A server to talk to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its node UUID.
    pub id: String,
    /// Its RPC address, `ip:port`.
    pub address: String,
}

/// What a frame asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Append entries, or a heartbeat without any.
    Append,
    /// A vote in an election.
    Vote,
    /// Whether a vote would be granted.
    PreVote,
    /// Install a snapshot; the body is large.
    Snapshot,
    /// Take over the leadership.
    TransferLeader,
}

/// Frames of one lane must not wait for those of another: give each a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Entries and elections.
    Replication,
    /// Proofs of life.
    Heartbeat,
    /// Snapshots.
    Snapshot,
}

/// Why a frame got no answer.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The peer cannot be connected to: openraft backs off.
    #[error("{0} is unreachable: {1}")]
    Unreachable(String, String),
    /// The connection broke or the peer refused: openraft tries again.
    #[error("{0}")]
    Broken(String),
}

/// Carries frames to other servers.
pub trait Transport: Send + Sync + 'static {
    /// Sends a frame and waits at most `timeout` for the answer.
    fn call<'a>(
        &'a self,
        peer: &'a Peer,
        lane: Lane,
        call: Call,
        body: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, TransportError>>;
}

/// The transport of a server that is alone.
#[derive(Debug, Default)]
pub struct NoTransport;

impl Transport for NoTransport {
    fn call<'a>(
        &'a self,
        peer: &'a Peer,
        _: Lane,
        _: Call,
        _: Vec<u8>,
        _: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, TransportError>> {
        let error = TransportError::Unreachable(peer.address.clone(), "no transport".to_owned());
        Box::pin(std::future::ready(Err(error)))
    }
}

/// Makes openraft's networks.
#[derive(Clone)]
pub(super) struct Networks(pub(super) Arc<dyn Transport>);

/// openraft's way to one peer.
pub(super) struct Network {
    transport: Arc<dyn Transport>,
    peer: Peer,
    lane: Lane,
}

impl Networks {
    fn to(&self, node: &NodeInfo, lane: Lane) -> Network {
        Network {
            transport: Arc::clone(&self.0),
            peer: Peer {
                id: node.uuid.clone(),
                address: node.address.clone(),
            },
            lane,
        }
    }
}

impl RaftNetworkFactory<TypeConfig> for Networks {
    type Network = Network;

    async fn new_client(&mut self, _: u64, node: &NodeInfo) -> Network {
        self.to(node, Lane::Replication)
    }

    async fn new_heartbeat_client(&mut self, _: u64, node: &NodeInfo) -> Network {
        self.to(node, Lane::Heartbeat)
    }

    async fn new_snapshot_client(&mut self, _: u64, node: &NodeInfo) -> Network {
        self.to(node, Lane::Snapshot)
    }
}

impl Network {
    async fn call(
        &self,
        call: Call,
        body: Result<Vec<u8>, WireError>,
        option: &RPCOption,
    ) -> Result<Vec<u8>, RPCError<TypeConfig>> {
        let body = body.map_err(|e| NetworkError::new(&e))?;
        let answer = self
            .transport
            .call(&self.peer, self.lane, call, body, option.soft_ttl())
            .await;
        answer.map_err(|e| failed(&e))
    }
}

/// What a failed call is to openraft.
pub(super) fn failed(error: &TransportError) -> RPCError<TypeConfig> {
    match error {
        TransportError::Unreachable(..) => RPCError::Unreachable(Unreachable::new(error)),
        TransportError::Broken(_) => RPCError::Network(NetworkError::new(error)),
    }
}

/// An answer that is not one of ours.
pub(super) fn garbled(e: &WireError) -> RPCError<TypeConfig> {
    RPCError::Network(NetworkError::new(e))
}

impl RaftNetworkV2<TypeConfig> for Network {
    type SnapshotData = SnapshotBody;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        let body = wire::encode_append(&rpc);
        let answer = self.call(Call::Append, body, &option).await?;
        wire::decode_append_answer(&answer).map_err(|e| garbled(&e))
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        let answer = self
            .call(Call::Vote, wire::encode_vote_request(&rpc), &option)
            .await?;
        wire::decode_vote_answer(&answer).map_err(|e| garbled(&e))
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        let answer = self
            .call(Call::PreVote, wire::encode_vote_request(&rpc), &option)
            .await?;
        wire::decode_vote_answer(&answer).map_err(|e| garbled(&e))
    }

    async fn full_snapshot(
        &mut self,
        vote: VoteOf<TypeConfig>,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let send = snapshot_transfer::send(
            &*self.transport,
            &self.peer,
            vote,
            snapshot,
            option.hard_ttl(),
        );
        tokio::select! {
            answer = send => Ok(answer?),
            closed = cancel => Err(StreamingError::Closed(closed)),
        }
    }

    async fn transfer_leader(
        &mut self,
        rpc: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RPCError<TypeConfig>> {
        let answer = self
            .call(Call::TransferLeader, wire::encode_transfer(&rpc), &option)
            .await?;
        wire::decode_transfer_answer(&answer).map_err(|e| garbled(&e))
    }
}
