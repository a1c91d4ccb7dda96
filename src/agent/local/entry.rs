//! What this agent knows of one of its services or checks.

use crate::agent::checks::spec::CheckSpec;
use crate::model::check::{CheckDefinition, HealthCheck};
use crate::model::node::StringMap;
use crate::model::service::{NodeService, ServiceDefinition};

/// Who registered an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A configuration file: a reload may change or remove it, nothing persists it.
    Config,
    /// The HTTP API: persisted, and untouched by reloads.
    Api,
}

/// How the agent's node appears in the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeIdentity {
    /// The node's UUID.
    pub id: String,
    pub name: String,
    pub datacenter: String,
    pub address: String,
    /// `lan`, `wan`, `lan_ipv4`, …
    pub tagged_addresses: StringMap,
    pub meta: StringMap,
}

/// Whether the catalog has the entry's newest form. Kept by revisions, so that an answer to an
/// older form never marks a newer one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncMark {
    /// Grows with every change of the entry.
    pub revision: u64,
    /// The revision that the catalog is known to have.
    pub synced: Option<u64>,
}

impl SyncMark {
    pub fn in_sync(self) -> bool {
        self.synced == Some(self.revision)
    }
}

/// One of the agent's own services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalService {
    pub service: NodeService,
    /// The registration without its checks and sidecar; what is persisted.
    pub definition: ServiceDefinition,
    /// The token with which the entry is synced; empty: the agent's.
    pub token: String,
    pub source: Source,
    /// Whether the agent made it from another service's `SidecarService`: it goes with that one.
    pub sidecar: bool,
    pub mark: SyncMark,
}

/// One of the agent's own checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalCheck {
    pub check: HealthCheck,
    /// The registration; `None` for maintenance checks, which nothing runs.
    pub definition: Option<CheckDefinition>,
    /// What runs; `None` for maintenance checks.
    pub spec: Option<CheckSpec>,
    /// The token with which the entry is synced; empty: the agent's.
    pub token: String,
    pub source: Source,
    pub mark: SyncMark,
    /// A change of output alone waits to be synced: until then the catalog's output may differ.
    pub output_deferred: bool,
}
