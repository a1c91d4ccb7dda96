//! What operators see of raft: the configuration, and the `raft` keys of `info`.

use std::time::Duration;

use openraft::Instant as _;
use openraft::async_runtime::WatchReceiver as _;

use super::handle::Raft;
use super::leadership::Role;
use super::types::StoredMembership;
use crate::model::raft::{RaftConfiguration, RaftServer};

/// The raft protocol whose semantics we have: servers are known by id.
const PROTOCOL_VERSION: u64 = 3;
/// Highest version of hashicorp/raft's snapshots, as Consul reports it.
const SNAPSHOT_VERSION_MAX: u64 = 1;
/// Consul has answered 0 since its raft library reads the configuration without its log entry.
const CONFIGURATION_INDEX: u64 = 0;

/// The `raft` section of `consul info` and of `/v1/agent/self`'s `Stats`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaftStats {
    /// Last applied entry.
    pub applied_index: u64,
    /// Last committed entry.
    pub commit_index: u64,
    /// Committed entries that are not applied yet.
    pub fsm_pending: u64,
    /// Time since a leader was heard; nothing when none ever was.
    pub last_contact: Option<Duration>,
    /// Last entry of the log.
    pub last_log_index: u64,
    /// Its term.
    pub last_log_term: u64,
    /// Last entry in the newest snapshot.
    pub last_snapshot_index: u64,
    /// Its term.
    pub last_snapshot_term: u64,
    /// The servers, in hashicorp/raft's notation.
    pub latest_configuration: String,
    /// Always 0, as in Consul.
    pub latest_configuration_index: u64,
    /// Voters other than this server.
    pub num_peers: usize,
    /// What this server is.
    pub state: Role,
    /// The current term.
    pub term: u64,
}

/// How far another server is, as its leader knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerProgress {
    /// Its node UUID.
    pub id: String,
    /// Its RPC address.
    pub address: String,
    /// Whether it votes.
    pub voter: bool,
    /// Last entry that it is known to have.
    pub matched: Option<u64>,
    /// Time since the leader sent what it last had an answer to; nothing when there was no answer yet. Zero for the
    /// leader itself.
    pub acknowledged: Option<Duration>,
}

impl RaftStats {
    /// Keys and values in the order and the form in which Consul prints them.
    pub fn entries(&self) -> Vec<(&'static str, String)> {
        let contact = match self.last_contact {
            None => "never".to_owned(),
            Some(Duration::ZERO) => "0".to_owned(),
            Some(since) => crate::model::duration::format_go_duration(
                i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            ),
        };
        vec![
            ("applied_index", self.applied_index.to_string()),
            ("commit_index", self.commit_index.to_string()),
            ("fsm_pending", self.fsm_pending.to_string()),
            ("last_contact", contact),
            ("last_log_index", self.last_log_index.to_string()),
            ("last_log_term", self.last_log_term.to_string()),
            ("last_snapshot_index", self.last_snapshot_index.to_string()),
            ("last_snapshot_term", self.last_snapshot_term.to_string()),
            ("latest_configuration", self.latest_configuration.clone()),
            (
                "latest_configuration_index",
                self.latest_configuration_index.to_string(),
            ),
            ("num_peers", self.num_peers.to_string()),
            ("protocol_version", PROTOCOL_VERSION.to_string()),
            ("protocol_version_max", PROTOCOL_VERSION.to_string()),
            ("protocol_version_min", "0".to_owned()),
            ("snapshot_version_max", SNAPSHOT_VERSION_MAX.to_string()),
            ("snapshot_version_min", "0".to_owned()),
            ("state", self.state.as_str().to_owned()),
            ("term", self.term.to_string()),
        ]
    }
}

impl Raft {
    /// The servers as raft knows them. Node names are gossip's to add: `node` is empty.
    pub fn configuration(&self) -> RaftConfiguration {
        let leader = self.leader();
        let mut servers = servers(&self.membership());
        for server in &mut servers {
            server.leader = leader.as_ref().is_some_and(|l| l.id == server.id);
        }
        RaftConfiguration {
            servers,
            index: CONFIGURATION_INDEX,
        }
    }

