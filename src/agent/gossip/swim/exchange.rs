//! Exchanging the whole state with one member: push/pull (sections 4 and 6.4 of the wire format).

use std::net::SocketAddr;

use bytes::Bytes;

use crate::agent::gossip::wire::{
    Accusation, Alive, Message, NodeState, PeerState, PushPull, Versions, encode_push_pull,
};
use crate::model::mono::Mono;

use super::delegate::Delegate;
use super::detector::Swim;
use super::io::{ExchangeId, Notice, Output, StreamId};
use super::peer::Peer;
use super::peers::is_present;

/// Set in the ids of exchanges that nobody asked for.
const OWN: ExchangeId = 1 << 63;
/// Exchanges that wait for the other side at once; more are refused.
pub(super) const EXCHANGES_MAX: usize = 1024;

/// An exchange that waits for the other side's state.
#[derive(Debug)]
pub(super) struct Exchange {
    to: SocketAddr,
    join: bool,
}

/// Why a state was not merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum MergeError {
    /// Some member does not understand another one.
    #[error("Node '{node}' {what} ({current}) is incompatible: [{min}, {max}]")]
    Incompatible {
        node: String,
        what: &'static str,
        current: u8,
        min: u8,
        max: u8,
    },
    /// The layer above does not want these members.
    #[error("{0}")]
    Refused(String),
}

impl Swim {
    /// Exchanges state with a random member.
    pub(super) fn exchange_at_random(&mut self, above: &mut dyn Delegate) {
        let me = self.me;
        let chosen = self.peers.choose(1, &mut self.rng, |id, peer| {
            id != me && peer.state == PeerState::Alive
        });
        let Some(peer) = chosen.first() else {
            return;
        };
        let to = self.peers.get(*peer).address;
        self.last_exchange = self.last_exchange.wrapping_add(1);
        self.exchange(self.last_exchange | OWN, to, false, above);
    }

    /// Dials a member or a seed.
    pub(super) fn exchange(
        &mut self,
        id: ExchangeId,
        to: SocketAddr,
        join: bool,
        above: &mut dyn Delegate,
    ) {
        if self.exchanges.len() >= EXCHANGES_MAX || self.exchanges.contains_key(&id) {
            let reason = "too many exchanges of state at once".to_owned();
            self.end_exchange(id, to, Err(reason));
            return;
        }
        self.exchanges.insert(id, Exchange { to, join });
        let body = self.own_state(join, above);
        self.outputs.push_back(Output::PushPull {
            exchange: id,
            to,
            body,
        });
    }

    /// The other side's state, or why there is none.
    pub(super) fn exchanged(
        &mut self,
        now: Mono,
        id: ExchangeId,
        result: Result<PushPull, String>,
        above: &mut dyn Delegate,
    ) {
        let Some(exchange) = self.exchanges.remove(&id) else {
            return;
        };
        let result = result.and_then(|state| {
            let merged = self.merge(now, state, exchange.join, above);
            merged.map_err(|e| e.to_string())
        });
        self.end_exchange(id, exchange.to, result);
    }

    fn end_exchange(&mut self, id: ExchangeId, to: SocketAddr, result: Result<(), String>) {
        if id & OWN == 0 {
            self.outputs.push_back(Output::ExchangeDone { id, result });
        } else if let Err(reason) = result {
            self.notice(Notice::ExchangeFailed { to, reason });
        }
    }

    /// Answers a peer that dialled us; it gets our state even if we do not want its.
    pub(super) fn answer_exchange(
        &mut self,
        now: Mono,
        stream: StreamId,
        from: SocketAddr,
        state: PushPull,
        above: &mut dyn Delegate,
    ) {
        let join = state.join;
        let body = self.own_state(join, above);
        self.outputs.push_back(Output::StreamReply { stream, body });
        if let Err(error) = self.merge(now, state, join, above) {
            let reason = error.to_string();
            self.notice(Notice::ExchangeFailed { to: from, reason });
        }
    }

    /// All that we know.
    fn own_state(&self, join: bool, above: &mut dyn Delegate) -> Bytes {
        let user_state = above.local_state(join);
        let nodes = self.peers.iter().map(Peer::to_node_state);
        encode_push_pull(join, nodes, &user_state)
    }

