//! Streams between members: dialled, one request, at most one answer.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use consulctl::agent::gossip::swim::{ExchangeId, Input, StreamId};
use consulctl::agent::gossip::wire::{Ping, PushPull, StreamMessage};

use super::{Arrival, Event, HostId, Ring};

/// A stream that somebody waits for.
pub(super) struct Stream {
    dialer: HostId,
    life: u32,
    asked: Asked,
}

/// What the dialer asked.
enum Asked {
    State(ExchangeId),
    Ping(u32),
}

/// What a ping by stream takes on the wire, about.
const PING_BYTES: usize = 64;

impl Ring {
    pub(super) fn dial_push_pull(
        &mut self,
        id: HostId,
        exchange: ExchangeId,
        to: SocketAddr,
        body: Bytes,
    ) {
        self.sent.push_pulls += 1;
        let timeout = self.spec.swim.tcp_timeout;
        let (from, bytes) = (self.hosts[id].address, body.len());
        self.dial(id, Asked::State(exchange), to, bytes, timeout, |stream| {
            Arrival::PushPull { stream, from, body }
        });
    }

    pub(super) fn dial_ping(&mut self, id: HostId, to: SocketAddr, ping: Ping, timeout: Duration) {
        self.sent.stream_pings += 1;
        let asked = Asked::Ping(ping.seq_no);
        self.dial(id, asked, to, PING_BYTES, timeout, |stream| {
            Arrival::StreamPing { stream, ping }
        });
    }

    fn dial(
        &mut self,
        dialer: HostId,
        asked: Asked,
        to: SocketAddr,
        bytes: usize,
        timeout: Duration,
        arrival: impl FnOnce(StreamId) -> Arrival,
    ) {
        let stream = self.next_stream;
        self.next_stream += 1;
        let life = self.hosts[dialer].life;
        let entry = Stream {
            dialer,
            life,
            asked,
        };
        self.streams.insert(stream, entry);
        self.queue
            .push(self.now + timeout, Event::StreamTimeout(stream));
        let takes = self
            .at(to)
            .and_then(|host| self.network.stream(dialer, host, true, bytes));
        if let Some(takes) = takes {
            let arrival = arrival(stream);
            self.queue
                .push(self.now + takes, Event::ToAddress { to, arrival });
        }
    }

    /// The acceptor's answer goes back.
    pub(super) fn reply(&mut self, acceptor: HostId, stream: StreamId, body: Bytes) {
        let Some(dialer) = self.streams.get(&stream).map(|waiting| waiting.dialer) else {
            return;
        };
        if let Some(takes) = self.network.stream(acceptor, dialer, false, body.len()) {
            self.answer(stream, takes, Ok(body));
        }
    }

    /// The stream ends without an answer, and its dialer learns of it at once.
    pub(super) fn hang_up(&mut self, stream: StreamId, why: &'static str) {
        self.answer(stream, Duration::ZERO, Err(why));
    }

    fn answer(&mut self, stream: StreamId, takes: Duration, answer: Result<Bytes, &'static str>) {
        let Some(waiting) = self.streams.get(&stream) else {
            return;
        };
        let (host, life) = (waiting.dialer, waiting.life);
        let arrival = Arrival::Answer { stream, answer };
        let event = Event::ToMember {
            host,
            life,
            arrival,
        };
        self.queue.push(self.now + takes, event);
    }

    /// What the member is told of a stream that it dialled; nothing when it was told already.
    pub(super) fn end(
        &mut self,
        stream: StreamId,
        answer: Result<Bytes, &'static str>,
    ) -> Option<Input> {
        let input = match self.streams.remove(&stream)?.asked {
            Asked::State(exchange) => Input::PushPullReply {
                exchange,
                result: answer.map_err(str::to_owned).and_then(|body| open(&body)),
            },
            Asked::Ping(seq_no) => Input::StreamPong {
                seq_no,
                answered: answer.is_ok_and(|body| acknowledges(&body, seq_no)),
            },
        };
        Some(input)
    }
}

/// A state as it was sent.
pub(super) fn open(body: &[u8]) -> Result<PushPull, String> {
    PushPull::decode(body).map_err(|error| error.to_string())
}

/// Whether this answers the ping of this number.
fn acknowledges(body: &[u8], seq_no: u32) -> bool {
    matches!(StreamMessage::decode(body), Ok(StreamMessage::Ack(ack)) if ack.seq_no == seq_no)
}
