//! User events: fired by operators, carried by gossip to every agent, remembered for
//! `/v1/event/list` and the watches on it.

mod codec;
mod concern;
mod fire;
mod follow;
mod receive;
mod ring;

pub use codec::PREFIX;
pub use concern::{OwnService, OwnServices};
pub use fire::{FireError, Firing, UserEvents};
pub use receive::Receiver;
pub use ring::RING;
