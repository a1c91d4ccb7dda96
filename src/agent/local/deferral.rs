//! When a change of output alone is synced: later, at a random moment, so that chatty checks cost
//! the servers little. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::agent::checks::scheduler::Mono;

/// Checks whose output waits to be synced.
#[derive(Debug)]
pub(super) struct Deferrals {
    /// Consul's `check_update_interval`.
    interval: Duration,
    due: BTreeMap<String, Mono>,
    timers: BTreeSet<(Mono, String)>,
    rng: StdRng,
}

impl Deferrals {
    pub(super) fn new(interval: Duration, seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        Self {
            interval,
            due: BTreeMap::new(),
            timers: BTreeSet::new(),
            rng,
        }
    }

    /// The check's output changed: the first change decides when it is synced, half the interval
    /// and a random part of it later.
    pub(super) fn defer(&mut self, now: Mono, check_id: &str) {
        if self.due.contains_key(check_id) {
            return;
        }
        let random = self.rng.random_range(Duration::ZERO..=self.interval);
        let due = now + self.interval / 2 + random;
        self.due.insert(check_id.to_owned(), due);
        self.timers.insert((due, check_id.to_owned()));
    }

    /// Changes the interval. What waits already waits no longer than it would have to now.
    pub(super) fn set_interval(&mut self, now: Mono, interval: Duration) {
        self.interval = interval;
        let latest = now + interval / 2 + interval;
        for (check_id, due) in &mut self.due {
            if *due > latest {
                self.timers.remove(&(*due, check_id.clone()));
                self.timers.insert((latest, check_id.clone()));
                *due = latest;
            }
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Mono> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// The next check whose time has come.
    pub(super) fn pop_due(&mut self, now: Mono) -> Option<String> {
        self.timers.first().filter(|(due, _)| *due <= now)?;
        let (_, check_id) = self.timers.pop_first()?;
        self.due.remove(&check_id);
        Some(check_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(n: u64) -> Duration {
        Duration::from_mins(n)
    }

    #[test]
    fn the_first_change_decides_when() {
        let mut deferrals = Deferrals::new(minutes(4), 1);
        assert_eq!(deferrals.next_deadline(), None);
        deferrals.defer(Mono::ZERO, "a");
        let due = deferrals.next_deadline().unwrap();
        assert!(due >= minutes(2) && due <= minutes(6));
        deferrals.defer(minutes(1), "a");
        assert_eq!(deferrals.next_deadline(), Some(due));
        assert_eq!(
            deferrals.pop_due(due.saturating_sub(Duration::from_nanos(1))),
            None
        );
        assert_eq!(deferrals.pop_due(due).as_deref(), Some("a"));
        assert_eq!(
            (deferrals.pop_due(due), deferrals.next_deadline()),
            (None, None)
        );
    }

    #[test]
    fn a_shorter_interval_holds_for_what_waits_already() {
        let mut deferrals = Deferrals::new(minutes(10), 7);
        deferrals.defer(Mono::ZERO, "a");
        deferrals.set_interval(minutes(1), minutes(20));
        let due = deferrals.next_deadline().expect("it waits");
        assert!(
            due >= minutes(5) && due <= minutes(15),
            "as before: {due:?}"
        );
        deferrals.set_interval(minutes(1), Duration::ZERO);
        assert_eq!(deferrals.pop_due(minutes(1)).as_deref(), Some("a"));
        assert_eq!(deferrals.next_deadline(), None);
        deferrals.defer(minutes(2), "a");
        assert_eq!(deferrals.next_deadline(), Some(minutes(2)));
    }
}
