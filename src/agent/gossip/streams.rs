//! What is written to and read from one stream (section 4 of the wire format), over anything that reads and
//! writes. A stream carries one request and at most one answer.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::wire::{Ack, Message, Ping, PushPull, Security, StreamMessage, StreamReader, WireError};

/// Read at once, in bytes.
const READ_CHUNK: usize = 16 * 1024;
/// A message that is larger needs one of [`LARGE_STREAMS`] places, in bytes.
const LARGE: usize = 256 * 1024;
/// Large messages that are read at the same time, so that many peers together cannot take all memory.
pub(super) const LARGE_STREAMS: usize = 16;
/// What is still read from a peer after it was refused, so that it gets to hear why, in bytes.
const DRAIN_MAX: usize = 32 * 1024 * 1024;

/// The two ends of a connection, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}->{}", self.local, self.remote)
    }
}

/// Why a stream was of no use, in Go's and memberlist's words: `consul join` shows them, and people and
/// scripts know them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum StreamError {
    /// The peer closed before it said anything.
    #[error("EOF")]
    Closed,
    /// The peer closed in the middle.
    #[error("unexpected EOF")]
    Cut,
    #[error("dial tcp {to}: {reason}")]
    Dial { to: SocketAddr, reason: String },
    #[error("{operation} tcp {ends}: {reason}")]
    Broken {
        operation: &'static str,
        ends: Ends,
        reason: String,
    },
    /// Bytes that are no message of this pool.
    #[error("{}", in_their_words(.error, *.from))]
    Wire { error: WireError, from: SocketAddr },
    /// The peer refused.
    #[error("remote error: {0}")]
    Remote(String),
    /// The peer answered something else.
    #[error("received invalid msgType ({kind}), expected {wanted} from={from}")]
    Kind {
        kind: u8,
        wanted: &'static str,
        from: SocketAddr,
    },
    /// The answer to a ping has another number.
    #[error("sequence number from ack ({got}) doesn't match ping ({sent})")]
    OtherPing { got: u32, sent: u32 },
}

/// What memberlist says where our texts differ from its.
pub(super) fn in_their_words(error: &WireError, from: SocketAddr) -> String {
    match error {
        WireError::NoKeyFits => "No installed keys could decrypt the message".to_owned(),
        WireError::UnexpectedEncryption => {
            "Remote state is encrypted and encryption is not configured".to_owned()
        }
        WireError::MissingEncryption => {
            "Encryption is configured but remote state is not encrypted".to_owned()
        }
        WireError::UnknownType { kind, .. } => {
            format!("received invalid msgType ({kind}), expected {PUSH_PULL} from={from}")
        }
        other => other.to_string(),
    }
}

const PUSH_PULL: &str = "pushPullMsg (6)";
const ACK: &str = "ackRespMsg (2)";

/// An error of the system in Go's words.
pub(super) fn system_reason(operation: &str, error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none() {
        return "i/o timeout".to_owned();
    }
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    format!("{operation}: {}", text.to_lowercase())
}

/// Sends our state and reads the peer's. Writing and reading may each take `limit`.
///
/// # Errors
/// When the peer does not answer in time, refuses or answers something else.
pub(super) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    ends: Ends,
    sealed: &[u8],
    incoming: &Incoming,
    limit: Duration,
) -> Result<PushPull, StreamError> {
    write(stream, ends, sealed, limit).await?;
    match incoming.read(stream, ends, limit).await? {
        StreamMessage::PushPull(state) => Ok(state),
        other => Err(unwanted(other, PUSH_PULL, ends)),
    }
}

/// Sends a ping and reads its acknowledgement. The whole is bounded by the caller, too.
///
/// # Errors
/// As [`exchange`].
pub(super) async fn ping<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    ends: Ends,
    sealed: &[u8],
    sent: u32,
    incoming: &Incoming,
    limit: Duration,
) -> Result<(), StreamError> {
    write(stream, ends, sealed, limit).await?;
    match incoming.read(stream, ends, limit).await? {
        StreamMessage::Ack(ack) if ack.seq_no == sent => Ok(()),
        StreamMessage::Ack(Ack { seq_no: got, .. }) => Err(StreamError::OtherPing { got, sent }),
        other => Err(unwanted(other, ACK, ends)),
    }
}

