//! Answering the probes of others, and probing for them.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use bytes::Bytes;

use crate::agent::gossip::wire::{Ack, IndirectPing, Message, Nack, Ping, Source};
use crate::model::mono::Mono;

use super::delegate::Delegate;
use super::detector::Swim;
use super::io::{Output, StreamId};

/// Probes that are done for others at once; more are not.
pub(super) const RELAYS_MAX: usize = 4096;

/// A probe for somebody else.
#[derive(Debug)]
struct Relay {
    requester: SocketAddr,
    /// The requester's number.
    seq_no: u32,
    nack: bool,
}

/// Probes for others that wait for their answer, by our own number.
#[derive(Debug, Default)]
pub(super) struct Relays {
    waiting: HashMap<u32, Relay>,
    /// In the order of their time limits, since all have the same. Answered ones stay until they are first.
    limits: VecDeque<(Mono, u32)>,
}

impl Relays {
    /// When the next one has waited long enough.
    pub(super) fn due(&self) -> Option<Mono> {
        self.limits.front().map(|(due, _)| *due)
    }

    fn add(&mut self, seq_no: u32, relay: Relay, due: Mono) {
        self.waiting.insert(seq_no, relay);
        self.limits.push_back((due, seq_no));
    }

    fn take(&mut self, seq_no: u32) -> Option<Relay> {
        let relay = self.waiting.remove(&seq_no);
        while let Some((_, first)) = self.limits.front()
            && !self.waiting.contains_key(first)
        {
            self.limits.pop_front();
        }
        relay
    }
}

impl Swim {
    /// Says that we are there, unless somebody else is meant.
    pub(super) fn answer_ping(&mut self, from: SocketAddr, ping: &Ping, above: &mut dyn Delegate) {
        if !self.is_for_us(ping) {
            return;
        }
        let ack = Message::Ack(Ack {
            seq_no: ping.seq_no,
            payload: above.ack_payload(),
        });
        self.send(answer_to(ping.source.as_ref(), from), &ack, above);
    }

    /// As by datagram, without a payload.
    pub(super) fn answer_stream_ping(&mut self, stream: StreamId, ping: &Ping) {
        let output = if self.is_for_us(ping) {
            let ack = Message::Ack(Ack {
                seq_no: ping.seq_no,
                payload: Bytes::new(),
            });
            let body = ack.encode();
            Output::StreamReply { stream, body }
        } else {
            Output::StreamClose { stream }
        };
        self.outputs.push_back(output);
    }

    fn is_for_us(&self, ping: &Ping) -> bool {
        ping.node.is_empty() || ping.node == self.peers.get(self.me).name
    }

    /// Pings a member for somebody else.
    pub(super) fn ping_for(
        &mut self,
        now: Mono,
        from: SocketAddr,
        request: IndirectPing,
        above: &mut dyn Delegate,
    ) {
        if self.relays.limits.len() >= RELAYS_MAX {
            return;
        }
        let seq_no = self.next_seq_no();
        let relay = Relay {
            requester: answer_to(request.source.as_ref(), from),
            seq_no: request.seq_no,
            nack: request.nack,
        };
        let due = now + self.config.probe_timeout;
        self.relays.add(seq_no, relay, due);
        let ping = Message::Ping(Ping {
            seq_no,
            node: request.node,
            source: Some(self.own_source()),
        });
        self.send(self.fill_port(request.target), &ping, above);
    }

    /// Hands an acknowledgement on to whoever asked for it.
    pub(super) fn relay_ack(&mut self, ack: &Ack, above: &mut dyn Delegate) {
        if let Some(relay) = self.relays.take(ack.seq_no) {
            let ack = Message::Ack(Ack {
                seq_no: relay.seq_no,
                payload: Bytes::new(),
            });
            self.send(relay.requester, &ack, above);
        }
    }

    /// Tells the requester that there was no answer in time, if it wants to know; false when none is due.
    pub(super) fn expire_relay(&mut self, now: Mono, above: &mut dyn Delegate) -> bool {
        let Some((_, seq_no)) = self.relays.limits.pop_front_if(|(due, _)| *due <= now) else {
            return false;
        };
        if let Some(relay) = self.relays.take(seq_no)
            && relay.nack
        {
            let nack = Message::Nack(Nack {
                seq_no: relay.seq_no,
            });
            self.send(relay.requester, &nack, above);
        }
        true
    }
}

/// Where an answer goes: where the asker says, not where its packet came from.
fn answer_to(source: Option<&Source>, from: SocketAddr) -> SocketAddr {
    source.map_or(from, |source| source.address)
}
