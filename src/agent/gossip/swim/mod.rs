//! The failure detector: SWIM with Lifeguard, as memberlist does it. Pure.

mod awareness;
mod config;
mod delegate;
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
mod swim;
mod timing;

pub use config::{Config, LocalNode};
pub use delegate::{Change, Delegate};
pub use io::{ExchangeId, Input, Notice, Output, Packet, StreamId};
pub use peer::Peer;
pub use queue::{BroadcastQueue, Ticket};
pub use swim::Swim;
pub use timing::{ceil_log10, retransmit_limit};
