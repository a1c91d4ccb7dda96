//! Snapshots on their way from the leader to a server: chunks of a snapshot file, one at a time.
//!
//! The receiver decodes and verifies while the chunks arrive, and writes them to a file under a passing name. Only what is
//! complete goes to openraft, whose installation is then a matter of renaming: it answers nobody meanwhile.

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openraft::async_runtime::WatchReceiver as _;
use openraft::errors::{NetworkError, RPCError};
use openraft::raft::SnapshotResponse;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::handle::{Raft, ServeError};
use super::network::{Call, Network, garbled};
use super::paced::PacedFile;
use super::snapshot_file;
use super::snapshots::{Received, SnapshotBody, Snapshots};
use super::types::{Snapshot, TypeConfig, Vote};
use super::wire::{self, SnapshotProgress, SnapshotStep};

/// Bytes of a chunk.
pub(super) const SNAPSHOT_CHUNK_BYTES: usize = 1 << 20;
/// Largest chunk that is taken: a little more than is sent.
const MAX_CHUNK_BYTES: usize = 2 * SNAPSHOT_CHUNK_BYTES;
/// Chunks between two tasks of one side.
const QUEUED_CHUNKS: usize = 4;
/// Time for the answer to one step; a chunk may wait for a slow disk.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the receiver lets the leader wait for the end of the installation before it answers that it goes on.
const INSTALL_WAIT: Duration = Duration::from_secs(10);
/// Attempts at one step over a connection that breaks.
const ATTEMPTS: u32 = 3;
/// Time without a chunk after which a transfer is dropped.
const IDLE: Duration = Duration::from_mins(1);

type Failed = RPCError<TypeConfig>;

/// Sends a snapshot and waits until it is installed, at most for `limit` without an end.
pub(super) async fn send(
    network: &Network,
    vote: Vote,
    snapshot: Snapshot,
    limit: Duration,
) -> Result<SnapshotResponse<TypeConfig>, Failed> {
    let to = Receiver {
        network,
        transfer: rand::random(),
    };
    let (own, _) = to.step(SnapshotStep::Begin { vote }).await?;
    if own > vote {
        return Ok(SnapshotResponse::new(own));
    }
    let (chunks, mut queue) = mpsc::channel(QUEUED_CHUNKS);
    let Snapshot { meta, snapshot } = snapshot;
    let reading = on_a_thread(move || snapshot.copy_to(&meta, ChunkWriter::new(chunks)));
    let mut offset = 0;
    while let Some(bytes) = queue.recv().await {
        let next = offset + bytes.len() as u64;
        let (own, _) = to.step(SnapshotStep::Chunk { offset, bytes }).await?;
        if own > vote {
            return Ok(SnapshotResponse::new(own));
        }
        offset = next;
    }
    let read = reading.await.map_err(io::Error::other).flatten();
    read.map_err(|error| {
        tracing::error!(target: "agent.server.raft", %error, "failed to send snapshot");
        RPCError::Network(NetworkError::new(&error))
    })?;
    let deadline = Instant::now() + limit;
    loop {
        let (own, progress) = to.step(SnapshotStep::End { bytes: offset }).await?;
        if progress == SnapshotProgress::Installed || own > vote {
            return Ok(SnapshotResponse::new(own));
        }
        if Instant::now() > deadline {
            let late = io::Error::new(io::ErrorKind::TimedOut, "the snapshot is not installed");
            return Err(RPCError::Network(NetworkError::new(&late)));
        }
    }
}

/// Where a snapshot is sent.
struct Receiver<'a> {
    network: &'a Network,
    transfer: u64,
}

