//! A connection under a multiplexer that neither waits for ever for a peer that does not read, nor lets it pile up
//! answers.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// The wrapped connection. The multiplexer queues what it has to answer without a bound (pings, refused streams):
/// while the peer does not take what is written, nothing more is read of it. Both are polled by one task.
pub(super) struct Paced<T> {
    io: T,
    write_timeout: Duration,
    /// Whether reading stops while writing is stuck. Only one end may do that, or two that write much would wait for
    /// each other: the server's end does.
    holds_reading: bool,
    /// Runs while writing is stuck.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<T> Paced<T> {
    pub(super) fn server(io: T, write_timeout: Duration) -> Self {
        Self {
            io,
            write_timeout,
            holds_reading: true,
            stuck: None,
        }
    }

    pub(super) fn client(io: T, write_timeout: Duration) -> Self {
        Self {
            holds_reading: false,
            ..Self::server(io, write_timeout)
        }
    }

    /// Watches over what writing gave: progress, or none for too long.
    fn watch<R>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if outcome.is_ready() {
            self.stuck = None;
            return outcome;
        }
        let limit = self.write_timeout;
        let timer = self.stuck.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Paced<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.holds_reading && self.stuck.is_some() {
            // The write that is stuck wakes the task.
            return Poll::Pending;
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Paced<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write(cx, buf);
        self.watch(cx, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
