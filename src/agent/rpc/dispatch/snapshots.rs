//! Snapshot streams of other agents: the operator's archive, saved and restored (section 14.4 of the wire format).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tracing::debug;

use crate::agent::raft::{Leader, Raft, WriteError};
use crate::agent::rpc::net::{
    BoxFuture, DuplexStream, SnapshotStreamError, SnapshotStreams, open_snapshot_stream, relay,
    write_paced,
};
use crate::agent::rpc::wire::{
    DialectError, MAX_SNAPSHOT_HEADER_BYTES, Scan, ScanError, SnapshotRequest, SnapshotVerb,
    encode_snapshot_reply,
};
use crate::agent::rpc::{Consistency, QueryMeta, Rpc, RpcError, WriteOptions};
use crate::model::access::{Requirement, Resource};

/// Where the log tells of these streams.
const TARGET: &str = "agent.server.snapshot";
/// Time for the request's header.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Time without progress after which an archive in either direction is given up.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a stream waits for a leader.
const HOLD: Duration = Duration::from_secs(7);
/// Largest archive that is taken, in bytes.
const ARCHIVE_BYTES: usize = 512 << 20;
/// Archives that are taken or made at a time, each as large as the state.
const ARCHIVES: usize = 2;

/// Why a stream ends without an archive.
#[derive(Debug, thiserror::Error)]
enum StreamError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Unsplit(#[from] ScanError),
    #[error(transparent)]
    Malformed(#[from] DialectError),
    #[error("{0}")]
    Refused(String),
}

impl From<RpcError> for StreamError {
    fn from(error: RpcError) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<WriteError> for StreamError {
    fn from(error: WriteError) -> Self {
        Self::Refused(RpcError::from(error).to_string())
    }
}

impl From<SnapshotStreamError> for StreamError {
    fn from(error: SnapshotStreamError) -> Self {
        Self::Refused(error.to_string())
    }
}

type Stream = Box<dyn DuplexStream>;

/// Serves snapshot streams.
pub struct SnapshotService {
    streams: Streams,
}

#[derive(Clone)]
struct Streams {
    rpc: Rpc,
    archives: Arc<Semaphore>,
}

impl SnapshotService {
    /// Serves over this server's handle.
    pub fn new(rpc: Rpc) -> Self {
        Self {
            streams: Streams {
                rpc,
                archives: Arc::new(Semaphore::new(ARCHIVES)),
            },
        }
    }
}

impl SnapshotStreams for SnapshotService {
    fn serve(&self, from: SocketAddr, mut stream: Stream) -> BoxFuture<'static, ()> {
        let streams = self.streams.clone();
        Box::pin(async move {
            let Err(why) = streams.serve(&mut stream).await else {
                return;
            };
            debug!(target: TARGET, %from, %why, "snapshot stream failed");
            if let Ok(header) = encode_snapshot_reply(Err(&why.to_string())) {
                // Who does not want to know why has gone.
                let _told = write_paced(&mut stream, &header, PROGRESS_TIMEOUT).await;
                linger(&mut stream).await;
            }
        })
    }
}

impl Streams {
    /// Serves a stream. Errors are told to the client, but for those after the reply's header.
    async fn serve(&self, stream: &mut Stream) -> Result<(), StreamError> {
        let header = timeout(HEADER_TIMEOUT, read_header(stream)).await;
        let request = SnapshotRequest::decode(&header.map_err(io::Error::from)??)?;
        self.rpc.route(&request.datacenter)?;
        let requirement = Requirement::write(Resource::Operator, &[]);
        self.rpc.authorize(&request.token, &requirement)?;
        let raft = self.rpc.raft()?;
        let leader = self.leader_elsewhere(raft, &request).await?;
        match (request.verb, leader) {
            (SnapshotVerb::Save, None) => self.save(stream, raft, &request).await,
            (SnapshotVerb::Save, Some(leader)) => self.fetch(stream, &leader, &request).await,
            (SnapshotVerb::Restore, _) if request.allow_stale => Err(StreamError::Refused(
                "stale not allowed for restore".to_owned(),
            )),
            (SnapshotVerb::Restore, None) => self.restore(stream, &request).await,
            (SnapshotVerb::Restore, Some(leader)) => self.pass_on(stream, &leader, &request).await,
        }
    }

    /// The leader, when another server has to answer.
    async fn leader_elsewhere(
        &self,
        raft: &Raft,
        request: &SnapshotRequest,
    ) -> Result<Option<Leader>, StreamError> {
        if request.allow_stale || raft.is_leader() {
            return Ok(None);
        }
        let leader = raft.wait_for_leader(HOLD).await?;
        Ok(Some(leader).filter(|_| !raft.is_leader()))
    }

    async fn save(
        &self,
        stream: &mut Stream,
        raft: &Raft,
        request: &SnapshotRequest,
    ) -> Result<(), StreamError> {
        let consistency = if request.allow_stale {
            Consistency::Stale
        } else {
            raft.verify_leader(HOLD).await?;
            Consistency::Default
        };
        let since = raft.last_contact().unwrap_or_default();
        let known_leader = raft.knows_leader();
        let _permit = self.permit()?;
        let saved = raft
            .save_archive()
            .await
            .map_err(|why| StreamError::Refused(why.to_string()))?;
        let meta = QueryMeta {
            index: saved.meta.index,
            known_leader,
            last_contact_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            consistency,
            generation: 0,
        };
        let header = encode_snapshot_reply(Ok(&meta))?;
        write_paced(stream, &header, PROGRESS_TIMEOUT).await?;
        let mut archive = tokio::fs::File::from_std(saved.file);
        Self::end(relay(&mut archive, stream, PROGRESS_TIMEOUT).await);
        Ok(())
    }

    /// Passes the leader's archive on.
    async fn fetch(
        &self,
        stream: &mut Stream,
        leader: &Leader,
        request: &SnapshotRequest,
    ) -> Result<(), StreamError> {
        let (meta, mut archive) = open_snapshot_stream(address_of(leader)?, request, None).await?;
        write_paced(stream, &encode_snapshot_reply(Ok(&meta))?, PROGRESS_TIMEOUT).await?;
        Self::end(relay(&mut archive, stream, PROGRESS_TIMEOUT).await);
        Ok(())
    }

    async fn restore(
        &self,
        stream: &mut Stream,
        request: &SnapshotRequest,
    ) -> Result<(), StreamError> {
        let archive = {
            let _permit = self.permit()?;
            receive(stream).await?
        };
        let options = WriteOptions {
            datacenter: request.datacenter.clone(),
            token: request.token.clone(),
        };
        self.rpc.restore(&options, archive).await?;
        self.tell_restored(stream).await
    }

    /// Passes an archive on to the leader.
    async fn pass_on(
        &self,
        stream: &mut Stream,
        leader: &Leader,
        request: &SnapshotRequest,
    ) -> Result<(), StreamError> {
        open_snapshot_stream(address_of(leader)?, request, Some(&mut **stream)).await?;
        self.tell_restored(stream).await
    }

    async fn tell_restored(&self, stream: &mut Stream) -> Result<(), StreamError> {
        let raft = self.rpc.raft()?;
        let meta = QueryMeta {
            index: 0,
            known_leader: raft.knows_leader(),
            last_contact_ms: 0,
            consistency: Consistency::Default,
            generation: 0,
        };
        let header = encode_snapshot_reply(Ok(&meta))?;
        Self::end(write_paced(stream, &header, PROGRESS_TIMEOUT).await);
        Ok(())
    }

    fn permit(&self) -> Result<SemaphorePermit<'_>, StreamError> {
        self.archives.try_acquire().map_err(|_| {
            StreamError::Refused("other snapshots are under way: try again".to_owned())
        })
    }

    /// After the header nothing but the stream's end tells of a failure.
    fn end(sent: io::Result<()>) {
        if let Err(why) = sent {
            debug!(target: TARGET, %why, "archive was not taken to its end");
        }
    }
}

