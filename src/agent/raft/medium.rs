//! The seam under the log store: what must be durable, in which order, and the memory variant.
//!
//! The writer task is the only caller of [`LogMedium`]. A simulator implements this trait to lose
//! what was not yet committed.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use super::codec::Row;

/// A boxed future: media are chosen at run time.
pub(super) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One change of the log; a batch of them is durable as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Op {
    /// Adds consecutive entries after the last one.
    Append(Vec<Row>),
    /// Replaces the vote.
    Vote(Vec<u8>),
    /// Removes the entries at `from` and after it.
    Truncate { from: u64 },
    /// Remembers which entry is the last one that the log no longer has. Those before it may still be there.
    Purged { upto: u64, log_id: Vec<u8> },
    /// Removes the entries up to and including `upto`.
    Delete { upto: u64 },
    /// Replaces the last committed log id.
    Committed(Vec<u8>),
}

/// What a medium held when it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Loaded {
    /// The server's raft id.
    pub(super) node: Option<Vec<u8>>,
    /// The vote.
    pub(super) vote: Option<Vec<u8>>,
    /// The last committed log id.
    pub(super) committed: Option<Vec<u8>>,
    /// The last purged log id.
    pub(super) purged: Option<Vec<u8>>,
    /// Index of the oldest entry, purged or not.
    pub(super) oldest: Option<u64>,
    /// Index of the oldest entry that is not purged.
    pub(super) first: Option<u64>,
    /// The newest entries, oldest first, within the tail cache's bounds.
    pub(super) tail: Vec<Row>,
}

/// Where the log is written. Called by one task, one batch at a time.
pub(super) trait LogMedium: Send + 'static {
    /// Makes a batch durable, in order. After an error the medium is not used again.
    fn commit(&mut self, ops: Vec<Op>) -> BoxFuture<'_, io::Result<()>>;

    /// Closes in good order.
    fn close(self: Box<Self>) -> BoxFuture<'static, io::Result<()>>;
}

/// Where entries that left the tail cache are read from.
pub(super) trait LogSource: Send + 'static {
    /// The committed entries of `start..end`, in order, as far as they exist; after `max_bytes` it may stop.
    fn read(
        &mut self,
        start: u64,
        end: u64,
        max_bytes: usize,
    ) -> BoxFuture<'_, io::Result<Vec<Row>>>;
}

/// An opened medium.
pub(super) struct Opened {
    pub(super) loaded: Loaded,
    pub(super) medium: Box<dyn LogMedium>,
    pub(super) source: Box<dyn LogSource>,
}

type Rows = Arc<Mutex<BTreeMap<u64, Row>>>;

/// The medium of `-dev`: the same path as on disk, into a map.
pub(super) struct MemoryMedium {
    rows: Rows,
}

struct MemorySource {
    rows: Rows,
}

impl MemoryMedium {
    /// An empty log.
    pub(super) fn open() -> Opened {
        let rows = Rows::default();
        Opened {
            loaded: Loaded::default(),
            medium: Box::new(Self {
                rows: Arc::clone(&rows),
            }),
            source: Box::new(MemorySource { rows }),
        }
    }
}

impl LogMedium for MemoryMedium {
    fn commit(&mut self, ops: Vec<Op>) -> BoxFuture<'_, io::Result<()>> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        for op in ops {
            match op {
                Op::Append(new) => rows.extend(new.into_iter().map(|row| (row.index, row))),
                Op::Truncate { from } => drop(rows.split_off(&from)),
                Op::Delete { upto } => *rows = rows.split_off(&upto.saturating_add(1)),
                // Votes and commits outlive the process only; the log store remembers them.
                Op::Vote(_) | Op::Committed(_) | Op::Purged { .. } => {}
            }
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, io::Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl LogSource for MemorySource {
    fn read(
        &mut self,
        start: u64,
        end: u64,
        max_bytes: usize,
    ) -> BoxFuture<'_, io::Result<Vec<Row>>> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = 0;
        let within = rows.range(start..end).take_while(|(_, row)| {
            let before = bytes;
            bytes += row.data.len();
            before < max_bytes
        });
        let found = within.map(|(_, row)| row.clone()).collect();
        Box::pin(std::future::ready(Ok(found)))
    }
}
