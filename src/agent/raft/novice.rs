//! A server that begins without a log must not vote, nor stand for election, until it has what it may have had before.
//!
//! When a voter's data are lost and it returns under its old id, its vote together with that of a server that was behind
//! could elect a leader without entries that were committed with this server's help; and so could the vote of such a
//! server for this one. So it votes for candidates with an empty history only (the first election of a new cluster),
//! and is no candidate, until it has all that a leader had committed when this server heard it first. Only a commit of
//! the leader's own term says what that is: before it, a leader knows less than what its predecessors have committed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use openraft::raft::{VoteRequest, VoteResponse};

use super::handle::{Raft, ServeError};
use super::types::{LogId, TypeConfig, Vote};

/// The term of a cluster's first leader.
const FIRST_TERM: u64 = 1;

/// Whether this server is one. Kept in memory: a restart in the middle of it ends it.
#[derive(Debug)]
pub(super) struct Novice {
    is_novice: AtomicBool,
    /// What a novice has to have first, and the term of the leader that told of it; nothing while none has.
    goal: Mutex<Option<(u64, Option<LogId>)>>,
}

impl Novice {
    /// A server that begins with this last entry.
    pub(super) fn new(last: Option<u64>) -> Self {
        Self {
            is_novice: AtomicBool::new(last.is_none()),
            goal: Mutex::new(None),
        }
    }

    /// Whether this server has not caught up yet.
    pub(super) fn is_one(&self) -> bool {
        self.is_novice.load(Ordering::Acquire)
    }

    /// It begins a cluster, and so has all there is.
    fn founds(&self) {
        self.is_novice.store(false, Ordering::Release);
    }

    /// Notes what a leader calls committed. The first word of each leader counts, so that new entries do not move the
    /// goal away.
    fn hears(&self, leader: &Vote, committed: Option<LogId>) {
        if !self.is_one() {
            return;
        }
        let term = leader.leader_id().term;
        let knows_all = match committed {
            Some(id) => id.committed_leader_id().term == term,
            // The leader of a new cluster, which has had no other; whoever is started anew leads in a later term.
            None => term == FIRST_TERM,
        };
        let mut goal = self.goal.lock().unwrap_or_else(PoisonError::into_inner);
        if knows_all && goal.is_none_or(|(known, _)| known < term) {
            *goal = Some((term, committed));
        }
    }

    /// Whether a server with this last entry has just caught up. Once it is no novice, it stays so.
    fn has_caught_up(&self, own: Option<LogId>) -> bool {
        let goal = *self.goal.lock().unwrap_or_else(PoisonError::into_inner);
        goal.is_some_and(|(_, goal)| own.is_some() && own >= goal)
            && self.is_novice.swap(false, Ordering::AcqRel)
    }

    /// Whether it may vote for a candidate with this last entry.
    fn may_vote(&self, candidate: Option<LogId>) -> bool {
        // The first entry is the membership with which a cluster begins.
        !self.is_one() || candidate.is_none_or(|last| last.index() == 0)
    }
}

impl Raft {
    /// This server has just begun a cluster.
    pub(super) fn founded(&self) {
        self.inner.novice.founds();
        self.stand_for_election();
    }

    /// Notes what a leader calls committed, once its message has been taken.
    pub(super) fn heard_commit(&self, leader: &Vote, committed: Option<LogId>) {
        self.inner.novice.hears(leader, committed);
        self.look_for_goal();
    }

    /// Ends the time as a novice when this server has what it takes.
    fn look_for_goal(&self) {
        if self.inner.novice.is_one() && self.inner.novice.has_caught_up(self.inner.log.last()) {
            tracing::info!(
                target: "agent.server.raft",
                "this server began without a log, and has caught up: it votes"
            );
            self.stand_for_election();
        }
    }

    /// Lets this server be a candidate from now on, unless something else forbids it.
    pub(super) fn stand_for_election(&self) {
        if !self.inner.novice.is_one() && !self.inner.probation.is_on() {
            self.inner.core.runtime_config().elect(true);
        }
    }

    /// The refusal to vote, when it must be.
    pub(super) async fn refusal(
        &self,
        request: &VoteRequest<TypeConfig>,
    ) -> Result<Option<VoteResponse<TypeConfig>>, ServeError> {
        // A snapshot may have brought what was missing.
        self.look_for_goal();
        let own = self.inner.log.last();
        // A leader that hands over counts on nobody any more.
        let promised = self.inner.probation.is_on() && !request.leadership_transfer;
        if !self.inner.novice.may_vote(request.last_log_id) {
            tracing::warn!(
                target: "agent.server.raft",
                "not voting: this server began without a log, and has not caught up yet; if no server with the data can lead any more, name those that are left in raft/peers.json (see raft/peers.info) on the servers that have data"
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
        let (novice, leader) = (Novice::new(None), Vote::new_committed(1, 7));
        assert!(novice.may_vote(Some(log_id(0, 0))));
        assert!(!novice.may_vote(Some(log_id(1, 1))));
        assert!(!novice.has_caught_up(Some(log_id(1, 1))));
        novice.hears(&leader, Some(log_id(1, 9)));
        novice.hears(&leader, Some(log_id(1, 20)));
        assert!(!novice.has_caught_up(Some(log_id(1, 8))));
        assert!(novice.is_one() && !novice.may_vote(Some(log_id(1, 9))));
        assert!(novice.has_caught_up(Some(log_id(1, 9))));
        // Once it is none, it stays so.
        novice.hears(&Vote::new_committed(2, 7), Some(log_id(2, 30)));
        assert!(!novice.is_one() && novice.may_vote(Some(log_id(2, 9))));
        assert!(!novice.has_caught_up(Some(log_id(2, 30))));
    }

    #[test]
    fn a_new_cluster_without_commits_is_joined_at_once() {
        let novice = Novice::new(None);
        novice.hears(&Vote::new_committed(1, 7), None);
        assert!(!novice.has_caught_up(None));
        assert!(novice.has_caught_up(Some(log_id(0, 0))));
    }

    #[test]
    fn a_founder_is_none() {
        let novice = Novice::new(None);
        novice.founds();
        assert!(!novice.is_one() && novice.may_vote(Some(log_id(4, 4))));
    }

    #[test]
    fn a_server_with_a_log_is_none() {
        let novice = Novice::new(Some(0));
        assert!(!novice.is_one() && novice.may_vote(Some(log_id(4, 4))));
    }

    #[test]
    fn only_what_a_leader_has_committed_itself_is_a_goal() {
        let novice = Novice::new(None);
        // It has just been started, or was behind as a follower.
        novice.hears(&Vote::new_committed(3, 7), None);
        novice.hears(&Vote::new_committed(3, 7), Some(log_id(2, 40)));
        assert!(!novice.has_caught_up(Some(log_id(2, 40))));
        novice.hears(&Vote::new_committed(3, 7), Some(log_id(3, 101)));
        assert!(!novice.has_caught_up(Some(log_id(2, 100))));
        // A later leader knows of more.
        novice.hears(&Vote::new_committed(5, 8), Some(log_id(5, 200)));
        assert!(!novice.has_caught_up(Some(log_id(3, 101))));
        assert!(novice.has_caught_up(Some(log_id(5, 200))));
    }
}