/// Reads the request's header, and no byte of the archive that may follow.
async fn read_header(stream: &mut Stream) -> Result<Vec<u8>, StreamError> {
    let mut header = Vec::new();
    let mut scan = Scan::new(MAX_SNAPSHOT_HEADER_BYTES);
    while scan.advance(&header)?.is_none() {
        header.push(stream.read_u8().await?);
    }
    Ok(header)
}

/// Reads an archive to the client's end.
async fn receive(stream: &mut Stream) -> Result<Vec<u8>, StreamError> {
    let mut archive = Vec::new();
    loop {
        let more = timeout(PROGRESS_TIMEOUT, stream.read_buf(&mut archive)).await;
        if more.map_err(io::Error::from)?? == 0 {
            return Ok(archive);
        }
        if archive.len() > ARCHIVE_BYTES {
            return Err(StreamError::Refused(format!(
                "the archive is larger than {ARCHIVE_BYTES} bytes"
            )));
        }
    }
}

fn address_of(leader: &Leader) -> Result<SocketAddr, StreamError> {
    let address = leader.address.parse();
    address.map_err(|_| StreamError::from(RpcError::NoLeader))
}

/// Takes what the client still sends, for a moment: closing a connection with unread bytes would take the reason back.
async fn linger(stream: &mut Stream) {
    let _ended = stream.shutdown().await;
    let mut dropped = vec![0; 64 * 1024];
    let draining = async { while matches!(stream.read(&mut dropped).await, Ok(1..)) {} };
    // Whoever sends for longer does not listen.
    let _in_time = timeout(HEADER_TIMEOUT, draining).await;
}
