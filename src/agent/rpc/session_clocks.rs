//! When sessions with a time to live are over: kept by the leader, in memory only.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A session ends when it was not renewed for so many times its time to live: Consul's factor.
const PATIENCE: u32 = 2;
/// The queue is cleaned up when it is longer than this and than twice the sessions there are.
const SLACK: usize = 1024;

/// The clocks of the leader's sessions; clones share them. `Rpc` renews, the leader's duty does all else.
#[derive(Debug, Clone, Default)]
pub struct SessionClocks {
    timers: Arc<Mutex<SessionTimers>>,
}

impl SessionClocks {
    /// Begins a session's time anew. One that the leader has not heard of yet begins it when it does. False for a
    /// session that is being ended.
    pub(super) fn renew(&self, id: &str) -> bool {
        self.lock().renew(id, Instant::now())
    }

    /// The timers. No waiting while they are held: every renewal needs them.
    pub fn lock(&self) -> MutexGuard<'_, SessionTimers> {
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deadlines of sessions. Time is an argument.
///
/// Renewing moves a session's deadline and nothing else: its place in the queue is put right when it comes up there, so
/// that a renewal costs one look-up.
#[derive(Debug, Default)]
pub struct SessionTimers {
    timers: HashMap<Arc<str>, Timer>,
    /// Every session that is not about to be ended stands here once, not after its deadline. Those that are gone may
    /// stand here, too.
    queue: BinaryHeap<Reverse<(Instant, Arc<str>)>>,
}

#[derive(Debug, Clone, Copy)]
struct Timer {
    patience: Duration,
    deadline: Instant,
    /// Taken out by [`SessionTimers::take_due`]; not in the queue.
    is_due: bool,
}

impl SessionTimers {
    /// Starts a session's timer; one that runs goes on.
    pub fn start(&mut self, id: &str, ttl: Duration, now: Instant) {
        if self.timers.contains_key(id) {
            return;
        }
        let patience = ttl.saturating_mul(PATIENCE);
        let timer = Timer {
            patience,
            deadline: now + patience,
            is_due: false,
        };
        let id: Arc<str> = Arc::from(id);
        self.queue.push(Reverse((timer.deadline, Arc::clone(&id))));
        self.timers.insert(id, timer);
    }

    /// Moves a session's deadline, unless the session is being ended.
    fn renew(&mut self, id: &str, now: Instant) -> bool {
        let Some(timer) = self.timers.get_mut(id) else {
            return true;
        };
        if !timer.is_due {
            timer.deadline = timer.deadline.max(now + timer.patience);
        }
        !timer.is_due
    }

    /// Forgets a session.
    pub fn stop(&mut self, id: &str) {
        self.timers.remove(id);
        if self.queue.len() > SLACK + 2 * self.timers.len() {
            let timers = &self.timers;
            let waits = |id: &Arc<str>| timers.get(id).is_some_and(|timer| !timer.is_due);
            self.queue.retain(|Reverse((_, id))| waits(id));
        }
    }

    /// Puts a session that was due back: it could not be ended, and is due again at `at`, unless it was renewed.
    pub fn put_back(&mut self, id: &Arc<str>, at: Instant) {
        if let Some(timer) = self.timers.get_mut(id) {
            timer.is_due = false;
            timer.deadline = timer.deadline.max(at);
            self.queue.push(Reverse((timer.deadline, Arc::clone(id))));
        }
    }

    /// Takes sessions whose time is over, at most `limit`: each is to be ended, and then stopped or put back.
    pub fn take_due(&mut self, now: Instant, limit: usize) -> Vec<Arc<str>> {
        let mut due = Vec::new();
        while due.len() < limit
            && let Some(id) = self.pop_until(now)
        {
            match self.timers.get_mut(&id) {
                Some(timer) if timer.is_due => {}
                Some(timer) if timer.deadline <= now => {
                    timer.is_due = true;
                    due.push(id);
                }
                Some(timer) => self.queue.push(Reverse((timer.deadline, id))),
                None => {}
            }
        }
        due
    }

    fn pop_until(&mut self, now: Instant) -> Option<Arc<str>> {
        let Reverse((at, _)) = self.queue.peek()?;
        if *at > now {
            return None;
        }
        self.queue.pop().map(|Reverse((_, id))| id)
    }

    /// When [`Self::take_due`] has something to do at the earliest.
    pub fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// How many sessions have a timer.
    pub fn active(&self) -> usize {
        self.timers.len()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn due(timers: &mut SessionTimers, now: Instant) -> Vec<String> {
        let due = timers.take_due(now, 10);
        due.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_session_is_over_after_twice_its_time_without_renewal() {
        let (mut timers, now) = (SessionTimers::default(), Instant::now());
        timers.start("a", 10 * SECOND, now);
        timers.start("b", 15 * SECOND, now);
        assert_eq!(timers.next(), Some(now + 20 * SECOND));
        assert!(timers.renew("a", now + 15 * SECOND));
        assert!(
            timers.renew("unknown", now),
            "its time begins when the leader hears of it"
        );
        assert_eq!(due(&mut timers, now + 29 * SECOND), [""; 0]);
        assert_eq!(due(&mut timers, now + 30 * SECOND), ["b"]);
        assert_eq!(due(&mut timers, now + 34 * SECOND), [""; 0]);
        assert_eq!(due(&mut timers, now + 35 * SECOND), ["a"]);
        // Whoever has them ends them; they do not come again.
        assert_eq!(due(&mut timers, now + 99 * SECOND), [""; 0]);
        assert_eq!(timers.active(), 2);
        timers.stop("a");
        timers.stop("b");
        assert_eq!((timers.active(), timers.next()), (0, None));
    }

    #[test]
    fn starting_again_is_no_renewal() {
        let (mut timers, now) = (SessionTimers::default(), Instant::now());
        timers.start("a", SECOND, now);
        timers.start("a", SECOND, now + SECOND);
        assert_eq!(due(&mut timers, now + 2 * SECOND), ["a"]);
    }

    #[test]
    fn what_could_not_be_ended_comes_again_and_can_be_renewed_again() {
        let (mut timers, now) = (SessionTimers::default(), Instant::now());
        for id in ["a", "b"] {
            timers.start(id, SECOND, now);
        }
        let mut taken = timers.take_due(now + 2 * SECOND, 1);
        assert_eq!(taken.len(), 1, "no more than asked for");
        taken.extend(timers.take_due(now + 2 * SECOND, 1));
        assert!(!timers.renew("b", now + 2 * SECOND), "it is being ended");
        for id in &taken {
            timers.put_back(id, now + 3 * SECOND);
        }
        assert!(timers.renew("b", now + 5 * SECOND));
        assert_eq!(due(&mut timers, now + 3 * SECOND), ["a"]);
        assert_eq!(due(&mut timers, now + 7 * SECOND), ["b"]);
        // One that has ended meanwhile stays away.
        timers.stop("a");
        timers.put_back(&Arc::from("a"), now);
        assert_eq!(due(&mut timers, now + 99 * SECOND), [""; 0]);
    }

    #[test]
    fn sessions_that_come_and_go_take_no_room() {
        let (mut timers, now) = (SessionTimers::default(), Instant::now());
        timers.start("stays", SECOND * 3600, now);
        for n in 0..10 * SLACK {
            let id = n.to_string();
            timers.start(&id, SECOND * 3600, now);
            assert!(timers.renew(&id, now + SECOND));
            timers.stop(&id);
        }
        assert!(timers.queue.len() <= SLACK + 3, "{}", timers.queue.len());
        assert_eq!(due(&mut timers, now + 7200 * SECOND), ["stays"]);
    }
}
