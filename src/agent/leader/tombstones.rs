//! When deletions may be forgotten. Pure: time is an argument.

use std::collections::VecDeque;
use std::time::Duration;

/// How long a deletion is remembered, so that blocking lists notice it: Consul's 15 minutes.
pub(super) const TOMBSTONE_TTL: Duration = Duration::from_mins(15);
/// Deletions within this time are forgotten together: Consul's 30 seconds.
pub(super) const TOMBSTONE_GRANULARITY: Duration = Duration::from_secs(30);
/// Most marks kept; one is taken each granularity, so that this is never reached.
const MAX_MARKS: usize = 64;

/// Remembers which index was reached when, and tells which one has grown old.
#[derive(Debug, Default)]
pub(super) struct TombstoneClock {
    marks: VecDeque<(Duration, u64)>,
}

impl TombstoneClock {
    /// Notes the index that was reached at `now`, and returns the newest one that is old enough
    /// to be forgotten. `now` counts from any fixed point.
    pub(super) fn tick(&mut self, now: Duration, index: u64) -> Option<u64> {
        if self.marks.back().is_none_or(|(_, last)| *last < index) && self.marks.len() < MAX_MARKS {
            self.marks.push_back((now, index));
        }
        let mut due = None;
        while let Some((at, index)) = self.marks.front().copied()
            && now.saturating_sub(at) >= TOMBSTONE_TTL
        {
            due = Some(index);
            self.marks.pop_front();
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_due_after_its_time() {
        let mut clock = TombstoneClock::default();
        assert_eq!(clock.tick(Duration::ZERO, 10), None);
        assert_eq!(clock.tick(Duration::from_secs(30), 20), None);
        assert_eq!(clock.tick(TOMBSTONE_TTL, 20), Some(10));
        assert_eq!(
            clock.tick(TOMBSTONE_TTL + TOMBSTONE_GRANULARITY, 20),
            Some(20)
        );
        assert_eq!(clock.tick(TOMBSTONE_TTL * 3, 20), None);
    }
}
