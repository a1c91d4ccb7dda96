//! What only the leader does: servers into raft and out of it, members into the catalog, health of the servers,
//! coordinates, tombstones, times of sessions.

mod autopilot;
mod catalog;
mod coordinates;
mod duties;
mod establish;
mod health;
mod log;
mod metrics;
mod quorum;
mod reconcile;
mod seat;
mod servers;
mod sessions;
mod tombstones;

pub use coordinates::CoordinateBatches;
pub use duties::{LeaderSettings, Office, run};
