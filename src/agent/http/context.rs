//! What handlers reach: narrow handles of the other rooms and facts of the configuration.

use std::time::Duration;

use super::params::ReadDefaults;
use super::render_cache::RenderCache;

/// Facts of the configuration that endpoints need.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The agent's datacenter.
    pub datacenter: String,
    /// The agent's node name.
    pub node_name: String,
    /// `discovery_max_stale`.
    pub discovery_max_stale: Duration,
    /// `limits.kv_max_value_size`, in bytes.
    pub kv_max_value_size: usize,
    /// `limits.txn_max_req_len`, in bytes.
    pub txn_max_req_len: usize,
    /// Whether ACLs are on. They never are in this build.
    pub acls_enabled: bool,
}

/// Handed to every handler.
#[derive(Debug)]
pub struct Context {
    /// The configuration's facts.
    pub facts: Facts,
    /// Rendered bodies, for reads that many clients repeat.
    pub bodies: RenderCache,
}

impl Context {
    /// What reads default to.
    pub fn read_defaults(&self) -> ReadDefaults<'_> {
        ReadDefaults {
            datacenter: &self.facts.datacenter,
            discovery_max_stale: self.facts.discovery_max_stale,
        }
    }
}
