//! This agent's own services and checks, their persistence and anti-entropy.

mod action;
mod alias;
mod catalog;
mod deferral;
mod diff;
mod entry;
mod error;
mod expand;
mod handle;
mod log;
mod names;
mod persist;
mod plan;
mod published;
mod restore;
mod state;
mod sync;
mod task;
mod upstreams;
mod validate;
mod view;

pub use catalog::{Catalog, CatalogError, CatalogFuture, ViewIndex};
pub use diff::{CatalogView, SyncOp, SyncPlan, plan_changes, plan_full};
pub use entry::{LocalCheck, LocalService, NodeIdentity, Source, SyncMark};
pub use error::LocalError;
pub use expand::SidecarPorts;
pub use handle::{DEFAULT_CHECK_UPDATE_INTERVAL, Local, LocalSettings, LocalStats};
pub use persist::PersistError;
pub use plan::FileDefinitions;
pub use state::{LocalState, StateSettings};
pub use sync::{ClusterSize, SyncStatus};
pub use validate::InvalidService;
pub use view::{AggregatedStatus, ServiceHealth};
