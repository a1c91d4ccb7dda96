//! One agent's log: its level, its queue, its subscribers.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::feed::{Feed, Subscription};
use super::level::Level;
use super::queue::{Item, Queue};
use super::record::Record;
use super::subscriber::levels_changed;

/// The meeting point of those who log, the writer thread and the subscribers.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) queue: Queue,
    /// The agent's own level: what its sinks print. Written by reloads, read on every event.
    level: AtomicU8,
    /// The most verbose level that anyone wants. Written here only, read on every event.
    wanted: AtomicU8,
    feeds: Mutex<Vec<Arc<Feed>>>,
    next_id: AtomicU64,
}

impl Hub {
    pub(super) fn new(level: Level) -> Self {
        Self {
            queue: Queue::default(),
            level: AtomicU8::new(level as u8),
            wanted: AtomicU8::new(level as u8),
            feeds: Mutex::new(Vec::new()),
            next_id: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Feed>>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The agent's own level.
    pub(super) fn level(&self) -> Level {
        Level::from_u8(self.level.load(Ordering::Relaxed))
    }

    /// The most verbose level that the agent or a subscriber wants.
    pub(super) fn wanted(&self) -> Level {
        Level::from_u8(self.wanted.load(Ordering::Relaxed))
    }

    /// Changes the agent's own level.
    pub(super) fn set_level(&self, level: Level) {
        let feeds = self.lock();
        self.level.store(level as u8, Ordering::Relaxed);
        self.recompute(feeds);
    }

    /// Adds a subscriber.
    pub(super) fn subscribe(self: &Arc<Self>, level: Level, json: bool) -> Subscription {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (feed, subscription) = Subscription::pair(self, id, level, json);
        let mut feeds = self.lock();
        feeds.push(Arc::new(feed));
        self.recompute(feeds);
        subscription
    }

    /// Removes a subscriber.
    pub(super) fn unsubscribe(&self, id: u64) {
        let mut feeds = self.lock();
        feeds.retain(|feed| feed.id != id);
        self.recompute(feeds);
    }

    fn recompute(&self, feeds: MutexGuard<'_, Vec<Arc<Feed>>>) {
        let wanted = feeds
            .iter()
            .map(|feed| feed.level)
            .fold(self.level(), Level::max);
        self.wanted.store(wanted as u8, Ordering::Relaxed);
        drop(feeds);
        levels_changed();
    }

    /// The subscribers of this moment.
    pub(super) fn feeds(&self) -> Vec<Arc<Feed>> {
        self.lock().clone()
    }

    /// Ends all subscriptions: their streams finish.
    pub(super) fn end_subscriptions(&self) {
        self.lock().clear();
    }

    /// Queues an event.
    pub(super) fn push(&self, mut record: Record) {
        record.printed = record.level <= self.level();
        self.queue.push(Item::Record(record));
    }
}
