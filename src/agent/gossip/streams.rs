//! What is written to and read from one stream (section 4 of the wire format), over anything that reads and
//! writes. A stream carries one request and at most one answer.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tracing::Level;

use super::log::Log;
use super::nonce::nonce;
use super::wire::{
    Ack, Gate, Message, Ping, PushPull, STREAM_PART_MAX, Security, StreamMessage, StreamReader,
    WireError,
};

/// Read at once, in bytes.
const READ_CHUNK: usize = 16 * 1024;
/// A message that is larger, as it arrives or decompressed, needs one of [`LARGE_STREAMS`] places, in bytes.
const LARGE: usize = 256 * 1024;
/// Large messages that are read at the same time, of peers that dialled and of those that we dialled each, so that many peers together cannot take all memory.
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
    /// As many exchanges of state are under way as there may be.
    #[error("Too many pending push/pull requests")]
    Busy,
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
    match incoming.read(stream, ends, limit).await?.message {
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
    match incoming.read(stream, ends, limit).await?.message {
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
    pub(super) log: Log,
    pub(super) security: Arc<Security>,
    pub(super) large: Arc<Semaphore>,
    /// Places for exchanges of state that peers begin; `None` where we did.
    pub(super) push_pulls: Option<Arc<Semaphore>>,
    /// Whether we dialled: only a dialer's bytes begin with a label.
    pub(super) dialled: bool,
}

/// A message that was read, with the places that it takes for as long as it takes memory.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) message: StreamMessage,
    pub(super) places: Places,
}

/// What a message takes so that many peers together cannot take all memory.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Of large messages.
    pub(super) large: Option<OwnedSemaphorePermit>,
    /// Of exchanges of state.
    pub(super) push_pull: Option<OwnedSemaphorePermit>,
}

/// A message that is being read; its places go where it goes.
struct Reading {
    reader: StreamReader,
    places: Places,
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
    ) -> Result<Received, StreamError> {
        let read = timeout(limit, self.read_all(stream, ends)).await;
        read.unwrap_or_else(|_| Err(broken_read(ends, &io::ErrorKind::TimedOut.into())))
    }

    async fn read_all<R: AsyncRead + Unpin>(
        &self,
        stream: &mut R,
        ends: Ends,
    ) -> Result<Received, StreamError> {
        let reader = StreamReader::new(Arc::clone(&self.security), self.dialled);
        let mut reading = Reading {
            reader: reader.gated(LARGE),
            places: Places::default(),
        };
        let mut chunk = vec![0; READ_CHUNK];
        let mut received = 0;
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
            if received > LARGE {
                self.take_large(&mut reading.places).await;
            }
            reading.reader.feed(&chunk[..count]);
            let (back, message) = self.go_on(reading, ends).await?;
            reading = back;
            if let Some(message) = message {
                self.say_what_is_odd(&reading.reader, received, ends);
                let places = reading.places;
                return Ok(Received { message, places });
            }
        }
    }

    /// Goes as far as the bytes lead, through gates when there are places behind them.
    async fn go_on(
        &self,
        mut reading: Reading,
        ends: Ends,
    ) -> Result<(Reading, Option<StreamMessage>), StreamError> {
        loop {
            let next;
            (reading, next) = reading.next().await;
            let next = next.map_err(|error| StreamError::Wire {
                error,
                from: ends.remote,
            })?;
            match reading.reader.waits_at() {
                None => return Ok((reading, next)),
                Some(Gate::Large) => self.take_large(&mut reading.places).await,
                Some(Gate::PushPull) => self.take_push_pull(&mut reading.places)?,
            }
            reading.reader.let_through();
        }
    }

    async fn take_large(&self, places: &mut Places) {
        if places.large.is_none() {
            // Never closed, so that this waits and does not fail.
            places.large = Arc::clone(&self.large).acquire_owned().await.ok();
        }
    }

    fn take_push_pull(&self, places: &mut Places) -> Result<(), StreamError> {
        if let Some(push_pulls) = &self.push_pulls {
            let place = Arc::clone(push_pulls).try_acquire_owned();
            places.push_pull = Some(place.map_err(|_| StreamError::Busy)?);
        }
        Ok(())
    }

    fn say_what_is_odd(&self, reader: &StreamReader, received: usize, ends: Ends) {
        let from = ends.remote;
        let skipped = reader.skipped();
        if skipped > 0 {
            self.log.memberlist(
                Level::WARN,
                format_args!("Skipped {skipped} malformed members in remote state from={from}"),
            );
        }
        if is_nearly_too_large(received) {
            self.log.memberlist(
                Level::WARN,
                format_args!(
                    "Remote node state size is ({received}) limit is ({STREAM_PART_MAX}) from={from}"
                ),
            );
        }
    }
}

