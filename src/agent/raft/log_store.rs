//! The raft log: openraft's storage traits over a [`LogMedium`].
//!
//! All writes go through one bounded queue to one writer task, which drains it, makes everything
//! that it found durable in one transaction, and then reports to everyone who waits: one fsync a
//! batch, whatever the number of writers. The order of calls is the order on disk.

mod reader;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use openraft::entry::RaftEntry as _;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{EntryPayload, LogState};
use tokio::sync::{mpsc, oneshot};

pub(super) use self::reader::LogReader;
use super::codec::{self, CodecError};
use super::log_writer::{Done, Job, Writer};
use super::medium::{LogSource, Op, Opened};
use super::meters::Meters;
use super::retention::Retention;
use super::tail::Tail;
use super::types::{Entry, LogId, Membership, TypeConfig, Vote, log_id};

/// Jobs that wait for the writer before openraft has to.
const QUEUE: usize = 1024;
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

/// What the log store, its readers and the writer task share.
pub(super) struct Shared {
    tail: Mutex<Tail>,
    source: tokio::sync::Mutex<Box<dyn LogSource>>,
    /// The first failure of a write; nothing is written or acknowledged after it.
    failure: OnceLock<String>,
    /// Batches that have become durable.
    batches: AtomicU64,
    /// Set once raft starts.
    meters: OnceLock<Arc<Meters>>,
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

    /// Counts a durable batch with so many entries, which took so long.
    pub(super) fn count_batch(&self, entries: usize, time: Duration) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        if entries > 0
            && let Some(meters) = self.meters.get()
        {
            meters.stored(entries, time);
        }
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
            meters: OnceLock::new(),
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

    /// Lets the writer measure.
    pub(super) fn measure(&self, meters: Arc<Meters>) {
        // A log is started once.
        let _ = self.shared.meters.set(meters);
    }

    /// The last vote.
    pub(super) fn vote(&self) -> Option<Vote> {
        self.shared.tail().vote
    }

    /// The last entry, whether it is still in the log or only in a snapshot.
    pub(super) fn last(&self) -> Option<LogId> {
        self.shared.tail().last
    }

    /// The last entry that openraft has called committed.
    pub(super) fn committed(&self) -> Option<LogId> {
        let tail = self.shared.tail();
        tail.committed.max(tail.purged)
    }

    /// Term and index of the entry at an index; nothing when there is none, or none any more.
    pub(super) async fn id_at(&self, index: u64) -> io::Result<Option<LogId>> {
        if let Some(known) = self.shared.tail().id_at(index) {
            return Ok(Some(known));
        }
        let read = self.shared.read(index, index + 1, usize::MAX).await?;
        Ok(read.first().map(openraft::entry::RaftEntry::log_id))
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
            tail.check_append(&entries).map_err(io::Error::other)?;
            for entry in &entries {
                tail.append(entry.clone());
            }
        }
        self.send(Job::append(entries, callback)).await
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        let from = last_log_id.map_or(0, |id| id.index() + 1);
        {
            let mut tail = self.shared.tail();
            tail.check_truncate(from).map_err(io::Error::other)?;
            tail.truncate(from, last_log_id);
        }
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

fn gone() -> io::Error {
    io::Error::other("the raft log is closed")
}

#[cfg(test)]
mod tests;
