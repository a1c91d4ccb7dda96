//! What just happened and matters: told in one line for some seconds, wherever one is. The events keep it.

use std::collections::VecDeque;

use super::derive::Severity;
use super::journal::{Happening, Journal};
use super::snapshot::Millis;

/// How long a line stays.
const STAYS: Millis = 6000;
/// Lines that wait at most; the oldest are left to the events.
const MAX_WAITING: usize = 5;

/// The lines, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Toasts {
    waiting: VecDeque<Happening>,
    shown_since: Millis,
    seen: u64,
}

impl Toasts {
    /// Takes what is new in the journal: changes of leader, and what became critical.
    pub fn look(&mut self, now: Millis, journal: &Journal) {
        self.expire(now);
        let fresh = journal.count.saturating_sub(self.seen);
        self.seen = journal.count;
        let fresh = usize::try_from(fresh).unwrap_or(usize::MAX);
        let events: Vec<&Happening> = journal.events.iter().take(fresh).collect();
        for event in events.into_iter().rev() {
            let leader = event.subject == "cluster" && event.severity.is_some();
            if !leader && event.severity != Some(Severity::Critical) {
                continue;
            }
            if self.waiting.is_empty() {
                self.shown_since = now;
            }
            if self.waiting.len() == MAX_WAITING {
                self.waiting.pop_front();
            }
            self.waiting.push_back(event.clone());
        }
    }

    /// Lets go what was shown long enough.
    fn expire(&mut self, now: Millis) {
        while !self.waiting.is_empty() && now - self.shown_since >= self.stay() {
            self.shown_since += self.stay();
            self.waiting.pop_front();
        }
    }

    /// Many lines share the time.
    fn stay(&self) -> Millis {
        if self.waiting.len() > 1 {
            STAYS / 3
        } else {
            STAYS
        }
    }

    /// The line that is shown now, and how many wait.
    pub fn now(&self, now: Millis) -> Option<(&Happening, usize)> {
        let first = self.waiting.front()?;
        (now - self.shown_since < self.stay()).then_some((first, self.waiting.len() - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::derive::bad_cluster::bad_picture;

    #[test]
    fn what_matters_is_told_once_and_not_for_long() {
        let (_, bad) = bad_picture();
        let mut good = bad.clone();
        good.problems.clear();
        let (mut journal, mut toasts) = (Journal::default(), Toasts::default());
        journal.compare(1000, &good, &bad);
        toasts.look(1000, &journal);
        let (first, more) = toasts.now(1000).unwrap();
        assert_eq!(first.severity, Some(Severity::Critical));
        assert!(more > 0);
        toasts.look(2500, &journal);
        assert_eq!(toasts.now(2500).map(|(_, more)| more), Some(more));
        toasts.look(60_000, &journal);
        assert_eq!(toasts.now(60_000), None);
        journal.compare(61_000, &bad, &good);
        toasts.look(61_000, &journal);
        assert_eq!(
            toasts.now(61_000),
            None,
            "what became good is left to the events"
        );
        let mut headless = good.clone();
        headless.leader = None;
        journal.compare(62_000, &headless, &good);
        toasts.look(62_000, &journal);
        assert_eq!(
            toasts.now(62_000).map(|(it, _)| it.text.as_str()),
            Some("srv-2 leads")
        );
    }
}
