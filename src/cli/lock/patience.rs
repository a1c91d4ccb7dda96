//! How long a lock is waited for.

use std::time::Duration;

use tokio::time::Instant;

/// How long one question waits for a change.
const QUESTION: Duration = Duration::from_secs(15);

/// How long a lock is waited for: for ever, or until a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    limit: Option<(Instant, Duration)>,
}

impl Patience {
    /// Waits for `limit` from now on; for ever when that is zero.
    pub(crate) fn new(limit: Duration) -> Self {
        let limit = (!limit.is_zero()).then(|| (Instant::now(), limit));
        Self { limit }
    }

    /// How long the next question may wait; `None` when the time is over.
    pub(super) fn question(&self) -> Option<Duration> {
        let Some((began, limit)) = self.limit else {
            return Some(QUESTION);
        };
        let left = limit.saturating_sub(began.elapsed());
        // The API knows no shorter times.
        (left >= Duration::from_millis(1)).then_some(left)
    }

    /// Pauses for `time`, but not beyond the end of patience.
    pub(super) async fn pause(&self, time: Duration) {
        let left = self.limit.map_or(time, |(began, limit)| {
            limit.saturating_sub(began.elapsed()).min(time)
        });
        tokio::time::sleep(left).await;
    }
}
