//! The raft log: openraft's storage traits over a [`LogMedium`].
//!
//! All writes go through one bounded queue to one writer task, which drains it, makes everything
//! that it found durable in one transaction, and then reports to everyone who waits: one fsync a
//! batch, whatever the number of writers. The order of calls is the order on disk.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use openraft::entry::RaftEntry as _;
use openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage};
use openraft::{EntryPayload, LogState};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::Stream;

use super::codec::{self, CodecError};
use super::log_writer::{Done, Job, Writer};
use super::medium::{BoxFuture, LogSource, Op, Opened};
use super::retention::Retention;
use super::tail::Tail;
use super::types::{Entry, LogId, Membership, TypeConfig, Vote, log_id};

/// Jobs that wait for the writer before openraft has to.
const QUEUE: usize = 1024;
/// Entries that one replication read returns at most.
const MAX_READ_ENTRIES: u64 = 1024;
/// Encoded bytes after which a replication read stops.
const MAX_READ_BYTES: usize = 1 << 20;

/// How far the term of a membership that an operator forces is from that of the entry before it, and how far the next
/// elections are from there: more terms than elections can make, and few enough for people to read.
///
/// The servers that are left force it each for itself, on logs that differ. All of them move by as much, so that of two
/// of them the one with the better log before is the one with the better log after: whatever it has that was committed
/// is not truncated by the other. (The vote's term would not do: whoever refuses a candidate for its log keeps a lower
/// one.) And no other entry has the same id, by which openraft would take it for the same entry: forced ones have terms
/// in the odd multiples, those of leaders in the even ones.
const FORCED_TERMS: u64 = 1_000_000_000;

/// The log store; clones share the log.
#[derive(Clone)]
pub(super) struct LogStore {
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
}

/// Reads entries and the vote; clones share the log.
#[derive(Clone)]
pub(super) struct LogReader {
    shared: Arc<Shared>,
}

/// What the log store, its readers and the writer task share.
pub(super) struct Shared {
    tail: Mutex<Tail>,
    source: tokio::sync::Mutex<Box<dyn LogSource>>,
    /// The first failure of a write; nothing is written or acknowledged after it.
    failure: OnceLock<String>,
    /// Batches that have become durable.
    batches: AtomicU64,
}

impl Shared {
    /// The log as it is now. Never held across an await.
    pub(super) fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a failed write, for good.
    pub(super) fn fail(&self, error: &io::Error) {
        let _ = self.failure.set(error.to_string());
    }

    /// The error that every write gets after the first failed one.
    pub(super) fn check(&self) -> io::Result<()> {
        match self.failure.get() {
            None => Ok(()),
            Some(reason) => Err(io::Error::other(reason.clone())),
        }
    }

    /// Counts a durable batch.
    pub(super) fn count_batch(&self) {
        self.batches.fetch_add(1, Ordering::Relaxed);
    }

    /// The entries of a range, in order; the first ones when they have more than `max_bytes` in the medium.
    async fn read(&self, start: u64, end: u64, max_bytes: usize) -> io::Result<Vec<Entry>> {
        loop {
            let (found, purged, last) = {
                let tail = self.tail();
                (tail.lookup(start, end), tail.purged, tail.last)
            };
            if found.start >= found.cached_from {
                return Ok(found.cached);
            }
            let rows = {
                let mut source = self.source.lock().await;
                let read = source.read(found.start, found.cached_from, max_bytes);
                read.await?
            };
            let indexes = rows.iter().map(|row| row.index);
            if !rows.is_empty() && indexes.eq(found.start..found.start + rows.len() as u64) {
                let is_all = found.start + rows.len() as u64 == found.cached_from;
                let bytes: usize = rows.iter().map(|row| row.data.len()).sum();
                if is_all || bytes >= max_bytes {
                    let decoded: Result<Vec<Entry>, CodecError> =
                        rows.iter().map(codec::decode_entry).collect();
                    let mut entries = decoded.map_err(io::Error::other)?;
                    if is_all {
                        entries.extend(found.cached);
                    }
                    return Ok(entries);
                }
            }
            let tail = self.tail();
            // A purge or a truncation that ran meanwhile explains missing entries: look again.
            if (tail.purged, tail.last) == (purged, last) {
                return Err(io::Error::other(format!(
                    "raft log entries {}..{} are missing",
                    found.start, found.cached_from
                )));
            }
        }
    }
}

impl LogStore {
    /// Starts the writer task over an opened medium.
    pub(super) fn start(opened: Opened) -> Result<Self, CodecError> {
        let Opened {
            loaded,
            medium,
            source,
        } = opened;
        let mut tail = Tail::default();
        tail.vote = loaded.vote.as_deref().map(codec::decode_vote).transpose()?;
        tail.committed = decode_id(loaded.committed.as_deref())?;
        tail.purged = decode_id(loaded.purged.as_deref())?;
        tail.last = tail.purged;
        let entries: Result<Vec<(Entry, usize)>, CodecError> = loaded
            .tail
            .iter()
            .map(|row| Ok((codec::decode_entry(row)?, row.data.len())))
            .collect();
        if let Some(first) = loaded.first {
            tail.load(first, entries?);
        }
        let after_last = tail.last.map_or(0, |id| id.index() + 1);
        let oldest = loaded.oldest.unwrap_or(after_last);
        let purged = tail.purged.map(|id| id.index());
        let retention = Retention::found(oldest..after_last, purged);
        let shared = Arc::new(Shared {
            tail: Mutex::new(tail),
            source: tokio::sync::Mutex::new(source),
            failure: OnceLock::new(),
            batches: AtomicU64::new(0),
        });
        let (jobs, queue) = mpsc::channel(QUEUE);
        let writer = Writer::new(Arc::clone(&shared), medium, queue, retention);
        // Ends when the log is closed, when every handle is gone, or with the first failed write.
        tokio::spawn(writer.run());
        Ok(Self { shared, jobs })
    }

