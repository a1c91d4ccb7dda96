//! What the listener hands its connections to.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

/// A boxed future: handlers are chosen at run time.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a call has no reply. The text is what the client sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallFailure {
    /// The call failed or is refused; the stream goes on.
    Failed(String),
    /// The method is unknown or its request cannot be read: the stream is closed after the answer, as the reference
    /// does it.
    Unreadable(String),
}

/// Answers calls.
pub trait Dispatch: Send + Sync + 'static {
    /// Answers a call: the reply as bytes.
    fn call<'a>(
        &'a self,
        from: SocketAddr,
        method: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Vec<u8>, CallFailure>>;

    /// Whether the answer is of no use once the client is gone, so that the work may be dropped: a blocking query
    /// would else wait for nobody. Writes are finished.
    fn is_read(&self, method: &str) -> bool;
}

/// Answers raft's frames. Kinds are numbers that both ends of our own protocol agree on.
pub trait RaftFrames: Send + Sync + 'static {
    /// Whether a UUID is this server's. A server that lost its data and got a new UUID must not answer for the one
    /// that it was: its answers would be counted as those of a log that is gone.
    fn is_here(&self, server: &[u8]) -> bool;

    /// The largest body of a kind of frame; `None` for an unknown kind.
    fn limit(&self, kind: u8) -> Option<u64>;

    /// Answers a frame. The calls of one connection begin in the order of its frames; a call is polled once before
    /// the next begins. `from` is for what the log tells people.
    fn serve(
        &self,
        from: SocketAddr,
        kind: u8,
        body: Vec<u8>,
    ) -> BoxFuture<'static, Result<Vec<u8>, String>>;
}

/// Both directions of a connection.
pub trait DuplexStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> DuplexStream for T {}

/// Serves snapshot streams, from the request's header on.
pub trait SnapshotStreams: Send + Sync + 'static {
    /// Serves one stream to its end.
    fn serve(&self, from: SocketAddr, stream: Box<dyn DuplexStream>) -> BoxFuture<'static, ()>;
}

/// All that the listener serves.
#[derive(Clone)]
pub struct Handlers {
    /// Calls.
    pub calls: Arc<dyn Dispatch>,
    /// Raft's frames.
    pub raft: Arc<dyn RaftFrames>,
    /// Snapshot streams.
    pub snapshots: Arc<dyn SnapshotStreams>,
}
