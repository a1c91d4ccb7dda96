//! The client's side of a snapshot stream (section 14.4 of the wire format).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::dial::dial;
use super::exchange::{in_time, write_paced};
use super::listener::SNAPSHOT;
use crate::agent::rpc::QueryMeta;
use crate::agent::rpc::wire::{
    DialectError, MAX_SNAPSHOT_HEADER_BYTES, Scan, ScanError, SnapshotRequest,
    decode_snapshot_reply,
};

/// Time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time without progress after which an archive that is sent is given up.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for the server to make or to take over a state.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(10);
/// Bytes that are passed on at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotStreamError {
    /// There is no connection, for the reason in Go's words.
    #[error("{0}")]
    Unconnected(String),
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

/// Opens a stream from the address `source`, sends the archive to be restored, if any, and waits for the server's word; the archive that is
/// saved can then be read to the stream's end.
///
/// # Errors
/// See [`SnapshotStreamError`].
pub async fn open_snapshot_stream(
    server: SocketAddr,
    source: Option<IpAddr>,
    request: &SnapshotRequest,
    archive: Option<&mut (dyn AsyncRead + Send + Unpin)>,
) -> Result<(QueryMeta, TcpStream), SnapshotStreamError> {
    let mut stream = dial(source, server, CONNECT_TIMEOUT)
        .await
        .map_err(SnapshotStreamError::Unconnected)?;
    stream.write_u8(SNAPSHOT).await?;
    stream.write_all(&request.encode()?).await?;
    let sent = match archive {
        Some(archive) => relay(archive, &mut stream, PROGRESS_TIMEOUT).await,
        None => Ok(()),
    };
    // Without an archive, too: a follower of the reference passes on what comes, and looks for the leader's answer only
    // after its end.
    let sent = match sent {
        Ok(()) => stream.shutdown().await,
        Err(why) => Err(why),
    };
    // A server that refuses the archive says why, and does not take it.
    sent_or_told(&mut stream, sent).await?;
    let header = timeout(ANSWER_TIMEOUT, read_header(&mut stream)).await;
    match decode_snapshot_reply(&header.map_err(io::Error::from)??)? {
        Ok(meta) => Ok((meta, stream)),
        Err(why) => Err(SnapshotStreamError::Refused(why)),
    }
}

/// What went wrong with sending, in the server's words where it has any.
async fn sent_or_told(
    stream: &mut TcpStream,
    sent: io::Result<()>,
) -> Result<(), SnapshotStreamError> {
    let Err(broken) = sent else { return Ok(()) };
    let told = timeout(PROGRESS_TIMEOUT, read_header(stream)).await;
    match told.map(|header| header.map(|header| decode_snapshot_reply(&header))) {
        Ok(Ok(Ok(Err(why)))) => Err(SnapshotStreamError::Refused(why)),
        _ => Err(broken.into()),
    }
}

/// Byte by byte: what follows belongs to the archive.
async fn read_header(stream: &mut TcpStream) -> Result<Vec<u8>, SnapshotStreamError> {
    let mut header = Vec::new();
    let mut scan = Scan::new(MAX_SNAPSHOT_HEADER_BYTES);
    while scan.advance(&header)?.is_none() {
        header.push(stream.read_u8().await?);
    }
    Ok(header)
}

/// Passes an archive on to its end; fails after `limit` without progress on either side.
///
/// # Errors
/// When either side fails.
pub async fn relay(
    from: &mut (impl AsyncRead + Unpin + ?Sized),
    to: &mut (impl AsyncWrite + Unpin),
    limit: Duration,
) -> io::Result<()> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    loop {
        piece.clear();
        if in_time(limit, from.read_buf(&mut piece)).await? == 0 {
            return Ok(());
        }
        write_paced(to, &piece, limit).await?;
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::agent::rpc::Consistency;
    use crate::agent::rpc::wire::encode_snapshot_reply;

    #[tokio::test]
    async fn a_server_may_read_to_the_end_before_it_answers() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let meta = QueryMeta {
            index: 7,
            known_leader: true,
            last_contact_ms: 0,
            consistency: Consistency::Default,
            generation: 0,
        };
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            stream.read_to_end(&mut request).await.unwrap();
            let header = encode_snapshot_reply(Ok(&meta)).unwrap();
            stream.write_all(&header).await.unwrap();
            stream.write_all(b"archive").await.unwrap();
        });
        let request = SnapshotRequest::default();
        let opened = open_snapshot_stream(address, None, &request, None);
        let opened = timeout(Duration::from_secs(20), opened).await;
        let (answered, mut stream) = opened.expect("an answer").unwrap();
        assert_eq!(answered, meta);
        let mut archive = Vec::new();
        stream.read_to_end(&mut archive).await.unwrap();
        assert_eq!(archive, b"archive");
        server.await.unwrap();
    }
}
