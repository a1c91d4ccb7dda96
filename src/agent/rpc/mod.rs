//! Requests to servers: forwarding to the leader and to other datacenters, consistency, blocking.

mod blocking;
mod catalog;
mod error;
mod handle;
mod kv;
mod metrics;
pub mod net;
mod options;
mod raft_transport;
pub mod wire;

pub use error::RpcError;
pub use handle::{Rpc, RpcSettings};
pub use options::{Consistency, QueryMeta, QueryOptions, WriteOptions};
pub use raft_transport::{RaftService, RaftTransport};
