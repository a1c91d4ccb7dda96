//! The bounded queue between the threads that log and the one that writes.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::record::Record;

/// Events that may wait for the writer. A full queue means that an output is stuck (a pipe that nobody
/// reads): then new events are counted instead of kept, and nobody waits.
pub(super) const QUEUE_LIMIT: usize = 8192;

/// After a batch the writer rests for this long, so that a busy agent pays for waking it once for many
/// lines. A line said in silence is written at once.
const REST: Duration = Duration::from_millis(2);
/// So many items end the rest.
const REST_LIMIT: usize = QUEUE_LIMIT / 4;

/// What the writer is given to do.
#[derive(Debug)]
pub(super) enum Item {
    /// A log event for every sink and subscriber whose level allows it.
    Record(Record),
    /// A line of the agent's own for standard output only, as it is.
    Plain(String),
    /// From now on standard output is written; what was held back comes first.
    OpenGate,
}

/// What [`Queue::take`] gives.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// In the order of their arrival.
    pub(super) items: Vec<Item>,
    /// Events that found the queue full since the last batch.
    pub(super) dropped: u64,
    /// No more will come.
    pub(super) closed: bool,
}

/// Many push, one takes. The lock is held for a push or a swap only, never while writing.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Told when the first item arrives, or the queue closes.
    filled: Condvar,
    /// Told when a batch has been written.
    written: Condvar,
}

#[derive(Debug, Default)]
struct State {
    items: Vec<Item>,
    dropped: u64,
    closed: bool,
    /// Items ever accepted, and ever written: equal when nothing is pending.
    accepted: u64,
    finished: u64,
    /// The writer sleeps: only then is waking it worth a system call.
    idle: bool,
    /// The writer has just written, and rests.
    resting: bool,
    /// Somebody waits for what is pending: no rest now.
    urgent: bool,
    /// The writer has written everything and ends.
    ended: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held, and a log that works beats a poisoned one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an item, or counts it as dropped when the queue is full. Never waits for the writer.
    pub(super) fn push(&self, item: Item) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        if state.items.len() >= QUEUE_LIMIT && matches!(item, Item::Record(_)) {
            state.dropped += 1;
            return;
        }
        state.items.push(item);
        state.accepted += 1;
        let full = state.resting && state.items.len() == REST_LIMIT;
        if std::mem::take(&mut state.idle) || full {
            drop(state);
            self.filled.notify_one();
        }
    }

    /// Waits for items and takes all. `spent` is the last batch's vector: its room is used again.
    pub(super) fn take(&self, spent: Vec<Item>) -> Batch {
        let mut state = self.lock();
        if state.resting {
            let rests = |state: &mut State| {
                !state.urgent && !state.closed && state.items.len() < REST_LIMIT
            };
            state = match self.filled.wait_timeout_while(state, REST, rests) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        while state.items.is_empty() && state.dropped == 0 && !state.closed {
            state.idle = true;
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.idle = false;
        state.urgent = false;
        state.resting = true;
        Batch {
            items: std::mem::replace(&mut state.items, spent),
            dropped: std::mem::take(&mut state.dropped),
            closed: state.closed,
        }
    }

    /// The writer has written `count` items.
    pub(super) fn finish(&self, count: usize) {
        self.lock().finished += count as u64;
        self.written.notify_all();
    }

    /// Waits until all that was pushed before this call is written; false when it took longer than `limit`.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let mut state = self.lock();
        let goal = state.accepted;
        state.urgent = goal > state.finished;
        self.filled.notify_one();
        let (state, _) = self
            .written
            .wait_timeout_while(state, limit, |state| state.finished < goal)
            .unwrap_or_else(PoisonError::into_inner);
        state.finished >= goal
    }

    /// The writer ends.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.written.notify_all();
    }

    /// Waits until the writer ends; false when it took longer than `limit`.
    pub(super) fn wait_end(&self, limit: Duration) -> bool {
        let (state, _) = self
            .written
            .wait_timeout_while(self.lock(), limit, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        state.ended
    }

    /// Lets the writer end after what is pending; later pushes are ignored.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::super::level::Level;
    use super::*;

    fn event() -> Item {
        Item::Record(Record::new(
            Timestamp::UNIX_EPOCH,
            Level::Info,
            Cow::Borrowed("agent"),
        ))
    }

    #[test]
    fn a_full_queue_counts_events_and_keeps_the_rest() {
        let queue = Queue::default();
        for _ in 0..QUEUE_LIMIT + 3 {
            queue.push(event());
        }
        queue.push(Item::OpenGate);
        let batch = queue.take(Vec::new());
        assert_eq!((batch.items.len(), batch.dropped), (QUEUE_LIMIT + 1, 3));
        assert!(matches!(batch.items.last(), Some(Item::OpenGate)));
    }

    #[test]
    fn flush_waits_for_the_writer() {
        let queue = Arc::new(Queue::default());
        queue.push(event());
        assert!(!queue.flush(Duration::ZERO), "nothing is written yet");
        let writer = {
            let queue = Arc::clone(&queue);
            std::thread::spawn(move || {
                let batch = queue.take(Vec::new());
                queue.finish(batch.items.len());
            })
        };
        assert!(queue.flush(Duration::from_secs(30)));
        writer.join().expect("the writer ends");
    }

    #[test]
    fn a_closed_queue_gives_what_is_left_and_takes_nothing() {
        let queue = Queue::default();
        queue.push(event());
        queue.close();
        queue.push(event());
        let batch = queue.take(Vec::new());
        assert_eq!((batch.items.len(), batch.closed), (1, true));
    }
}
