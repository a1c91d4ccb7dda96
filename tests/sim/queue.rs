//! Virtual time: what will happen, in the order in which it will.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use consulctl::model::mono::Mono;

/// What will happen, earliest first; of two things at one moment, the one that was put first.
#[derive(Debug)]
pub(crate) struct Queue<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    next: u64,
}

#[derive(Debug)]
struct Entry<E> {
    at: Mono,
    number: u64,
    event: E,
}

impl<E> Entry<E> {
    const fn key(&self) -> (Mono, u64) {
        (self.at, self.number)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl<E> Queue<E> {
    pub(crate) const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            next: 0,
        }
    }

    /// Lets something happen at this moment.
    pub(crate) fn push(&mut self, at: Mono, event: E) {
        let number = self.next;
        self.next += 1;
        self.heap.push(Reverse(Entry { at, number, event }));
    }

    /// What happens next, if it happens no later than this.
    pub(crate) fn pop_until(&mut self, limit: Mono) -> Option<(Mono, E)> {
        if self.heap.peek()?.0.at > limit {
            return None;
        }
        let Reverse(entry) = self.heap.pop()?;
        Some((entry.at, entry.event))
    }
}

#[test]
fn events_come_by_time_and_then_in_order() {
    let at = |ms| Mono::ZERO + std::time::Duration::from_millis(ms);
    let mut queue = Queue::new();
    for (ms, name) in [(5, "c"), (1, "a"), (5, "d"), (3, "b"), (9, "e")] {
        queue.push(at(ms), name);
    }
    let order: Vec<_> = std::iter::from_fn(|| queue.pop_until(at(5))).collect();
    assert_eq!(
        order,
        [(at(1), "a"), (at(3), "b"), (at(5), "c"), (at(5), "d")]
    );
    assert_eq!(queue.pop_until(at(9)), Some((at(9), "e")));
}
