//! Logical time: section 10 of the wire format.

use crate::agent::gossip::wire::LamportTime;

/// A Lamport clock. Saturates, so that a peer's absurd time cannot overflow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LamportClock(LamportTime);

impl LamportClock {
    /// A clock that has seen `seen` in an earlier life; clocks start at 1, so that no message has time 0.
    pub(super) fn restored(seen: LamportTime) -> Self {
        let mut clock = Self(1);
        clock.witness(seen);
        clock
    }

    /// The time of the next message.
    pub(super) const fn time(self) -> LamportTime {
        self.0
    }

    /// One further.
    pub(super) const fn increment(&mut self) {
        self.0 = self.0.saturating_add(1);
    }

    /// Moves past a time that somebody else has used.
    pub(super) const fn witness(&mut self, seen: LamportTime) {
        if seen >= self.0 {
            self.0 = seen.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_start_at_one_and_only_move_forward() {
        let mut clock = LamportClock::restored(0);
        assert_eq!(clock.time(), 1);
        for (seen, time) in [(0, 1), (1, 2), (1, 2), (9, 10), (3, 10), (10, 11)] {
            clock.witness(seen);
            assert_eq!(clock.time(), time, "after {seen}");
        }
        clock.increment();
        assert_eq!(clock.time(), 12);
        assert_eq!(LamportClock::restored(41).time(), 42);
    }

    #[test]
    fn a_jump_to_the_end_of_time_does_not_overflow() {
        let mut clock = LamportClock::restored(LamportTime::MAX);
        clock.increment();
        clock.witness(LamportTime::MAX);
        assert_eq!(clock.time(), LamportTime::MAX);
    }
}
