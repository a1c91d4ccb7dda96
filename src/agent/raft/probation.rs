//! A server that was just started may have answered its leader a moment before, and the leader counts on it: for a lease
//! from then on no other leader is elected with this server's help. openraft forgets that with the process. So the
//! server waits a lease before it votes, or stands for election itself.

use std::time::Duration;

use tokio::time::Instant;

use super::types::Vote;

/// Until when this server helps nobody to be elected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probation(Option<Instant>);

impl Probation {
    /// That of a server with this raft id, which starts now with this vote. One that has not followed a leader has
    /// promised nothing: a new one, one that led itself, and one that had voted for the next leader already.
    pub(super) fn new(id: u64, vote: Option<&Vote>, lease: Duration) -> Self {
        let followed = vote.is_some_and(|vote| vote.committed && vote.leader_id.voted_for != id);
        Self(followed.then(|| Instant::now() + lease))
    }

    /// Whether it is not over.
    pub(super) fn is_on(self) -> bool {
        self.0.is_some_and(|until| Instant::now() < until)
    }

    /// Its end, when there is one.
    pub(super) fn end(self) -> Option<Instant> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_who_followed_a_leader_waits_a_lease() {
        let lease = Duration::from_secs(1);
        let of = |vote: Option<Vote>| Probation::new(7, vote.as_ref(), lease);
        for promised_nothing in [None, Some(Vote::new(3, 8)), Some(Vote::new_committed(3, 7))] {
            assert!(!of(promised_nothing).is_on(), "{promised_nothing:?}");
            assert_eq!(of(promised_nothing).end(), None);
        }
        let waits = of(Some(Vote::new_committed(3, 8)));
        assert!(waits.is_on());
        tokio::time::advance(lease).await;
        assert!(!waits.is_on());
    }
}
