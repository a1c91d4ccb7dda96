//! The seam under the log store: what must be durable, and in which order.
//!
//! The writer task is the only caller of [`LogMedium`].

use std::io;
use std::pin::Pin;

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
