//! Requests to servers: forwarding to the leader and to other datacenters, consistency, blocking.

mod blocking;
mod catalog;
mod coordinates;
pub mod dispatch;
mod error;
mod founding;
mod handle;
mod kv;
mod metrics;
pub mod net;
mod operator;
mod options;
mod raft_transport;
mod servers;
pub mod wire;

pub use coordinates::LeaderInbox;
pub use error::RpcError;
pub use handle::{Rpc, RpcSettings};
pub use operator::PeerName;
pub use options::{Consistency, QueryMeta, QueryOptions, WriteOptions};
pub use raft_transport::{RaftService, RaftTransport};
pub use servers::Server;
