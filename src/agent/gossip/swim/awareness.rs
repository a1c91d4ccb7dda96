//! How far we trust our own network: Lifeguard's health score (section 6.2 of the wire format).

use std::time::Duration;

/// Zero is healthy; each point stretches our probes by one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Awareness {
    score: u32,
    /// The score stays below.
    max: u32,
}

impl Awareness {
    pub(super) const fn new(max: u32) -> Self {
        Self { score: 0, max }
    }

    pub(super) const fn score(self) -> u32 {
        self.score
    }

    /// Adds to the score; true when it changed.
    #[must_use]
    pub(super) fn apply(&mut self, delta: i32) -> bool {
        let before = self.score;
        let bound = self.max.saturating_sub(1);
        self.score = before.saturating_add_signed(delta).min(bound);
        self.score != before
    }

    /// An interval, stretched.
    pub(super) fn scale(self, interval: Duration) -> Duration {
        interval.saturating_mul(self.score.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_its_bounds() {
        // Delta, then the score, the change and the multiplier.
        let table = [
            (0, 0, false, 1),
            (-1, 0, false, 1),
            (1, 1, true, 2),
            (3, 4, true, 5),
            (10, 7, true, 8),
            (1, 7, false, 8),
            (-1, 6, true, 7),
            (-100, 0, true, 1),
        ];
        let mut awareness = Awareness::new(8);
        for (delta, score, changed, times) in table {
            assert_eq!(awareness.apply(delta), changed, "{delta}");
            assert_eq!(awareness.score(), score, "{delta}");
            let second = Duration::from_secs(1);
            assert_eq!(awareness.scale(second), second * times, "{delta}");
        }
    }

    #[test]
    fn a_bound_of_one_switches_it_off() {
        for max in [0, 1] {
            let mut awareness = Awareness::new(max);
            assert!(!awareness.apply(5));
            assert_eq!(awareness.score(), 0);
        }
    }
}
