//! A server that begins without a log must not vote until it has what it may have had before.
//!
//! When a voter's data are lost and it returns under its old id, its vote together with that of a server that was behind
//! could elect a leader without entries that were committed with this server's help. So it votes for candidates
//! with an empty history only (the first election of a new cluster), until it has all that the first leader it hears
//! calls committed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use openraft::raft::{VoteRequest, VoteResponse};

use super::handle::{Raft, ServeError};
use super::types::{LogId, TypeConfig};

/// Whether this server is one. Kept in memory: a restart in the middle of it ends it.
#[derive(Debug)]
pub(super) struct Novice {
    is_novice: AtomicBool,
    goal: Mutex<Goal>,
}

/// What a novice has to have first.
#[derive(Debug, Clone, Copy)]
enum Goal {
    /// No leader was heard yet.
    Unknown,
    /// What the first leader called committed.
    Committed(Option<LogId>),
}

impl Novice {
    /// A server that begins with this last entry.
    pub(super) fn new(last: Option<u64>) -> Self {
        Self {
            is_novice: AtomicBool::new(last.is_none()),
            goal: Mutex::new(Goal::Unknown),
        }
    }

    /// It begins a cluster, and so has all there is.
    pub(super) fn founds(&self) {
        self.is_novice.store(false, Ordering::Relaxed);
    }

    /// Notes what a leader calls committed.
    pub(super) fn hears(&self, committed: Option<LogId>) {
        if self.is_novice.load(Ordering::Relaxed) {
            let mut goal = self.goal.lock().unwrap_or_else(PoisonError::into_inner);
            if matches!(*goal, Goal::Unknown) {
                *goal = Goal::Committed(committed);
            }
        }
    }

    /// Whether a server with this last entry may vote for a candidate with that one.
    fn may_vote(&self, own: Option<LogId>, candidate: Option<LogId>) -> bool {
        if !self.is_novice.load(Ordering::Relaxed) {
            return true;
        }
        let goal = *self.goal.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(goal, Goal::Committed(goal) if own.is_some() && own >= goal) {
            self.is_novice.store(false, Ordering::Relaxed);
            return true;
        }
        // The first entry is the membership with which a cluster begins.
        candidate.is_none_or(|last| last.index() == 0)
    }
}

impl Raft {
    /// The refusal to vote, when it must be.
    pub(super) async fn refusal(
        &self,
        request: &VoteRequest<TypeConfig>,
    ) -> Result<Option<VoteResponse<TypeConfig>>, ServeError> {
        let own = self.inner.log.last();
        // A leader that hands over counts on nobody any more.
        let promised = self.inner.probation.is_on() && !request.leadership_transfer;
        if !self.inner.novice.may_vote(own, request.last_log_id) {
            tracing::warn!(
                target: "agent.server.raft",
                "not voting: this server began without a log, and has not caught up yet"
            );
        } else if !promised {
            return Ok(None);
        }
        let vote = self.inner.core.with_raft_state(|state| *state.vote_ref());
        let vote = vote.await.map_err(|e| ServeError::Stopped(e.to_string()))?;
        Ok(Some(VoteResponse::new(vote, own, false)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::raft::types::log_id;

    #[test]
    fn votes_when_it_has_what_was_committed() {
        let novice = Novice::new(None);
        assert!(novice.may_vote(None, Some(log_id(0, 0))));
        assert!(!novice.may_vote(None, Some(log_id(1, 1))));
        novice.hears(Some(log_id(1, 9)));
        novice.hears(Some(log_id(1, 20)));
        assert!(!novice.may_vote(Some(log_id(1, 8)), Some(log_id(1, 9))));
        assert!(novice.may_vote(Some(log_id(1, 9)), Some(log_id(1, 9))));
        // Once it is none, it stays so.
        assert!(novice.may_vote(None, Some(log_id(2, 9))));
    }

    #[test]
    fn a_founder_is_none() {
        let novice = Novice::new(None);
        novice.founds();
        assert!(novice.may_vote(Some(log_id(0, 0)), Some(log_id(4, 4))));
    }

    #[test]
    fn a_server_with_a_log_is_none() {
        assert!(Novice::new(Some(0)).may_vote(Some(log_id(0, 0)), Some(log_id(4, 4))));
    }

    #[test]
    fn a_new_cluster_without_commits_is_joined_at_once() {
        let novice = Novice::new(None);
        novice.hears(None);
        assert!(novice.may_vote(Some(log_id(1, 1)), Some(log_id(1, 1))));
    }
}
