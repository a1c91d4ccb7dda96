//! The server's side of a stream of calls: one after the other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::budget::Budget;
use super::exchange::{FREE_BYTES, Inbox, Message, ReadError, send};
use super::handlers::{CallFailure, Dispatch};
use super::limits::Limits;
use crate::agent::rpc::wire::{Nothing, ReplyHeader, RequestHeader, encode};

/// Where the log tells of connections.
pub(super) const TARGET: &str = "agent.server.rpc";

/// What a client hears when its reply does not fit.
const OVERLOADED: &str = "the server is sending too much to others: try again";

/// What all streams of calls share.
#[derive(Clone)]
pub(super) struct Calls {
    pub(super) dispatch: Arc<dyn Dispatch>,
    pub(super) limits: Arc<Limits>,
    pub(super) budget: Budget,
    pub(super) replies: Budget,
}

/// What became of a call.
enum Outcome {
    Answered(Result<Vec<u8>, CallFailure>),
    /// The client went away and nobody minds.
    Forsaken,
}

impl Calls {
    /// Serves a stream until it ends. `idle` bounds the time between two requests.
    pub(super) async fn serve(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        from: SocketAddr,
        idle: Option<Duration>,
    ) {
        let share = self.budget.share();
        let mut inbox = Inbox::new(self.limits.request_bytes, Some(share));
        loop {
            let message = match self.next(&mut stream, &mut inbox, idle).await {
                Ok(Some(message)) => message,
                Ok(None) => return,
                Err(why) => {
                    debug!(target: TARGET, %from, %why, "stream of calls is closed");
                    return;
                }
            };
            if !self.answer(&mut stream, &mut inbox, from, message).await {
                return;
            }
        }
    }

    /// The next request; `None` at the stream's end, and after too long a silence.
    async fn next(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        inbox: &mut Inbox,
        idle: Option<Duration>,
    ) -> Result<Option<Message>, ReadError> {
        if inbox.waiting() == 0 {
            let begun = match idle {
                None => inbox.fill(stream).await?,
                Some(idle) => matches!(timeout(idle, inbox.fill(stream)).await, Ok(Ok(true))),
            };
            if !begun {
                return Ok(None);
            }
        }
        let whole = async {
            loop {
                if let Some(message) = inbox.take()? {
                    return Ok(Some(message));
                }
                if !inbox.fill(stream).await? {
                    return Ok(None);
                }
            }
        };
        timeout(self.limits.request_timeout, whole)
            .await
            .map_err(|_| ReadError::Io(std::io::ErrorKind::TimedOut.into()))?
    }

    /// Answers a request; false when the stream is to be closed.
    async fn answer(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        inbox: &mut Inbox,
        from: SocketAddr,
        message: Message,
    ) -> bool {
        let header = match RequestHeader::decode(&message.header) {
            Ok(header) => header,
            Err(why) => {
                debug!(target: TARGET, %from, %why, "malformed header of a request");
                return false;
            }
        };
        let mut held = self.budget.share();
        if !held.resize(message.body.len().saturating_sub(FREE_BYTES)) {
            debug!(target: TARGET, %from, "too many bytes are under way: stream is closed");
            return false;
        }
        let outcome = self.run(stream, inbox, from, &header, message).await;
        drop(held);
        let Outcome::Answered(answer) = outcome else {
            return false;
        };
        let mut sending = self.replies.share();
        let answer = answer.and_then(|body| {
            if sending.resize(body.len().saturating_sub(FREE_BYTES)) {
                return Ok(body);
            }
            debug!(target: TARGET, %from, "too many bytes of replies are under way");
            Err(CallFailure::Failed(OVERLOADED.to_owned()))
        });
        let (error, body, goes_on) = match answer {
            Ok(body) => (String::new(), Ok(body), true),
            Err(CallFailure::Failed(why)) => (why, encode(&Nothing {}), true),
            Err(CallFailure::Unreadable(why)) => (why, encode(&Nothing {}), false),
        };
        let reply = ReplyHeader {
            error,
            seq: header.seq,
            service_method: header.service_method,
        };
        let (Ok(head), Ok(body)) = (reply.encode(), body) else {
            return false;
        };
        let sent = send(stream, inbox, head, &body, self.limits.write_timeout).await;
        if let Err(why) = &sent {
            debug!(target: TARGET, %from, %why, "cannot send a reply");
        }
        if sent.is_ok() && !goes_on {
            // The client has to see the answer before the end; that it does not is its own loss.
            let _closed = stream.shutdown().await;
        }
        sent.is_ok() && goes_on
    }

    /// Runs a call, and meanwhile listens for the client's end and takes what it sends ahead, within bounds.
    async fn run(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        inbox: &mut Inbox,
        from: SocketAddr,
        header: &RequestHeader,
        message: Message,
    ) -> Outcome {
        let method = header.service_method.as_str();
        let may_be_dropped = self.dispatch.is_read(method);
        let mut call = self.dispatch.call(from, method, message.body);
        let mut listening = true;
        loop {
            let listens = listening && inbox.waiting() < FREE_BYTES;
            tokio::select! {
                biased;
                answer = &mut call => return Outcome::Answered(answer),
                more = inbox.fill(stream), if listens => {
                    listening = matches!(more, Ok(true));
                    if !listening && may_be_dropped {
                        return Outcome::Forsaken;
                    }
                }
            }
        }
    }
}

/// How long to wait after a connection could not be accepted: most likely there are no descriptors left.
pub(super) async fn accept_pause() {
    sleep(Duration::from_millis(100)).await;
}
