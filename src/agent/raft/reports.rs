//! What the log tells of messages that did not get through: a peer that is gone fails many times a second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Time until the next failure of the same kind is told; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// Times that it doubles: 10 s, as hashicorp/raft's.
const MAX_DOUBLINGS: u32 = 10;
/// Peers and kinds that are remembered; beyond that everything begins anew.
const MAX_REMEMBERED: usize = 128;

/// What a message was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A vote, or whether there would be one.
    Vote,
    /// A proof of life.
    Heartbeat,
    /// Entries.
    Append,
    /// A snapshot.
    Snapshot,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    told: u32,
    until: Instant,
}

/// Which failures were told, by the peer's UUID. Written by whoever sends.
#[derive(Debug, Default)]
pub(super) struct Reports {
    pauses: Mutex<BTreeMap<(String, Kind), Pause>>,
    /// There are any: spares successes the lock.
    any: AtomicBool,
}

impl Reports {
    /// Notes a failure, and says whether it is to be told.
    pub(super) fn fails(&self, peer: &str, kind: Kind) -> bool {
        let now = Instant::now();
        let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        if pauses.len() >= MAX_REMEMBERED {
            pauses.clear();
        }
        self.any.store(true, Ordering::Release);
        let pause = pauses.entry((peer.to_owned(), kind)).or_insert(Pause {
            told: 0,
            until: now,
        });
        if now < pause.until {
            return false;
        }
        pause.until = now + FIRST_PAUSE * 2_u32.pow(pause.told.min(MAX_DOUBLINGS));
        pause.told = pause.told.saturating_add(1);
        true
    }

    /// Notes a success: the next failure is told at once.
    pub(super) fn succeeds(&self, peer: &str, kind: Kind) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        pauses.remove(&(peer.to_owned(), kind));
        self.any.store(!pauses.is_empty(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_dead_peer_is_told_of_ever_more_seldom() {
        let reports = Reports::default();
        let mut told = 0;
        for _ in 0..600 {
            told += u32::from(reports.fails("a", Kind::Append));
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        // A minute of ten failures a second.
        assert!((10..=16).contains(&told), "{told}");
        assert!(!reports.fails("a", Kind::Append));
        assert!(reports.fails("a", Kind::Heartbeat));
        assert!(reports.fails("b", Kind::Append));
        reports.succeeds("a", Kind::Append);
        assert!(reports.fails("a", Kind::Append));
    }
}
