//! What this server answers to other agents on port 8300: Consul's methods over [`super::Rpc`].

mod dispatcher;
mod snapshots;

pub use dispatcher::{Dispatcher, Events};
pub use snapshots::SnapshotService;
