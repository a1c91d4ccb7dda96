//! Stands in for the crate `base2histogram` inside openraft.
//!
//! openraft counts batch sizes and stage times in histograms. The published crate builds tables for all
//! its sixteen resolutions on first use, 26 MiB that every agent would hold for nothing: consulctl never
//! shows these numbers. This one has the part of the interface that openraft uses, written anew, and
//! computes its buckets instead of looking them up. Drop it when the published crate builds only what is
//! used.

use std::fmt;
use std::marker::PhantomData;

/// Values below this have a bucket each.
const EXACT: u64 = 8;
/// Buckets between two powers of two above that.
const STEPS: u32 = 4;

/// Counts of values in buckets that grow with the value; at most a quarter too low.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram<T = ()> {
    counts: Vec<u64>,
    data: PhantomData<T>,
}

impl<T> Default for Histogram<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Histogram<T> {
    /// An empty histogram.
    pub fn new() -> Self {
        Self { counts: Vec::new(), data: PhantomData }
    }

    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Counts a value several times.
    pub fn record_n(&mut self, value: u64, times: u64) {
        let bucket = bucket_of(value);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] = self.counts[bucket].saturating_add(times);
    }

    /// The usual percentiles.
    pub fn percentile_stats(&self) -> PercentileStats {
        let samples = self.counts.iter().fold(0u64, |sum, count| sum.saturating_add(*count));
        let at = |permille: u64| self.value_at(samples, permille);
        PercentileStats {
            samples,
            p0_1: at(1),
            p1: at(10),
            p5: at(50),
            p10: at(100),
            p50: at(500),
            p90: at(900),
            p99: at(990),
            p99_9: at(999),
        }
    }

    fn value_at(&self, samples: u64, permille: u64) -> u64 {
        let rank = u128::from(samples) * u128::from(permille) / 1000;
        let mut seen = 0u128;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += u128::from(*count);
            if seen > rank {
                return lowest_of(bucket);
            }
        }
        0
    }
}

fn bucket_of(value: u64) -> usize {
    if value < EXACT {
        return value as usize;
    }
    let power = value.ilog2();
    let step = (value >> (power - STEPS.ilog2())) & u64::from(STEPS - 1);
    EXACT as usize + ((power - EXACT.ilog2()) * STEPS) as usize + step as usize
}

fn lowest_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < EXACT {
        return bucket;
    }
    let (octave, step) =
        ((bucket - EXACT) / u64::from(STEPS), (bucket - EXACT) % u64::from(STEPS));
    (u64::from(STEPS) + step) << (octave + u64::from(EXACT.ilog2() - STEPS.ilog2()))
}

/// Percentiles of a histogram; each is the lowest value of its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PercentileStats {
    /// Values counted.
    pub samples: u64,
    /// 0.1 %.
    pub p0_1: u64,
    /// 1 %.
    pub p1: u64,
    /// 5 %.
    pub p5: u64,
    /// 10 %.
    pub p10: u64,
    /// The median.
    pub p50: u64,
    /// 90 %.
    pub p90: u64,
    /// 99 %.
    pub p99: u64,
    /// 99.9 %.
    pub p99_9: u64,
}

impl fmt::Display for PercentileStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { samples, p50, p90, p99, p99_9, .. } = self;
        write!(f, "samples={samples} p50={p50} p90={p90} p99={p99} p99.9={p99_9}")
    }
}

/// Named histograms one below the other.
#[derive(Debug, Clone, Default)]
pub struct AsciiChart {
    rows: Vec<(String, Histogram)>,
}

impl AsciiChart {
    /// An empty chart.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a histogram.
    #[must_use]
    pub fn add(mut self, name: impl Into<String>, histogram: Histogram) -> Self {
        self.rows.push((name.into(), histogram));
        self
    }
}

impl fmt::Display for AsciiChart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, histogram) in &self.rows {
            writeln!(f, "{name}: {}", histogram.percentile_stats())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_begins_at_most_a_quarter_below_its_values() {
        for value in (0..10_000).chain([u64::MAX, u64::MAX / 3, 1 << 40]) {
            let lowest = lowest_of(bucket_of(value));
            assert!(lowest <= value && value - lowest <= value / 4, "{value}: {lowest}");
        }
    }

    #[test]
    fn percentiles_follow_the_counts() {
        let mut histogram = Histogram::<()>::new();
        histogram.record_n(2, 90);
        histogram.record_n(1000, 10);
        let stats = histogram.percentile_stats();
        assert_eq!((stats.samples, stats.p50, stats.p99), (100, 2, 896));
    }
}
