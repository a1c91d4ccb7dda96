//! Servers and clients in one process, over real sockets.

mod bench;
mod blocking;
pub(in crate::agent::rpc) mod cluster;
mod failover;
mod forwarding;
mod operators;
mod permissions;
