//! What waits to be gossiped: intents, queries and events, in this order (section 6.3 of the wire format).

use bytes::Bytes;

use crate::agent::gossip::swim::{BroadcastQueue, Ticket};

/// Bytes of messages that each queue may hold.
const QUEUE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One of the three queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    Intents,
    Queries,
    Events,
}

impl Queue {
    pub(super) const ALL: [Self; 3] = [Self::Intents, Self::Queries, Self::Events];

    /// As logs and metrics call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Intents => "Intent",
            Self::Queries => "Query",
            Self::Events => "Event",
        }
    }
}

/// The three queues. Nothing replaces anything in them.
#[derive(Debug, Default)]
pub(super) struct Queues {
    queues: [BroadcastQueue; 3],
    /// Messages that were dropped because of the bounds and not counted by [`Self::prune`] yet.
    dropped: [usize; 3],
}

impl Queues {
    /// Queues a message; where more than `max`, or more bytes than fit, wait then, those that were told most
    /// often are dropped.
    pub(super) fn push(&mut self, queue: Queue, message: Bytes, max: usize) {
        self.queues[queue as usize].push(None, message);
        self.cut(queue, max);
    }

    fn cut(&mut self, queue: Queue, max: usize) {
        let queue = queue as usize;
        self.dropped[queue] += self.queues[queue].prune_to(max, QUEUE_BYTES_MAX);
    }

    /// Queues an intent of which the end matters: see [`Self::pop_finished`].
    pub(super) fn push_watched(&mut self, message: Bytes) -> Ticket {
        self.queues[Queue::Intents as usize].push_watched(None, message)
    }

    /// A watched intent that has been told often enough.
    pub(super) fn pop_finished(&mut self) -> Option<Ticket> {
        self.queues[Queue::Intents as usize].pop_finished()
    }

    pub(super) fn len(&self, queue: Queue) -> usize {
        self.queues[queue as usize].len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.iter().all(BroadcastQueue::is_empty)
    }

    /// Messages for one packet; see [`BroadcastQueue::take`].
    pub(super) fn take(
        &mut self,
        overhead: usize,
        limit: usize,
        transmit_limit: u32,
    ) -> Vec<Bytes> {
        let mut taken: Vec<Bytes> = Vec::new();
        let mut room = limit;
        for queue in &mut self.queues {
            for message in queue.take(overhead, room, transmit_limit) {
                room = room.saturating_sub(message.len().saturating_add(overhead));
                taken.push(message);
            }
        }
        taken
    }

    /// Cuts a queue to `max` messages; returns how many were dropped since this was asked last.
    pub(super) fn prune(&mut self, queue: Queue, max: usize) -> usize {
        self.cut(queue, max);
        std::mem::take(&mut self.dropped[queue as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_bounded_at_all_times() {
        let mut queues = Queues::default();
        for n in 0..5 {
            queues.push(Queue::Events, Bytes::from(vec![n]), 3);
        }
        assert_eq!(queues.len(Queue::Events), 3);
        assert_eq!(queues.prune(Queue::Events, 2), 3);
        assert_eq!(queues.prune(Queue::Events, 2), 0);
        for _ in 0..5 {
            queues.push(Queue::Queries, Bytes::from(vec![0; 1024 * 1024]), 9);
        }
        assert_eq!(queues.len(Queue::Queries), 4);
        assert_eq!(queues.prune(Queue::Queries, 9), 1);
    }
}
