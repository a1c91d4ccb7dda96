//! How many calls a client agent may make: a token bucket. Pure.

use std::time::Duration;

/// Consul's `limits.rpc_rate` and `limits.rpc_max_burst`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Calls a second in the long run; negative for any number.
    pub per_second: f64,
    /// Calls at once.
    pub burst: u32,
}

impl RateLimit {
    /// Consul's default: any number.
    pub const NONE: Self = Self {
        per_second: -1.0,
        burst: 1000,
    };
}

/// Counts calls against a limit. Times are those since any fixed moment.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: RateLimit,
    tokens: f64,
    filled_at: Duration,
}

impl Bucket {
    /// A full bucket; `None` where there is no limit.
    pub(super) fn new(limit: RateLimit, now: Duration) -> Option<Self> {
        let is_limited = limit.per_second.is_finite() && limit.per_second >= 0.0;
        is_limited.then(|| Self {
            limit,
            tokens: f64::from(limit.burst),
            filled_at: now,
        })
    }

    /// Whether one more call may be made now; counts it.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.filled_at = self.filled_at.max(now);
        let filled = self.tokens + passed * self.limit.per_second;
        self.tokens = filled.min(f64::from(self.limit.burst));
        let is_free = self.tokens >= 1.0;
        if is_free {
            self.tokens -= 1.0;
        }
        is_free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(per_second: f64, burst: u32) -> Option<Bucket> {
        Bucket::new(RateLimit { per_second, burst }, Duration::ZERO)
    }

    fn taken(bucket: &mut Bucket, at: Duration) -> usize {
        (0..1000).take_while(|_| bucket.take(at)).count()
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let mut bucket = bucket(50.0, 5).unwrap();
        assert_eq!(taken(&mut bucket, Duration::ZERO), 5);
        assert_eq!(taken(&mut bucket, Duration::from_millis(10)), 0);
        assert_eq!(taken(&mut bucket, Duration::from_millis(70)), 3);
        // A long rest fills no more than the burst; a clock that goes back fills nothing.
        assert_eq!(taken(&mut bucket, Duration::from_mins(1)), 5);
        assert_eq!(taken(&mut bucket, Duration::from_secs(1)), 0);
        assert_eq!(taken(&mut bucket, Duration::from_millis(60_040)), 2);
    }

    #[test]
    fn without_a_rate_there_is_no_bucket() {
        assert!(bucket(-1.0, 1000).is_none());
        assert!(bucket(f64::INFINITY, 1).is_none());
        assert!(bucket(f64::NAN, 1).is_none());
        assert_eq!(taken(&mut bucket(0.0, 2).unwrap(), Duration::MAX), 2);
    }
}
