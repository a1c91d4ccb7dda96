//! Keys that must not be locked for a while, because their holder's session has ended.
//!
//! The state has no clock, so that every server keeps these times by itself, from the moment at which it applies the
//! end: a new leader has them, too. They are not on disk; a server that starts keeps those of the log that it replays.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::kv::Key;

/// Keys that can be closed at a time. Beyond that, those that would open next are open at once.
const MAX_CLOSED: usize = 1 << 18;

/// When closed keys open; written by the state machine, read by a leader before a key is locked.
#[derive(Debug, Default)]
pub(super) struct LockDelays {
    closed: Mutex<Closed>,
}

#[derive(Debug, Default)]
struct Closed {
    until: HashMap<Key, Instant>,
    /// Every key of `until` with its time. Times that were put off since stand here, too, until they come up.
    queue: BinaryHeap<Reverse<(Instant, Key)>>,
}

impl LockDelays {
    /// Closes keys, each for a time from `now`.
    pub(super) fn note(&self, delays: &[(Key, Duration)], now: Instant) {
        let mut closed = self.lock();
        closed.open_before(now);
        for (key, delay) in delays {
            closed.close(key, now + *delay);
        }
        closed.fit(MAX_CLOSED);
    }

    /// How long a key is still closed; `None` when it is open.
    pub(super) fn left(&self, key: &Key, now: Instant) -> Option<Duration> {
        let until = self.lock().until.get(key).copied()?;
        let left = until.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    fn lock(&self) -> MutexGuard<'_, Closed> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Closed {
    fn close(&mut self, key: &Key, at: Instant) {
        let until = self.until.entry(key.clone()).or_insert(at);
        *until = at.max(*until);
        self.queue.push(Reverse((*until, key.clone())));
    }

    fn open_before(&mut self, now: Instant) {
        while self.queue.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            self.open_next();
        }
    }

    fn fit(&mut self, most: usize) {
        while self.queue.len() > most {
            self.open_next();
        }
    }

    fn open_next(&mut self) {
        if let Some(Reverse((at, key))) = self.queue.pop()
            && self.until.get(&key) == Some(&at)
        {
            self.until.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn key(n: usize) -> Key {
        Key::from(&*n.to_string())
    }

    #[test]
    fn a_key_is_closed_for_its_time() {
        let (delays, now) = (LockDelays::default(), Instant::now());
        delays.note(&[(key(1), 2 * SECOND), (key(2), 5 * SECOND)], now);
        assert_eq!(delays.left(&key(1), now), Some(2 * SECOND));
        assert_eq!(delays.left(&key(1), now + SECOND), Some(SECOND));
        assert_eq!(delays.left(&key(1), now + 2 * SECOND), None);
        assert_eq!(delays.left(&key(3), now), None);
        // A later end of another holder's session puts the time off, an earlier one does not.
        delays.note(&[(key(1), 4 * SECOND), (key(2), SECOND)], now + SECOND);
        assert_eq!(delays.left(&key(1), now + SECOND), Some(4 * SECOND));
        assert_eq!(delays.left(&key(2), now + SECOND), Some(4 * SECOND));
    }

    #[test]
    fn what_is_over_takes_no_room() {
        let (delays, now) = (LockDelays::default(), Instant::now());
        for n in 0..100 {
            delays.note(&[(key(n), SECOND)], now);
            delays.note(&[(key(n), 2 * SECOND)], now);
        }
        delays.note(&[], now + SECOND);
        assert_eq!(delays.lock().until.len(), 100);
        assert_eq!(delays.left(&key(7), now + SECOND), Some(SECOND));
        delays.note(&[], now + 2 * SECOND);
        let closed = delays.lock();
        assert!(closed.until.is_empty() && closed.queue.is_empty());
    }

    #[test]
    fn those_that_open_next_make_room() {
        let now = Instant::now();
        let mut closed = Closed::default();
        for n in 0..10 {
            closed.close(&key(n), now + SECOND * u32::try_from(10 - n).unwrap());
        }
        closed.fit(4);
        assert_eq!(closed.until.len(), 4);
        assert!(closed.until.contains_key(&key(0)) && !closed.until.contains_key(&key(9)));
    }
}
