//! Memory against duplicates of events and queries: section 10 of the wire format.

use bytes::Bytes;

use crate::agent::gossip::wire::{EventsAt, LamportTime};

/// What all remembered events take together at most, in bytes: they must fit into the 20 MiB that a peer
/// takes as the state of a push/pull.
const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What an event takes besides its name and payload, about, in bytes.
const EVENT_OVERHEAD: usize = 32;
/// Queries of one logical time that are told apart.
const QUERIES_AT_MAX: usize = 4096;

/// What a message is to the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Novelty {
    /// Not seen before; remembered now.
    New,
    /// Seen before, or from before this member's time.
    Known,
    /// Too long ago to know.
    TooOld,
    /// The memory is full for its logical time.
    Full,
}

/// The slot of a logical time, or why it has none.
fn slot_of(
    ltime: LamportTime,
    min: LamportTime,
    clock: LamportTime,
    slots: usize,
) -> Result<usize, Novelty> {
    let span = LamportTime::try_from(slots).unwrap_or(LamportTime::MAX);
    if ltime < min || span == 0 {
        return Err(Novelty::Known);
    }
    if clock > span && ltime < clock - span {
        return Err(Novelty::TooOld);
    }
    usize::try_from(ltime % span).map_err(|_| Novelty::TooOld)
}

/// User events of the last logical times.
#[derive(Debug)]
pub(super) struct RecentEvents {
    slots: Vec<Option<EventsAt>>,
    /// Older events are not ours to hear.
    min: LamportTime,
    bytes: usize,
}

impl RecentEvents {
    pub(super) fn new(slots: usize, min: LamportTime) -> Self {
        Self {
            slots: vec![None; slots],
            min,
            bytes: 0,
        }
    }

    /// From now on nothing older than `min` is heard.
    pub(super) fn raise_min(&mut self, min: LamportTime) {
        self.min = self.min.max(min);
    }

    /// The ring as push/pull sends it.
    pub(super) fn slots(&self) -> &[Option<EventsAt>] {
        &self.slots
    }

    /// Looks at an event, `clock` being the event clock after it was witnessed.
    pub(super) fn see(
        &mut self,
        clock: LamportTime,
        ltime: LamportTime,
        name: &str,
        payload: &Bytes,
    ) -> Novelty {
        let index = match slot_of(ltime, self.min, clock, self.slots.len()) {
            Ok(index) => index,
            Err(novelty) => return novelty,
        };
        let slot = &mut self.slots[index];
        let seen = match slot {
            Some(seen) if seen.ltime == ltime => seen,
            _ => {
                let old = slot
                    .take()
                    .map_or(0, |old| old.events.iter().map(size).sum());
                self.bytes = self.bytes.saturating_sub(old);
                slot.insert(EventsAt {
                    ltime,
                    events: Vec::new(),
                })
            }
        };
        let event = (name.to_owned(), payload.clone());
        if seen.events.contains(&event) {
            return Novelty::Known;
        }
        let bytes = self.bytes.saturating_add(size(&event));
        if bytes > EVENT_BYTES_MAX {
            return Novelty::Full;
        }
        self.bytes = bytes;
        seen.events.push(event);
        Novelty::New
    }
}

fn size((name, payload): &(String, Bytes)) -> usize {
    name.len() + payload.len() + EVENT_OVERHEAD
}

/// Queries of the last logical times.
#[derive(Debug)]
pub(super) struct RecentQueries {
    slots: Vec<(LamportTime, Vec<u32>)>,
    min: LamportTime,
}

impl RecentQueries {
    pub(super) fn new(slots: usize, min: LamportTime) -> Self {
        Self {
            slots: vec![(0, Vec::new()); slots],
            min,
        }
    }

