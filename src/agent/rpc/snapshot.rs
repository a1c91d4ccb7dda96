//! The operator's archives: saved and restored here, or over a stream to the server that can.

use std::io::Cursor;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::fs::File;
use tokio::io::AsyncRead;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::agent::raft::{Raft, RestoreError};
use crate::model::access::{Requirement, Resource};
use crate::model::go_error;

use super::forward::{Errand, Left};
use super::net::{SnapshotStreamError, open_snapshot_stream};
use super::read::meta;
use super::wire::{SnapshotRequest, SnapshotVerb};
use super::{Consistency, QueryMeta, QueryOptions, Rpc, RpcError, WriteOptions};

/// An archive, to be read to its end.
pub type SnapshotReader = Box<dyn AsyncRead + Send + Unpin>;

/// Time for a server to receive, check and write an archive, or to make one.
const STREAM_LIMIT: Duration = Duration::from_mins(30);

struct Save<'a> {
    options: &'a QueryOptions,
}

struct Restore<'a> {
    options: &'a WriteOptions,
    archive: Bytes,
}

impl Rpc {
    /// Saves the whole state as an operator's archive: the leader's, or any server's where the options allow a stale
    /// answer. The index is that of the state.
    ///
    /// # Errors
    /// As [`Rpc::query`]; a connection that breaks later is an error of the reader.
    pub async fn save_snapshot(
        &self,
        options: &QueryOptions,
    ) -> Result<(QueryMeta, SnapshotReader), RpcError> {
        self.route_archive(&options.datacenter)?;
        self.carry(Save { options }).await
    }

    /// Replaces the whole state by an operator's archive. One at a time: each takes memory several
    /// times its size.
    ///
    /// # Errors
    /// As [`Rpc::write`]; a damaged archive is refused before anything is written.
    pub async fn restore(&self, options: &WriteOptions, archive: Vec<u8>) -> Result<(), RpcError> {
        self.route_archive(&options.datacenter)?;
        let archive = Bytes::from(archive);
        self.carry(Restore { options, archive }).await
    }
}

impl Errand for Save<'_> {
    type Answer = (QueryMeta, SnapshotReader);

    fn is_read(&self) -> bool {
        true
    }

    fn is_stale(&self) -> bool {
        self.options.consistency == Consistency::Stale
    }

    fn is_patient(&self) -> bool {
        false
    }

    async fn ask(
        &self,
        rpc: &Rpc,
        server: SocketAddr,
        _: Left,
        _: Duration,
    ) -> Result<Self::Answer, RpcError> {
        let request = SnapshotRequest {
            datacenter: rpc.datacenter().to_owned(),
            token: self.options.token.clone(),
            allow_stale: self.is_stale(),
            verb: SnapshotVerb::Save,
        };
        let (meta, stream) = within_limit(rpc.open_stream(server, &request, None)).await?;
        Ok((meta, Box::new(stream)))
    }

    async fn here(&mut self, rpc: &Rpc, raft: &Raft, left: Left) -> Result<Self::Answer, RpcError> {
        let options = self.options;
        let requirement = Requirement::write(Resource::Operator, &[]);
        rpc.authorize(&options.token, &requirement)?;
        // Consul's leader proves that it leads before it saves, whatever the consistency.
        let consistency = if self.is_stale() {
            Consistency::Stale
        } else {
            Consistency::Consistent
        };
        rpc.ready(raft, consistency, left.hold).await?;
        let saved = raft.save_archive().await;
        let saved =
            saved.map_err(|error| RpcError::Raft(go_error::without_errno(&error.to_string())))?;
        let meta = meta(raft, options.consistency, saved.meta.index);
        Ok((meta, Box::new(File::from_std(saved.file))))
    }
}

impl Errand for Restore<'_> {
    type Answer = ();

    fn is_read(&self) -> bool {
        false
    }

    fn is_patient(&self) -> bool {
        false
    }

    async fn ask(
        &self,
        rpc: &Rpc,
        server: SocketAddr,
        _: Left,
        _: Duration,
    ) -> Result<(), RpcError> {
        let request = SnapshotRequest {
            datacenter: rpc.datacenter().to_owned(),
            token: self.options.token.clone(),
            allow_stale: false,
            verb: SnapshotVerb::Restore,
        };
        let mut archive = &self.archive[..];
        within_limit(rpc.open_stream(server, &request, Some(&mut archive)))
            .await
            .map(drop)
    }

    async fn here(&mut self, rpc: &Rpc, raft: &Raft, left: Left) -> Result<(), RpcError> {
        let requirement = Requirement::write(Resource::Operator, &[]);
        rpc.authorize(&self.options.token, &requirement)?;
        let Ok(_permit) = rpc.shared.restores.try_acquire() else {
            return Err(RpcError::Refused(
                "another restore is under way: try again".to_owned(),
            ));
        };
        let archive = Cursor::new(self.archive.clone());
        let restored = raft.restore_from(archive, left.hold).await;
        restored.map_err(|err| match err {
            RestoreError::Write(err) => err.into(),
            other => RpcError::Refused(go_error::without_errno(&other.to_string())),
        })?;
        rpc.note_replaced();
        Ok(())
    }
}

impl Rpc {
    /// As [`Rpc::route`]: Consul puts nothing before errors of archives.
    fn route_archive(&self, datacenter: &str) -> Result<(), RpcError> {
        self.route(datacenter).map_err(|error| {
            if error.is_no_path() {
                RpcError::NoPathToDatacenter
            } else {
                error
            }
        })
    }

    async fn open_stream(
        &self,
        server: SocketAddr,
        request: &SnapshotRequest,
        archive: Option<&mut (dyn AsyncRead + Send + Unpin)>,
    ) -> Result<(QueryMeta, TcpStream), SnapshotStreamError> {
        let source = self.shared.settings.source;
        open_snapshot_stream(server, source, request, archive).await
    }
}

async fn within_limit<T>(
    stream: impl Future<Output = Result<T, SnapshotStreamError>>,
) -> Result<T, RpcError> {
    match timeout(STREAM_LIMIT, stream).await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(RpcError::TimedOut),
    }
}

impl From<SnapshotStreamError> for RpcError {
    /// Consul puts nothing before errors that came over a snapshot stream.
    fn from(error: SnapshotStreamError) -> Self {
        match error {
            SnapshotStreamError::Refused(text) => [Self::NoLeader, Self::NotLeader]
                .into_iter()
                .find(|known| known.to_string() == text)
                .unwrap_or(Self::Refused(text)),
            SnapshotStreamError::Unconnected(why) => Self::NoStream(why),
            broken => Self::Broken(broken.to_string()),
        }
    }
}
