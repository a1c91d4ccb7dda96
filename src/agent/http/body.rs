//! Bodies: what clients send, read with a limit and a deadline, and what is sent to them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderMap};
use tokio_stream::Stream;

use super::connections::RequestGuard;

/// How long a client may take to send a whole buffered body.
pub const BODY_READ_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a client may take between two pieces of a streamed body (snapshot restore).
pub const BODY_CHUNK_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest body of a request that carries JSON (registrations, configuration). Consul has no limit of
/// its own there; this one is far above any real definition.
pub const JSON_BODY_MAX: usize = 4 * 1024 * 1024;
/// Bytes of a refused body that are read and dropped before the answer: many clients read no answer before they have sent
/// everything, and a connection that is closed with unread input is reset, which can overtake the answer.
const DRAIN_MAX: usize = 64 * 1024 * 1024;
/// How long a client may take to send them, and between two pieces.
const DRAIN_TIMEOUT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_millis(500));
/// Most bytes that are reserved because of a `Content-Length` before a body has arrived.
const RESERVE_MAX: usize = 64 * 1024;

/// Why a request body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// `size` is the declared length, or what had arrived when the limit was passed.
    #[error("request body of {size} bytes is larger than {limit} bytes")]
    TooLarge {
        /// Bytes announced or received.
        size: u64,
        /// The limit of the endpoint.
        limit: usize,
    },
    /// The client stalled.
    #[error("request body did not arrive in time")]
    TimedOut,
    /// The connection broke or the framing was wrong.
    #[error("request body could not be read")]
    Broken(#[source] hyper::Error),
}

/// The body of a request that has not been read yet.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    /// The client sends nothing before it is told to.
    is_held_back: bool,
}

impl RequestBody {
    /// The body of the request with these headers.
    pub(super) fn new(incoming: Incoming, headers: &HeaderMap) -> Self {
        let is_held_back = headers.contains_key(header::EXPECT);
        Self {
            incoming,
            is_held_back,
        }
    }

    /// The length the client announced, or `None` for a chunked body.
    pub fn declared_length(&self) -> Option<u64> {
        self.incoming.size_hint().exact()
    }

    /// Reads the whole body. A body that announces more than `limit` bytes is refused without being
    /// held; one that turns out longer is refused as soon as it passes the limit.
    ///
    /// # Errors
    /// Every [`BodyError`].
    pub async fn read(mut self, limit: usize) -> Result<Bytes, BodyError> {
        if let Some(size) = self.declared_length() {
            if size > limit as u64 {
                self.drain().await;
                return Err(BodyError::TooLarge { size, limit });
            }
            if size == 0 {
                return Ok(Bytes::new());
            }
        }
        tokio::time::timeout(BODY_READ_TIMEOUT, self.collect(limit))
            .await
            .map_err(|_| BodyError::TimedOut)?
    }

    async fn collect(mut self, limit: usize) -> Result<Bytes, BodyError> {
        let declared = self.declared_length().unwrap_or(0);
        let mut whole = BytesMut::new();
        let mut first = None;
        while let Some(chunk) = self.next_data().await? {
            let size = whole.len() + first.as_ref().map_or(0, Bytes::len) + chunk.len();
            if size > limit {
                self.drain().await;
                let size = size as u64;
                return Err(BodyError::TooLarge { size, limit });
            }
            match first.take() {
                None if whole.is_empty() => first = Some(chunk),
                None => whole.extend_from_slice(&chunk),
                Some(head) => {
                    let reserve = usize::try_from(declared).unwrap_or(RESERVE_MAX);
                    whole.reserve(reserve.clamp(size, size.max(RESERVE_MAX)));
                    whole.extend_from_slice(&head);
                    whole.extend_from_slice(&chunk);
                }
            }
        }
        Ok(first.unwrap_or_else(|| whole.freeze()))
    }

    /// Reads and drops what nobody wants any more. Who asks before sending is told no instead.
    async fn drain(&mut self) {
        if self.is_held_back {
            return;
        }
        let (whole, pause) = DRAIN_TIMEOUT;
        let dropping = async {
            let mut dropped = 0;
            while dropped < DRAIN_MAX
                && let Ok(Ok(Some(chunk))) = tokio::time::timeout(pause, self.next_data()).await
            {
                dropped += chunk.len();
            }
        };
        // Who stalls gets the answer all the same.
        let _ = tokio::time::timeout(whole, dropping).await;
    }

    /// The next piece of a body that is too large to hold, or `None` at its end.
    ///
    /// # Errors
    /// [`BodyError::TimedOut`] when the client stalls, [`BodyError::Broken`].
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        tokio::time::timeout(BODY_CHUNK_TIMEOUT, self.next_data())
            .await
            .map_err(|_| BodyError::TimedOut)?
    }

    async fn next_data(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.is_held_back = false;
        while let Some(frame) = self.incoming.frame().await {
            if let Ok(data) = frame.map_err(BodyError::Broken)?.into_data()
                && !data.is_empty()
            {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

/// A body that is produced while it is sent (log monitor, snapshots).
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// What a connection sends; holds its request open until the last byte was handed over.
pub(super) struct OutBody {
    content: Content,
    _guard: Option<RequestGuard>,
}

enum Content {
    Whole(Bytes),
    Stream(ByteStream),
}

impl OutBody {
    pub(super) fn whole(bytes: Bytes, guard: Option<RequestGuard>) -> Self {
        Self {
            content: Content::Whole(bytes),
            _guard: guard,
        }
    }

    pub(super) fn stream(stream: ByteStream, guard: Option<RequestGuard>) -> Self {
        Self {
            content: Content::Stream(stream),
            _guard: guard,
        }
    }
}

impl Body for OutBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.content {
            Content::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Stream(stream) => stream
                .as_mut()
                .poll_next(cx)
                .map(|item| item.map(|data| data.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.content, Content::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Stream(_) => SizeHint::default(),
        }
    }
}
