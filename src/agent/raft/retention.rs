//! Which entries lie in the medium, and which of them are still to be deleted. Pure.
//!
//! After a snapshot a hundred thousand entries may go at once. Deleting them in one transaction would hold up every write
//! for as long as that takes; so they go a few at a time, with or between the batches of the writer.

use std::ops::Range;

/// Entries that one transaction deletes at most.
const STEP: u64 = 128;

/// What lies in the medium.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Retention {
    /// The entries that lie there; before the doomed ones are gone, there may be a hole after them.
    rows: Range<u64>,
    doomed: Option<Doomed>,
}

#[derive(Debug, PartialEq, Eq)]
struct Doomed {
    /// The last one that lies there.
    last: u64,
    /// The last one that was purged, which may never have been there.
    purged: u64,
}

impl Retention {
    /// What was found at the start: the entries, and the last purged one.
    pub(super) fn found(rows: Range<u64>, purged: Option<u64>) -> Self {
        let mut found = Self { rows, doomed: None };
        if let Some(purged) = purged {
            found.purged(purged);
        }
        found
    }

    /// Notes an appended entry.
    pub(super) fn appended(&mut self, index: u64) {
        if self.rows.is_empty() {
            self.rows.start = index;
        }
        self.rows.end = index + 1;
    }

    /// Notes that the entries at `from` and after it are gone.
    pub(super) fn truncated(&mut self, from: u64) {
        self.rows.end = self.rows.end.min(from).max(self.rows.start);
    }

    /// Notes that the entries up to and including `upto` are to go.
    pub(super) fn purged(&mut self, upto: u64) {
        let there = self.rows.end.saturating_sub(1).min(upto);
        if self.rows.is_empty() || there < self.rows.start {
            return;
        }
        let doomed = self.doomed.get_or_insert(Doomed {
            last: there,
            purged: upto,
        });
        doomed.last = doomed.last.max(there);
        doomed.purged = doomed.purged.max(upto);
    }

    /// Whether entries are still to be deleted.
    pub(super) fn is_pending(&self) -> bool {
        self.doomed.is_some()
    }

    /// The next deletion: everything up to and including this entry.
    pub(super) fn step(&mut self) -> Option<u64> {
        let doomed = self.doomed.as_ref()?;
        let upto = doomed.last.min(self.rows.start + STEP - 1);
        self.rows.start = upto + 1;
        if upto == doomed.last {
            self.rows.start = self.rows.start.max(doomed.purged + 1);
            self.doomed = None;
        }
        self.rows.end = self.rows.end.max(self.rows.start);
        Some(upto)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(retention: &mut Retention) -> Vec<u64> {
        std::iter::from_fn(|| retention.step()).collect()
    }

    #[test]
    fn goes_in_steps() {
        let mut retention = Retention::default();
        (0..1000).for_each(|index| retention.appended(index));
        assert!(!retention.is_pending());
        retention.purged(299);
        assert_eq!(retention.step(), Some(127));
        retention.appended(1000);
        retention.purged(300);
        assert_eq!(steps(&mut retention), [255, 300]);
        assert_eq!(retention.rows, 301..1001);
        retention.purged(250);
        assert!(steps(&mut retention).is_empty());
    }

    #[test]
    fn entries_that_were_never_there_cost_nothing() {
        let mut retention = Retention::default();
        (0..50).for_each(|index| retention.appended(index));
        // A snapshot was installed, far ahead.
        retention.purged(10_000_000);
        retention.appended(10_000_001);
        assert_eq!(steps(&mut retention), [49]);
        assert_eq!(retention.rows, 10_000_001..10_000_002);
        retention.purged(10_000_001);
        assert_eq!(steps(&mut retention), [10_000_001]);
        retention.purged(10_000_009);
        assert!(!retention.is_pending());
        retention.appended(10_000_010);
        assert_eq!(retention.rows, 10_000_010..10_000_011);
    }

    #[test]
    fn what_a_crash_left_goes_after_the_start() {
        let mut retention = Retention::found(40..60, Some(49));
        assert_eq!(steps(&mut retention), [49]);
        assert!(!Retention::found(50..60, Some(49)).is_pending());
        assert!(!Retention::found(0..0, None).is_pending());
    }

    #[test]
    fn truncation_leaves_what_is_purged() {
        let mut retention = Retention::default();
        (0..300).for_each(|index| retention.appended(index));
        retention.purged(200);
        retention.truncated(250);
        assert_eq!(steps(&mut retention), [127, 200]);
        retention.truncated(201);
        assert_eq!(retention.rows, 201..201);
        retention.appended(201);
        assert_eq!(retention.rows, 201..202);
    }
}
