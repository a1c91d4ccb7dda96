//! One machine with the member that runs on it.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;
use consulctl::agent::gossip::serf::Serf;
use consulctl::agent::gossip::swim::{self, StreamId};
use consulctl::agent::gossip::wire::{NodeName, Ping};
use consulctl::model::mono::Mono;

/// A datagram's messages, encoded one by one; shared by the copies of one datagram.
pub(crate) type Parts = std::sync::Arc<[Bytes]>;

/// What a socket holds of datagrams that nobody reads, in bytes: what memberlist asks the system for.
const SOCKET_BUFFER: usize = 2 * 1024 * 1024;
/// What the system counts for a datagram besides its content.
const DATAGRAM_OVERHEAD: usize = 768;
/// Connections that wait to be accepted.
const BACKLOG: usize = 128;

/// What comes to a member.
#[derive(Debug)]
pub(crate) enum Arrival {
    Datagram {
        from: SocketAddr,
        parts: Parts,
    },
    /// A peer dialled and sent its state.
    PushPull {
        stream: StreamId,
        from: SocketAddr,
        body: Bytes,
    },
    /// A peer dialled and pings.
    StreamPing {
        stream: StreamId,
        ping: Ping,
    },
    /// What became of a stream that this member dialled: the answer, or why there is none.
    Answer {
        stream: StreamId,
        answer: Result<Bytes, &'static str>,
    },
}

/// What a stall stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stall {
    /// Everything: the process gets no time. Its timers fire late, all at once.
    Process,
    /// Sending and receiving, as in the experiments of the Lifeguard paper: timers go on, and what they send
    /// goes out when the stall ends.
    Messages,
}

/// One machine with the member that runs on it.
pub(crate) struct Host {
    pub(crate) name: NodeName,
    pub(crate) address: SocketAddr,
    /// `None` when nothing runs there.
    pub(crate) serf: Option<Box<Serf>>,
    /// Counts the members that ran here: what was meant for an earlier one does not reach a later one.
    pub(crate) life: u32,
    pub(crate) stall: Option<Stall>,
    inbox: VecDeque<Arrival>,
    inbox_bytes: usize,
    inbox_streams: usize,
    /// What a member with a stall of its messages wants to send.
    pub(crate) outbox: Vec<swim::Output>,
    /// The one wake-up that counts.
    pub(crate) wake_at: Option<Mono>,
    /// Datagrams that found the socket's buffer full.
    pub(crate) overflowed: u64,
}

impl Host {
    pub(crate) fn new(name: NodeName, address: SocketAddr) -> Self {
        Self {
            name,
            address,
            serf: None,
            life: 0,
            stall: None,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            inbox_streams: 0,
            outbox: Vec::new(),
            wake_at: None,
            overflowed: 0,
        }
    }

    /// The process ends, and the system forgets its sockets.
    pub(crate) fn stop(&mut self) {
        self.serf = None;
        self.life += 1;
        self.stall = None;
        self.wake_at = None;
        self.outbox.clear();
        self.inbox.clear();
        (self.inbox_bytes, self.inbox_streams) = (0, 0);
    }

    /// Keeps an arrival for later, as the system would; false when there is no room.
    pub(crate) fn keep(&mut self, arrival: Arrival) -> bool {
        match &arrival {
            Arrival::Datagram { parts, .. } => {
                let size = DATAGRAM_OVERHEAD + parts.iter().map(Bytes::len).sum::<usize>();
                if self.inbox_bytes + size > SOCKET_BUFFER {
                    self.overflowed += 1;
                    return false;
                }
                self.inbox_bytes += size;
            }
            Arrival::PushPull { .. } | Arrival::StreamPing { .. } => {
                if self.inbox_streams == BACKLOG {
                    return false;
                }
                self.inbox_streams += 1;
            }
            Arrival::Answer { .. } => {}
        }
        self.inbox.push_back(arrival);
        true
    }

    /// All that was kept.
    pub(crate) fn take_inbox(&mut self) -> VecDeque<Arrival> {
        (self.inbox_bytes, self.inbox_streams) = (0, 0);
        std::mem::take(&mut self.inbox)
    }

    /// Whether a member runs here.
    pub(crate) const fn is_up(&self) -> bool {
        self.serf.is_some()
    }
}
