//! What members say of their part in gossip: every agent answers a query of our own, and one that is
//! asked (`/v1/consulctl/gossip`) gathers the answers.

mod answer;
mod ask;
mod gathering;
mod own;
mod payload;

pub use answer::Answering;
pub use ask::{ANSWERS_FOR, Asking, GossipReports, PATIENCE, SETTLE};
