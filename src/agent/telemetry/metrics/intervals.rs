//! The last minute in intervals of ten seconds, as go-metrics' in-memory sink keeps it. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::aggregate::Aggregate;
use super::series::{Reading, Readings, Series};

/// Length of an interval in seconds.
pub(super) const INTERVAL_SECONDS: i64 = 10;
/// Intervals that are kept: one minute, the current one included.
const INTERVALS: usize = 6;

/// The measurements of one interval.
#[derive(Debug, Clone, Default)]
pub(super) struct Interval {
    /// Its beginning in Unix seconds, a multiple of [`INTERVAL_SECONDS`].
    pub(super) start: i64,
    pub(super) gauges: BTreeMap<Arc<Series>, f32>,
    pub(super) counters: BTreeMap<Arc<Series>, Aggregate>,
    pub(super) samples: BTreeMap<Arc<Series>, Aggregate>,
}

/// The intervals of the last minute, oldest first; never empty.
#[derive(Debug)]
pub(super) struct Intervals(VecDeque<Interval>);

impl Intervals {
    /// One empty interval: that of `now`, in Unix seconds.
    pub(super) fn new(now: i64) -> Self {
        Self(VecDeque::from([Interval {
            start: floor(now),
            ..Interval::default()
        }]))
    }

    /// Adds what was measured around the time `at`, in Unix seconds. A clock that was set back adds to the
    /// newest interval.
    pub(super) fn absorb(&mut self, at: i64, readings: &Readings) {
        let start = floor(at);
        if self.0.back().is_none_or(|newest| start > newest.start) {
            self.0.push_back(Interval {
                start,
                ..Interval::default()
            });
            if self.0.len() > INTERVALS {
                self.0.pop_front();
            }
        }
        let Some(interval) = self.0.back_mut() else {
            return;
        };
        for (series, reading) in readings {
            let series = Arc::clone(series);
            match reading {
                Reading::Gauge(value) => {
                    interval.gauges.insert(series, *value);
                }
                Reading::Counter(all) => interval.counters.entry(series).or_default().merge(all),
                Reading::Sample(all, _) => interval.samples.entry(series).or_default().merge(all),
            }
        }
    }

    /// The newest interval that is complete, or the current one while there is no other.
    pub(super) fn latest_complete(&self) -> Option<&Interval> {
        self.0.get(self.0.len().saturating_sub(2))
    }
}

fn floor(seconds: i64) -> i64 {
    seconds - seconds.rem_euclid(INTERVAL_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(name: &str, count: u64) -> Readings {
        let series = Series {
            name: name.to_owned(),
            bare_name: name.to_owned(),
            labels: Vec::new(),
        };
        vec![(
            Arc::new(series),
            Reading::Counter(Aggregate::of_ones(count)),
        )]
    }

    fn shown(intervals: &Intervals) -> (i64, Vec<(String, u64)>) {
        let interval = intervals.latest_complete().expect("there is always one");
        let counters = interval
            .counters
            .iter()
            .map(|(series, all)| (series.name.clone(), all.count))
            .collect();
        (interval.start, counters)
    }

    #[test]
    fn the_first_interval_is_shown_while_it_is_the_only_one() {
        let mut intervals = Intervals::new(103);
        intervals.absorb(104, &counted("b", 1));
        intervals.absorb(109, &counted("b", 2));
        intervals.absorb(109, &counted("a", 4));
        assert_eq!(
            shown(&intervals),
            (100, vec![("a".to_owned(), 4), ("b".to_owned(), 3)])
        );
    }

    #[test]
    fn later_the_newest_complete_one_is_shown() {
        let mut intervals = Intervals::new(100);
        intervals.absorb(105, &counted("a", 1));
        intervals.absorb(110, &counted("a", 2));
        assert_eq!(shown(&intervals), (100, vec![("a".to_owned(), 1)]));
        intervals.absorb(120, &counted("a", 5));
        assert_eq!(shown(&intervals), (110, vec![("a".to_owned(), 2)]));
    }

    #[test]
    fn a_minute_is_kept_and_a_clock_set_back_does_no_harm() {
        let mut intervals = Intervals::new(0);
        for second in 0..600 {
            intervals.absorb(second, &counted("a", 1));
        }
        assert_eq!(intervals.0.len(), INTERVALS);
        intervals.absorb(3, &counted("late", 1));
        assert_eq!(shown(&intervals).0, 580);
        assert!(
            intervals
                .0
                .back()
                .is_some_and(|newest| newest.counters.len() == 2)
        );
    }
}
