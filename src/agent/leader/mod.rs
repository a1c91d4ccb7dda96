//! What only the leader does: members into the catalog, tombstones, autopilot.

mod catalog;
mod duties;
mod reconcile;
mod tombstones;

pub use duties::{LeaderSettings, run};
