//! Changes of the servers that form the cluster. Only the leader can make them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::ChangeMembers;
use openraft::errors::{ClientWriteError, RaftError};

use super::handle::{Raft, WriteError};
use super::leadership::Leader;
use super::network::Peer;
use super::types::{NodeInfo, TypeConfig, derive_raft_id};

type Change = ChangeMembers<u64, NodeInfo>;

impl Raft {
    /// Adds a server that is sent the log and does not vote, or gives one that is known a new address. Returns once
    /// the change is committed, not once the server has caught up.
    ///
    /// # Errors
    /// When this server does not lead, or another change is under way.
    pub async fn add_nonvoter(&self, server: &Peer) -> Result<(), WriteError> {
        let id = self
            .raft_id(&server.id)
            .unwrap_or_else(|| derive_raft_id(&server.id));
        let info = NodeInfo {
            uuid: server.id.clone(),
            address: server.address.clone(),
        };
        self.change(Change::SetNodes(BTreeMap::from([(id, info)])), true)
            .await
    }

    /// Gives a server without a vote its vote.
    ///
    /// # Errors
    /// As [`Self::add_nonvoter`]; when the server is not known.
    pub async fn promote(&self, id: &str) -> Result<(), WriteError> {
        let id = self.known(id)?;
        self.change(Change::AddVoterIds(BTreeSet::from([id])), true)
            .await
    }

    /// Removes a server, whether it votes or not; one that is not known counts as removed. A leader may remove itself: it steps down
    /// once that is committed.
    ///
    /// # Errors
    /// As [`Self::add_nonvoter`]; when no voter would be left.
    pub async fn remove_server(&self, id: &str) -> Result<(), WriteError> {
        let Some(id) = self.raft_id(id) else {
            return Ok(());
        };
        let ids = BTreeSet::from([id]);
        let is_voter = self.membership().voter_ids().any(|voter| voter == id);
        let change = if is_voter {
            Change::RemoveVoters(ids)
        } else {
            Change::RemoveNodes(ids)
        };
        self.change(change, false).await
    }

    /// Hands the leadership to another voter, the most caught-up one when none is named, and waits until another server leads.
    ///
    /// # Errors
    /// When this server does not lead, the other one cannot, or it takes longer than `limit`.
    pub async fn transfer_leader(
        &self,
        to: Option<&str>,
        limit: Duration,
    ) -> Result<Leader, WriteError> {
        let to = match to {
            Some(id) => self.known(id)?,
            None => self.most_caught_up()?,
        };
        let started = self.inner.core.trigger().transfer_leader(to).await;
        started.map_err(|fatal| self.stopped(fatal.to_string()))?;
        let mut leadership = self.leadership();
        let own = &self.inner.node.uuid;
        let moved = leadership.wait_for(|now| now.leader.as_ref().is_some_and(|l| l.id != *own));
        match tokio::time::timeout(limit, moved).await {
            Ok(Ok(now)) => now.leader.clone().ok_or(WriteError::NoLeader),
            Ok(Err(_)) => Err(self.stopped("shut down".to_owned())),
            Err(_) => Err(WriteError::Refused(format!(
                "no other server took over the leadership within {limit:?}"
            ))),
        }
    }

    /// The voter besides this one that has most of the log.
    fn most_caught_up(&self) -> Result<u64, WriteError> {
        use openraft::async_runtime::WatchReceiver as _;
        let metrics = self.inner.core.data_metrics();
        let replication = metrics.borrow_watched().replication.clone();
        let replication = replication.unwrap_or_default();
        let voters = self.membership();
        let others = voters.voter_ids().filter(|id| *id != self.inner.id);
        others
            .max_by_key(|id| replication.get(id).copied().flatten())
            .ok_or_else(|| WriteError::Refused("there is no other voter".to_owned()))
    }

    fn raft_id(&self, uuid: &str) -> Option<u64> {
        let membership = self.membership();
        let found = membership.nodes().find(|(_, node)| node.uuid == uuid);
        found.map(|(id, _)| *id)
    }

    fn known(&self, uuid: &str) -> Result<u64, WriteError> {
        self.raft_id(uuid).ok_or_else(|| {
            WriteError::Refused(format!(
                "server {uuid:?} was not found in the Raft configuration"
            ))
        })
    }

    async fn change(&self, change: Change, retain: bool) -> Result<(), WriteError> {
        match self.inner.core.change_membership(change, retain).await {
            Ok(_) => Ok(()),
            Err(RaftError::Fatal(fatal)) => Err(self.stopped(fatal.to_string())),
            Err(RaftError::APIError(ClientWriteError::<TypeConfig>::ForwardToLeader(_))) => {
                Err(self
                    .leader()
                    .map_or(WriteError::NoLeader, WriteError::NotLeader))
            }
            Err(RaftError::APIError(other)) => Err(WriteError::Refused(other.to_string())),
        }
    }
}
