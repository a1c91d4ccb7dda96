//! Which lines the snapshot file gets, and when: section 12 of the wire format.

use std::time::Duration;

use crate::agent::gossip::wire::LamportTime;
use crate::model::mono::Mono;

use super::io::MemberChange;
use super::member::Member;
use super::snapshot::{Restored, SnapshotLine};

/// How far the clock in the file may be behind.
const CLOCK_EVERY: Duration = Duration::from_millis(500);

/// Decides about the lines of the snapshot file. After a leave there are no more.
#[derive(Debug)]
pub(super) struct SnapshotLog {
    clock: LamportTime,
    event_clock: LamportTime,
    query_clock: LamportTime,
    clock_due: Option<Mono>,
    closed: bool,
}

impl SnapshotLog {
    pub(super) const fn new(restored: &Restored) -> Self {
        Self {
            clock: restored.clock,
            event_clock: restored.event_clock,
            query_clock: restored.query_clock,
            clock_due: None,
            closed: false,
        }
    }

    /// A member changed. A name with a line break cannot be kept in a file of lines.
    pub(super) fn member(&self, change: MemberChange, member: &Member) -> Option<SnapshotLine> {
        if self.closed || member.name.contains('\n') {
            return None;
        }
        let name = member.name.clone();
        match change {
            MemberChange::Join => Some(SnapshotLine::Alive {
                name,
                address: member.address,
            }),
            MemberChange::Leave | MemberChange::Failed => Some(SnapshotLine::NotAlive { name }),
            MemberChange::Update | MemberChange::Reap => None,
        }
    }

    /// The member clock's next time is `time`: writes the last one that was seen, if it is news.
    pub(super) fn clock(&mut self, time: LamportTime) -> Option<SnapshotLine> {
        self.clock_due = None;
        let seen = time.saturating_sub(1);
        if self.closed || seen <= self.clock {
            return None;
        }
        self.clock = seen;
        Some(SnapshotLine::Clock(seen))
    }

    /// Makes sure that the clock is written soon.
    pub(super) fn watch_clock(&mut self, now: Mono, time: LamportTime) {
        if !self.closed && time.saturating_sub(1) > self.clock {
            self.clock_due.get_or_insert(now + CLOCK_EVERY);
        }
    }

    /// When to ask for [`Self::clock`].
    pub(super) const fn clock_due(&self) -> Option<Mono> {
        self.clock_due
    }

    /// An event was delivered.
    pub(super) fn event(&mut self, ltime: LamportTime) -> Option<SnapshotLine> {
        if self.closed || ltime <= self.event_clock {
            return None;
        }
        self.event_clock = ltime;
        Some(SnapshotLine::EventClock(ltime))
    }

    /// A query was delivered.
    pub(super) fn query(&mut self, ltime: LamportTime) -> Option<SnapshotLine> {
        if self.closed || ltime <= self.query_clock {
            return None;
        }
        self.query_clock = ltime;
        Some(SnapshotLine::QueryClock(ltime))
    }

    /// The last line.
    pub(super) const fn leave(&mut self) -> SnapshotLine {
        self.closed = true;
        self.clock_due = None;
        SnapshotLine::Leave
    }
}
