//! Fixed rings of samples: ten minutes by the second, a day by the minute. What was not sampled is a gap.

use super::snapshot::Millis;

/// Slots of a second.
const SECONDS: usize = 600;
/// Slots of a minute.
const MINUTES: usize = 1440;

/// Samples at a fixed distance; old ones are written over.
#[derive(Debug, Clone)]
pub struct Ring {
    slots: Box<[Option<f64>]>,
    step: Millis,
    /// Number of the newest slot since 1970; `None` before the first sample.
    newest: Option<Millis>,
    /// So many slots without a sample lie between two samples in a row; they are no gap.
    between: Millis,
}

impl Ring {
    /// A ring of `length` slots of `step` milliseconds.
    pub fn new(length: usize, step: Millis) -> Self {
        Self {
            slots: vec![None; length.max(1)].into(),
            step: step.max(1),
            newest: None,
            between: 0,
        }
    }

    fn place(&self, slot: Millis) -> usize {
        let length = Millis::try_from(self.slots.len()).unwrap_or(Millis::MAX);
        usize::try_from(slot.rem_euclid(length)).unwrap_or_default()
    }

    /// Puts a sample into its slot; the larger one stays where there are two. Samples older than the ring are lost.
    pub fn put(&mut self, at: Millis, value: f64) {
        let slot = at.div_euclid(self.step);
        let length = Millis::try_from(self.slots.len()).unwrap_or(Millis::MAX);
        match self.newest {
            Some(newest) if slot <= newest => {
                if newest - slot >= length {
                    return;
                }
            }
            Some(newest) => {
                let joined = slot - newest - 1 <= self.between;
                for gap in (newest + 1).max(slot - length + 1)..=slot {
                    let place = self.place(gap);
                    self.slots[place] = joined.then_some(value);
                }
                self.newest = Some(slot);
            }
            None => self.newest = Some(slot),
        }
        let place = self.place(slot);
        let old = self.slots[place];
        self.slots[place] = Some(old.map_or(value, |old| old.max(value)));
    }

    /// The newest `count` slots up to `now`, oldest first; gaps are `None`.
    pub fn last(&self, count: usize, now: Millis) -> Vec<Option<f64>> {
        let Some(newest) = self.newest else {
            return vec![None; count];
        };
        let length = Millis::try_from(self.slots.len()).unwrap_or(Millis::MAX);
        let end = now.div_euclid(self.step);
        let count = Millis::try_from(count).unwrap_or_default();
        (end - count + 1..=end)
            .map(|slot| {
                let kept = slot <= newest && newest - slot < length;
                kept.then(|| self.slots[self.place(slot)]).flatten()
            })
            .collect()
    }
}

/// Samples of one number at both distances.
#[derive(Debug, Clone)]
pub struct Series {
    fine: Ring,
    coarse: Ring,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            fine: Ring::new(SECONDS, 1000),
            coarse: Ring::new(MINUTES, 60_000),
        }
    }
}

impl Series {
    /// Samples that come every so many milliseconds, or a little later.
    fn sampled_every(pause: Millis) -> Self {
        let mut series = Self::default();
        series.fine.between = pause.max(0) / series.fine.step + 1;
        series
    }

    fn begun_anew(&self) -> Self {
        let mut series = Self::default();
        series.fine.between = self.fine.between;
        series
    }

    /// Puts a sample into both.
    pub fn put(&mut self, at: Millis, value: f64) {
        self.fine.put(at, value);
        self.coarse.put(at, value);
    }

    /// The newest `count` samples, by the second or by the minute.
    pub fn last(&self, count: usize, now: Millis, coarse: bool) -> Vec<Option<f64>> {
        let ring = if coarse { &self.coarse } else { &self.fine };
        ring.last(count, now)
    }
}

/// The numbers whose course is shown.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Entries committed a second.
    pub commits: Series,
    /// The largest lag.
    pub lag: Series,
    last_commit: Option<(Millis, u64)>,
}

