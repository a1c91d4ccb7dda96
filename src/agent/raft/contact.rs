//! When a leader was last heard.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The leader's last sign of life.
///
/// Written by whoever serves the leader's messages, with each of them; read by the observer, which decides when a leader
/// counts as gone, and by those who ask for the last contact.
#[derive(Debug, Default)]
pub(super) struct Contact {
    /// The term of the leader that was heard, and when.
    last: Mutex<Option<(u64, Instant)>>,
    /// The leader counts as gone, or none was heard yet.
    is_gone: AtomicBool,
    /// Told when a leader is heard that counted as gone.
    back: Notify,
}

impl Contact {
    /// Notes a message of the leader of a term. One of an earlier term than the last is of a leader that was replaced.
    pub(super) fn heard(&self, term: u64) {
        {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|(known, _)| known > term) {
                return;
            }
            *last = Some((term, Instant::now()));
        }
        if self.is_gone.load(Ordering::Acquire) && self.is_gone.swap(false, Ordering::AcqRel) {
            self.back.notify_one();
        }
    }

    /// Notes a message of the leader that was heard last.
    pub(super) fn heard_again(&self) {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((term, _)) = last {
            self.heard(term);
        }
    }

    /// When a leader was heard last; nothing when none ever was.
    pub(super) fn heard_at(&self) -> Option<Instant> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.map(|(_, at)| at)
    }

    /// Time since a leader was heard; nothing when none ever was.
    pub(super) fn age(&self) -> Option<Duration> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.map(|(_, at)| at.elapsed())
    }

    /// Whether the leader of a term was heard within `patience`; when not, [`Self::back`] tells of its return.
    pub(super) fn is_recent(&self, term: u64, patience: Duration) -> bool {
        let is_recent = || {
            let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            last.is_some_and(|(known, at)| known == term && at.elapsed() < patience)
        };
        if is_recent() {
            return true;
        }
        self.is_gone.store(true, Ordering::Release);
        // A message that came between the two would otherwise tell nobody.
        is_recent()
    }

    /// Waits until a leader that counted as gone is heard.
    pub(super) async fn back(&self) {
        self.back.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn only_the_leader_of_the_term_counts() {
        let contact = Contact::default();
        assert_eq!(contact.age(), None);
        assert!(!contact.is_recent(3, LONG));
        contact.heard(3);
        contact.back().await;
        assert!(contact.is_recent(3, LONG));
        assert!(!contact.is_recent(3, Duration::ZERO));
        assert!(!contact.is_recent(4, LONG));
        contact.heard(4);
        contact.back().await;
        contact.heard(3);
        assert!(contact.is_recent(4, LONG));
        assert!(contact.age().is_some());
    }
}
