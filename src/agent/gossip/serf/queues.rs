//! What waits to be gossiped: intents, queries and events, in this order (section 6.3 of the wire format).

use bytes::Bytes;

use crate::agent::gossip::swim::{BroadcastQueue, Ticket};

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
}

impl Queues {
    pub(super) fn push(&mut self, queue: Queue, message: Bytes) {
        self.queues[queue as usize].push(None, message);
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

    /// Cuts a queue to `max` messages; returns how many were dropped.
    pub(super) fn prune(&mut self, queue: Queue, max: usize) -> usize {
        self.queues[queue as usize].prune(max)
    }
}
