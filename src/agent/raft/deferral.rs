//! When the next snapshot has to wait.
//!
//! While one is on its way to a server, the log must keep what follows it: a new one would purge just that, and a server
//! that takes long to receive a large state would never catch up. And an attempt that failed is not repeated at
//! once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Time until a snapshot that could not be written is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// Longest wait for those that are sent: the log has bounds, too.
const LONGEST: Duration = Duration::from_mins(5);

/// What the next snapshot may have to wait for; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Deferral {
    reasons: Arc<Mutex<Reasons>>,
    /// Counts the attempts that were put off: openraft takes those for made, so that somebody has to ask again.
    put_off: watch::Sender<u64>,
}

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

    /// Whether an attempt would be put off now. Unlike [`Self::must_wait`] this is no attempt, and leaves the longest
    /// wait as it is.
    pub(super) fn would_wait(&self, now: Instant) -> bool {
        let reasons = self.reasons();
        let within = |at: Instant, limit| now.saturating_duration_since(at) < limit;
        reasons.failed.is_some_and(|at| within(at, RETRY_AFTER))
            || reasons.sending > 0 && reasons.since.is_none_or(|at| within(at, LONGEST))
    }

    /// Notes that an attempt was put off.
    pub(super) fn put_off(&self) {
        self.put_off.send_modify(|count| *count += 1);
    }

    /// Follows the attempts that were put off.
    pub(super) fn attempts_put_off(&self) -> watch::Receiver<u64> {
        self.put_off.subscribe()
    }

    fn reasons(&self) -> MutexGuard<'_, Reasons> {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn asking_is_no_attempt() {
        let (deferral, now) = (Deferral::default(), Instant::now());
        assert!(!deferral.would_wait(now));
        let _sending = deferral.begin_sending();
        assert!(deferral.must_wait(now));
        assert!(deferral.would_wait(now + LONGEST / 2));
        assert!(!deferral.would_wait(now + LONGEST));
        // The attempt that follows finds the same.
        assert!(!deferral.must_wait(now + LONGEST));
        deferral.note_attempt(false, now);
        assert!(deferral.would_wait(now + RETRY_AFTER / 2));
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
