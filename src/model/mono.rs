//! Monotonic time as a value.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A moment on a monotonic clock, counted from an origin that its driver chose. Pure state machines take
/// it as an argument, so that tests and simulators decide what time it is.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(Duration);

impl Mono {
    /// The origin.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The moment this long after the origin.
    pub const fn from_origin(since: Duration) -> Self {
        Self(since)
    }

    /// Time since the origin.
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// Time since an earlier moment; zero when it is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Mono {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }
}

impl AddAssign<Duration> for Mono {
    fn add_assign(&mut self, later: Duration) {
        *self = *self + later;
    }
}

impl Sub for Mono {
    type Output = Duration;

    /// As [`Mono::since`].
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Debug for Mono {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_never_overflow() {
        let late = Mono::from_origin(Duration::MAX) + Duration::from_secs(1);
        assert_eq!(late.since_origin(), Duration::MAX);
        assert_eq!(Mono::ZERO - late, Duration::ZERO);
        assert_eq!(
            format!("{:?}", Mono::ZERO + Duration::from_millis(1500)),
            "+1.5s"
        );
    }
}