impl Reading {
    /// The message, if it is there. Large ones are worked on where that holds up nothing.
    async fn next(mut self) -> (Self, Result<Option<StreamMessage>, WireError>) {
        let is_large = self.places.large.is_some();
        let work = move || {
            let next = self.reader.next();
            (self, next)
        };
        if is_large {
            blocking(work).await
        } else {
            work()
        }
    }
}

/// What goes over the wire for one message. Large ones are worked on where that holds up nothing.
///
/// # Errors
/// When it is larger than peers accept.
pub(super) async fn seal(
    log: Log,
    security: &Arc<Security>,
    plain: &Bytes,
    dialer: bool,
) -> Result<Vec<u8>, WireError> {
    let nonce = nonce(security);
    if plain.len() <= LARGE {
        return security.seal_stream(plain, nonce, dialer);
    }
    let (security, plain) = (Arc::clone(security), plain.clone());
    let sealed = blocking(move || security.seal_stream(&plain, nonce, dialer)).await?;
    if is_nearly_too_large(sealed.len()) {
        let size = sealed.len();
        log.memberlist(
            Level::WARN,
            format_args!("Local node state size is ({size}) limit is ({STREAM_PART_MAX})"),
        );
    }
    Ok(sealed)
}

/// From 60 percent of what peers accept.
const fn is_nearly_too_large(size: usize) -> bool {
    size > STREAM_PART_MAX / 10 * 6
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime ends, and we with it.
        Err(_) => std::future::pending().await,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::gossip::wire::{encode_push_pull, encode_user};

    const LIMIT: Duration = Duration::from_secs(1);

    fn ends() -> Ends {
        let local = SocketAddr::from(([127, 0, 0, 1], 1));
        Ends {
            local,
            remote: local,
        }
    }

    fn incoming(large: usize, push_pulls: usize) -> Incoming {
        Incoming {
            log: Log::new("agent.server", "lan"),
            security: Arc::default(),
            large: Arc::new(Semaphore::new(large)),
            push_pulls: Some(Arc::new(Semaphore::new(push_pulls))),
            dialled: true,
        }
    }

    async fn read(incoming: &Incoming, plain: &[u8]) -> Result<Received, StreamError> {
        let sealed = incoming.security.seal_stream(plain, [0; 12], false);
        let sealed = sealed.expect("is small enough");
        assert!(sealed.len() < LARGE, "is small on the way");
        incoming.read(&mut &sealed[..], ends(), LIMIT).await
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_large_when_decompressed_needs_a_place() {
        let large = encode_user(&vec![0; 2 * LARGE]);
        let error = read(&incoming(0, 1), &large).await.expect_err("no place");
        assert!(error.to_string().ends_with("i/o timeout"), "{error}");
        let one = incoming(1, 1);
        let received = read(&one, &large).await.expect("there is a place");
        assert_eq!(one.large.available_permits(), 0);
        assert!(matches!(received.message, StreamMessage::User(_)));
        drop(received);
        assert_eq!(one.large.available_permits(), 1);
        let small = read(&incoming(0, 0), &encode_user(b"hello")).await;
        assert!(small.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_exchange_of_state_needs_a_place_before_it_is_there() {
        let body = encode_push_pull(false, [].iter(), b"state");
        let busy = read(&incoming(0, 0), &body).await.expect_err("no place");
        assert_eq!(busy, StreamError::Busy);
        let begun = [6];
        let busy = incoming(0, 0).read(&mut &begun[..], ends(), LIMIT).await;
        assert_eq!(busy.expect_err("no place"), StreamError::Busy);
        let one = incoming(0, 1);
        let received = read(&one, &body).await.expect("there is a place");
        let places = one.push_pulls.as_ref().map(|all| all.available_permits());
        assert_eq!(places, Some(0));
        assert!(received.places.push_pull.is_some());
    }

    #[tokio::test]
    async fn large_messages_are_sealed_as_small_ones_are() {
        let security = Arc::new(Security::default());
        let log = Log::new("agent.server", "lan");
        for size in [10, 3 * LARGE] {
            let plain = encode_user(&vec![1; size]);
            let sealed = seal(log, &security, &plain, true).await;
            assert_eq!(sealed, security.seal_stream(&plain, [0; 12], true));
        }
    }

    #[test]
    fn sizes_are_warned_of_from_sixty_percent() {
        assert!(!is_nearly_too_large(12 * 1024 * 1024));
        assert!(is_nearly_too_large(12 * 1024 * 1024 + 10));
    }
}