    fn merge(
        &mut self,
        now: Mono,
        state: PushPull,
        join: bool,
        above: &mut dyn Delegate,
    ) -> Result<(), MergeError> {
        self.verify_versions(&state.nodes)?;
        if join {
            let peers: Vec<_> = state.nodes.iter().map(|n| self.to_peer(n, now)).collect();
            above.accepts_merge(&peers).map_err(MergeError::Refused)?;
        }
        for node in state.nodes {
            self.merge_node(now, node, above);
        }
        if !state.user_state.is_empty() {
            above.merge_remote_state(now, &state.user_state, join);
        }
        Ok(())
    }

    fn merge_node(&mut self, now: Mono, state: NodeState, above: &mut dyn Delegate) {
        let incarnation = state.incarnation;
        let accusation = |from| Accusation {
            incarnation,
            node: state.node.clone(),
            from,
        };
        match state.state {
            PeerState::Alive => {
                let alive = Alive {
                    incarnation,
                    node: state.node,
                    address: state.address,
                    meta: state.meta,
                    versions: state.versions,
                };
                self.alive(now, alive, above);
            }
            PeerState::Left => {
                let goodbye = accusation(state.node.clone());
                self.ask_who_left(&goodbye);
                self.dead(now, goodbye, above);
            }
            // Never believed second hand: the member gets the time to refute.
            PeerState::Suspect | PeerState::Dead => {
                let from = self.peers.get(self.me).name.clone();
                self.suspect(now, accusation(from));
            }
        }
    }

    /// Tells a member that seems to be here that a peer has heard it say goodbye. It may have come back since, with
    /// an incarnation that does not beat that of its last life: only itself can contradict, and nobody gossips with
    /// who left.
    fn ask_who_left(&mut self, goodbye: &Accusation) {
        let Some(id) = self.peers.find(&goodbye.node) else {
            return;
        };
        let peer = self.peers.get(id);
        if id == self.me || !is_present(peer.state) || goodbye.incarnation < peer.incarnation {
            return;
        }
        let (to, crc) = (peer.address, peer.understands_crc());
        let goodbye = Message::Dead(goodbye.clone());
        self.send_parts(to, vec![goodbye.encode()], crc);
    }

    fn to_peer(&self, state: &NodeState, now: Mono) -> Peer {
        Peer {
            name: state.node.clone(),
            address: self.fill_port(state.address),
            meta: state.meta.clone(),
            versions: state.versions,
            incarnation: state.incarnation,
            state: state.state,
            changed_at: now,
        }
    }

    /// Whether what every member speaks is understood by all that are alive, here and there.
    fn verify_versions(&self, remote: &[NodeState]) -> Result<(), MergeError> {
        let mut understood = Understood::default();
        for node in remote.iter().filter(|n| n.state == PeerState::Alive) {
            understood.narrow(node.versions);
        }
        for peer in self.peers.iter().filter(|p| p.state == PeerState::Alive) {
            understood.narrow(peer.versions);
        }
        for node in remote {
            understood.check(&node.node, node.versions)?;
        }
        for peer in self.peers.iter() {
            understood.check(&peer.name, peer.versions)?;
        }
        Ok(())
    }
}

/// Versions that everybody understands: lowest and highest of the protocol and of the delegate's protocol.
struct Understood {
    protocol: (u8, u8),
    delegate: (u8, u8),
}

impl Default for Understood {
    fn default() -> Self {
        Self {
            protocol: (0, u8::MAX),
            delegate: (0, u8::MAX),
        }
    }
}

impl Understood {
    fn narrow(&mut self, versions: Versions) {
        if !versions.is_complete() {
            return;
        }
        let both = |(min, max): (u8, u8), low, high| (min.max(low), max.min(high));
        self.protocol = both(
            self.protocol,
            versions.protocol_min(),
            versions.protocol_max(),
        );
        self.delegate = both(
            self.delegate,
            versions.delegate_min(),
            versions.delegate_max(),
        );
    }

    /// Members that do not tell all their versions speak version 0.
    fn check(&self, node: &str, versions: Versions) -> Result<(), MergeError> {
        let (protocol, delegate) = if versions.is_complete() {
            (versions.protocol_cur(), versions.delegate_cur())
        } else {
            (0, 0)
        };
        let table = [
            ("protocol version", protocol, self.protocol),
            ("delegate protocol version", delegate, self.delegate),
        ];
        for (what, current, (min, max)) in table {
            if current < min || current > max {
                return Err(MergeError::Incompatible {
                    node: node.to_owned(),
                    what,
                    current,
                    min,
                    max,
                });
            }
        }
        Ok(())
    }
}
