//! The handles that hot paths hold, and the cells behind them: no allocation, no lock that all share.

use std::array;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::aggregate::Aggregate;
use super::series::Reading;

/// Threads are spread over this many cells, so that they rarely meet.
const SHARDS: usize = 8;
/// Single values that a shard keeps between two drains for percentiles and statsd; more count in the
/// aggregate only.
const RECENT_LIMIT: usize = 128;

/// Keeps neighbours off each other's cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Padded<T>(T);

/// This thread's place among the shards.
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    PLACE.with(|place| {
        if place.get() == usize::MAX {
            place.set(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        place.get()
    })
}

/// Locks a shard. Nothing panics under this lock, and numbers are never half-written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts events. Clones count together; a disabled one counts nothing.
#[derive(Debug, Clone, Default)]
pub struct Counter(pub(super) Option<Arc<CounterCell>>);

#[derive(Debug)]
pub(super) struct CounterCell([Padded<CounterShard>; SHARDS]);

#[derive(Debug, Default)]
struct CounterShard {
    /// Increments by one, by far the most.
    ones: AtomicU64,
    others: Mutex<Aggregate>,
}

impl Default for CounterCell {
    fn default() -> Self {
        Self(array::from_fn(|_| Padded::default()))
    }
}

impl Counter {
    /// Counts one.
    pub fn incr(&self) {
        if let Some(cell) = &self.0 {
            cell.0[shard()].0.ones.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts `value` as one increment.
    pub fn add(&self, value: f32) {
        if let Some(cell) = &self.0 {
            lock(&cell.0[shard()].0.others).add(f64::from(value));
        }
    }
}

impl CounterCell {
    /// The increments since the last call.
    pub(super) fn drain(&self) -> Option<Reading> {
        let mut all = Aggregate::default();
        for Padded(shard) in &self.0 {
            all.merge(&Aggregate::of_ones(shard.ones.swap(0, Ordering::Relaxed)));
            all.merge(&std::mem::take(&mut *lock(&shard.others)));
        }
        (all.count > 0).then_some(Reading::Counter(all))
    }
}

/// A value that goes up and down.
#[derive(Debug, Clone, Default)]
pub struct Gauge(pub(super) Option<Arc<GaugeCell>>);

/// The value's bits, and [`GaugeCell::FRESH`] when it was set since the last drain.
#[derive(Debug, Default)]
pub(super) struct GaugeCell(AtomicU64);

impl GaugeCell {
    const FRESH: u64 = 1 << 32;

    /// The value, if it was set since the last call.
    pub(super) fn drain(&self) -> Option<Reading> {
        let bits = self.0.fetch_and(!Self::FRESH, Ordering::Relaxed);
        let value = u32::try_from(bits & !Self::FRESH).map_or(0.0, f32::from_bits);
        (bits & Self::FRESH != 0).then_some(Reading::Gauge(value))
    }
}

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: f32) {
        if let Some(cell) = &self.0 {
            let bits = u64::from(value.to_bits()) | GaugeCell::FRESH;
            cell.0.store(bits, Ordering::Relaxed);
        }
    }

    /// Sets the value to a count. Gauges have 24 significant bits, as in Consul.
    #[expect(
        clippy::cast_precision_loss,
        reason = "Consul's gauges are 32-bit floats"
    )]
    pub fn set_count(&self, value: u64) {
        self.set(value as f32);
    }
}

/// A distribution of values, mostly of times in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Sample(pub(super) Option<Arc<SampleCell>>);

#[derive(Debug)]
pub(super) struct SampleCell {
    shards: [Padded<Mutex<SampleShard>>; SHARDS],
    /// Whether anybody wants single values.
    keep_recent: bool,
}

#[derive(Debug, Default)]
struct SampleShard {
    all: Aggregate,
    recent: Vec<f32>,
}

impl Sample {
    /// Adds a value.
    pub fn record(&self, value: f32) {
        let Some(cell) = &self.0 else { return };
        let mut shard = lock(&cell.shards[shard()].0);
        shard.all.add(f64::from(value));
        if cell.keep_recent && shard.recent.len() < RECENT_LIMIT {
            shard.recent.push(value);
        }
    }

    /// Adds a time, in milliseconds.
    pub fn record_duration(&self, time: Duration) {
        self.record(time.as_secs_f32() * 1000.0);
    }
}

impl SampleCell {
    pub(super) fn new(keep_recent: bool) -> Self {
        Self {
            shards: array::from_fn(|_| Padded::default()),
            keep_recent,
        }
    }

    /// The values since the last call.
    pub(super) fn drain(&self) -> Option<Reading> {
        let mut all = Aggregate::default();
        let mut recent = Vec::new();
        for Padded(shard) in &self.shards {
            let mut shard = lock(shard);
            all.merge(&std::mem::take(&mut shard.all));
            recent.append(&mut shard.recent);
        }
        (all.count > 0).then_some(Reading::Sample(all, recent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_all_threads_come_together() {
        let cell = Arc::new(CounterCell::default());
        let threads: Vec<_> = (0..12)
            .map(|_| {
                let counter = Counter(Some(Arc::clone(&cell)));
                std::thread::spawn(move || (0..1000).for_each(|_| counter.incr()))
            })
            .collect();
        for thread in threads {
            thread.join().expect("counts");
        }
        Counter(Some(Arc::clone(&cell))).add(2.5);
        let Some(Reading::Counter(all)) = cell.drain() else {
            panic!("nothing was counted")
        };
        assert_eq!(
            (all.count, all.sum, all.min, all.max),
            (12_001, 12_002.5, 1.0, 2.5)
        );
        assert_eq!(cell.drain(), None, "a drained counter is silent");
    }

    #[test]
    fn a_gauge_is_told_once_after_it_was_set() {
        let cell = Arc::new(GaugeCell::default());
        assert_eq!(cell.drain(), None);
        let gauge = Gauge(Some(Arc::clone(&cell)));
        gauge.set(3.0);
        gauge.set(-0.5);
        assert_eq!(cell.drain(), Some(Reading::Gauge(-0.5)));
        assert_eq!(cell.drain(), None);
        gauge.set(0.0);
        assert_eq!(
            cell.drain(),
            Some(Reading::Gauge(0.0)),
            "zero is a value too"
        );
    }

    #[test]
    fn samples_keep_a_bounded_number_of_single_values() {
        let cell = Arc::new(SampleCell::new(true));
        let sample = Sample(Some(Arc::clone(&cell)));
        for _ in 0..RECENT_LIMIT + 5 {
            sample.record_duration(Duration::from_millis(2));
        }
        let Some(Reading::Sample(all, recent)) = cell.drain() else {
            panic!("nothing was sampled")
        };
        assert_eq!(
            (all.count, recent.len()),
            (RECENT_LIMIT as u64 + 5, RECENT_LIMIT)
        );
        assert!((all.mean() - 2.0).abs() < 1e-6);
    }

    #[test]
    fn disabled_handles_do_nothing() {
        Counter::default().incr();
        Gauge::default().set(1.0);
        Sample::default().record(1.0);
    }
}
