//! A member as the failure detector knows it.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::agent::gossip::wire::{NodeName, NodeState, PeerState, Versions};
use crate::model::mono::Mono;

/// A member as the failure detector knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    pub name: NodeName,
    pub address: SocketAddr,
    pub meta: Bytes,
    pub versions: Versions,
    pub incarnation: u32,
    pub state: PeerState,
    /// When the state became what it is.
    pub changed_at: Mono,
}

impl Peer {
    /// Whether it answers pings by stream.
    pub const fn understands_stream_pings(&self) -> bool {
        self.versions.protocol_max() >= 3
    }

    /// Whether it says so when the target of an indirect ping does not answer.
    pub const fn understands_nacks(&self) -> bool {
        self.versions.protocol_max() >= 4
    }

    /// Whether it checks sums of packets.
    pub const fn understands_crc(&self) -> bool {
        self.versions.protocol_max() >= 5
    }

    /// As a push/pull tells it.
    pub fn to_node_state(&self) -> NodeState {
        NodeState {
            node: self.name.clone(),
            address: self.address,
            meta: self.meta.clone(),
            incarnation: self.incarnation,
            state: self.state,
            versions: self.versions,
        }
    }
}
