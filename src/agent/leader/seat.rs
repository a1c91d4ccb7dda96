//! Where the leader stands: its consensus, its pool, itself.

use std::sync::Arc;

use crate::agent::gossip::GossipHandle;
use crate::agent::membership::ServerInfo;
use crate::agent::raft::Raft;
use crate::model::raft::AutopilotConfiguration;

/// What every duty looks at.
pub(super) struct Seat {
    pub(super) raft: Raft,
    /// The pool of the datacenter's agents.
    pub(super) lan: GossipHandle,
    /// This server's datacenter.
    pub(super) datacenter: String,
    /// This server's node UUID.
    pub(super) own_id: String,
}

impl Seat {
    pub(super) fn new(raft: Raft, lan: GossipHandle, datacenter: String) -> Self {
        let own_id = lan.local().tags.get("id").cloned().unwrap_or_default();
        Self {
            raft,
            lan,
            datacenter,
            own_id,
        }
    }

    /// The servers of the datacenter that gossip knows, whatever their state.
    pub(super) fn servers(&self) -> Vec<ServerInfo> {
        let members = self.lan.members();
        let servers = members.iter().filter_map(ServerInfo::of);
        servers
            .filter(|server| server.datacenter == self.datacenter)
            .collect()
    }

    /// Autopilot's configuration; its defaults before the first leader has written one.
    pub(super) fn configuration(&self) -> Arc<AutopilotConfiguration> {
        self.raft.state().autopilot().cloned().unwrap_or_default()
    }
}
