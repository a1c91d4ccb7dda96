//! The end of the log in memory: readable the moment it is appended, durable a little later.

use std::collections::VecDeque;

use openraft::entry::RaftEntry as _;
use thiserror::Error;

use super::types::{Entry, LogId, Vote};

/// Entries that the cache keeps once they are durable.
pub(super) const TAIL_ENTRIES: usize = 4096;
/// Encoded bytes that the cache keeps once they are durable.
pub(super) const TAIL_BYTES: usize = 8 << 20;

/// What the log holds, as openraft sees it: every change counts from the moment it is asked for.
///
/// Written by the log store (appends, truncation, purge, vote) and by the writer task (sizes);
/// read by every log reader.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// Consecutive entries up to the last one.
    entries: VecDeque<Cached>,
    /// Encoded bytes of the durable entries in `entries`.
    bytes: usize,
    /// Index of the oldest entry, in the cache or not; meaningless when there is none.
    first: u64,
    /// The last entry, or the last purged one when none is left.
    pub(super) last: Option<LogId>,
    /// The last purged entry.
    pub(super) purged: Option<LogId>,
    /// The last entry known to be committed.
    pub(super) committed: Option<LogId>,
    /// `committed` has changed since it was last written.
    pub(super) committed_dirty: bool,
    /// The last vote.
    pub(super) vote: Option<Vote>,
}

/// Why the log is not changed: it would no longer hold what was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    /// Entries that are committed would be cut off.
    #[error(
        "refusing to remove raft log entries from {from} on: those up to {committed} are committed"
    )]
    Committed { from: u64, committed: u64 },
    /// Entries would be missing before the new ones.
    #[error(
        "refusing to append raft log entry {found} where {expected} is expected: the log would have a hole"
    )]
    Hole { found: u64, expected: u64 },
}

#[derive(Debug)]
struct Cached {
    entry: Entry,
    /// Encoded size; `None` until the entry is durable.
    size: Option<usize>,
}

/// What the cache knows of a range.
#[derive(Debug)]
pub(super) struct Lookup {
    /// First index that exists in the range.
    pub(super) start: u64,
    /// Entries from the cache; those of `start..cached_from` are in the medium.
    pub(super) cached: Vec<Entry>,
    /// First index that the cache answered, or the end of the range.
    pub(super) cached_from: u64,
}

impl Tail {
    /// Adds durable entries that were read at the start; `first` is the oldest in the medium.
    pub(super) fn load(&mut self, first: u64, entries: impl IntoIterator<Item = (Entry, usize)>) {
        self.first = first;
        for (entry, size) in entries {
            self.last = Some(entry.log_id());
            self.bytes += size;
            self.entries.push_back(Cached {
                entry,
                size: Some(size),
            });
        }
    }

    /// Whether entries follow the last one without a hole.
    ///
    /// # Errors
    /// When they do not: nothing may be appended then.
    pub(super) fn check_append(&self, entries: &[Entry]) -> Result<(), Refusal> {
        let mut next = self.last.map(|last| last.index() + 1);
        for found in entries.iter().map(Entry::index) {
            match next {
                Some(expected) if expected != found => {
                    return Err(Refusal::Hole { found, expected });
                }
                _ => next = Some(found + 1),
            }
        }
        Ok(())
    }

    /// Whether the entries at `from` and after it may go: none of them is known to be committed.
    ///
    /// # Errors
    /// When one is: nothing may be removed then.
    pub(super) fn check_truncate(&self, from: u64) -> Result<(), Refusal> {
        match self.committed.max(self.purged) {
            Some(committed) if from <= committed.index() => Err(Refusal::Committed {
                from,
                committed: committed.index(),
            }),
            _ => Ok(()),
        }
    }

    /// Term and index of an entry in the cache, or of the last purged one.
    pub(super) fn id_at(&self, index: u64) -> Option<LogId> {
        let cached = self
            .position(index)
            .map(|at| self.entries[at].entry.log_id());
        cached.or_else(|| self.purged.filter(|purged| purged.index() == index))
    }

    /// Adds an entry that is not durable yet.
    pub(super) fn append(&mut self, entry: Entry) {
        if self.last.is_none() {
            self.first = entry.index();
        }
        self.last = Some(entry.log_id());
        self.entries.push_back(Cached { entry, size: None });
    }

    /// Notes that entries have become durable, and lets the oldest durable ones go.
    pub(super) fn flushed(&mut self, sizes: impl IntoIterator<Item = (u64, usize)>) {
        for (index, size) in sizes {
            // An entry that was truncated or purged meanwhile is no longer here.
            let Some(cached) = self.position(index).and_then(|at| self.entries.get_mut(at)) else {
                continue;
            };
            if cached.size.replace(size).is_none() {
                self.bytes += size;
            }
        }
        while self.entries.len() > TAIL_ENTRIES || self.bytes > TAIL_BYTES {
            match self.entries.front() {
                Some(Cached {
                    size: Some(size), ..
                }) if self.entries.len() > 1 => {
                    self.bytes -= size;
                    self.entries.pop_front();
                }
                _ => break,
            }
        }
    }

