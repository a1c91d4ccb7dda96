//! What handlers reach: narrow handles of the other rooms and facts of the configuration.

use std::time::Duration;

use crate::agent::gossip::GossipHandle;
use crate::agent::raft::Raft;
use crate::agent::rpc::Rpc;

use super::params::ReadDefaults;
use super::render_cache::RenderCache;

/// Facts of the configuration that endpoints need.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The agent's datacenter.
    pub datacenter: String,
    /// The agent's node name.
    pub node_name: String,
    /// The token of requests that carry none (`acl.tokens.default`); empty for anonymous.
    pub default_token: String,
    /// `discovery_max_stale`.
    pub discovery_max_stale: Duration,
    /// `limits.kv_max_value_size`, in bytes.
    pub kv_max_value_size: usize,
    /// `limits.txn_max_req_len`, in bytes.
    pub txn_max_req_len: usize,
    /// `disable_coordinates`.
    pub disable_coordinates: bool,
}

/// Handed to every handler.
pub struct Context {
    /// The configuration's facts.
    pub facts: Facts,
    /// Reads and writes of the replicated state.
    pub rpc: Rpc,
    /// Consensus, for the operator's endpoints.
    pub raft: Raft,
    /// The members of this datacenter.
    pub gossip: GossipHandle,
    /// Rendered bodies, for reads that many clients repeat.
    pub render_cache: RenderCache,
}

impl Context {
    /// The agent's datacenter.
    pub fn datacenter(&self) -> &str {
        &self.facts.datacenter
    }

    /// The agent's node name.
    pub fn node_name(&self) -> &str {
        &self.facts.node_name
    }

    /// Largest value of a key, in bytes.
    pub fn kv_max_value_size(&self) -> usize {
        self.facts.kv_max_value_size
    }

    /// The token of a request, or the agent's default one when it carries none.
    pub fn token_or_default(&self, token: &str) -> String {
        if token.is_empty() {
            self.facts.default_token.clone()
        } else {
            token.to_owned()
        }
    }

    /// What reads default to.
    pub fn read_defaults(&self) -> ReadDefaults<'_> {
        ReadDefaults {
            datacenter: &self.facts.datacenter,
            discovery_max_stale: self.facts.discovery_max_stale,
        }
    }
}