    /// Whether there is any configuration: without one this server may form a cluster, or be added to one.
    pub fn has_servers(&self) -> bool {
        // Every log begins with a configuration.
        self.inner.log.last().is_some()
    }

    /// Last committed entry that this server knows of.
    pub fn commit_index(&self) -> u64 {
        let applied = self.view().applied.map_or(0, |id| id.index());
        let metrics = self.inner.core.data_metrics();
        let committed = metrics.borrow_watched().local_committed;
        // The metrics may lag behind the published state by a moment.
        committed.map_or(0, |id| id.index()).max(applied)
    }

    /// The servers as their leader sees them; nothing on a server that does not lead.
    pub fn progress(&self) -> Vec<PeerProgress> {
        let (matched, heard) = {
            let metrics = self.inner.core.data_metrics();
            let metrics = metrics.borrow_watched();
            (metrics.replication.clone(), metrics.heartbeat.clone())
        };
        let (Some(matched), Some(heard)) = (matched, heard) else {
            return Vec::new();
        };
        let membership = self.membership();
        let voters: Vec<u64> = membership.voter_ids().collect();
        let peer = |(id, node): (&u64, &super::types::NodeInfo)| {
            let is_self = *id == self.inner.id;
            let own = || self.inner.log.last().filter(|_| is_self);
            let known = matched.get(id).copied().flatten();
            let answered = heard.get(id).copied().flatten().map(|at| at.elapsed());
            PeerProgress {
                id: node.uuid.clone(),
                address: node.address.clone(),
                voter: voters.contains(id),
                matched: known.or_else(own).map(|id| id.index()),
                acknowledged: if is_self {
                    Some(Duration::ZERO)
                } else {
                    answered
                },
            }
        };
        membership.nodes().map(peer).collect()
    }

    /// The numbers of `info`.
    pub fn stats(&self) -> RaftStats {
        let applied = self.view().applied.map_or(0, |id| id.index());
        let commit_index = self.commit_index();
        let snapshot = {
            let metrics = self.inner.core.data_metrics();
            metrics.borrow_watched().snapshot
        };
        let last = self.inner.log.last();
        let term_of = |id: &super::types::LogId| id.committed_leader_id().term;
        let leadership = self.inner.leadership.borrow().clone();
        let membership = self.membership();
        let others = membership.voter_ids().filter(|id| *id != self.inner.id);
        RaftStats {
            applied_index: applied,
            commit_index,
            fsm_pending: commit_index - applied,
            last_contact: self.last_contact(),
            last_log_index: last.map_or(0, |id| id.index()).max(commit_index),
            last_log_term: last.as_ref().map_or(0, term_of),
            last_snapshot_index: snapshot.map_or(0, |id| id.index()),
            last_snapshot_term: snapshot.as_ref().map_or(0, term_of),
            latest_configuration: notation(&servers(&membership)),
            latest_configuration_index: CONFIGURATION_INDEX,
            num_peers: others.count(),
            state: leadership.role,
            term: leadership.term,
        }
    }
}

/// The servers of a configuration. Who leads is not said.
pub(super) fn servers(membership: &StoredMembership) -> Vec<RaftServer> {
    let voters: Vec<u64> = membership.voter_ids().collect();
    let servers = membership.nodes().map(|(id, node)| RaftServer {
        id: node.uuid.clone(),
        node: String::new(),
        address: node.address.clone(),
        leader: false,
        protocol_version: PROTOCOL_VERSION.to_string(),
        voter: voters.contains(id),
    });
    servers.collect()
}

/// The servers as hashicorp/raft prints them.
pub(super) fn notation(servers: &[RaftServer]) -> String {
    let servers = servers.iter().map(|server| {
        let suffrage = if server.voter { "Voter" } else { "Nonvoter" };
        format!(
            "{{Suffrage:{suffrage} ID:{} Address:{}}}",
            server.id, server.address
        )
    });
    format!("[{}]", servers.collect::<Vec<_>>().join(" "))
}
