//! A disk in memory: what `-dev` keeps its log on, and a simulator's disk that outlives its server.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::codec::Row;
use super::medium::{BoxFuture, Loaded, LogMedium, LogSource, Op, Opened};
use super::snapshots::Snapshots;

/// How long one sync of the log takes. A server that ends before it is over has lost the batch; one that ends
/// after it and before `until_told` is over has the batch on disk, and nobody knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncTime {
    /// Until the batch is durable.
    pub until_durable: Duration,
    /// Until raft learns of it.
    pub until_told: Duration,
}

/// What is durable: the log, the vote and the newest snapshot. Clones share it; one server at a time may use it.
#[derive(Clone)]
pub struct Disk {
    content: Arc<Mutex<Content>>,
    snapshots: Snapshots,
    time: Option<Arc<dyn Fn() -> SyncTime + Send + Sync>>,
}

/// Written by the log's writer task; read by the same server's readers and by its next start.
#[derive(Default)]
struct Content {
    rows: BTreeMap<u64, Row>,
    vote: Option<Vec<u8>>,
    committed: Option<Vec<u8>>,
    /// Index of the last entry that counts as gone, and its log id.
    purged: Option<(u64, Vec<u8>)>,
}

struct DiskMedium(Disk);

struct DiskSource(Disk);

impl Disk {
    /// An empty disk whose syncs take no time.
    pub(super) fn instant() -> Self {
        Self {
            content: Arc::default(),
            snapshots: Snapshots::in_memory(),
            time: None,
        }
    }

    /// An empty disk whose syncs take as long as `time` says, each asked for anew.
    pub fn new(time: impl Fn() -> SyncTime + Send + Sync + 'static) -> Self {
        Self {
            time: Some(Arc::new(time)),
            ..Self::instant()
        }
    }

    /// The snapshots on it.
    pub(super) fn snapshots(&self) -> Snapshots {
        self.snapshots.clone()
    }

    /// Opens the log as it is.
    pub(super) fn open(&self) -> Opened {
        let content = self.content();
        let start = content.purged.as_ref().map_or(0, |(upto, _)| upto + 1);
        let kept = || content.rows.range(start..);
        let loaded = Loaded {
            node: None,
            vote: content.vote.clone(),
            committed: content.committed.clone(),
            purged: content.purged.as_ref().map(|(_, id)| id.clone()),
            oldest: content.rows.keys().next().copied(),
            first: kept().next().map(|(index, _)| *index),
            tail: kept().map(|(_, row)| row.clone()).collect(),
        };
        Opened {
            loaded,
            medium: Box::new(DiskMedium(self.clone())),
            source: Box::new(DiskSource(self.clone())),
        }
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn apply(&mut self, op: Op) {
        match op {
            Op::Append(rows) => self
                .rows
                .extend(rows.into_iter().map(|row| (row.index, row))),
            Op::Truncate { from } => drop(self.rows.split_off(&from)),
            Op::Purged { upto, log_id } => self.purged = Some((upto, log_id)),
            Op::Delete { upto } => self.rows = self.rows.split_off(&upto.saturating_add(1)),
            Op::Vote(vote) => self.vote = Some(vote),
            Op::Committed(committed) => self.committed = Some(committed),
        }
    }
}

impl LogMedium for DiskMedium {
    fn commit(&mut self, ops: Vec<Op>) -> BoxFuture<'_, io::Result<()>> {
        let time = self.0.time.as_ref().map(|time| time());
        let apply = move || {
            let mut content = self.0.content();
            for op in ops {
                content.apply(op);
            }
        };
        let Some(time) = time else {
            apply();
            return Box::pin(std::future::ready(Ok(())));
        };
        Box::pin(async move {
            tokio::time::sleep(time.until_durable).await;
            apply();
            tokio::time::sleep(time.until_told).await;
            Ok(())
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, io::Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl LogSource for DiskSource {
    fn read(
        &mut self,
        start: u64,
        end: u64,
        max_bytes: usize,
    ) -> BoxFuture<'_, io::Result<Vec<Row>>> {
        let content = self.0.content();
        let mut bytes = 0;
        let within = content.rows.range(start..end).take_while(|(_, row)| {
            let before = bytes;
            bytes += row.data.len();
            before < max_bytes
        });
        let found = within.map(|(_, row)| row.clone()).collect();
        Box::pin(std::future::ready(Ok(found)))
    }
}
