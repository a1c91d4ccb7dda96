//! A member as the failure detector knows it.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::agent::gossip::wire::{NodeName, PeerState, Versions};
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
