//! What the members of a ring told their applications, and what they sent.

use consulctl::agent::gossip::serf::{Member, MemberChange};
use consulctl::agent::gossip::swim;
use consulctl::model::mono::Mono;

use super::HostId;

/// One thing that one member's application heard.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) at: Mono,
    pub(crate) by: HostId,
    pub(crate) what: What,
}

/// What an application hears.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Member(MemberChange, Member),
    User(String),
    /// It has left, and its process ended.
    Left,
    Notice(swim::Notice),
}

/// What was sent, by everybody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Datagrams.
    pub(crate) datagrams: u64,
    /// Messages in them, by their type byte; the last one counts all others.
    pub(crate) messages: [u64; 16],
    /// Bytes of messages.
    pub(crate) bytes: u64,
    /// Push/pulls that were dialled.
    pub(crate) push_pulls: u64,
    /// Pings by stream.
    pub(crate) stream_pings: u64,
}

/// Type byte of a ping.
pub(crate) const PING: usize = 0;
/// Type byte of its answer.
pub(crate) const ACK: usize = 2;
/// Type byte of an accusation.
pub(crate) const SUSPECT: usize = 3;
/// Type byte of what a member says of itself.
pub(crate) const ALIVE: usize = 4;
/// Type byte of a verdict, or of a goodbye.
pub(crate) const DEAD: usize = 5;
/// Type byte of an application's message.
pub(crate) const USER: usize = 8;

impl Sent {
    /// Whether there were probes only, with whatever belongs to them.
    pub(crate) fn is_quiet(&self) -> bool {
        [SUSPECT, ALIVE, DEAD, USER]
            .into_iter()
            .all(|kind| self.messages[kind] == 0)
    }

    /// Counts a datagram.
    pub(crate) fn count(&mut self, packet: &swim::Packet) {
        self.datagrams += 1;
        for part in &packet.parts {
            let kind = usize::from(part[0]).min(self.messages.len() - 1);
            self.messages[kind] += 1;
            self.bytes += part.len() as u64;
        }
    }

    /// What was sent since.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let mut messages = self.messages;
        for (now, before) in messages.iter_mut().zip(earlier.messages) {
            *now -= before;
        }
        Self {
            datagrams: self.datagrams - earlier.datagrams,
            messages,
            bytes: self.bytes - earlier.bytes,
            push_pulls: self.push_pulls - earlier.push_pulls,
            stream_pings: self.stream_pings - earlier.stream_pings,
        }
    }
}
