//! Writes, and the proofs that reads need: held while nobody leads, given up when the leadership is lost.

use std::sync::Arc;
use std::time::Duration;

use openraft::ReadPolicy;
use openraft::errors::{
    ClientWriteError, ForwardReason, ForwardToLeader, LinearizableReadError, RaftError,
};
use tokio::sync::watch;
use tokio::time::Instant;

use super::handle::{Raft, WriteError};
use super::leadership::Leadership;
use super::state_machine::View;
use super::types::{AppCommand, Applied, TypeConfig};
use crate::agent::store::Command;

/// First pause before a held request tries again; each is twice the one before. Short, because a new leader waits for
/// its first answers only.
const RETRY_FIRST: Duration = Duration::from_millis(2);
/// Longest pause before a held request tries again.
const RETRY_EVERY: Duration = Duration::from_millis(50);

/// What a refusal of openraft means for a request.
pub(super) enum Verdict {
    /// It passes: try again.
    Hold,
    /// It does not.
    Fail(WriteError),
}

/// A request that waits for a leader.
pub(super) struct Held {
    deadline: Instant,
    pause: Duration,
    leadership: watch::Receiver<Leadership>,
}

impl Held {
    /// Looks at the leadership as it is now: call before an attempt, so that no change is missed.
    pub(super) fn look(&mut self) {
        self.leadership.borrow_and_update();
    }

    /// Waits until another attempt is worth it.
    ///
    /// # Errors
    /// The verdict's, or that nobody leads when the time is over.
    pub(super) async fn wait(&mut self, verdict: Verdict) -> Result<(), WriteError> {
        if let Verdict::Fail(error) = verdict {
            return Err(error);
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(WriteError::NoLeader);
        }
        // A lease comes and goes without a change of leadership: look again all the same.
        let changed = tokio::time::timeout(left.min(self.pause), self.leadership.changed()).await;
        if let Ok(Err(_)) = changed {
            // Raft has ended; the next attempt tells why.
            tokio::time::sleep(left.min(self.pause)).await;
        }
        self.pause = (self.pause * 2).min(RETRY_EVERY);
        Ok(())
    }
}

/// Whether a server that has applied `view` leads alone: nobody else can have taken the lead, and every committed write
/// is in the published state. Only a leader that has applied an entry of its own term knows of all memberships that
/// were committed before it; later ones are its own, and take a change of one server before others are a majority.
fn is_alone(view: &View, leadership: &Leadership, own: u64) -> bool {
    let applied = view.applied.map(|id| id.committed_leader_id().term);
    let mut voters = view.membership.voter_ids();
    leadership.is_leader()
        && applied == Some(leadership.term)
        && voters.next() == Some(own)
        && voters.next().is_none()
}

