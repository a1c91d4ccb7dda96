//! This agent's own services and checks, their persistence and anti-entropy.

mod diff;
mod entry;
mod error;
mod expand;
mod persist;
mod plan;
mod state;
mod validate;
mod view;

pub use diff::{CatalogView, SyncOp, SyncPlan, plan_changes, plan_full};
pub use entry::{LocalCheck, LocalService, NodeIdentity, Source, SyncMark};
pub use error::LocalError;
pub use expand::SidecarPorts;
pub use persist::PersistError;
pub use plan::FileDefinitions;
pub use state::{LocalState, StateSettings};
pub use validate::InvalidService;
pub use view::{AggregatedStatus, ServiceHealth};
