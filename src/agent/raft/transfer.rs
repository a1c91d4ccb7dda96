//! Handing the leadership to another voter.

use std::time::Duration;

use openraft::async_runtime::WatchReceiver as _;
use tokio::time::{Instant, timeout_at};

use super::handle::{Raft, WriteError};
use super::leadership::Leader;

/// Entries that the next leader may lack when the transfer begins: it gets them in a moment.
const MAX_LAG: u64 = 1024;

impl Raft {
    /// Hands the leadership to another voter, the most caught-up one when none is named, and waits until it leads. Writes
    /// are held meanwhile. A voter that does not answer, or lacks much of the log, is waited for first; when it does not come round,
    /// nothing has happened.
    ///
    /// # Errors
    /// When this server does not lead, the other one cannot, or it takes longer than `limit`.
    pub async fn transfer_leader(
        &self,
        to: Option<&str>,
        limit: Duration,
    ) -> Result<Leader, WriteError> {
        self.must_lead()?;
        let target = to.map(|id| self.other_voter(id)).transpose()?;
        let deadline = Instant::now() + limit;
        let to = self.ready_voter(target, deadline, limit).await?;
        let uuid = self.membership().get_node(&to).map(|n| n.uuid.clone());
        let uuid = uuid.unwrap_or_default();
        tracing::info!(target: "agent.server.raft", id = %uuid, "starting leadership transfer");
        let started = self.inner.core.trigger().transfer_leader(to).await;
        started.map_err(|fatal| self.stopped(fatal.to_string()))?;
        let mut leadership = self.leadership();
        let own = &self.inner.node.uuid;
        let moved = leadership.wait_for(|now| now.leader.as_ref().is_some_and(|l| l.id != *own));
        let leader = match timeout_at(deadline, moved).await {
            Ok(Ok(now)) => now.leader.clone(),
            Ok(Err(_)) => return Err(self.stopped("shut down".to_owned())),
            Err(_) => None,
        };
        match leader {
            Some(leader) if leader.id == uuid => Ok(leader),
            Some(leader) => Err(WriteError::Refused(format!(
                "server {} took over the leadership instead of {uuid}",
                leader.id
            ))),
            None => Err(WriteError::Refused(format!(
                "server {uuid} did not take over the leadership within {limit:?}"
            ))),
        }
    }

    /// A voter that can take over: the given one, or the one with most of the log.
    async fn ready_voter(
        &self,
        target: Option<u64>,
        deadline: Instant,
        limit: Duration,
    ) -> Result<u64, WriteError> {
        let mut metrics = self.inner.core.data_metrics();
        loop {
            metrics.borrow_and_update();
            let last = self.inner.log.last().map_or(0, |id| id.index());
            let is_fresh = |age: Duration| age < self.inner.timing.leader_patience;
            let others = self.progress().into_iter().filter(|peer| {
                peer.voter && peer.id != self.inner.node.uuid && peer.acknowledged.is_some()
            });
            let ready = others
                .filter(|peer| target.is_none_or(|id| self.raft_id(&peer.id) == Some(id)))
                .filter(|peer| peer.acknowledged.is_some_and(is_fresh))
                .filter(|peer| peer.matched.is_some_and(|at| at + MAX_LAG >= last))
                .max_by_key(|peer| peer.matched);
            if let Some(ready) = ready {
                return self.known(&ready.id);
            }
            if self.membership().voter_ids().all(|id| id == self.inner.id) {
                let text = "there is no other voter".to_owned();
                return Err(WriteError::Refused(text));
            }
            self.must_lead()?;
            match timeout_at(deadline, metrics.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(self.stopped("shut down".to_owned())),
                Err(_) => {
                    return Err(WriteError::Refused(format!(
                        "no voter was ready to take over the leadership within {limit:?}"
                    )));
                }
            }
        }
    }

    fn other_voter(&self, uuid: &str) -> Result<u64, WriteError> {
        let id = self.known(uuid)?;
        let refused = |why: &str| Err(WriteError::Refused(format!("server {uuid:?} {why}")));
        if id == self.inner.id {
            return refused("is the leader already");
        }
        if self.membership().voter_ids().all(|voter| voter != id) {
            return refused("is not a voter");
        }
        Ok(id)
    }
}