impl Raft {
    /// Writes a command: on return it is committed, durable, and visible to readers here.
    ///
    /// Without a leader the request is held and tried again for `hold` (Consul's
    /// `rpc_hold_timeout`).
    pub async fn write(
        &self,
        command: impl Into<Arc<Command>>,
        hold: Duration,
    ) -> Result<Applied, WriteError> {
        let command = AppCommand::new(command.into());
        let mut held = self.held(hold);
        loop {
            held.look();
            let write = self.inner.core.client_write(command.clone());
            let Some(done) = self.unless_lost(write).await else {
                return Err(WriteError::LeadershipLost);
            };
            let verdict = match done {
                Ok(done) => {
                    return done.data.0.ok_or_else(|| {
                        WriteError::Refused("the entry was applied without an answer".to_owned())
                    });
                }
                Err(RaftError::Fatal(fatal)) => return Err(self.stopped(fatal.to_string())),
                Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to))) => self.judge(&to),
                Err(RaftError::APIError(ClientWriteError::LogEntryDiscarded(_))) => {
                    return Err(WriteError::LeadershipLost);
                }
                Err(RaftError::APIError(other)) => {
                    return Err(WriteError::Refused(other.to_string()));
                }
            };
            held.wait(verdict).await?;
        }
    }

    /// Proves that this server leads now, and that its state has every committed write: what a
    /// consistent read needs. Held like [`Self::write`].
    pub async fn verify_leader(&self, hold: Duration) -> Result<(), WriteError> {
        self.linearize(ReadPolicy::ReadIndex, hold).await
    }

    /// Checks that a quorum has heard this leader within its lease: what a default read needs.
    /// Costs no message. Held like [`Self::write`].
    pub async fn verify_lease(&self, hold: Duration) -> Result<(), WriteError> {
        if self.leads_alone() {
            return Ok(());
        }
        self.linearize(ReadPolicy::LeaseRead, hold).await
    }

    /// Whether this server leads and is the only voter. Spares the reads of a single server the way through raft's own
    /// task.
    fn leads_alone(&self) -> bool {
        let view = self.inner.published.load();
        is_alone(&view, &self.inner.leadership.borrow(), self.inner.id)
    }

    async fn linearize(&self, policy: ReadPolicy, hold: Duration) -> Result<(), WriteError> {
        let mut held = self.held(hold);
        loop {
            held.look();
            let proof = self.inner.core.ensure_linearizable(policy.clone());
            let verdict = match self.unless_lost(proof).await {
                Some(Ok(_)) => return Ok(()),
                Some(Err(RaftError::Fatal(fatal))) => return Err(self.stopped(fatal.to_string())),
                Some(Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(to)))) => {
                    self.judge(&to)
                }
                Some(Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_)))) => {
                    Verdict::Hold
                }
                // Asking again does no harm.
                None => Verdict::Hold,
            };
            held.wait(verdict).await?;
        }
    }

    pub(super) fn held(&self, hold: Duration) -> Held {
        Held {
            deadline: Instant::now() + hold,
            pause: RETRY_FIRST,
            leadership: self.leadership(),
        }
    }

    /// What openraft answers; nothing when this server has lost the leadership, and no other has settled the matter in
    /// the time that an election takes. openraft itself would wait for a majority for ever.
    pub(super) async fn unless_lost<T>(&self, asked: impl Future<Output = T>) -> Option<T> {
        let lost = async {
            let mut leadership = self.leadership();
            loop {
                if leadership.wait_for(|now| !now.is_leader()).await.is_err() {
                    // Raft has ended, and openraft says so.
                    std::future::pending::<()>().await;
                }
                let again = leadership.wait_for(Leadership::is_leader);
                if tokio::time::timeout(self.inner.timing.election, again)
                    .await
                    .is_err()
                {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            answer = asked => Some(answer),
            () = lost => None,
        }
    }

    /// What to do when openraft refuses. Another leader is named only when it is known to be there: see the observer.
    pub(super) fn judge(&self, to: &ForwardToLeader<TypeConfig>) -> Verdict {
        let ForwardReason::NotLeader = to.reason else {
            // A fresh leader without a lease, or a transfer under way: it passes.
            return Verdict::Hold;
        };
        match (self.leader(), &to.leader_node) {
            (Some(leader), Some(node))
                if leader.id == node.uuid && leader.id != self.inner.node.uuid =>
            {
                Verdict::Fail(WriteError::NotLeader(leader))
            }
            // Nobody will tell it of a leader.
            _ if self.is_removed() => Verdict::Fail(WriteError::NoLeader),
            _ => Verdict::Hold,
        }
    }

    /// Whether there is a configuration, and this server is not in it.
    fn is_removed(&self) -> bool {
        // The log knows of a configuration before raft's own task has taken it up.
        let known = self.membership();
        known.nodes().next().is_some() && known.get_node(&self.inner.id).is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::agent::raft::Role;
    use crate::agent::raft::types::{Membership, NodeInfo, StoredMembership, log_id};

    #[test]
    fn a_leader_that_has_not_applied_its_first_entry_does_not_know_that_it_is_alone() {
        let view = |voters: &[u64], term| {
            let voters: BTreeSet<u64> = voters.iter().copied().collect();
            let nodes: BTreeMap<u64, NodeInfo> =
                voters.iter().map(|id| (*id, NodeInfo::default())).collect();
            let membership = Membership::new(vec![voters], nodes).expect("good");
            View {
                applied: Some(log_id(term, 9)),
                membership: StoredMembership::new(Some(log_id(1, 1)), membership),
                ..View::default()
            }
        };
        let leader = Leadership {
            term: 4,
            role: Role::Leader,
            leader: None,
        };
        assert!(is_alone(&view(&[7], 4), &leader, 7));
        // What follows in its log may name other voters.
        assert!(!is_alone(&view(&[7], 3), &leader, 7));
        assert!(!is_alone(&view(&[7, 8], 4), &leader, 7));
        assert!(!is_alone(&view(&[8], 4), &leader, 7));
        let follower = Leadership {
            role: Role::Follower,
            ..leader
        };
        assert!(!is_alone(&view(&[7], 4), &follower, 7));
    }
}
