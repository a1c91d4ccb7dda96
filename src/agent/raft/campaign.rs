//! Whether this server stands for election, and how it goes: openraft tells of it only once the first round, which
//! changes no term, is won.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// The last election that this server stands for. Written by the requests for votes, read by the observer.
#[derive(Debug, Default)]
pub(super) struct Campaign {
    state: Mutex<State>,
    /// Told with every round of requests.
    begun: Notify,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// When a vote was asked for last; nothing before the first, and after a victory.
    asked: Option<Instant>,
    /// The term in which this server would lead.
    term: u64,
    /// Votes of the others in that term.
    granted: usize,
    /// The last leader asked for it.
    is_handover: bool,
}

impl Campaign {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request for a vote.
    pub(super) fn asks(&self, term: u64, is_handover: bool) {
        {
            let mut state = self.state();
            if state.term != term {
                state.granted = 0;
            }
            state.asked = Some(Instant::now());
            state.term = term;
            state.is_handover = is_handover;
        }
        self.begun.notify_one();
    }

    /// Notes a vote for this server, and tells how many it has, its own included.
    pub(super) fn granted(&self, term: u64) -> usize {
        let mut state = self.state();
        if state.term == term {
            state.granted += 1;
        }
        state.granted + 1
    }

    /// The term of the campaign, when it is later than the last sign of a leader.
    pub(super) fn term_since(&self, leader_heard: Option<Instant>) -> Option<u64> {
        let state = *self.state();
        let asked = state.asked?;
        leader_heard
            .is_none_or(|heard| heard < asked)
            .then_some(state.term)
    }

    /// Whether the last campaign was asked for by a leader that hands over.
    pub(super) fn is_handover(&self) -> bool {
        self.state().is_handover
    }

    /// This server leads.
    pub(super) fn ends(&self) {
        self.state().asked = None;
    }

    /// Waits until a vote is asked for.
    pub(super) async fn begins(&self) {
        self.begun.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_lasts_until_a_leader_is_heard() {
        let campaign = Campaign::default();
        assert_eq!(campaign.term_since(None), None);
        let before = Instant::now();
        tokio::time::advance(Duration::from_millis(1)).await;
        campaign.asks(4, false);
        campaign.begins().await;
        assert_eq!(campaign.term_since(None), Some(4));
        assert_eq!(campaign.term_since(Some(before)), Some(4));
        assert_eq!(campaign.granted(4), 2);
        assert_eq!(campaign.granted(3), 2);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(campaign.term_since(Some(Instant::now())), None);
        campaign.asks(5, true);
        assert!(campaign.is_handover());
        assert_eq!(campaign.granted(5), 2);
        campaign.ends();
        assert_eq!(campaign.term_since(None), None);
    }
}
