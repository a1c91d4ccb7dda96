//! The lines of the snapshot file: section 12 of the wire format.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use crate::agent::gossip::wire::{LamportTime, NodeName};

/// Smaller files are never compacted, in bytes.
const COMPACT_AT_LEAST: u64 = 128 * 1024;
/// What a member takes in a compacted file, estimated, in bytes.
const BYTES_PER_MEMBER: u64 = 128;
/// How much larger than the estimate a file may grow.
const COMPACT_AT_TIMES: u64 = 2;

/// One line of the snapshot file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotLine {
    /// `alive: <name> <ip:port>`
    Alive { name: NodeName, address: SocketAddr },
    /// `not-alive: <name>`
    NotAlive { name: NodeName },
    /// `clock: <time>`
    Clock(LamportTime),
    /// `event-clock: <time>`
    EventClock(LamportTime),
    /// `query-clock: <time>`
    QueryClock(LamportTime),
    /// `leave`
    Leave,
}

impl fmt::Display for SnapshotLine {
    /// The line without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alive { name, address } => write!(f, "alive: {name} {address}"),
            Self::NotAlive { name } => write!(f, "not-alive: {name}"),
            Self::Clock(time) => write!(f, "clock: {time}"),
            Self::EventClock(time) => write!(f, "event-clock: {time}"),
            Self::QueryClock(time) => write!(f, "query-clock: {time}"),
            Self::Leave => f.write_str("leave"),
        }
    }
}

impl SnapshotLine {
    /// Reads a line without its end; `None` when it says nothing that we understand.
    pub fn parse(line: &str) -> Option<Self> {
        if line == "leave" {
            return Some(Self::Leave);
        }
        let (kind, rest) = line.split_once(": ")?;
        match kind {
            "alive" => {
                // A name may contain spaces, an address does not.
                let (name, address) = rest.rsplit_once(' ')?;
                Some(Self::Alive {
                    name: name.into(),
                    address: address.parse().ok()?,
                })
            }
            "not-alive" => Some(Self::NotAlive { name: rest.into() }),
            "clock" => rest.parse().ok().map(Self::Clock),
            "event-clock" => rest.parse().ok().map(Self::EventClock),
            "query-clock" => rest.parse().ok().map(Self::QueryClock),
            _ => None,
        }
    }
}

/// What a snapshot file tells at the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// Members that were alive.
    pub alive: Vec<(NodeName, SocketAddr)>,
    pub clock: LamportTime,
    pub event_clock: LamportTime,
    pub query_clock: LamportTime,
}

/// What the lines of a file say together: read at the start, kept up with each line that is appended, and
/// written as a whole when the file has grown too large.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    alive: BTreeMap<NodeName, SocketAddr>,
    clock: LamportTime,
    event_clock: LamportTime,
    query_clock: LamportTime,
    rejoin_after_leave: bool,
    unrecognized: usize,
}

impl Remembered {
    /// Reads a whole file. With `rejoin_after_leave` a leave forgets nothing.
    pub fn replay(text: &str, rejoin_after_leave: bool) -> Self {
        let mut remembered = Self {
            rejoin_after_leave,
            ..Self::default()
        };
        for line in text.split('\n') {
            // Old versions wrote coordinates; `#` begins a remark.
            if line.is_empty() || line.starts_with('#') || line.starts_with("coordinate: ") {
                continue;
            }
            match SnapshotLine::parse(line) {
                Some(line) => remembered.apply(&line),
                None => remembered.unrecognized += 1,
            }
        }
        remembered
    }

    /// Takes one more line in.
    pub fn apply(&mut self, line: &SnapshotLine) {
        match line {
            SnapshotLine::Alive { name, address } => {
                self.alive.insert(name.clone(), *address);
            }
            SnapshotLine::NotAlive { name } => {
                self.alive.remove(name);
            }
            SnapshotLine::Clock(time) => self.clock = *time,
            SnapshotLine::EventClock(time) => self.event_clock = *time,
            SnapshotLine::QueryClock(time) => self.query_clock = *time,
            SnapshotLine::Leave if self.rejoin_after_leave => {}
            SnapshotLine::Leave => {
                *self = Self {
                    unrecognized: self.unrecognized,
                    ..Self::default()
                };
            }
        }
    }

    /// Lines of the replayed file that made no sense and were passed over; worth a warning.
    pub const fn unrecognized(&self) -> usize {
        self.unrecognized
    }

    /// Whether a file of this many bytes is to be replaced by [`Self::lines`].
    pub fn is_too_large(&self, file_bytes: u64) -> bool {
        let members = u64::try_from(self.alive.len()).unwrap_or(u64::MAX);
        let estimate = members.saturating_mul(BYTES_PER_MEMBER * COMPACT_AT_TIMES);
        file_bytes > estimate.max(COMPACT_AT_LEAST)
    }

    /// The shortest file that says the same.
    pub fn lines(&self) -> impl Iterator<Item = SnapshotLine> + '_ {
        let members = self
            .alive
            .iter()
            .map(|(name, address)| SnapshotLine::Alive {
                name: name.clone(),
                address: *address,
            });
        members.chain([
            SnapshotLine::Clock(self.clock),
            SnapshotLine::EventClock(self.event_clock),
            SnapshotLine::QueryClock(self.query_clock),
        ])
    }

    /// What serf starts from.
    pub fn restored(&self) -> Restored {
        let alive = self.alive.iter();
        Restored {
            alive: alive.map(|(name, at)| (name.clone(), *at)).collect(),
            clock: self.clock,
            event_clock: self.event_clock,
            query_clock: self.query_clock,
        }
    }
}

/// What serf starts from, given its snapshot file.
pub fn replay(text: &str, rejoin_after_leave: bool) -> Restored {
    Remembered::replay(text, rejoin_after_leave).restored()
}

#[cfg(test)]
mod tests;
