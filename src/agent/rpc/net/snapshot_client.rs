//! The client's side of a snapshot stream (section 14.4 of the wire format).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::listener::SNAPSHOT;
use crate::agent::rpc::QueryMeta;
use crate::agent::rpc::wire::{
    DialectError, MAX_SNAPSHOT_HEADER_BYTES, Scan, ScanError, SnapshotRequest,
    decode_snapshot_reply,
};

/// Time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotStreamError {
    /// The connection failed.
    #[error("snapshot stream: {0}")]
    Io(#[from] io::Error),
    /// What the server said cannot be understood.
    #[error("snapshot stream: {0}")]
    Malformed(#[from] DialectError),
    /// What the server said cannot be understood.
    #[error("snapshot stream: {0}")]
    Unsplit(#[from] ScanError),
    /// The server's own error, in its words.
    #[error("{0}")]
    Refused(String),
}

/// Opens a stream, sends the archive to be restored, if any, and waits for the server's word; the archive that is
/// saved can then be read to the stream's end.
///
/// # Errors
/// See [`SnapshotStreamError`].
pub async fn open_snapshot_stream(
    server: SocketAddr,
    request: &SnapshotRequest,
    archive: Option<&mut (dyn AsyncRead + Send + Unpin)>,
) -> Result<(QueryMeta, TcpStream), SnapshotStreamError> {
    let connecting = timeout(CONNECT_TIMEOUT, TcpStream::connect(server));
    let mut stream = connecting.await.map_err(io::Error::from)??;
    stream.write_u8(SNAPSHOT).await?;
    stream.write_all(&request.encode()?).await?;
    if let Some(archive) = archive {
        tokio::io::copy(archive, &mut stream).await?;
        stream.shutdown().await?;
    }
    // Byte by byte: what follows belongs to the archive.
    let mut header = Vec::new();
    let mut scan = Scan::new(MAX_SNAPSHOT_HEADER_BYTES);
    while scan.advance(&header)?.is_none() {
        header.push(stream.read_u8().await?);
    }
    match decode_snapshot_reply(&header)? {
        Ok(meta) => Ok((meta, stream)),
        Err(why) => Err(SnapshotStreamError::Refused(why)),
    }
}