impl Receiver<'_> {
    /// Sends a step. Every step may be repeated: an answer that was lost is no reason to begin anew.
    async fn step(&self, step: SnapshotStep) -> Result<(Vote, SnapshotProgress), Failed> {
        let body = wire::encode_snapshot(self.transfer, step).map_err(|e| garbled(&e))?;
        let mut attempt = 1;
        loop {
            let call = self
                .network
                .send(Call::Snapshot, body.clone(), STEP_TIMEOUT);
            match call.await {
                Ok(answer) => {
                    return wire::decode_snapshot_answer(&answer).map_err(|e| garbled(&e));
                }
                Err(RPCError::Network(_)) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

/// Cuts what is written into chunks. Blocks.
struct ChunkWriter {
    chunks: mpsc::Sender<Vec<u8>>,
    chunk: Vec<u8>,
}

impl ChunkWriter {
    fn new(chunks: mpsc::Sender<Vec<u8>>) -> Self {
        Self {
            chunks,
            chunk: Vec::with_capacity(SNAPSHOT_CHUNK_BYTES),
        }
    }

    fn send(&mut self) -> io::Result<()> {
        let next = Vec::with_capacity(SNAPSHOT_CHUNK_BYTES);
        let chunk = std::mem::replace(&mut self.chunk, next);
        let sent = self.chunks.blocking_send(chunk);
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(SNAPSHOT_CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        if self.chunk.len() == SNAPSHOT_CHUNK_BYTES {
            self.send()?;
        }
        Ok(taken)
    }

    /// The end: whoever writes a snapshot flushes once.
    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        self.send()
    }
}

type Outcome = Result<Vote, String>;

/// The one transfer that this server takes part in as the receiver.
#[derive(Default)]
pub(super) struct Transfers(Mutex<Option<Incoming>>);

impl Transfers {
    fn current(&self) -> MutexGuard<'_, Option<Incoming>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Incoming {
    transfer: u64,
    vote: Vote,
    /// Bytes so far.
    bytes: u64,
    stage: Stage,
}

enum Stage {
    Receiving {
        chunks: mpsc::Sender<Vec<u8>>,
        reading: oneshot::Receiver<Result<Snapshot, String>>,
    },
    /// A chunk is on its way to the reading thread.
    Busy,
    Installing(watch::Receiver<Option<Outcome>>),
}

impl Raft {
    /// Takes a step of a transfer. Answers this server's vote and how far it is.
    pub(super) async fn receive_snapshot(
        &self,
        transfer: u64,
        step: SnapshotStep,
        from: Option<IpAddr>,
    ) -> Result<(Vote, SnapshotProgress), ServeError> {
        let progress = match step {
            SnapshotStep::Begin { vote } => {
                let own = self.own_vote();
                if own > vote {
                    return Ok((own, SnapshotProgress::Receiving));
                }
                self.begin_transfer(transfer, vote)
            }
            SnapshotStep::Chunk { offset, bytes } => self.take_chunk(transfer, offset, bytes).await,
            SnapshotStep::End { bytes } => {
                let ended = self.end_transfer(transfer, bytes, from).await;
                let (progress, vote) = ended.map_err(ServeError::Snapshot)?;
                self.note_contact();
                return Ok((vote.unwrap_or_else(|| self.own_vote()), progress));
            }
        };
        let progress = progress.map_err(ServeError::Snapshot)?;
        self.note_contact();
        Ok((self.own_vote(), progress))
    }

    fn own_vote(&self) -> Vote {
        let metrics = self.inner.core.server_metrics();
        metrics.borrow_watched().vote
    }

    fn begin_transfer(&self, transfer: u64, vote: Vote) -> Result<SnapshotProgress, String> {
        let mut current = self.inner.transfers.current();
        match &*current {
            Some(known) if known.transfer == transfer => return Ok(SnapshotProgress::Receiving),
            Some(known) if known.vote > vote => {
                return Err("a newer leader is sending one".to_owned());
            }
            // Two large states at a time are one too many.
            Some(Incoming {
                stage: Stage::Installing(outcome),
                ..
            }) if outcome.borrow().is_none() => {
                return Err("another one is being installed".to_owned());
            }
            _ => {}
        }
        let (chunks, queue) = mpsc::channel(QUEUED_CHUNKS);
        let snapshots = self.inner.snapshots.clone();
        let runtime = Handle::current();
        let reading = on_a_thread(move || receive(&snapshots, ChunkReader::new(runtime, queue)));
        // Whoever was sending before finds its transfer gone, and its reading thread finds the end.
        *current = Some(Incoming {
            transfer,
            vote,
            bytes: 0,
            stage: Stage::Receiving { chunks, reading },
        });
        Ok(SnapshotProgress::Receiving)
    }

    async fn take_chunk(
        &self,
        transfer: u64,
        offset: u64,
        bytes: Vec<u8>,
    ) -> Result<SnapshotProgress, String> {
        let len = bytes.len() as u64;
        if bytes.is_empty() || bytes.len() > MAX_CHUNK_BYTES {
            return Err(format!("a chunk cannot have {len} bytes"));
        }
        let (chunks, reading) = {
            let mut current = self.inner.transfers.current();
            let incoming = known(&mut current, transfer)?;
            if offset.checked_add(len) == Some(incoming.bytes) {
                // Its answer was lost.
                return Ok(SnapshotProgress::Receiving);
            }
            if offset != incoming.bytes {
                let at = incoming.bytes;
                *current = None;
                return Err(format!("a chunk at {offset} where {at} was expected"));
            }
            match std::mem::replace(&mut incoming.stage, Stage::Busy) {
                Stage::Receiving { chunks, reading } => (chunks, reading),
                other => {
                    incoming.stage = other;
                    return Err("a chunk at the wrong time".to_owned());
                }
            }
        };
        let sent = chunks.send(bytes).await;
        if sent.is_err() {
            // The reading thread has ended before the end: it knows why.
            *self.inner.transfers.current() = None;
            return Err(ended(reading).await.err().unwrap_or_default());
        }
        let mut current = self.inner.transfers.current();
        let incoming = known(&mut current, transfer)?;
        incoming.bytes += len;
        incoming.stage = Stage::Receiving { chunks, reading };
        Ok(SnapshotProgress::Receiving)
    }

    /// Also tells the vote, once raft has answered: what it publishes of its vote comes later.
    async fn end_transfer(
        &self,
        transfer: u64,
        bytes: u64,
        from: Option<IpAddr>,
    ) -> Result<(SnapshotProgress, Option<Vote>), String> {
        let mut outcome = {
            let mut current = self.inner.transfers.current();
            let incoming = known(&mut current, transfer)?;
            match std::mem::replace(&mut incoming.stage, Stage::Busy) {
                Stage::Receiving { chunks, reading } if bytes == incoming.bytes => {
                    drop(chunks);
                    let outcome = self.install(incoming.vote, reading, from);
                    incoming.stage = Stage::Installing(outcome.clone());
                    outcome
                }
                Stage::Installing(outcome) => {
                    incoming.stage = Stage::Installing(outcome.clone());
                    outcome
                }
                _ => {
                    *current = None;
                    return Err("the end at the wrong time".to_owned());
                }
            }
        };
        let deadline = Instant::now() + INSTALL_WAIT;
        match timeout_at(deadline, outcome.wait_for(Option::is_some)).await {
            Err(_) => Ok((SnapshotProgress::Installing, None)),
            Ok(Err(_)) => Err("raft is stopped".to_owned()),
            Ok(Ok(done)) => match done.clone() {
                Some(Err(why)) => Err(why),
                Some(Ok(vote)) => Ok((SnapshotProgress::Installed, Some(vote))),
                None => Ok((SnapshotProgress::Installing, None)),
            },
        }
    }

    /// Installs what the reading thread gives. Goes on when nobody asks any more.
    fn install(
        &self,
        vote: Vote,
        reading: oneshot::Receiver<Result<Snapshot, String>>,
        from: Option<IpAddr>,
    ) -> watch::Receiver<Option<Outcome>> {
        let (done, outcome) = watch::channel(None);
        let raft = self.clone();
        tokio::spawn(async move {
            let installed = match ended(reading).await {
                Ok(snapshot) => {
                    let body = snapshot.snapshot.clone();
                    let answer = raft.install_checked(vote, snapshot, from).await;
                    // One that was not wanted takes its time to go.
                    drop(tokio::task::spawn_blocking(move || drop(body)));
                    answer
                }
                Err(why) => Err(why),
            };
            if let Err(why) = &installed {
                tracing::warn!(target: "agent.server.raft", error = %why, "failed to install snapshot");
            }
            done.send_replace(Some(installed));
        });
        outcome
    }
}

fn known(current: &mut Option<Incoming>, transfer: u64) -> Result<&mut Incoming, String> {
    current
        .as_mut()
        .filter(|incoming| incoming.transfer == transfer)
        .ok_or_else(|| "this transfer is not known, or no longer".to_owned())
}

/// Runs work that takes as long as a transfer on a thread of its own: it waits for chunks most of the time, and must not
/// keep a place among the runtime's threads for short work. The receiver fails when there is no thread to be had.
fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> oneshot::Receiver<T> {
    let (done, outcome) = oneshot::channel();
    let runtime = Handle::current();
    let thread = std::thread::Builder::new().name("raft-snapshot".to_owned());
    let spawned = thread.spawn(move || {
        // What waits in there has its limits of time.
        let _entered = runtime.enter();
        // Whoever waited may be gone.
        let _ = done.send(work());
    });
    if let Err(error) = spawned {
        tracing::error!(target: "agent.server.raft", %error, "no thread for a snapshot");
    }
    outcome
}

async fn ended(reading: oneshot::Receiver<Result<Snapshot, String>>) -> Result<Snapshot, String> {
    reading.await.map_err(|e| e.to_string()).flatten()
}

/// Reads a snapshot from chunks, and writes it to disk where there is one. Blocks.
fn receive(snapshots: &Snapshots, chunks: ChunkReader) -> Result<Snapshot, String> {
    let (file, path) = match snapshots.receiving() {
        None => (None, None),
        Some(Err(error)) => return Err(format!("cannot create a file for it: {error}")),
        Some(Ok((file, path))) => (Some(file), Some(path)),
    };
    let mut input = Copying { chunks, file };
    let (meta, state) = snapshot_file::read(&mut input)?;
    if let Some(file) = &mut input.file {
        file.sync_all().map_err(|e| e.to_string())?;
    }
    let snapshot = match path {
        None => SnapshotBody::Held(Arc::new(state)),
        Some(path) => SnapshotBody::Received(Arc::new(Received::new(state, path))),
    };
    Ok(Snapshot { meta, snapshot })
}

/// The chunks as a stream of bytes. Blocks.
struct ChunkReader {
    runtime: Handle,
    chunks: mpsc::Receiver<Vec<u8>>,
    chunk: io::Cursor<Vec<u8>>,
}

impl ChunkReader {
    fn new(runtime: Handle, chunks: mpsc::Receiver<Vec<u8>>) -> Self {
        Self {
            runtime,
            chunks,
            chunk: io::Cursor::default(),
        }
    }
}

impl Read for ChunkReader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.chunk.read(bytes)?;
        if read > 0 || bytes.is_empty() {
            return Ok(read);
        }
        let next = timeout(IDLE, self.chunks.recv());
        match self.runtime.block_on(next) {
            Ok(Some(chunk)) => {
                self.chunk = io::Cursor::new(chunk);
                self.chunk.read(bytes)
            }
            Ok(None) => Ok(0),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no chunk for {IDLE:?}"),
            )),
        }
    }
}

/// Writes to the file what is read.
struct Copying {
    chunks: ChunkReader,
    file: Option<PacedFile>,
}

impl Read for Copying {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.chunks.read(bytes)?;
        if let Some(file) = &mut self.file {
            file.write_all(&bytes[..read])?;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
