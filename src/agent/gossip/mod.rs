//! Membership: the serf wire format and its state machines (pure), and the driver that has the sockets.

mod arrivals;
mod complaints;
mod driver;
mod handle;
mod inbound;
mod keyring_file;
mod log;
mod meters;
mod nonce;
mod notices;
mod outbound;
mod pool;
mod resolve;
mod roster;
pub mod serf;
mod settings;
mod snapshot_file;
mod sockets;
mod streams;
pub mod swim;
pub mod wire;

pub use handle::{GossipError, GossipHandle, JoinError};
pub use keyring_file::KeyringFileError;
pub use pool::{BoundGossip, Gossip, GossipStartError};
pub use serf::{Event, KeyOperation, KeyReport, MemberChange, QueryReply, QueryRequest};
pub use settings::GossipSettings;
pub use snapshot_file::SnapshotFileError;
pub use sockets::BindError;

#[cfg(test)]
mod tests;
