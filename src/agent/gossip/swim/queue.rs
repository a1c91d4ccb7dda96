//! Broadcasts that wait to be gossiped: section 6.3 of the wire format.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use crate::agent::gossip::wire::NodeName;

/// Names a queued broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

/// Position in the queue: fewest transmissions first, then the largest, then the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    transmits: u32,
    size: Reverse<usize>,
    number: Reverse<u64>,
}

#[derive(Debug)]
struct Entry {
    message: Bytes,
    key: Option<NodeName>,
    /// Whether somebody wants to know when it is done.
    watched: bool,
}

/// Broadcasts that wait to be gossiped. Each is sent a number of times that follows the size of the pool.
/// Messages with a key replace older ones with the same key; those without replace none.
#[derive(Debug, Default)]
pub struct BroadcastQueue {
    entries: BTreeMap<Rank, Entry>,
    keyed: HashMap<NodeName, Rank>,
    last_number: u64,
    /// Of all messages together.
    bytes: usize,
    finished: Vec<Ticket>,
}

impl BroadcastQueue {
    /// Nothing waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Messages that wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Queues a message.
    pub fn push(&mut self, key: Option<NodeName>, message: Bytes) {
        self.insert(key, message, false);
    }

    /// Queues a message and remembers when it is done: sent often enough, replaced or pruned.
    /// See [`Self::pop_finished`].
    pub fn push_watched(&mut self, key: Option<NodeName>, message: Bytes) -> Ticket {
        self.insert(key, message, true)
    }

    /// A watched message that is done.
    pub fn pop_finished(&mut self) -> Option<Ticket> {
        self.finished.pop()
    }

    /// Takes messages for one packet, fewest transmissions first and greedily within the room that is left:
    /// each costs its length plus `overhead`, together at most `limit`. Being taken counts as being sent;
    /// a message that has been sent `transmit_limit` times is done.
    pub fn take(&mut self, overhead: usize, limit: usize, transmit_limit: u32) -> Vec<Bytes> {
        let mut taken = Vec::new();
        // Put back at the end: they rank behind where the search is, and must not be found twice.
        let mut again = Vec::new();
        let mut used: usize = 0;
        let mut tier = 0;
        loop {
            let room = limit.saturating_sub(used.saturating_add(overhead));
            let from = Rank {
                transmits: tier,
                size: Reverse(room),
                number: Reverse(u64::MAX),
            };
            let Some((&rank, _)) = self.entries.range(from..).next() else {
                break;
            };
            if room == 0 {
                break;
            }
            if rank.transmits > tier {
                tier = rank.transmits;
                continue;
            }
            let Some(entry) = self.entries.remove(&rank) else {
                break;
            };
            used += overhead + entry.message.len();
            taken.push(entry.message.clone());
            if rank.transmits.saturating_add(1) >= transmit_limit {
                self.finish(rank, &entry);
            } else {
                again.push((rank, entry));
            }
        }
        for (mut rank, entry) in again {
            rank.transmits += 1;
            if let Some(key) = &entry.key {
                self.keyed.insert(key.clone(), rank);
            }
            self.entries.insert(rank, entry);
        }
        taken
    }

    /// Drops the messages that rank last until at most `max` wait; returns how many were dropped.
    pub fn prune(&mut self, max: usize) -> usize {
        self.prune_to(max, usize::MAX)
    }

    /// [`Self::prune`] that also bounds the bytes of all messages together.
    pub fn prune_to(&mut self, max: usize, max_bytes: usize) -> usize {
        let before = self.entries.len();
        while self.entries.len() > max || self.bytes > max_bytes {
            let Some((rank, entry)) = self.entries.pop_last() else {
                break;
            };
            self.finish(rank, &entry);
        }
        before - self.entries.len()
    }

    fn insert(&mut self, key: Option<NodeName>, message: Bytes, watched: bool) -> Ticket {
        self.last_number += 1;
        let rank = Rank {
            transmits: 0,
            size: Reverse(message.len()),
            number: Reverse(self.last_number),
        };
        if let Some(key) = &key
            && let Some(old) = self.keyed.get(key).copied()
            && let Some(entry) = self.entries.remove(&old)
        {
            self.finish(old, &entry);
        }
        if let Some(key) = &key {
            self.keyed.insert(key.clone(), rank);
        }
        self.bytes += message.len();
        let entry = Entry {
            message,
            key,
            watched,
        };
        self.entries.insert(rank, entry);
        Ticket(self.last_number)
    }

