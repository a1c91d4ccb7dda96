//! Streams that peers open: one request, one answer, one deadline.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tracing::Level;

use super::arrivals::Arrival;
use super::log::Log;
use super::streams::{Ends, Incoming, Places, Received, StreamError, finish, seal, write};
use super::wire::{Security, StreamMessage, encode_error};
use crate::agent::telemetry::metrics::Counter;

/// Streams that peers may have open at the same time; more are closed.
pub(super) const INBOUND_STREAMS: usize = 512;
/// Exchanges of state that peers may have under way at the same time; more are refused.
pub(super) const INBOUND_PUSH_PULLS: usize = 128;

/// What serves the streams that peers open.
pub(super) struct Inbound {
    pub(super) log: Log,
    /// Written by the driver when the keys change; what is opened and sealed by it, too.
    pub(super) security: ArcSwap<Security>,
    /// Places for large messages of peers that dialled; those that we dialled have their own.
    pub(super) large: Arc<Semaphore>,
    pub(super) push_pulls: Arc<Semaphore>,
    pub(super) arrive: mpsc::Sender<Arrival>,
    /// Bound of a whole stream.
    pub(super) limit: Duration,
    pub(super) accepted: Counter,
    pub(super) sent: Counter,
}

impl Inbound {
    /// Serves one stream to its end.
    pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        ends: Ends,
    ) {
        let deadline = Instant::now() + self.limit;
        self.log.memberlist(
            Level::DEBUG,
            format_args!("Stream connection from={}", ends.remote),
        );
        let incoming = Incoming {
            log: self.log,
            security: self.security.load_full(),
            large: Arc::clone(&self.large),
            push_pulls: Some(Arc::clone(&self.push_pulls)),
            dialled: false,
        };
        match incoming.read(stream, ends, self.limit).await {
            Ok(received) => {
                let served = self.answer(stream, ends, received, deadline);
                if tokio::time::timeout_at(deadline, served).await.is_err() {
                    self.complain(ends, &"no answer in time");
                }
            }
            // Whoever only looks whether the port is open is not worth a line.
            Err(StreamError::Closed) => {}
            Err(error @ StreamError::Busy) => {
                self.log.memberlist(Level::ERROR, format_args!("{error}"));
            }
            Err(error) => {
                self.complain(ends, &error);
                if matches!(error, StreamError::Wire { .. }) {
                    self.refuse(stream, ends, &error.to_string(), deadline)
                        .await;
                }
            }
        }
    }

    fn complain(&self, ends: Ends, reason: &dyn std::fmt::Display) {
        self.log.memberlist(
            Level::ERROR,
            format_args!("failed to receive: {reason} from={}", ends.remote),
        );
    }

    async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        ends: Ends,
        Received { message, places }: Received,
        deadline: Instant,
    ) {
        let (answer, answered) = oneshot::channel();
        let from = ends.remote;
        let arrival = match message {
            StreamMessage::PushPull(state) => Arrival::PushPull {
                from,
                state,
                answer,
            },
            StreamMessage::Ping(ping) => Arrival::StreamPing { ping, answer },
            StreamMessage::User(message) => {
                // Nothing is answered; the driver may have ended.
                _ = self.arrive.send(Arrival::User { from, message }).await;
                return;
            }
            StreamMessage::Ack(_) | StreamMessage::Err(_) => {
                let kind = if matches!(message, StreamMessage::Ack(_)) {
                    2
                } else {
                    13
                };
                self.log.memberlist(
                    Level::ERROR,
                    format_args!("Received invalid msgType ({kind}) from={from}"),
                );
                return;
            }
        };
        if self.arrive.send(arrival).await.is_err() {
            return;
        }
        // The driver drops what it does not answer.
        let Ok(body) = answered.await else { return };
        // The driver is done with the message; the exchange is under way until the answer is written.
        let Places {
            large,
            push_pull: _push_pull,
        } = places;
        drop(large);
        let Some(sealed) = self.seal(&body).await else {
            return;
        };
        match write(stream, ends, &sealed, remaining(deadline)).await {
            Ok(()) => {
                self.sent.add(super::meters::amount(sealed.len()));
                finish(stream, remaining(deadline)).await;
            }
            Err(error) => self.log.memberlist(
                Level::ERROR,
                format_args!("Failed to push local state: {error} from={from}"),
            ),
        }
    }

    /// Tells the peer why.
    async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        ends: Ends,
        reason: &str,
        deadline: Instant,
    ) {
        let Some(sealed) = self.seal(&encode_error(reason)).await else {
            return;
        };
        match write(stream, ends, &sealed, remaining(deadline)).await {
            Ok(()) => finish(stream, remaining(deadline)).await,
            Err(error) => self.log.memberlist(
                Level::ERROR,
                format_args!("Failed to send error: {error} from={}", ends.remote),
            ),
        }
    }

    /// As it goes over the wire; what is larger than peers accept is not sent.
    async fn seal(&self, plain: &Bytes) -> Option<Vec<u8>> {
        let security = self.security.load_full();
        let sealed = seal(self.log, &security, plain, false).await;
        if let Err(error) = &sealed {
            self.log.memberlist(
                Level::ERROR,
                format_args!("Failed to encrypt local state: {error}"),
            );
        }
        sealed.ok()
    }
}

fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}
