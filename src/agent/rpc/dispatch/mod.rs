//! What this server answers to other agents on port 8300: Consul's methods over [`super::Rpc`].

mod absent;
mod catalog;
mod dispatcher;
mod failure;
mod limits;
mod operator;
mod prepared_query;
mod reads;
mod sessions;
mod snapshots;
mod writes;

pub use dispatcher::{Dispatcher, Events, Federation};
pub use limits::WriteLimits;
pub use snapshots::SnapshotService;

#[cfg(test)]
mod tests;
