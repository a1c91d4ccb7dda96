//! Headers and bodies in a stream, both directions, both sides (section 14.2 of the wire format).

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::budget::Share;
use crate::agent::rpc::wire::{MAX_HEADER_BYTES, Scan, ScanError};

/// Bytes of a stream's buffer that do not count against the budget.
pub(super) const FREE_BYTES: usize = 64 * 1024;
/// Room that reading asks for at first; most requests fit.
const READ_BYTES: usize = 4 * 1024;
/// Bodies up to this size are written together with their header.
pub(super) const JOINED_BYTES: usize = 64 * 1024;

/// Why reading ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The other side cannot speak the protocol, or asks for too much.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// Requests under way take all memory that they may.
    #[error("too many bytes are under way")]
    Overloaded,
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A header with its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) header: Bytes,
    pub(super) body: Bytes,
}

/// Collects messages from what a stream gives.
pub(super) struct Inbox {
    buffer: BytesMut,
    body_limit: usize,
    /// Length of the header, when it is known.
    header: Option<usize>,
    scan: Scan,
    /// `None` where the sender is trusted.
    share: Option<Share>,
}

impl Inbox {
    pub(super) fn new(body_limit: usize, share: Option<Share>) -> Self {
        Self {
            buffer: BytesMut::new(),
            body_limit,
            header: None,
            scan: Scan::new(MAX_HEADER_BYTES),
            share,
        }
    }

    /// Bytes that wait to be understood.
    pub(super) fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// The next message, when all of it is there.
    pub(super) fn take(&mut self) -> Result<Option<Message>, ReadError> {
        let header = if let Some(len) = self.header {
            len
        } else {
            let Some(len) = self.scan.advance(&self.buffer)? else {
                return Ok(None);
            };
            self.scan = Scan::new(self.body_limit);
            *self.header.insert(len)
        };
        let Some(body) = self.scan.advance(&self.buffer[header..])? else {
            return Ok(None);
        };
        self.header = None;
        self.scan = Scan::new(MAX_HEADER_BYTES);
        Ok(Some(Message {
            header: self.buffer.split_to(header).freeze(),
            body: self.buffer.split_to(body).freeze(),
        }))
    }

    /// Reads what the stream has; false at its end. Loses nothing when dropped.
    pub(super) async fn fill(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Result<bool, ReadError> {
        if self.buffer.capacity() - self.buffer.len() < READ_BYTES {
            // Doubles: a large body is copied a few times, however it arrives.
            self.buffer.reserve(READ_BYTES.max(self.buffer.len()));
        }
        if let Some(share) = &mut self.share {
            let counted = self.buffer.capacity().saturating_sub(FREE_BYTES);
            if !share.resize(counted) {
                return Err(ReadError::Overloaded);
            }
        }
        Ok(stream.read_buf(&mut self.buffer).await? > 0)
    }
}

/// Writes a header and a body; fails after `limit` without progress. Meanwhile reads what comes: a multiplexed stream
/// learns only by reading that the other side has room again.
pub(super) async fn send<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    inbox: &mut Inbox,
    mut header: Vec<u8>,
    body: &[u8],
    limit: Duration,
) -> io::Result<()> {
    if body.len() <= JOINED_BYTES {
        header.extend_from_slice(body);
        return write_reading(stream, inbox, &header, limit).await;
    }
    write_reading(stream, inbox, &header, limit).await?;
    write_reading(stream, inbox, body, limit).await
}

async fn write_reading<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    inbox: &mut Inbox,
    mut bytes: &[u8],
    limit: Duration,
) -> io::Result<()> {
    let mut ended = false;
    while !bytes.is_empty() {
        let write = poll_fn(|cx| {
            if let Poll::Ready(written) = Pin::new(&mut *stream).poll_write(cx, bytes) {
                return Poll::Ready(written);
            }
            if !ended && inbox.waiting() < FREE_BYTES {
                match pin!(inbox.fill(&mut *stream)).poll(cx) {
                    Poll::Ready(Ok(true)) => cx.waker().wake_by_ref(),
                    Poll::Ready(Ok(false) | Err(_)) => ended = true,
                    Poll::Pending => {}
                }
            }
            Poll::Pending
        });
        bytes = &bytes[in_time(limit, write).await?..];
    }
    in_time(limit, stream.flush()).await
}

/// Writes all to a connection; fails after `limit` without progress.
pub(in crate::agent::rpc) async fn write_paced(
    stream: &mut (impl AsyncWrite + Unpin),
    mut bytes: &[u8],
    limit: Duration,
) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = in_time(limit, stream.write(bytes)).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
    }
    in_time(limit, stream.flush()).await
}

/// A step, unless it takes longer than `limit`.
pub(super) async fn in_time<T>(
    limit: Duration,
    step: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    timeout(limit, step)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
