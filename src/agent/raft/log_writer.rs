//! The one task that writes the log: group commit.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use openraft::storage::IOFlushed;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::codec;
use super::log_store::Shared;
use super::medium::{LogMedium, Op};
use super::retention::Retention;
use super::types::{Entry, TypeConfig};

/// Entries after which a batch is closed: four bound values each, of SQLite's 32766.
const MAX_BATCH_ENTRIES: usize = 4096;
/// Encoded bytes after which a batch is closed.
const MAX_BATCH_BYTES: usize = 8 << 20;
/// Entries in one append, as openraft is configured: a batch may overshoot by this much.
pub(super) const MAX_APPEND_ENTRIES: u64 = 1024;

/// A write for the writer task.
pub(super) struct Job {
    what: What,
    done: Done,
}

enum What {
    Append(Vec<Entry>),
    Op(Op),
    Close,
}

/// Who learns of a write's end.
pub(super) enum Done {
    /// openraft, which counts the entries towards the quorum from then on.
    Flushed(IOFlushed<TypeConfig>),
    /// A caller that waits.
    Waiter(oneshot::Sender<io::Result<()>>),
    /// Nobody; a failure stops the writer all the same.
    Nobody,
}

impl Job {
    /// Entries to append.
    pub(super) fn append(entries: Vec<Entry>, callback: IOFlushed<TypeConfig>) -> Self {
        Self {
            what: What::Append(entries),
            done: Done::Flushed(callback),
        }
    }

    /// Any other change.
    pub(super) fn op(op: Op, done: Done) -> Self {
        Self {
            what: What::Op(op),
            done,
        }
    }

    /// The end: everything before it is written, nothing after it.
    pub(super) fn close(done: oneshot::Sender<io::Result<()>>) -> Self {
        Self {
            what: What::Close,
            done: Done::Waiter(done),
        }
    }
}

impl Done {
    fn fire(self, result: io::Result<()>) {
        match self {
            Self::Flushed(callback) => callback.io_completed(result),
            // The caller may have gone away; the write stands.
            Self::Waiter(waiter) => drop(waiter.send(result)),
            Self::Nobody => {}
        }
    }
}

/// What one transaction makes durable.
#[derive(Default)]
struct Batch {
    ops: Vec<Op>,
    done: Vec<Done>,
    /// Index and encoded size of every appended entry.
    sizes: Vec<(u64, usize)>,
    bytes: usize,
    close: Option<Done>,
}

/// The writer task's state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    medium: Box<dyn LogMedium>,
    queue: mpsc::Receiver<Job>,
    retention: Retention,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        medium: Box<dyn LogMedium>,
        queue: mpsc::Receiver<Job>,
        retention: Retention,
    ) -> Self {
        Self {
            shared,
            medium,
            queue,
            retention,
        }
    }

    /// The next job; nothing when there is none and purged entries can be deleted meanwhile. An error is the end.
    async fn next(&mut self) -> Result<Option<Job>, TryRecvError> {
        if self.retention.is_pending() {
            return match self.queue.try_recv() {
                Ok(job) => Ok(Some(job)),
                Err(TryRecvError::Empty) => Ok(None),
                Err(ended) => Err(ended),
            };
        }
        let job = self.queue.recv().await;
        job.map(Some).ok_or(TryRecvError::Disconnected)
    }

    /// Writes until the log is closed or every handle is gone; fails with the first failed write.
    pub(super) async fn run(mut self) -> io::Result<()> {
        while let Ok(first) = self.next().await {
            let mut batch = Batch::default();
            let mut pushed = first.map_or(Ok(()), |first| batch.push(first));
            while pushed.is_ok() && !batch.is_full() {
                match self.queue.try_recv() {
                    Ok(job) => pushed = batch.push(job),
                    Err(_) => break,
                }
            }
            let result = match pushed {
                Ok(()) => self.commit(&mut batch).await,
                Err(e) => Err(e),
            };
            let close = batch.close.take();
            if let Err(e) = result {
                return self.refuse(batch.done, close, e);
            }
            for done in batch.done {
                done.fire(Ok(()));
            }
            if let Some(done) = close {
                done.fire(self.medium.close().await);
                return Ok(());
            }
        }
        self.medium.close().await
    }

    async fn commit(&mut self, batch: &mut Batch) -> io::Result<()> {
        let committed = {
            let mut tail = self.shared.tail();
            let dirty = std::mem::take(&mut tail.committed_dirty);
            tail.committed.filter(|_| dirty)
        };
        if let Some(id) = committed {
            // After the appends, so that the everyday batch always has the same text.
            let value = codec::encode_log_id(&id).to_vec();
            batch.ops.push(Op::Committed(value));
        }
        for op in &batch.ops {
            match op {
                Op::Append(rows) => rows
                    .iter()
                    .for_each(|row| self.retention.appended(row.index)),
                Op::Truncate { from } => self.retention.truncated(*from),
                Op::Purged { upto, .. } => self.retention.purged(*upto),
                Op::Vote(_) | Op::Committed(_) | Op::Delete { .. } => {}
            }
        }
        if let Some(upto) = self.retention.step() {
            batch.ops.push(Op::Delete { upto });
        }
        if batch.ops.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        self.medium.commit(std::mem::take(&mut batch.ops)).await?;
        self.shared.count_batch(batch.sizes.len(), began.elapsed());
        self.shared.tail().flushed(batch.sizes.drain(..));
        Ok(())
    }

    /// After a failed write nothing may be acknowledged: whether it reached the disk is unknown.
    fn refuse(
        mut self,
        waiting: Vec<Done>,
        close: Option<Done>,
        error: io::Error,
    ) -> io::Result<()> {
        self.shared.fail(&error);
        self.queue.close();
        let mut queued = Vec::new();
        while let Ok(job) = self.queue.try_recv() {
            queued.push(job.done);
        }
        for done in waiting.into_iter().chain(close).chain(queued) {
            done.fire(Err(io::Error::new(error.kind(), error.to_string())));
        }
        Err(error)
    }
}

impl Batch {
    fn push(&mut self, job: Job) -> io::Result<()> {
        match job.what {
            What::Append(entries) => {
                self.done.push(job.done);
                let mut rows = Vec::with_capacity(entries.len());
                for entry in &entries {
                    let row = codec::encode_entry(entry).map_err(io::Error::other)?;
                    self.sizes.push((row.index, row.data.len()));
                    self.bytes += row.data.len();
                    rows.push(row);
                }
                match self.ops.last_mut() {
                    _ if rows.is_empty() => {}
                    Some(Op::Append(before)) => before.append(&mut rows),
                    _ => self.ops.push(Op::Append(rows)),
                }
            }
            What::Op(op) => {
                self.done.push(job.done);
                self.ops.push(op);
            }
            What::Close => self.close = Some(job.done),
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.sizes.len() >= MAX_BATCH_ENTRIES
            || self.bytes >= MAX_BATCH_BYTES
            || self.close.is_some()
    }
}
