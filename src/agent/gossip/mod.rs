//! Membership: the serf wire format and its state machines (pure) and the driver.
//!
//! For now the pool is this agent alone: joining comes with the gossip driver.

mod handle;

pub use handle::{GossipHandle, JoinError, LocalMember};
