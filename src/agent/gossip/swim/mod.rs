//! The failure detector: SWIM with Lifeguard, as memberlist does it. Pure.

mod awareness;
mod config;
mod delegate;
mod detector;
mod exchange;
mod gossip;
mod io;
mod leave;
mod peer;
mod peers;
mod probe;
mod queue;
mod relay;
mod rules;
mod suspicion;
#[cfg(test)]
mod tests;
mod timing;
mod unrest;

pub use config::{Config, LocalNode};
pub use delegate::{Change, Delegate};
pub use detector::Swim;
pub(super) use io::pop_or_shrink;
pub use io::{ExchangeId, Input, Notice, Output, Packet, StreamId};
pub use peer::Peer;
pub use queue::{BroadcastQueue, Ticket};
pub use timing::{ceil_log10, retransmit_limit};
pub use unrest::{MemberUnrest, WINDOW};
