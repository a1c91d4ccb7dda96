//! Raft's messages between servers: our own frames over a [`Transport`] that others provide.
//!
//! openraft asks for a network per peer and per duty; every request becomes one frame. The other
//! side answers it with [`super::Raft::serve`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

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

use super::campaign::Campaign;
use super::deferral::Deferral;
use super::medium::BoxFuture;
use super::meters::{Meters, PeerMeters};
use super::pipeline::{self, Patience};
use super::reports::{Kind, Reports};
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
pub(super) type Addresses = Arc<ArcSwap<BTreeMap<String, Place>>>;

/// What the membership says of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Its RPC address.
    pub(super) address: String,
    /// Whether it votes.
    pub(super) votes: bool,
}

/// Makes openraft's networks.
#[derive(Clone)]
pub(super) struct Networks {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) addresses: Addresses,
    /// Told when a snapshot is being sent.
    pub(super) deferral: Deferral,
    /// Told when votes are asked for.
    pub(super) campaign: Arc<Campaign>,
    /// Which failures the log has told of.
    pub(super) reports: Arc<Reports>,
    pub(super) meters: Arc<Meters>,
}

/// openraft's way to one peer.
#[derive(Clone)]
pub(super) struct Network {
    transport: Arc<dyn Transport>,
    addresses: Addresses,
    deferral: Deferral,
    campaign: Arc<Campaign>,
    reports: Arc<Reports>,
    meters: PeerMeters,
    /// Entries get through: the clones of one way share it.
    flows: Arc<AtomicBool>,
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
            campaign: Arc::clone(&self.campaign),
            reports: Arc::clone(&self.reports),
            meters: self.meters.peer(&node.uuid),
            flows: Arc::default(),
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
        let moved = moved.filter(|now| now.address != self.peer.address);
        let moved = moved.map(|now| Peer {
            id: self.peer.id.clone(),
            address: now.address,
        });
        let peer = moved.as_ref().unwrap_or(&self.peer);
        let answer = self.transport.call(peer, self.lane, call, body, limit);
        let answer = answer.await;
        let kind = match (call, self.lane) {
            (Call::Vote | Call::PreVote, _) => Kind::Vote,
            (Call::Snapshot, _) => Kind::Snapshot,
            (_, Lane::Heartbeat) => Kind::Heartbeat,
            (_, Lane::Replication | Lane::Snapshot) => Kind::Append,
        };
        match &answer {
            Ok(_) => self.reports.succeeds(&self.peer.id, kind),
            Err(error) => self.tell_failure(peer, kind, error),
        }
        answer.map_err(|e| match e {
            TransportError::Unreachable(..) => RPCError::Unreachable(Unreachable::new(&e)),
            TransportError::Broken(_) => RPCError::Network(NetworkError::new(&e)),
        })
    }

    fn tell_failure(&self, peer: &Peer, kind: Kind, error: &TransportError) {
        if kind == Kind::Append && self.flows.swap(false, Ordering::Relaxed) {
            let peer = self.server(peer);
            tracing::info!(target: "agent.server.raft", %peer, "aborting pipeline replication");
        }
        if !self.reports.fails(&peer.id, kind) {
            return;
        }
        let server = self.server(peer);
        match kind {
            Kind::Vote => {
                tracing::error!(target: "agent.server.raft", target = %server, %error, "failed to make requestVote RPC");
            }
            Kind::Heartbeat => {
                tracing::error!(target: "agent.server.raft", peer = %peer.address, %error, "failed to heartbeat to");
            }
            Kind::Append => {
                tracing::error!(target: "agent.server.raft", peer = %server, %error, "failed to appendEntries to");
            }
            Kind::Snapshot => {
                tracing::error!(target: "agent.server.raft", peer = %server, %error, "failed to send snapshot to");
            }
        }
    }

    /// A server as hashicorp/raft prints it.
    fn server(&self, peer: &Peer) -> String {
        let places = self.addresses.load();
        let votes = places.get(&peer.id).is_none_or(|place| place.votes);
        let suffrage = if votes { "Voter" } else { "Nonvoter" };
        format!("{{{suffrage} {} {}}}", peer.id, peer.address)
    }

    /// Sends a message with so many entries that is already encoded.
    pub(super) async fn append(
        &self,
        body: Vec<u8>,
        entries: usize,
        limit: Duration,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        let began = Instant::now();
        let answer = self.send(Call::Append, body, limit).await?;
        if self.lane == Lane::Heartbeat {
            self.meters.beat(began.elapsed());
        } else {
            self.meters.appended(entries, began.elapsed());
        }
        let answer = wire::decode_append_answer(&answer).map_err(|e| garbled(&e))?;
        let is_taken = matches!(
            answer,
            AppendEntriesResponse::Success | AppendEntriesResponse::PartialSuccess(_)
        );
        if is_taken
            && self.lane == Lane::Replication
            && !self.flows.load(Ordering::Relaxed)
            && !self.flows.swap(true, Ordering::Relaxed)
        {
            let peer = self.server(&self.peer);
            tracing::info!(target: "agent.server.raft", %peer, "pipelining replication");
        }
        Ok(answer)
    }

    /// Notes a vote that was granted.
    fn note_vote(&self, term: u64, answer: &VoteResponse<TypeConfig>) {
        if answer.vote_granted {
            let tally = self.campaign.granted(term);
            tracing::debug!(target: "agent.server.raft", from = %self.peer.id, term, tally, "vote granted");
        }
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
        let body = wire::encode_append(&rpc).map_err(|e| NetworkError::new(&e))?;
        self.append(body, rpc.entries.len(), option.soft_ttl())
            .await
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
        let term = rpc.vote.leader_id().term;
        self.campaign.asks(term, rpc.leadership_transfer);
        let answer = self
            .call(Call::Vote, wire::encode_vote_request(&rpc), &option)
            .await?;
        let answer = wire::decode_vote_answer(&answer).map_err(|e| garbled(&e))?;
        self.note_vote(term, &answer);
        Ok(answer)
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        self.campaign.asks(rpc.vote.leader_id().term, false);
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
        let began = Instant::now();
        let send = snapshot_transfer::send(self, vote, snapshot, option.hard_ttl());
        tokio::select! {
            answer = send => {
                let answer = answer?;
                self.meters.sent_snapshot(began.elapsed());
                Ok(answer)
            }
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
