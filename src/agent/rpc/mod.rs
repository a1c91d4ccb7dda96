//! Requests to servers: forwarding to the leader, consistency, blocking. Other datacenters have no path yet.

mod blocking;
mod catalog;
mod coordinates;
pub mod dispatch;
mod error;
mod forward;
mod founding;
mod handle;
mod kept;
mod kv;
mod metrics;
pub mod net;
mod operator;
mod options;
mod patience;
mod prepared_query;
mod raft_transport;
mod rate;
mod read;
mod rebalance;
mod servers;
mod session_clocks;
mod sessions;
mod snapshot;
mod status;
mod txn;
pub mod wire;
mod write;

pub use coordinates::LeaderInbox;
pub use error::RpcError;
pub use handle::{ClusterSize, Rpc, RpcSettings};
pub use kept::KeptKey;
pub use operator::PeerName;
pub use options::{Consistency, QueryMeta, QueryOptions, WriteOptions};
pub use raft_transport::{RaftService, RaftTransport};
pub use rate::RateLimit;
pub use servers::Server;
pub use session_clocks::{SessionClocks, SessionTimers};
pub use sessions::{MAX_SESSION_TTL, MIN_SESSION_TTL};
pub use snapshot::SnapshotReader;

#[cfg(test)]
mod tests;
