//! Changes of the servers that form the cluster. Only the leader can make them, one at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::ChangeMembers;
use openraft::async_runtime::WatchReceiver as _;
use openraft::errors::{ChangeMembershipError, ClientWriteError, InitializeError, RaftError};

use super::handle::{Raft, WriteError};
use super::network::Peer;
use super::requests::Verdict;
use super::status::{notation, servers};
use super::types::{NodeInfo, StoredMembership, TypeConfig, derive_raft_id};
use crate::model::raft::RaftServer;

type Change = ChangeMembers<u64, NodeInfo>;

/// How long a change waits for one that is under way, and for a leader that has just been elected.
const CHANGE_HOLD: Duration = Duration::from_secs(10);

impl Raft {
    /// Adds a server that is sent the log and does not vote, or gives one that is known a new address: frames are for a
    /// UUID, so that another server at that address does not take them. Returns once the change is committed, not once
    /// the server has caught up.
    ///
    /// # Errors
    /// When this server does not lead, or another change takes too long.
    pub async fn add_nonvoter(&self, server: &Peer) -> Result<(), WriteError> {
        self.must_lead()?;
        let id = self
            .raft_id(&server.id)
            .unwrap_or_else(|| derive_raft_id(&server.id));
        let info = NodeInfo {
            uuid: server.id.clone(),
            address: server.address.clone(),
        };
        let known = self.membership().get_node(&id).cloned();
        if known.as_ref() == Some(&info) {
            return Ok(());
        }
        let change = Change::SetNodes(BTreeMap::from([(id, info)]));
        self.change("AddNonvoter", server, change).await?;
        if known.is_none() {
            tracing::info!(target: "agent.server.raft", peer = %server.id, "added peer, starting replication");
        }
        Ok(())
    }

    /// Gives a server without a vote its vote.
    ///
    /// # Errors
    /// As [`Self::add_nonvoter`]; when the server is not known.
    pub async fn promote(&self, id: &str) -> Result<(), WriteError> {
        self.must_lead()?;
        let raft_id = self.known(id)?;
        if self.is_settled_voter(raft_id) {
            return Ok(());
        }
        let server = self.peer(raft_id, id);
        let change = Change::AddVoterIds(BTreeSet::from([raft_id]));
        self.change("AddStaging", &server, change).await
    }

    /// Removes a server, whether it votes or not; one that is not known counts as removed. A leader may remove itself: it steps down
    /// once that is committed.
    ///
    /// # Errors
    /// As [`Self::add_nonvoter`]; when no voter would be left.
    pub async fn remove_server(&self, id: &str) -> Result<(), WriteError> {
        self.must_lead()?;
        let Some(raft_id) = self.raft_id(id) else {
            return Ok(());
        };
        let server = self.peer(raft_id, id);
        let membership = self.membership();
        let voters: BTreeSet<u64> = membership.voter_ids().collect();
        if voters == BTreeSet::from([raft_id]) {
            return Err(WriteError::Refused(format!(
                "need at least one voter in configuration: {}",
                notation(&without(&membership, id))
            )));
        }
        let ids = BTreeSet::from([raft_id]);
        let change = if voters.contains(&raft_id) {
            Change::RemoveVoters(ids)
        } else {
            Change::RemoveNodes(ids)
        };
        self.change("RemoveServer", &server, change).await?;
        tracing::info!(target: "agent.server.raft", peer = %id, "removed peer, stopping replication");
        Ok(())
    }

    /// Forms a cluster of these servers, this one among them. Does nothing when there is one. Every one of them must do
    /// it with the same servers: a server that begins without a log does not vote for one with a history.
    pub async fn bootstrap(&self, servers: &[Peer]) -> Result<(), WriteError> {
        let members: BTreeMap<u64, NodeInfo> = servers
            .iter()
            .map(|server| {
                let info = NodeInfo {
                    uuid: server.id.clone(),
                    address: server.address.clone(),
                };
                if server.id == self.inner.node.uuid {
                    (self.inner.id, info)
                } else {
                    (derive_raft_id(&server.id), info)
                }
            })
            .collect();
        match self.inner.core.initialize(members).await {
            Ok(()) => {
                self.founded();
                Ok(())
            }
            Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(RaftError::Fatal(fatal)) => Err(self.stopped(fatal.to_string())),
            Err(RaftError::APIError(other)) => Err(WriteError::Refused(other.to_string())),
        }
    }

    /// What a new leader sees to: a change that the last one left in its first half, and this server's own address.
    pub(super) async fn settle_membership(&self) -> Result<(), WriteError> {
        if self.membership().get_joint_config().len() > 1 {
            tracing::info!(target: "agent.server.raft", "finishing a change of the raft configuration");
            let nothing_new = Change::AddVoterIds(BTreeSet::new());
            self.commit(nothing_new, CHANGE_HOLD).await?;
        }
        let own = self.membership().get_node(&self.inner.id).cloned();
        if own.is_none_or(|own| own == self.inner.node) {
            return Ok(());
        }
        tracing::info!(
            target: "agent.server.raft",
            address = %self.inner.node.address,
            "updating this server's address in the raft configuration"
        );
        let own = BTreeMap::from([(self.inner.id, self.inner.node.clone())]);
        self.commit(Change::SetNodes(own), CHANGE_HOLD).await
    }

