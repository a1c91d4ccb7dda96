//! What goes into the failure detector and what comes out.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::agent::gossip::wire::{Message, NodeName, Ping, PushPull};

/// Names an inbound stream that waits for its answer; chosen by the driver.
pub type StreamId = u64;
/// Names an exchange of state; chosen by whoever asks for one. Those with the highest bit set are the
/// state machine's own.
pub type ExchangeId = u64;

/// Outputs that an empty queue keeps room for. One exchange of states with a large pool makes thousands, and
/// may be the only one that ever does.
const QUIET_OUTPUTS: usize = 32;

/// Takes the first output; an empty queue gives back the room that it does not usually need.
pub(in super::super) fn pop_or_shrink<T>(outputs: &mut VecDeque<T>) -> Option<T> {
    let first = outputs.pop_front();
    if first.is_none() {
        outputs.shrink_to(QUIET_OUTPUTS);
    }
    first
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// A message of a packet, opened, checked and decoded. Packets hold several: one input each.
    Message { from: SocketAddr, message: Message },
    /// Exchange state with a member or a seed. [`Output::ExchangeDone`] follows.
    Exchange {
        id: ExchangeId,
        to: SocketAddr,
        /// Who is expected there, if known. Whoever answers is taken.
        node: Option<NodeName>,
        join: bool,
    },
    /// The other side's state arrived for an [`Output::PushPull`], or why it did not.
    PushPullReply {
        exchange: ExchangeId,
        result: Result<PushPull, String>,
    },
    /// A peer dialled us and sent its state. [`Output::StreamReply`] follows at once.
    PushPullRequest {
        stream: StreamId,
        from: SocketAddr,
        state: PushPull,
    },
    /// A peer dialled us to ping. [`Output::StreamReply`] or [`Output::StreamClose`] follows at once.
    StreamPing { stream: StreamId, ping: Ping },
    /// An [`Output::StreamPing`] was answered with the right number, or was not.
    StreamPong { seq_no: u32, answered: bool },
    /// A packet to this address could not be sent: the system says that there is no way to it.
    Unreachable { to: SocketAddr },
    /// New metadata of our own; told to all.
    SetMeta(Bytes),
    /// Leave: tell all, then [`Output::Left`].
    Leave,
    /// Time passed.
    Tick,
}

/// What must be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send one datagram.
    Packet(Packet),
    /// Dial, send this (compressed and sealed as the pool wants it), read the peer's state, and give it
    /// back as [`Input::PushPullReply`]. Bounded by `Config::tcp_timeout`.
    PushPull {
        exchange: ExchangeId,
        to: SocketAddr,
        body: Bytes,
    },
    /// Dial and ping by stream; give back [`Input::StreamPong`] no later than after `timeout`.
    StreamPing {
        to: SocketAddr,
        ping: Ping,
        timeout: Duration,
    },
    /// Write this to an inbound stream and close it.
    StreamReply { stream: StreamId, body: Bytes },
    /// Close an inbound stream without a word.
    StreamClose { stream: StreamId },
    /// An exchange that was asked for has ended, its state merged. Once for each that was asked for.
    ExchangeDone {
        id: ExchangeId,
        result: Result<(), String>,
    },
    /// All that could be told of our leaving has been told.
    Left,
    /// For the log and the metrics.
    Notice(Notice),
}

/// One datagram: messages that go together. One message is sent as it is, more as a compound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    pub to: SocketAddr,
    /// Encoded messages, each with its type byte; never empty, and within `Config::udp_buffer_size`.
    pub parts: Vec<Bytes>,
    /// Whether the receiver is known to check a CRC.
    pub crc: bool,
}

/// What is worth saying or counting. The driver knows the words and the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A message of this kind was taken in (`alive`, `suspect`, `dead`).
    Received(&'static str),
    /// Datagrams to a member got no answer, a stream did.
    UdpProbeFailed { node: NodeName },
    /// No answer at all.
    ProbeFailed { node: NodeName },
    /// A probe takes longer than its interval, because our own health is degraded.
    DegradedProbe,
    /// A suspicion ran out with fewer confirmations than there should have been.
    DegradedTimeout,
    /// A suspicion ran out.
    SuspicionExpired { node: NodeName, confirmations: u32 },
    /// Somebody accused us.
    Refuted {
        accused_by: NodeName,
        what: &'static str,
    },
    /// The score that stretches our probes, 0 is healthy.
    Health { score: u32 },
    /// A member's message was ignored.
    Refused { node: NodeName, reason: String },
    /// Two addresses claim one name.
    Conflict {
        node: NodeName,
        known: SocketAddr,
        claimed: SocketAddr,
    },
    /// A periodic exchange failed, or one that a peer asked for.
    ExchangeFailed { to: SocketAddr, reason: String },
}