    /// Looks at a query, `clock` being the query clock after it was witnessed.
    pub(super) fn see(&mut self, clock: LamportTime, ltime: LamportTime, id: u32) -> Novelty {
        let index = match slot_of(ltime, self.min, clock, self.slots.len()) {
            Ok(index) => index,
            Err(novelty) => return novelty,
        };
        let (at, ids) = &mut self.slots[index];
        if *at != ltime {
            *at = ltime;
            ids.clear();
        }
        if ids.contains(&id) {
            return Novelty::Known;
        }
        if ids.len() >= QUERIES_AT_MAX {
            return Novelty::Full;
        }
        ids.push(id);
        Novelty::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_apart_by_name_and_payload_in_a_logical_time() {
        let mut recent = RecentEvents::new(4, 1);
        let payload = Bytes::from_static(b"p");
        let mut see =
            |ltime, name: &str, payload: &Bytes| recent.see(ltime + 1, ltime, name, payload);
        assert_eq!(see(1, "deploy", &payload), Novelty::New);
        assert_eq!(see(1, "deploy", &payload), Novelty::Known);
        assert_eq!(see(1, "deploy", &Bytes::new()), Novelty::New);
        assert_eq!(see(1, "restart", &payload), Novelty::New);
        assert_eq!(see(2, "deploy", &payload), Novelty::New);
        assert_eq!(
            see(5, "deploy", &payload),
            Novelty::New,
            "the slot of 1 again"
        );
        assert_eq!(recent.slots()[1].as_ref().map(|slot| slot.ltime), Some(5));
    }

    #[test]
    fn what_is_too_old_or_before_our_time_is_not_heard() {
        // Logical time, clock, expected; four slots, nothing before 3.
        let table = [
            (0, 3, Novelty::Known),
            (2, 3, Novelty::Known),
            (3, 4, Novelty::New),
            (6, 10, Novelty::New),
            (5, 10, Novelty::TooOld),
            (LamportTime::MAX, LamportTime::MAX, Novelty::New),
            (9, LamportTime::MAX, Novelty::TooOld),
        ];
        for (ltime, clock, expected) in table {
            let mut events = RecentEvents::new(4, 3);
            assert_eq!(
                events.see(clock, ltime, "e", &Bytes::new()),
                expected,
                "{ltime}"
            );
            let mut queries = RecentQueries::new(4, 3);
            assert_eq!(queries.see(clock, ltime, 1), expected, "{ltime}");
        }
        let mut events = RecentEvents::new(4, 3);
        events.raise_min(7);
        events.raise_min(5);
        assert_eq!(events.see(8, 6, "e", &Bytes::new()), Novelty::Known);
        assert_eq!(events.see(8, 7, "e", &Bytes::new()), Novelty::New);
    }

    #[test]
    fn queries_are_told_apart_by_number_in_a_logical_time() {
        let mut recent = RecentQueries::new(4, 1);
        assert_eq!(recent.see(2, 1, 7), Novelty::New);
        assert_eq!(recent.see(2, 1, 7), Novelty::Known);
        assert_eq!(recent.see(2, 1, 8), Novelty::New);
        assert_eq!(recent.see(6, 5, 7), Novelty::New);
        assert_eq!(recent.see(6, 5, 7), Novelty::Known);
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut events = RecentEvents::new(4, 0);
        let large = Bytes::from(vec![0; EVENT_BYTES_MAX / 2]);
        assert_eq!(events.see(2, 1, "a", &large), Novelty::New);
        assert_eq!(events.see(2, 1, "b", &large), Novelty::Full);
        assert_eq!(events.see(3, 2, "small", &Bytes::new()), Novelty::New);
        assert_eq!(
            events.see(6, 5, "b", &large),
            Novelty::New,
            "in place of the first"
        );
        let mut queries = RecentQueries::new(4, 0);
        let max = u32::try_from(QUERIES_AT_MAX).unwrap();
        assert!((0..max).all(|id| queries.see(2, 1, id) == Novelty::New));
        assert_eq!(queries.see(2, 1, max), Novelty::Full);
    }
}
