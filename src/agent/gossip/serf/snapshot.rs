//! The lines of the snapshot file: section 12 of the wire format.

use std::net::SocketAddr;

use crate::agent::gossip::wire::{LamportTime, NodeName};

/// One line of the snapshot file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotLine {
    /// `alive: <name> <ip:port>`
    Alive { name: NodeName, address: SocketAddr },
    /// `not-alive: <name>`
    NotAlive { name: NodeName },
    /// `clock: <time>`
    Clock(LamportTime),
    /// `event-clock: <time>`
    EventClock(LamportTime),
    /// `query-clock: <time>`
    QueryClock(LamportTime),
    /// `leave`
    Leave,
}

/// What a snapshot file tells at the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// Members that were alive.
    pub alive: Vec<(NodeName, SocketAddr)>,
    pub clock: LamportTime,
    pub event_clock: LamportTime,
    pub query_clock: LamportTime,
}
