//! The lines of elections and of replication, in the words that operators look for in Consul's log.

use super::leadership::{Leadership, Role};

/// A change of what this server is.
pub(super) struct Turn<'a> {
    pub(super) before: &'a Leadership,
    pub(super) now: &'a Leadership,
    /// This server's RPC address.
    pub(super) own: &'a str,
    /// The address of the last leader that was known; empty when none was.
    pub(super) last_leader: &'a str,
    /// The term in which this server stands for election, when it does.
    pub(super) campaign: Option<u64>,
    /// The last leader has asked this server to take over.
    pub(super) is_handover: bool,
    /// Votes that an election needs.
    pub(super) majority: usize,
}

impl Turn<'_> {
    /// Tells of the change. What openraft passed through without being seen is told, too: a server that is alone is
    /// elected in a moment.
    pub(super) fn tell(&self) {
        let (before, now) = (self.before, self.now);
        if now.role == Role::Candidate {
            self.tell_candidate();
        }
        if now.role == Role::Leader && before.role != Role::Leader {
            if before.term != now.term || before.role == Role::Candidate {
                if before.role != Role::Candidate {
                    self.tell_candidate();
                }
                tracing::info!(target: "agent.server.raft", tally = self.majority, "election won");
            }
            let leader = self.node("Leader");
            tracing::info!(target: "agent.server.raft", %leader, "entering leader state");
        }
        if now.role == Role::Follower && before.role != Role::Follower {
            let leader = now.leader.as_ref().map_or("", |leader| &leader.address);
            tell_follower(self.own, leader);
        }
        if now.role == Role::Shutdown && before.role != Role::Shutdown {
            tracing::info!(target: "agent.server.raft", "entering shutdown state");
        }
    }

    fn tell_candidate(&self) {
        if self.before.role == Role::Candidate {
            tracing::warn!(target: "agent.server.raft", "Election timeout reached, restarting election");
        } else if !self.is_handover {
            tracing::warn!(
                target: "agent.server.raft",
                { "last-leader" = self.last_leader },
                "heartbeat timeout reached, starting election"
            );
        }
        let node = self.node("Candidate");
        let term = self.campaign.unwrap_or(0).max(self.now.term);
        tracing::info!(target: "agent.server.raft", %node, term, "entering candidate state");
    }

    fn node(&self, role: &str) -> String {
        format!("Node at {} [{role}]", self.own)
    }
}

/// Tells that this server follows.
pub(super) fn tell_follower(own: &str, leader: &str) {
    let follower = format!("Node at {own} [Follower]");
    tracing::info!(target: "agent.server.raft", %follower, leader, "entering follower state");
}

/// Tells of the configuration that was found at the start, and that this server follows.
pub(super) fn tell_start(own: &str, index: u64, servers: &str) {
    tracing::info!(target: "agent.server.raft", index, %servers, "initial configuration");
    tell_follower(own, "");
}

/// Tells whom a leader begins and ends to send its log to.
pub(super) fn tell_peers<'a>(
    added: impl Iterator<Item = &'a String>,
    removed: impl Iterator<Item = &'a String>,
    last_index: u64,
) {
    for peer in added {
        tracing::info!(target: "agent.server.raft", %peer, "added peer, starting replication");
    }
    for peer in removed {
        tracing::info!(
            target: "agent.server.raft", %peer, "last-index" = last_index,
            "removed peer, stopping replication"
        );
    }
}
