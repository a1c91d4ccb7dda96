//! Streams that we open: dial, ask, read the answer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::log::Log;
use super::meters::amount;
use super::streams::{
    Ends, Incoming, StreamError, encode_ping, exchange, ping, seal, system_reason,
};
use super::wire::{Ping, PushPull, Security};
use crate::agent::telemetry::metrics::{Counter, Sample};

/// What opens streams to peers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Outbound {
    pub(super) log: Log,
    /// As it is when the stream is opened.
    pub(super) security: Arc<Security>,
    pub(super) large: Arc<Semaphore>,
    /// Bound of connecting, writing and reading, each.
    pub(super) limit: Duration,
    pub(super) connected: Counter,
    pub(super) sent: Counter,
    pub(super) took: Sample,
}

impl Outbound {
    /// Exchanges our state, as encoded by the state machine, for the peer's.
    ///
    /// # Errors
    /// When the peer cannot be reached, or does not answer what it should.
    pub(super) async fn exchange(
        &self,
        to: SocketAddr,
        body: &Bytes,
    ) -> Result<PushPull, StreamError> {
        let began = std::time::Instant::now();
        let (mut stream, ends) = self.dial(to, self.limit).await?;
        let sealed = self.seal(body, to).await?;
        self.sent.add(amount(sealed.len()));
        let state = exchange(&mut stream, ends, &sealed, &self.incoming(), self.limit).await;
        self.took.record_duration(began.elapsed());
        state
    }

    /// Pings; the whole takes `limit` at most.
    ///
    /// # Errors
    /// As [`Self::exchange`].
    pub(super) async fn ping(
        &self,
        to: SocketAddr,
        message: Ping,
        limit: Duration,
    ) -> Result<(), StreamError> {
        let number = message.seq_no;
        let whole = async {
            let (mut stream, ends) = self.dial(to, limit).await?;
            let sealed = self.seal(&encode_ping(message), to).await?;
            self.sent.add(amount(sealed.len()));
            ping(&mut stream, ends, &sealed, number, &self.incoming(), limit).await
        };
        let late = || Err(late(to));
        timeout(limit, whole).await.unwrap_or_else(|_| late())
    }

    async fn dial(
        &self,
        to: SocketAddr,
        limit: Duration,
    ) -> Result<(TcpStream, Ends), StreamError> {
        let dialled = timeout(limit, TcpStream::connect(to)).await;
        let dialled = dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let opened = dialled.and_then(|stream| {
            let local = stream.local_addr()?;
            Ok((stream, Ends { local, remote: to }))
        });
        let opened = opened.map_err(|error| StreamError::Dial {
            to,
            reason: system_reason("connect", &error),
        })?;
        self.connected.incr();
        Ok(opened)
    }

    async fn seal(&self, body: &Bytes, from: SocketAddr) -> Result<Vec<u8>, StreamError> {
        seal(self.log, &self.security, body, true)
            .await
            .map_err(|error| StreamError::Wire { error, from })
    }

    fn incoming(&self) -> Incoming {
        Incoming {
            log: self.log,
            security: Arc::clone(&self.security),
            push_pulls: None,
            large: Arc::clone(&self.large),
            dialled: true,
        }
    }
}

fn late(to: SocketAddr) -> StreamError {
    StreamError::Dial {
        to,
        reason: "i/o timeout".to_owned(),
    }
}