    /// Forgets what belongs to a message that has been removed.
    fn finish(&mut self, rank: Rank, entry: &Entry) {
        self.bytes -= entry.message.len();
        if let Some(key) = &entry.key {
            self.keyed.remove(key);
        }
        if entry.watched {
            self.finished.push(Ticket(rank.number.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(queue: &mut BroadcastQueue, overhead: usize, limit: usize) -> Vec<String> {
        let taken = queue.take(overhead, limit, 3);
        let texts = taken
            .iter()
            .map(|m| String::from_utf8_lossy(m).into_owned());
        texts.collect()
    }

    fn queue_of(messages: &[&'static str]) -> BroadcastQueue {
        let mut queue = BroadcastQueue::new();
        for message in messages {
            queue.push(None, Bytes::from_static(message.as_bytes()));
        }
        queue
    }

    #[test]
    fn fewest_transmissions_then_largest_then_newest() {
        let mut queue = queue_of(&["aa", "b", "ccc", "dd"]);
        assert_eq!(text(&mut queue, 0, 100), ["ccc", "dd", "aa", "b"]);
        queue.push(None, Bytes::from_static(b"e"));
        assert_eq!(text(&mut queue, 0, 100), ["e", "ccc", "dd", "aa", "b"]);
        assert_eq!(text(&mut queue, 0, 100), ["e", "ccc", "dd", "aa", "b"]);
        assert_eq!(queue.len(), 1, "three transmissions are enough");
        assert_eq!(text(&mut queue, 0, 100), ["e"]);
        assert!(queue.is_empty());
        assert!(text(&mut queue, 0, 100).is_empty());
    }

    #[test]
    fn a_packet_is_filled_greedily() {
        let mut queue = queue_of(&["aaaaaaaa", "bbbbb", "ccc", "d"]);
        // 8 + 2, then 1 + 2: neither 5 nor 3 fit into the 4 bytes that are left.
        assert_eq!(text(&mut queue, 2, 14), ["aaaaaaaa", "d"]);
        // The fresh ones first, then one of the next tier that still fits.
        assert_eq!(text(&mut queue, 2, 15), ["bbbbb", "ccc", "d"]);
        assert!(text(&mut queue, 2, 2).is_empty());
        assert!(text(&mut queue, 5, 4).is_empty());
        assert_eq!(text(&mut queue, usize::MAX, usize::MAX).len(), 0);
    }

    #[test]
    fn every_message_is_sent_as_often_as_allowed() {
        let mut queue = queue_of(&["aaaa", "bb", "c"]);
        let mut sent = BTreeMap::new();
        for _ in 0..100 {
            for message in text(&mut queue, 1, 6) {
                *sent.entry(message).or_insert(0) += 1;
            }
        }
        assert!(queue.is_empty());
        assert_eq!(sent.into_values().collect::<Vec<_>>(), [3, 3, 3]);
        queue.push(None, Bytes::from_static(b"once"));
        assert_eq!(queue.take(0, 100, 0).len(), 1);
        assert!(queue.is_empty(), "even without a limit it is sent once");
    }

    #[test]
    fn a_key_replaces_what_is_older() {
        let mut queue = BroadcastQueue::new();
        let key = || Some(NodeName::from("n1"));
        let first = queue.push_watched(key(), Bytes::from_static(b"suspect"));
        assert_eq!(text(&mut queue, 0, 100), ["suspect"]);
        queue.push(key(), Bytes::from_static(b"alive"));
        assert_eq!(queue.pop_finished(), Some(first));
        queue.push(Some("n2".into()), Bytes::from_static(b"dead"));
        queue.push(None, Bytes::from_static(b"user"));
        queue.push(None, Bytes::from_static(b"user"));
        assert_eq!(text(&mut queue, 0, 100), ["alive", "user", "user", "dead"]);
        assert_eq!(queue.pop_finished(), None);
    }

    #[test]
    fn a_watched_message_is_done_after_its_last_transmission() {
        let mut queue = BroadcastQueue::new();
        let ticket = queue.push_watched(None, Bytes::from_static(b"leave"));
        for _ in 0..2 {
            queue.take(0, 100, 3);
            assert_eq!(queue.pop_finished(), None);
        }
        queue.take(0, 100, 3);
        assert_eq!(queue.pop_finished(), Some(ticket));
        assert_eq!(queue.pop_finished(), None);
    }

    #[test]
    fn pruning_drops_what_ranks_last() {
        let mut queue = queue_of(&["aa", "bb"]);
        text(&mut queue, 0, 2);
        queue.push(None, Bytes::from_static(b"c"));
        assert_eq!(queue.prune(3), 0);
        assert_eq!(queue.prune(1), 2);
        assert_eq!(text(&mut queue, 0, 100), ["aa"]);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut queue = queue_of(&["aa", "bbb"]);
        text(&mut queue, 0, 3);
        queue.push(Some("n1".into()), Bytes::from_static(b"cccc"));
        assert_eq!(queue.prune_to(9, 9), 0);
        queue.push(Some("n1".into()), Bytes::from_static(b"dd"));
        assert_eq!(queue.prune_to(9, 7), 0, "the replaced one does not count");
        assert_eq!(queue.prune_to(9, 6), 1);
        assert_eq!(text(&mut queue, 0, 100), ["dd", "aa"]);
        assert_eq!(queue.prune_to(9, 0), 2);
    }
}
