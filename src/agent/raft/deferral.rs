//! When the next snapshot has to wait.
//!
//! While one is on its way to a server, the log must keep what follows it: a new one would purge just that, and a server
//! that takes long to receive a large state would never catch up. And an attempt that failed is not repeated at
//! once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time until a snapshot that could not be written is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// Longest wait for those that are sent: the log has bounds, too.
const LONGEST: Duration = Duration::from_mins(5);

/// What the next snapshot may have to wait for; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Deferral(Arc<Mutex<Reasons>>);

#[derive(Debug, Default)]
struct Reasons {
    /// Snapshots on their way to other servers; written by those who send.
    sending: usize,
    /// Since when one waits for them; written by those who ask.
    since: Option<Instant>,
    /// When the last attempt failed; written by the builder.
    failed: Option<Instant>,
}

/// A snapshot that is being sent, for as long as it lives.
#[derive(Debug)]
pub(super) struct Sending(Deferral);

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.reasons().sending -= 1;
    }
}

impl Deferral {
    /// Notes that a snapshot is being sent.
    pub(super) fn begin_sending(&self) -> Sending {
        self.reasons().sending += 1;
        Sending(self.clone())
    }

    /// Notes how an attempt to write one ended.
    pub(super) fn note_attempt(&self, succeeded: bool, now: Instant) {
        self.reasons().failed = (!succeeded).then_some(now);
    }

    /// Whether the next one has to wait.
    pub(super) fn must_wait(&self, now: Instant) -> bool {
        let mut reasons = self.reasons();
        let since = |at: Instant| now.saturating_duration_since(at);
        if reasons.failed.is_some_and(|at| since(at) < RETRY_AFTER) {
            return true;
        }
        let waits = reasons.sending > 0 && since(*reasons.since.get_or_insert(now)) < LONGEST;
        if !waits {
            reasons.since = None;
        }
        waits
    }

    fn reasons(&self) -> MutexGuard<'_, Reasons> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_what_is_sent_but_not_for_ever() {
        let (deferral, now) = (Deferral::default(), Instant::now());
        assert!(!deferral.must_wait(now));
        let first = deferral.begin_sending();
        assert!(deferral.must_wait(now));
        let second = deferral.begin_sending();
        drop(first);
        assert!(deferral.must_wait(now + LONGEST / 2));
        assert!(!deferral.must_wait(now + LONGEST));
        // The next wait has its own time.
        assert!(deferral.must_wait(now + LONGEST));
        drop(second);
        assert!(!deferral.must_wait(now + LONGEST));
    }

    #[test]
    fn waits_after_a_failure() {
        let (deferral, now) = (Deferral::default(), Instant::now());
        deferral.note_attempt(false, now);
        assert!(deferral.must_wait(now + RETRY_AFTER / 2));
        assert!(!deferral.must_wait(now + RETRY_AFTER));
        deferral.note_attempt(false, now);
        deferral.note_attempt(true, now);
        assert!(!deferral.must_wait(now));
    }
}
