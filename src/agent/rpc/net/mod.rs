//! Port 8300: connections between agents. Calls over multiplexed streams, raft's frames, snapshot streams; the
//! listener and the clients.

mod budget;
mod calls;
mod clients;
mod dial;
mod exchange;
mod handlers;
mod limits;
mod link;
mod listener;
mod paced;
mod pool;
mod raft_client;
mod raft_frame;
mod raft_server;
mod session;
mod snapshot_client;

pub use handlers::{
    BoxFuture, CallFailure, Dispatch, DuplexStream, Handlers, RaftFrames, SnapshotStreams,
};
pub use limits::Limits;
pub use listener::Listener;
pub use pool::{CallError, Pool, PoolSettings};
pub use raft_client::{RaftCallError, RaftLinks};
pub use snapshot_client::{SnapshotStreamError, open_snapshot_stream, relay};

pub(super) use exchange::write_paced;

#[cfg(test)]
mod tests;
