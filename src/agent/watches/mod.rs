//! The agent's own watches: handlers that run when keys, services, nodes, checks or events change.

mod http;
mod script;
mod set;
mod source;

pub use set::Watches;
pub use source::{AgentSource, Asked, Source};
