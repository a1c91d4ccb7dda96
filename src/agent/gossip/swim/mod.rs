//! The failure detector: SWIM with Lifeguard, as memberlist does it. Pure.

mod config;
mod delegate;
mod io;
mod peer;

pub use config::{Config, LocalNode};
pub use delegate::{Change, Delegate};
pub use io::{ExchangeId, Input, Notice, Output, Packet, StreamId};
pub use peer::Peer;