fn unwanted(message: StreamMessage, wanted: &'static str, ends: Ends) -> StreamError {
    let kind = match message {
        StreamMessage::Err(text) => return StreamError::Remote(text),
        StreamMessage::Ping(_) => 0,
        StreamMessage::Ack(_) => 2,
        StreamMessage::PushPull(_) => 6,
        StreamMessage::User(_) => 8,
    };
    StreamError::Kind {
        kind,
        wanted,
        from: ends.remote,
    }
}

/// The bytes of a ping on a stream, not sealed yet.
pub(super) fn encode_ping(ping: Ping) -> Bytes {
    Message::Ping(ping).encode()
}

/// Writes all of it.
///
/// # Errors
/// When that takes longer than `limit`, or the connection breaks.
pub(super) async fn write<W: AsyncWrite + Unpin>(
    stream: &mut W,
    ends: Ends,
    bytes: &[u8],
    limit: Duration,
) -> Result<(), StreamError> {
    let written = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    let written = timeout(limit, written).await;
    written
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|error| StreamError::Broken {
            operation: "write",
            ends,
            reason: system_reason("write", &error),
        })
}

/// How messages are read: with which keys, and how many large ones at a time.
#[derive(Debug, Clone)]
pub(super) struct Incoming {
    pub(super) security: Arc<Security>,
    pub(super) large: Arc<Semaphore>,
    /// Whether we dialled: only a dialer's bytes begin with a label.
    pub(super) dialled: bool,
}

impl Incoming {
    /// Reads one message within `limit`.
    ///
    /// # Errors
    /// When it does not come in time or is none.
    pub(super) async fn read<R: AsyncRead + Unpin>(
        &self,
        stream: &mut R,
        ends: Ends,
        limit: Duration,
    ) -> Result<StreamMessage, StreamError> {
        let read = timeout(limit, self.read_all(stream, ends)).await;
        read.unwrap_or_else(|_| Err(broken_read(ends, &io::ErrorKind::TimedOut.into())))
    }

    async fn read_all<R: AsyncRead + Unpin>(
        &self,
        stream: &mut R,
        ends: Ends,
    ) -> Result<StreamMessage, StreamError> {
        let wire = |error| StreamError::Wire {
            error,
            from: ends.remote,
        };
        let mut reader = StreamReader::new(Arc::clone(&self.security), self.dialled);
        let mut chunk = vec![0; READ_CHUNK];
        let mut received = 0;
        let mut place = None;
        loop {
            let read = stream.read(&mut chunk).await;
            let count = read.map_err(|error| broken_read(ends, &error))?;
            if count == 0 {
                return Err(match received {
                    0 => StreamError::Closed,
                    _ => StreamError::Cut,
                });
            }
            received += count;
            reader.feed(&chunk[..count]);
            if let Some(message) = reader.next().map_err(wire)? {
                return Ok(message);
            }
            if received > LARGE && place.is_none() {
                // Never closed, so that this waits and does not fail.
                place = self.large.acquire().await.ok();
            }
        }
    }
}

fn broken_read(ends: Ends, error: &io::Error) -> StreamError {
    StreamError::Broken {
        operation: "read",
        ends,
        reason: system_reason("read", error),
    }
}

/// Ends a stream after the last word: what the peer still sends is read and forgotten, because closing over
/// unread bytes would reset the connection and take our last word with it.
pub(super) async fn finish<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, limit: Duration) {
    let drain = async {
        stream.shutdown().await?;
        let mut chunk = vec![0; READ_CHUNK];
        let mut received = 0;
        while received < DRAIN_MAX {
            match stream.read(&mut chunk).await? {
                0 => break,
                count => received += count,
            }
        }
        Ok::<_, io::Error>(())
    };
    // Whatever goes wrong: there is nobody left to tell.
    _ = timeout(limit, drain).await;
}