    /// Whether a server votes, and no change of the voters is under way.
    fn is_settled_voter(&self, id: u64) -> bool {
        let membership = self.membership();
        membership.get_joint_config().len() == 1 && membership.voter_ids().any(|voter| voter == id)
    }

    pub(super) fn raft_id(&self, uuid: &str) -> Option<u64> {
        let membership = self.membership();
        let found = membership.nodes().find(|(_, node)| node.uuid == uuid);
        found.map(|(id, _)| *id)
    }

    pub(super) fn known(&self, uuid: &str) -> Result<u64, WriteError> {
        self.raft_id(uuid).ok_or_else(|| {
            WriteError::Refused(format!(
                "server {uuid:?} was not found in the Raft configuration"
            ))
        })
    }

    fn peer(&self, raft_id: u64, uuid: &str) -> Peer {
        let node = self.membership().get_node(&raft_id).cloned();
        Peer {
            id: uuid.to_owned(),
            address: node.map_or_else(String::new, |node| node.address),
        }
    }

    async fn change(
        &self,
        command: &'static str,
        server: &Peer,
        change: Change,
    ) -> Result<(), WriteError> {
        let mut after = without(&self.membership(), &server.id);
        if command != "RemoveServer" {
            after.push(RaftServer {
                id: server.id.clone(),
                address: server.address.clone(),
                voter: command == "AddStaging",
                ..RaftServer::default()
            });
        }
        tracing::info!(
            target: "agent.server.raft",
            command,
            server_id = %server.id,
            server_addr = %server.address,
            servers = %notation(&after),
            "updating configuration"
        );
        self.commit(change, CHANGE_HOLD).await
    }

    /// Makes a change, both halves of it. A server that loses its vote is gone, not a server without a vote.
    async fn commit(&self, change: Change, hold: Duration) -> Result<(), WriteError> {
        let mut held = self.held(hold);
        let busy = || {
            WriteError::Refused(format!(
                "another change of the raft configuration is not done after {hold:?}"
            ))
        };
        let turn = tokio::time::timeout(hold, self.inner.changing.lock());
        let _turn = turn.await.map_err(|_| busy())?;
        loop {
            held.look();
            let done = self.unless_lost(Box::pin(
                self.inner.core.change_membership(change.clone(), false),
            ));
            let verdict = match done.await {
                Some(Ok(_)) => return Ok(()),
                None => Verdict::Fail(WriteError::LeadershipLost),
                Some(Err(RaftError::Fatal(fatal))) => {
                    Verdict::Fail(self.stopped(fatal.to_string()))
                }
                Some(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to)))) => {
                    match self.judge(&to) {
                        Verdict::Hold if !self.is_leader() => Verdict::Fail(self.not_leading()),
                        verdict => verdict,
                    }
                }
                Some(Err(RaftError::APIError(ClientWriteError::LogEntryDiscarded(_)))) => {
                    Verdict::Fail(WriteError::LeadershipLost)
                }
                Some(Err(RaftError::APIError(
                    ClientWriteError::<TypeConfig>::ChangeMembershipError(
                        ChangeMembershipError::InProgress(_),
                    ),
                ))) => Verdict::Hold,
                Some(Err(RaftError::APIError(other))) => {
                    Verdict::Fail(WriteError::Refused(other.to_string()))
                }
            };
            match held.wait(verdict).await {
                Err(WriteError::NoLeader) if self.is_leader() => {
                    return Err(busy());
                }
                waited => waited?,
            }
        }
    }

    /// Only the leader knows what there is to change.
    pub(super) fn must_lead(&self) -> Result<(), WriteError> {
        if self.is_leader() {
            return Ok(());
        }
        Err(self.not_leading())
    }

    /// Why a server that does not lead cannot do what a leader does.
    pub(super) fn not_leading(&self) -> WriteError {
        let leader = self.leader().filter(|l| l.id != self.inner.node.uuid);
        leader.map_or(WriteError::NoLeader, WriteError::NotLeader)
    }

    pub(super) fn membership(&self) -> StoredMembership {
        let metrics = self.inner.core.server_metrics();
        let membership = metrics.borrow_watched().membership_config.clone();
        (*membership).clone()
    }
}

/// The servers besides one.
fn without(membership: &StoredMembership, uuid: &str) -> Vec<RaftServer> {
    let all = servers(membership).into_iter();
    all.filter(|server| server.id != uuid).collect()
}