impl History {
    /// The courses of numbers that are asked for every so many milliseconds.
    pub fn sampled_every(pause: Millis) -> Self {
        Self {
            commits: Series::sampled_every(pause),
            lag: Series::sampled_every(pause),
            last_commit: None,
        }
    }

    /// The same without samples.
    pub fn begun_anew(&self) -> Self {
        Self {
            commits: self.commits.begun_anew(),
            lag: self.lag.begun_anew(),
            last_commit: None,
        }
    }

    /// Takes the index of the last committed entry as of `at`.
    pub fn commit_index(&mut self, at: Millis, index: u64) {
        if let Some((before, old)) = self.last_commit {
            if at <= before {
                return;
            }
            // After a restore the index may be smaller; nothing was committed then.
            let more = u32::try_from(index.saturating_sub(old)).unwrap_or(u32::MAX);
            let length = u32::try_from(at - before).unwrap_or(u32::MAX);
            self.commits
                .put(at, f64::from(more) * 1000.0 / f64::from(length));
        }
        self.last_commit = Some((at, index));
    }
}

/// A row of bars, scaled to the largest; a gap is a space.
pub fn spark(samples: &[Option<f64>], bars: &[&'static str; 8]) -> String {
    let largest = samples.iter().flatten().copied().fold(0.0, f64::max);
    let bar = |sample: &Option<f64>| match sample {
        None => " ",
        Some(value) => {
            let share = if largest > 0.0 { value / largest } else { 0.0 };
            let height = (1..8)
                .filter(|step| share >= f64::from(*step) / 8.0)
                .count();
            bars[height]
        }
    };
    samples.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gaps_stay_gaps() {
        let mut ring = Ring::new(5, 1000);
        ring.put(1000, 1.0);
        ring.put(1900, 3.0);
        ring.put(4000, 2.0);
        assert_eq!(ring.last(4, 4000), [Some(3.0), None, None, Some(2.0)]);
        assert_eq!(ring.last(2, 6000), [None, None]);
        ring.put(9000, 4.0);
        assert_eq!(ring.last(5, 9000), [None, None, None, None, Some(4.0)]);
        let text = spark(
            &[Some(0.0), None, Some(2.0), Some(4.0)],
            &["0", "1", "2", "3", "4", "5", "6", "7"],
        );
        assert_eq!(text, "0 47");
    }

    #[test]
    fn what_lies_between_two_questions_is_no_gap() {
        let mut series = Series::sampled_every(5000);
        for at in [1000, 6900, 20_000] {
            series.put(at, 1.0);
        }
        let samples = series.last(20, 20_000, false);
        let gaps = samples.iter().filter(|sample| sample.is_none()).count();
        assert_eq!(
            gaps, 13,
            "13 s without an answer, and none before: {samples:?}"
        );
    }

    #[test]
    fn commits_are_a_rate() {
        let mut history = History::default();
        history.commit_index(1000, 10);
        history.commit_index(3000, 50);
        history.commit_index(4000, 5);
        assert_eq!(
            history.commits.last(2, 4000, false),
            [Some(20.0), Some(0.0)]
        );
    }

    proptest! {
        #[test]
        fn a_ring_is_as_a_list_of_all_samples(puts in prop::collection::vec((0i64..60, 0u8..9), 0..80), now in 0i64..70) {
            let mut ring = Ring::new(7, 10);
            let mut slots = std::collections::BTreeMap::new();
            let mut newest = None;
            for (slot, value) in puts {
                ring.put(slot * 10 + i64::from(value), f64::from(value));
                if newest.is_some_and(|newest| newest - slot >= 7) {
                    continue;
                }
                newest = newest.max(Some(slot));
                let kept: &mut f64 = slots.entry(slot).or_insert(0.0);
                *kept = kept.max(f64::from(value));
            }
            let expected: Vec<_> = (now - 6..=now)
                .map(|slot| {
                    let inside = newest.is_some_and(|newest: i64| newest - slot < 7);
                    slots.get(&slot).copied().filter(|_| inside)
                })
                .collect();
            prop_assert_eq!(ring.last(7, now * 10), expected);
        }
    }
}