    /// Index of the last entry, and of the last purged one.
    pub(super) fn bounds(&self) -> (Option<u64>, Option<u64>) {
        let tail = self.shared.tail();
        (
            tail.last.map(|id| id.index()),
            tail.purged.map(|id| id.index()),
        )
    }

    /// The last vote.
    pub(super) fn vote(&self) -> Option<Vote> {
        self.shared.tail().vote
    }

    /// The last entry, whether it is still in the log or only in a snapshot.
    pub(super) fn last(&self) -> Option<LogId> {
        self.shared.tail().last
    }

    /// Replaces the membership before openraft starts: adds it after the last entry. Does nothing when that has just been
    /// done. Durable on return.
    pub(super) async fn force_membership(
        &self,
        node: u64,
        membership: Membership,
    ) -> io::Result<LogId> {
        let (last, vote, newest) = {
            let tail = self.shared.tail();
            let from = tail.last.map_or(0, |id| id.index());
            (
                tail.last,
                tail.vote,
                tail.lookup(from, from + 1).cached.pop(),
            )
        };
        let is_done = |newest: &Entry| {
            let same = matches!(&newest.payload, EntryPayload::Membership(m) if *m == membership);
            same && is_forced(newest)
        };
        if let Some(newest) = newest.filter(is_done) {
            return Ok(newest.log_id());
        }
        let id = forced(last);
        let entry = Entry::new_membership(id, membership);
        let row = codec::encode_entry(&entry).map_err(io::Error::other)?;
        let size = row.data.len();
        let term = id.committed_leader_id().term.saturating_add(FORCED_TERMS);
        // No log may be ahead of the vote.
        if vote.is_none_or(|vote| vote.leader_id().term < term) {
            let mut log = self.clone();
            log.save_vote(&Vote::new(term, node)).await?;
        }
        self.shared.tail().append(entry);
        self.durable(Op::Append(vec![row])).await?;
        self.shared.tail().flushed([(id.index(), size)]);
        Ok(id)
    }

    /// Batches that have become durable: transactions, on disk.
    pub(super) fn batches(&self) -> u64 {
        self.shared.batches.load(Ordering::Relaxed)
    }

    /// Why nothing can be written any more, when that is so.
    pub(super) fn failure(&self) -> Option<String> {
        self.shared.failure.get().cloned()
    }

    /// Writes what is still queued, and closes the medium.
    pub(super) async fn close(&self) -> io::Result<()> {
        let (done, closed) = oneshot::channel();
        self.send(Job::close(done)).await?;
        closed.await.map_err(|_| gone())?
    }

    async fn send(&self, job: Job) -> io::Result<()> {
        self.shared.check()?;
        self.jobs.send(job).await.map_err(|_| gone())
    }

    /// Sends an operation and waits until it is durable.
    async fn durable(&self, op: Op) -> io::Result<()> {
        let (done, flushed) = oneshot::channel();
        self.send(Job::op(op, Done::Waiter(done))).await?;
        flushed.await.map_err(|_| gone())?
    }
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
        let (mut bytes, mut keep) = (0, 0);
        for entry in &entries {
            if bytes >= MAX_READ_BYTES {
                break;
            }
            // Known of the durable ones only; the bytes of the others are needed for the disk anyway, and kept.
            let known = self.shared.tail().size_of(entry.index());
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

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = LogReader;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let tail = self.shared.tail();
        Ok(LogState {
            last_purged_log_id: tail.purged,
            last_log_id: tail.last,
        })
    }

    async fn get_log_reader(&mut self) -> LogReader {
        LogReader {
            shared: Arc::clone(&self.shared),
        }
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        self.durable(Op::Vote(codec::encode_vote(vote).to_vec()))
            .await?;
        self.shared.tail().vote = Some(*vote);
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        let mut tail = self.shared.tail();
        tail.committed_dirty |= tail.committed != committed;
        tail.committed = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.shared.tail().committed)
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: IOFlushed<TypeConfig>,
    ) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        self.shared.check()?;
        let entries: Vec<Entry> = entries.into_iter().collect();
        {
            let mut tail = self.shared.tail();
            for entry in &entries {
                tail.append(entry.clone());
            }
        }
        self.send(Job::append(entries, callback)).await
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        let from = last_log_id.map_or(0, |id| id.index() + 1);
        self.shared.tail().truncate(from, last_log_id);
        self.durable(Op::Truncate { from }).await
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        self.shared.tail().purge(&log_id);
        let op = Op::Purged {
            upto: log_id.index(),
            log_id: codec::encode_log_id(&log_id).to_vec(),
        };
        // Nobody relies on purged entries being gone: openraft need not wait for it.
        self.send(Job::op(op, Done::Nobody)).await
    }
}

/// The id of a forced membership after this last entry.
fn forced(last: Option<LogId>) -> LogId {
    let term = last.map_or(0, |id| id.committed_leader_id().term);
    log_id(
        term.saturating_add(FORCED_TERMS),
        last.map_or(0, |id| id.index() + 1),
    )
}

fn is_forced(entry: &Entry) -> bool {
    let term = entry.log_id().committed_leader_id().term;
    term / FORCED_TERMS % 2 == 1
}

fn decode_id(bytes: Option<&[u8]>) -> Result<Option<LogId>, CodecError> {
    bytes.map(codec::decode_log_id).transpose()
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

fn gone() -> io::Error {
    io::Error::other("the raft log is closed")
}

#[cfg(test)]
mod tests;
