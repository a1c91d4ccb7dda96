//! Raft's messages between servers: our own frames over a [`Transport`] that others provide.
//!
//! openraft asks for a network per peer and per duty; every request becomes one frame. The other
//! side answers it with [`super::Raft::serve`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use openraft::RaftNetworkFactory;
use openraft::alias::VoteOf;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult,
    TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, base};
use thiserror::Error;
use tokio_stream::Stream;

use super::deferral::Deferral;
use super::medium::BoxFuture;
use super::pipeline::{self, Patience};
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

/// Where servers are now, by UUID; written by the observer of the membership, read with every frame. openraft keeps
/// its way to a peer when the membership gives that peer another address.
pub(super) type Addresses = Arc<ArcSwap<BTreeMap<String, String>>>;

/// Makes openraft's networks.
#[derive(Clone)]
pub(super) struct Networks {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) addresses: Addresses,
    /// Told when a snapshot is being sent.
    pub(super) deferral: Deferral,
}

/// openraft's way to one peer.
#[derive(Clone)]
pub(super) struct Network {
    transport: Arc<dyn Transport>,
    addresses: Addresses,
    deferral: Deferral,
    peer: Peer,
    lane: Lane,
}

impl Networks {
    /// The way to a server on a lane.
    pub(super) fn to(&self, node: &NodeInfo, lane: Lane) -> Network {
        Network {
            transport: Arc::clone(&self.transport),
            addresses: Arc::clone(&self.addresses),
            deferral: self.deferral.clone(),
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
        self.send(call, body, option.soft_ttl()).await
    }

    /// Sends a frame on this network's lane.
    pub(super) async fn send(
        &self,
        call: Call,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<Vec<u8>, RPCError<TypeConfig>> {
        let moved = self.addresses.load().get(&self.peer.id).cloned();
        let moved = moved.filter(|now| *now != self.peer.address);
        let moved = moved.map(|address| Peer {
            id: self.peer.id.clone(),
            address,
        });
        let peer = moved.as_ref().unwrap_or(&self.peer);
        let answer = self.transport.call(peer, self.lane, call, body, limit);
        answer.await.map_err(|e| match e {
            TransportError::Unreachable(..) => RPCError::Unreachable(Unreachable::new(&e)),
            TransportError::Broken(_) => RPCError::Network(NetworkError::new(&e)),
        })
    }

    /// Sends a message with entries that is already encoded.
    pub(super) async fn append(
        &self,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        let answer = self.send(Call::Append, body, limit).await?;
        wire::decode_append_answer(&answer).map_err(|e| garbled(&e))
    }
}

/// The answers to a stream of messages with entries.
pub(super) type Answers<'s> =
    base::BoxStream<'s, Result<StreamAppendResult<TypeConfig>, RPCError<TypeConfig>>>;

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

    fn stream_append<S>(
        &mut self,
        input: S,
        option: RPCOption,
    ) -> base::BoxFuture<'_, Result<Answers<'_>, RPCError<TypeConfig>>>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + OptionalSend + Unpin + 'static,
    {
        let patience = match self.lane {
            // A proof of life that is late is none.
            Lane::Heartbeat => Patience::exactly(option.soft_ttl()),
            Lane::Replication | Lane::Snapshot => Patience::with_entries(option.hard_ttl()),
        };
        let answers = pipeline::appends(self.clone(), input, patience);
        Box::pin(std::future::ready(Ok(answers)))
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
        let _sending = self.deferral.begin_sending();
        let send = snapshot_transfer::send(self, vote, snapshot, option.hard_ttl());
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
