//! Reading the log: entries for replication, for applying, and after a restart.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use openraft::entry::RaftEntry as _;
use openraft::storage::RaftLogReader;
use tokio_stream::Stream;

use super::Shared;
use crate::agent::raft::codec;
use crate::agent::raft::medium::BoxFuture;
use crate::agent::raft::types::{Entry, TypeConfig, Vote};

/// Entries that one replication read returns at most.
const MAX_READ_ENTRIES: u64 = 1024;
/// Encoded bytes after which a replication read stops.
pub(super) const MAX_READ_BYTES: usize = 1 << 20;

/// Reads entries and the vote; clones share the log.
#[derive(Clone)]
pub(in crate::agent::raft) struct LogReader {
    pub(super) shared: Arc<Shared>,
}

impl RaftLogReader<TypeConfig> for LogReader {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + Send>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        let (start, end) = half_open(&range);
        self.shared.read(start, end, usize::MAX).await
    }

    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = Result<Entry, io::Error>> + Send
    where
        RB: RangeBounds<u64> + Clone + Debug + Send,
    {
        let (start, end) = half_open(&range);
        EntryStream {
            shared: Arc::clone(&self.shared),
            next: start,
            end,
            ready: VecDeque::new(),
            reading: None,
        }
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.shared.tail().vote)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, io::Error> {
        let end = end.min(start.saturating_add(MAX_READ_ENTRIES));
        let mut entries = self.shared.read(start, end, MAX_READ_BYTES).await?;
        if entries.first().is_some_and(|first| first.index() > start) {
            // The beginning is purged, and what comes after it would leave a hole at the follower's: see `pipeline`.
            entries.clear();
        }
        let known: Vec<Option<usize>> = {
            let tail = self.shared.tail();
            let sizes = entries.iter().map(|entry| tail.size_of(entry.index()));
            sizes.collect()
        };
        let (mut bytes, mut keep) = (0, 0);
        for (entry, known) in entries.iter().zip(known) {
            if bytes >= MAX_READ_BYTES {
                break;
            }
            // Known of the durable ones only; the bytes of the others are needed for the disk anyway, and kept.
            bytes += match known {
                Some(size) => size,
                None => codec::entry_bytes(entry).map_err(io::Error::other)?,
            };
            keep += 1;
        }
        entries.truncate(keep);
        Ok(entries)
    }
}

/// The entries of a range, a bounded part of which is in memory at a time.
struct EntryStream {
    shared: Arc<Shared>,
    next: u64,
    end: u64,
    ready: VecDeque<Entry>,
    reading: Option<BoxFuture<'static, io::Result<Vec<Entry>>>>,
}

impl Stream for EntryStream {
    type Item = io::Result<Entry>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                self.next = entry.index() + 1;
                return Poll::Ready(Some(Ok(entry)));
            }
            if self.next >= self.end {
                return Poll::Ready(None);
            }
            let (next, end) = (self.next, self.end);
            let shared = Arc::clone(&self.shared);
            let reading = self.reading.get_or_insert_with(|| {
                Box::pin(async move { shared.read(next, end, MAX_READ_BYTES).await })
            });
            let read = std::task::ready!(reading.as_mut().poll(context));
            self.reading = None;
            match read {
                // The range ends before its bound does.
                Ok(entries) if entries.is_empty() => self.end = self.next,
                Ok(entries) => self.ready = entries.into(),
                Err(error) => {
                    self.end = self.next;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

fn half_open(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let start = match range.start_bound() {
        Bound::Included(at) => *at,
        Bound::Excluded(at) => at.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(at) => at.saturating_add(1),
        Bound::Excluded(at) => *at,
        Bound::Unbounded => u64::MAX,
    };
    (start, end)
}
