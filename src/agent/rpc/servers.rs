//! The servers that requests can be sent to, and which of them is next. Pure.

use std::net::SocketAddr;

/// A server of this datacenter, as gossip knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its node UUID.
    pub id: String,
    /// Its node name.
    pub name: String,
    /// Its RPC address.
    pub address: SocketAddr,
}
