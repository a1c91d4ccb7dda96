//! What handlers reach: narrow handles of the other rooms and facts of the configuration.

use std::time::Duration;

use super::params::ReadDefaults;
use super::render_cache::RenderCache;
use crate::agent::gossip::GossipHandle;
use crate::agent::gossip_report::GossipReports;
use crate::agent::handles::{AgentControl, SharedFacts};
use crate::agent::local::Local;
use crate::agent::raft::Raft;
use crate::agent::rpc::Rpc;
use crate::agent::telemetry::Telemetry;
use crate::agent::user_events::UserEvents;

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
    /// Whether the agent was started with `-bootstrap`.
    pub bootstrap: bool,
    /// `disable_coordinates`.
    pub disable_coordinates: bool,
    /// The token of requests that carry none (`acl.tokens.default`).
    pub default_token: String,
}

/// Handed to every handler.
pub struct Context {
    /// Reads and writes of the replicated state.
    pub rpc: Rpc,
    /// This server's own view of consensus, for `info` and its record of leaders; servers only. All else goes
    /// through `rpc`, wherever the leader is.
    pub raft: Option<Raft>,
    /// This agent's own services and checks.
    pub local: Local,
    /// The LAN pool.
    pub lan: GossipHandle,
    /// The WAN pool; servers only.
    pub wan: Option<GossipHandle>,
    /// User events.
    pub events: UserEvents,
    /// What members say of their part in gossip.
    pub gossip_reports: GossipReports,
    /// Log subscriptions and metrics.
    pub telemetry: Telemetry,
    /// Orders to the agent as a whole.
    pub control: AgentControl,
    /// What the API tells of the agent.
    pub agent: SharedFacts,
    /// The configuration's facts.
    pub facts: Facts,
    /// Rendered bodies, for reads that many clients repeat.
    pub bodies: RenderCache,
}

impl Context {
    /// The request's token, or the agent's default.
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
