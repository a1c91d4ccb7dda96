//! One multiplexed connection to a server, and calls over its streams.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, interval};
use tokio_stream::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tokio_yamux::{Control, Session, StreamHandle};
use tracing::debug;

use super::calls::TARGET;
use super::dial::dial;
use super::exchange::{Inbox, ReadError, send};
use super::listener::MULTIPLEXED;
use super::paced::Paced;
use super::pool::PoolSettings;
use super::session::config;
use crate::agent::rpc::wire::{ReplyHeader, RequestHeader};
use crate::model::go_error;

/// A connection.
pub(super) struct Link {
    control: Control,
    /// Streams that wait for the next call, newest last.
    idle: Mutex<Vec<CallStream>>,
    calls: Semaphore,
    settings: Arc<PoolSettings>,
    next: AtomicU64,
    /// Milliseconds after `opened` at which the last call began or ended.
    used: AtomicU64,
    opened: Instant,
    /// Cancelled when the connection ends, and to end it.
    closed: CancellationToken,
}

/// A stream with what was read ahead.
struct CallStream {
    stream: StreamHandle,
    inbox: Inbox,
}

/// Why a call over a link failed.
#[derive(Debug)]
pub(super) enum LinkError {
    /// Nothing of the request was sent.
    Unsent(String),
    /// The request may have been carried out.
    Broken(String),
    /// The server's own error.
    Application(String),
}

impl Drop for Link {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

impl Link {
    /// Connects within `limit`; failures are in Go's words.
    pub(super) async fn open(
        server: SocketAddr,
        settings: &Arc<PoolSettings>,
        limit: Duration,
    ) -> Result<Arc<Self>, String> {
        let mut stream = dial(settings.source, server, limit).await?;
        // The first byte fits into every new connection.
        greet(&mut stream)
            .await
            .map_err(|why| go_error::text(&why))?;
        let limit = settings.calls_per_server;
        let wire = config(limit, settings.keepalive_interval, settings.write_timeout);
        let session = Session::new_client(Paced::client(stream, settings.write_timeout), wire);
        let link = Arc::new(Self {
            control: session.control(),
            idle: Mutex::default(),
            calls: Semaphore::new(limit),
            settings: Arc::clone(settings),
            next: AtomicU64::new(1),
            used: AtomicU64::new(0),
            opened: Instant::now(),
            closed: CancellationToken::new(),
        });
        let follower = Arc::downgrade(&link);
        let closed = link.closed.clone();
        let check = settings.idle_limit / 4;
        tokio::spawn(async move {
            let why = tokio::select! {
                why = drive(session) => why,
                () = unused(&follower, check) => "unused",
                () = closed.cancelled() => "closed",
            };
            debug!(target: TARGET, %server, why, "connection to a server ended");
            closed.cancel();
        });
        Ok(link)
    }

    /// Whether the connection is over.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Ends the connection.
    pub(super) fn close(&self) {
        self.closed.cancel();
    }

    /// Calls a method.
    pub(super) async fn call(&self, method: &str, body: &[u8]) -> Result<Bytes, LinkError> {
        let unsent = |why: &str| LinkError::Unsent(why.to_owned());
        let permit = self.calls.acquire().await;
        let permit: SemaphorePermit<'_> = permit.map_err(|_| unsent("closed"))?;
        self.touch();
        let mut calling = self.stream().await?;
        let answer = tokio::select! {
            biased;
            answer = self.exchange(&mut calling, method, body) => answer,
            () = self.closed.cancelled() => Err(LinkError::Broken("the connection ended".to_owned())),
        };
        self.touch();
        if may_be_used_again(&answer) {
            self.put_back(calling);
        }
        drop(permit);
        answer
    }

    /// A stream that waits, or a new one.
    async fn stream(&self) -> Result<CallStream, LinkError> {
        loop {
            let waiting = self.idle().pop();
            let Some(mut waiting) = waiting else { break };
            // The server may have closed it meanwhile.
            let mut byte = [0];
            let ended = tokio::select! {
                biased;
                _ = waiting.stream.read(&mut byte) => true,
                () = std::future::ready(()) => false,
            };
            if !ended {
                return Ok(waiting);
            }
        }
        let mut control = self.control.clone();
        let opened = tokio::select! {
            opened = control.open_stream() => opened.map_err(|why| why.to_string()),
            () = self.closed.cancelled() => Err("the connection ended".to_owned()),
        };
        let stream = opened.map_err(LinkError::Unsent)?;
        let inbox = Inbox::new(self.settings.reply_bytes, None);
        Ok(CallStream { stream, inbox })
    }

    async fn exchange(
        &self,
        calling: &mut CallStream,
        method: &str,
        body: &[u8],
    ) -> Result<Bytes, LinkError> {
        let seq = self.next.fetch_add(1, Ordering::Relaxed);
        let header = RequestHeader {
            service_method: method.to_owned(),
            seq,
        };
        let header = header
            .encode()
            .map_err(|why| LinkError::Unsent(why.to_string()))?;
        let CallStream { stream, inbox } = calling;
        send(stream, inbox, header, body, self.settings.write_timeout)
            .await
            .map_err(|why| LinkError::Broken(why.to_string()))?;
        let reply = loop {
            let broken = |why: ReadError| LinkError::Broken(why.to_string());
            if let Some(reply) = inbox.take().map_err(broken)? {
                break reply;
            }
            if !inbox.fill(stream).await.map_err(broken)? {
                return Err(LinkError::Broken("the server closed the stream".to_owned()));
            }
        };
        let header =
            ReplyHeader::decode(&reply.header).map_err(|why| LinkError::Broken(why.to_string()))?;
        if header.seq != seq {
            return Err(LinkError::Broken("an answer to another call".to_owned()));
        }
        if header.error.is_empty() {
            Ok(reply.body)
        } else {
            Err(LinkError::Application(header.error))
        }
    }

    fn put_back(&self, calling: CallStream) {
        let mut idle = self.idle();
        if idle.len() < self.settings.idle_streams && calling.inbox.waiting() == 0 {
            idle.push(calling);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<CallStream>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.used.fetch_max(now, Ordering::Relaxed);
    }

    /// Whether no call is under way, and none was for so long.
    fn is_unused(&self, limit: Duration) -> bool {
        let used = Duration::from_millis(self.used.load(Ordering::Relaxed));
        self.calls.available_permits() == self.settings.calls_per_server
            && self.opened.elapsed().saturating_sub(used) > limit
    }
}

/// Says what the connection is for.
async fn greet(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(&[MULTIPLEXED]).await
}

/// After a broken exchange nobody knows what the stream holds, and after errors of the protocol itself the server
/// closes it.
fn may_be_used_again(answer: &Result<Bytes, LinkError>) -> bool {
    match answer {
        Ok(_) => true,
        Err(LinkError::Application(why)) => !why.starts_with("rpc: "),
        Err(_) => false,
    }
}

/// Lets the multiplexer work until the connection ends.
async fn drive(mut session: Session<Paced<TcpStream>>) -> &'static str {
    loop {
        match session.next().await {
            // Servers open no streams: dropping it resets it.
            Some(Ok(_)) => {}
            Some(Err(_)) => return "failed",
            None => return "closed by the server",
        }
    }
}

/// Resolves when the link is not used any more.
async fn unused(link: &std::sync::Weak<Link>, check: Duration) {
    let mut ticks = interval(check.max(Duration::from_millis(10)));
    loop {
        ticks.tick().await;
        let Some(link) = link.upgrade() else { return };
        if link.is_unused(link.settings.idle_limit) {
            return;
        }
    }
}
