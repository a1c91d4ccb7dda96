//! For how long, and after which failures, a request is tried again. Pure: times are those since the request came.

use std::time::Duration;

use super::RpcError;
use super::error::Outcome;
use super::options::JITTER_FRACTION;

/// A blocking query that is tried again must not look like one without a time of its own.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// What a request that fails may still try.
///
/// The cluster may be without a leader for `hold` (Consul's `rpc_hold_timeout`), counted from when that was noticed: a
/// blocking query may notice it after minutes.
#[derive(Debug)]
pub(super) struct Patience {
    hold: Duration,
    /// How long a blocking query waits for a change, but for the random part that is added; `None` for others.
    wait: Option<Duration>,
    is_read: bool,
    /// Since when attempts have failed.
    trouble: Option<Duration>,
}

/// An attempt, and its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    pub(super) began: Duration,
    pub(super) ended: Duration,
}

impl Patience {
    pub(super) const fn new(hold: Duration, is_read: bool, wait: Option<Duration>) -> Self {
        Self {
            hold,
            wait,
            is_read,
            trouble: None,
        }
    }

    /// What is left of a blocking query's time.
    pub(super) fn wait_left(&self, now: Duration) -> Option<Duration> {
        self.wait
            .map(|wait| wait.saturating_sub(now).max(SHORTEST_WAIT))
    }

    /// How long the next attempt may wait for a leader.
    pub(super) fn hold_left(&self, now: Duration) -> Duration {
        let since = self.trouble.unwrap_or(now);
        (since + self.hold).saturating_sub(now)
    }

    /// Takes note of a failure; whether the request may be tried again. Writes may not when they may have been made.
    pub(super) fn may_try_again(&mut self, error: &RpcError, attempt: Attempt) -> bool {
        let Attempt { began, ended } = attempt;
        match error.outcome() {
            Outcome::Answered => return false,
            Outcome::Unknown if !self.is_read || *error == RpcError::TimedOut => return false,
            Outcome::Unknown | Outcome::NotDone => {}
        }
        let noticed = if error.is_no_leader() {
            // Whoever says so has waited for one.
            began
        } else {
            ended
        };
        if ended.saturating_sub(began) >= self.hold {
            self.trouble = Some(noticed);
        }
        let since = *self.trouble.get_or_insert(noticed);
        let end = since + self.hold;
        let longest = |wait: Duration| wait + wait / JITTER_FRACTION + self.hold;
        let last = self.wait.map_or(end, |wait| end.min(longest(wait)));
        ended < last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(7);

    fn attempt(began: u64, ended: u64) -> Attempt {
        Attempt {
            began: Duration::from_secs(began),
            ended: Duration::from_secs(ended),
        }
    }

    fn broken() -> RpcError {
        RpcError::Broken("reset".to_owned())
    }

    #[test]
    fn a_write_is_tried_again_only_when_it_was_surely_not_made() {
        for (error, write, read) in [
            (RpcError::NoLeader, true, true),
            (RpcError::NotLeader, true, true),
            (RpcError::Unreachable("refused".to_owned()), true, true),
            (broken(), false, true),
            (RpcError::LeadershipLost, false, true),
            (RpcError::TimedOut, false, false),
            (RpcError::PermissionDenied, false, false),
            (RpcError::NoServers, false, false),
        ] {
            for (is_read, expected) in [(false, write), (true, read)] {
                let mut patience = Patience::new(HOLD, is_read, None);
                let again = patience.may_try_again(&error, attempt(0, 1));
                assert_eq!(again, expected, "{error} {is_read}");
            }
        }
    }

    #[test]
    fn failures_in_a_row_end_with_the_hold() {
        let mut patience = Patience::new(HOLD, true, None);
        assert_eq!(patience.hold_left(Duration::ZERO), HOLD);
        assert!(patience.may_try_again(&RpcError::NotLeader, attempt(0, 1)));
        assert_eq!(
            patience.hold_left(Duration::from_secs(3)),
            HOLD.saturating_sub(Duration::from_secs(2))
        );
        assert!(patience.may_try_again(&broken(), attempt(3, 7)));
        assert!(!patience.may_try_again(&broken(), attempt(7, 8)));
        assert_eq!(patience.hold_left(Duration::from_secs(9)), Duration::ZERO);
    }

    #[test]
    fn who_waited_for_a_leader_waited_for_all() {
        let error = RpcError::Remote(RpcError::NoLeader.to_string());
        let mut patience = Patience::new(HOLD, false, None);
        assert!(!patience.may_try_again(&error, attempt(0, 7)));
        // A server that leaves says so at once.
        let mut patience = Patience::new(HOLD, false, None);
        assert!(patience.may_try_again(&error, attempt(0, 0)));
    }

    #[test]
    fn a_blocking_query_has_its_hold_when_it_needs_it() {
        let wait = Duration::from_mins(5);
        let mut patience = Patience::new(HOLD, true, Some(wait));
        assert!(patience.may_try_again(&broken(), attempt(0, 100)));
        assert_eq!(
            patience.hold_left(Duration::from_secs(101)),
            HOLD.saturating_sub(Duration::from_secs(1))
        );
        assert_eq!(
            patience.wait_left(Duration::from_secs(101)),
            Some(Duration::from_secs(199))
        );
        // It worked again for a while: the next failure begins anew.
        assert!(patience.may_try_again(&broken(), attempt(101, 200)));
        assert!(!patience.may_try_again(&RpcError::NoLeader, attempt(200, 280)));
        assert!(!patience.may_try_again(&broken(), attempt(280, 326)));
        assert_eq!(
            patience.wait_left(Duration::from_secs(400)),
            Some(SHORTEST_WAIT)
        );
    }
}
