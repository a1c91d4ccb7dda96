//! Subscriptions to the log: what `/v1/agent/monitor` streams, at the subscriber's own level.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::hub::Hub;
use super::level::Level;
use super::record::Record;
use super::render::Renderer;

/// Lines that wait for a slow subscriber, as in Consul; beyond, lines are dropped and counted.
pub const SUBSCRIPTION_LINES: usize = 512;

/// The writer's end of a subscription. The hub owns it; dropping the [`Subscription`] removes it.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) id: u64,
    pub(super) level: Level,
    json: bool,
    lines: mpsc::Sender<Bytes>,
    /// Dropped since the last line that came through. Only the writer thread changes it.
    unsaid: AtomicU64,
    /// Dropped ever; the subscriber reads it.
    dropped: Arc<AtomicU64>,
}

impl Feed {
    /// Hands a record to the subscriber when its level wants it. Never waits.
    pub(super) fn offer(&self, record: &Record, renderer: &mut Renderer) {
        if record.level > self.level {
            return;
        }
        let unsaid = self.unsaid.load(Ordering::Relaxed);
        if unsaid > 0 {
            if self.send(renderer.line(&dropped_lines(record.time, unsaid), self.json)) {
                self.unsaid.store(0, Ordering::Relaxed);
            } else {
                self.count();
                return;
            }
        }
        if !self.send(renderer.shared_line(record, self.json)) {
            self.count();
        }
    }

    fn send(&self, line: Bytes) -> bool {
        // A closed channel belongs to a subscription that is just being dropped: nobody misses the line.
        !matches!(self.lines.try_send(line), Err(TrySendError::Full(_)))
    }

    fn count(&self) {
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// The event that tells a subscriber what it missed.
fn dropped_lines(time: Timestamp, count: u64) -> Record {
    Record::of_telemetry(
        time,
        Level::Warn,
        "Dropped logs during monitor request",
        "dropped_count",
        &count,
    )
}

/// A stream of log lines from now on, each with its line break, at a level of its own.
///
/// A subscriber that reads too slowly loses lines, never the agent: past [`SUBSCRIPTION_LINES`] they are
/// counted, and the stream says how many in a line of its own.
#[derive(Debug)]
pub struct Subscription {
    id: u64,
    lines: mpsc::Receiver<Bytes>,
    dropped: Arc<AtomicU64>,
    hub: Weak<Hub>,
}

impl Subscription {
    /// A subscription and its writer's end.
    pub(super) fn pair(hub: &Arc<Hub>, id: u64, level: Level, json: bool) -> (Feed, Self) {
        let (sender, lines) = mpsc::channel(SUBSCRIPTION_LINES);
        let dropped = Arc::new(AtomicU64::new(0));
        let feed = Feed {
            id,
            level,
            json,
            lines: sender,
            unsaid: AtomicU64::new(0),
            dropped: Arc::clone(&dropped),
        };
        (
            feed,
            Self {
                id,
                lines,
                dropped,
                hub: Arc::downgrade(hub),
            },
        )
    }

    /// The next line, or `None` when the log has ended. Safe to cancel.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.lines.recv().await
    }

    /// A line that is already there.
    pub fn try_next(&mut self) -> Option<Bytes> {
        self.lines.try_recv().ok()
    }

    /// How many lines this subscriber has lost so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.unsubscribe(self.id);
        }
    }
}