    /// Removes the entries at `from` and after it; the log then ends with `last_kept`.
    pub(super) fn truncate(&mut self, from: u64, last_kept: Option<LogId>) {
        while self.entries.back().is_some_and(|c| c.entry.index() >= from) {
            let gone = self.entries.pop_back().and_then(|cached| cached.size);
            self.bytes -= gone.unwrap_or(0);
        }
        if self.last.is_some_and(|last| last.index() >= from) {
            self.last = last_kept.max(self.purged);
        }
    }

    /// Removes the entries up to and including `upto`.
    pub(super) fn purge(&mut self, upto: &LogId) {
        while self
            .entries
            .front()
            .is_some_and(|c| c.entry.index() <= upto.index())
        {
            let gone = self.entries.pop_front().and_then(|cached| cached.size);
            self.bytes -= gone.unwrap_or(0);
        }
        self.purged = self.purged.max(Some(*upto));
        self.first = self.first.max(upto.index() + 1);
        self.last = self.last.max(Some(*upto));
    }

    /// Looks a half-open range up.
    pub(super) fn lookup(&self, start: u64, end: u64) -> Lookup {
        let after_last = self.last.map_or(0, |id| id.index() + 1);
        let start = start.max(self.first);
        let end = end.min(after_last);
        if start >= end {
            return Lookup {
                start,
                cached: Vec::new(),
                cached_from: start,
            };
        }
        let cache_first = self.entries.front().map_or(end, |c| c.entry.index());
        let cached_from = cache_first.clamp(start, end);
        let skip =
            usize::try_from(cached_from - cache_first.min(cached_from)).unwrap_or(usize::MAX);
        let take = usize::try_from(end - cached_from).unwrap_or(usize::MAX);
        Lookup {
            start,
            cached: self
                .entries
                .iter()
                .skip(skip)
                .take(take)
                .map(|c| c.entry.clone())
                .collect(),
            cached_from,
        }
    }

    /// Encoded size of an entry in the cache, once it is durable.
    pub(super) fn size_of(&self, index: u64) -> Option<usize> {
        self.position(index).and_then(|at| self.entries[at].size)
    }

    fn position(&self, index: u64) -> Option<usize> {
        let first = self.entries.front()?.entry.index();
        let at = usize::try_from(index.checked_sub(first)?).ok()?;
        (at < self.entries.len()).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::raft::types::log_id;

    fn blank(index: u64) -> Entry {
        Entry::new_blank(log_id(1, index))
    }

    fn indexes(lookup: &Lookup) -> Vec<u64> {
        lookup
            .cached
            .iter()
            .map(openraft::entry::RaftEntry::index)
            .collect()
    }

    #[test]
    fn lookup_splits_between_medium_and_cache() {
        let mut tail = Tail::default();
        tail.load(5, (10..20).map(|i| (blank(i), 1)));
        let all = tail.lookup(2, 25);
        assert_eq!((all.start, all.cached_from), (5, 10));
        assert_eq!(indexes(&all), (10..20).collect::<Vec<_>>());
        let inner = tail.lookup(12, 15);
        assert_eq!((inner.start, inner.cached_from), (12, 12));
        assert_eq!(indexes(&inner), [12, 13, 14]);
        let below = tail.lookup(6, 7);
        assert_eq!((below.start, below.cached_from), (6, 7));
        assert!(below.cached.is_empty());
    }

    #[test]
    fn entries_that_are_not_durable_never_leave() {
        let mut tail = Tail::default();
        for index in 0..(TAIL_ENTRIES as u64 + 10) {
            tail.append(blank(index));
        }
        tail.flushed([]);
        assert_eq!(tail.lookup(0, 1).cached.len(), 1);
        tail.flushed((0..20).map(|index| (index, 1)));
        assert_eq!(tail.lookup(0, 100).cached_from, 10);
    }

    #[test]
    fn bytes_bound_the_cache() {
        let mut tail = Tail::default();
        (0..4).for_each(|index| tail.append(blank(index)));
        tail.flushed((0..4).map(|index| (index, TAIL_BYTES / 2)));
        assert_eq!(tail.lookup(0, 4).cached_from, 2);
        tail.truncate(3, Some(log_id(1, 2)));
        tail.purge(&log_id(1, 2));
        assert_eq!(tail.bytes, 0);
        assert_eq!(tail.last, Some(log_id(1, 2)));
    }
}
