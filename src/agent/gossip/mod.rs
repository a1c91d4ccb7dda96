//! Membership: the serf wire format and its state machines (pure), and the driver that has the sockets.

mod handle;
pub mod serf;
mod settings;
pub mod swim;
pub mod wire;

pub use handle::{GossipError, GossipHandle, JoinError};
pub use serf::{Event, KeyOperation, KeyReport, MemberChange, QueryReply, QueryRequest};
pub use settings::GossipSettings;
