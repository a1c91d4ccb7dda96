//! Gossip rounds, and packets that carry broadcasts along.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::agent::gossip::wire::{Message, PeerState};
use crate::model::mono::Mono;

use super::delegate::Delegate;
use super::detector::Swim;
use super::io::{Output, Packet};
use super::peers::{PeerId, is_present};
use super::timing::retransmit_limit;

/// Type byte and count of a compound.
const COMPOUND_OVERHEAD: usize = 2;
/// Length of each part of a compound.
const PART_OVERHEAD: usize = 2;
/// Type byte and sum in front of what is summed.
const CRC_OVERHEAD: usize = 5;
/// Memberlist's type byte in front of the application's messages.
const USER_OVERHEAD: usize = 1;
/// Most parts of a compound: their number is one byte.
const PARTS_MAX: usize = 255;

impl super::config::Config {
    /// Largest message of the application, in bytes without memberlist's type byte, that gossip can carry.
    pub const fn user_message_max(&self) -> usize {
        let overhead =
            self.packet_overhead + COMPOUND_OVERHEAD + CRC_OVERHEAD + PART_OVERHEAD + USER_OVERHEAD;
        self.udp_buffer_size.saturating_sub(overhead)
    }
}

impl Swim {
    /// Sends a message of the application to an address, now and on its own. `message` is without memberlist's
    /// type byte.
    pub fn send_user(&mut self, to: SocketAddr, message: Bytes) {
        let parts = vec![Message::User(message).encode()];
        self.send_parts(to, parts, false);
    }

    /// Drops what waits to be gossiped, as if it had been told often enough. Simulations of large pools begin
    /// with one that has been calm for long.
    pub fn drop_broadcasts(&mut self) {
        self.broadcasts.prune(0);
    }

    /// Sends a message with as many broadcasts as fit into the packet.
    pub(super) fn send(&mut self, to: SocketAddr, message: &Message, above: &mut dyn Delegate) {
        let first = message.encode();
        let room = self.room().saturating_sub(PART_OVERHEAD + first.len());
        let mut parts = vec![first];
        parts.extend(self.take_broadcasts(room, above));
        self.send_parts(to, parts, false);
    }

    /// Sends these parts, in as many packets as their number needs.
    pub(super) fn send_parts(&mut self, to: SocketAddr, mut parts: Vec<Bytes>, crc: bool) {
        while !parts.is_empty() {
            let rest = parts.split_off(parts.len().min(PARTS_MAX));
            self.outputs
                .push_back(Output::Packet(Packet { to, parts, crc }));
            parts = rest;
        }
    }

    /// Queues a message for all, in the place of what was queued under the same key.
    pub(super) fn broadcast(&mut self, key: std::sync::Arc<str>, message: &Message) {
        self.broadcasts.push(Some(key), message.encode());
    }

    /// One round: a few random members are told what is new. Each that is there gets messages of its own, since
    /// each packet counts as a transmission of what it carries.
    pub(super) fn gossip_round(&mut self, now: Mono, above: &mut dyn Delegate) {
        if self.broadcasts.is_empty() && !above.has_broadcasts() {
            return;
        }
        let room = self.room().saturating_sub(CRC_OVERHEAD);
        let mut targets = self.gossip_targets(now);
        targets.sort_by_key(|id| !is_present(self.peers.get(*id).state));
        let mut told = Vec::new();
        for id in targets {
            // The dead hear what somebody alive was told: were it counted for them, they would use up in a
            // small pool what the living should hear.
            if told.is_empty() || is_present(self.peers.get(id).state) {
                told = self.take_broadcasts(room, above);
            }
            if told.is_empty() {
                return;
            }
            let parts = told.clone();
            let peer = self.peers.get(id);
            let (to, crc) = (peer.address, peer.understands_crc());
            self.send_parts(to, parts, crc);
        }
    }

    /// Random members that are there, may be there, or died a short while ago and may not know it.
    fn gossip_targets(&mut self, now: Mono) -> Vec<PeerId> {
        let me = self.me;
        let to_the_dead = self.config.gossip_to_the_dead_time;
        self.peers
            .choose(self.config.gossip_nodes, &mut self.rng, |id, peer| {
                id != me
                    && match peer.state {
                        PeerState::Alive | PeerState::Suspect => true,
                        PeerState::Dead => now.since(peer.changed_at) <= to_the_dead,
                        PeerState::Left => false,
                    }
            })
    }

    /// Bytes of a packet for the parts of a compound.
    fn room(&self) -> usize {
        let overhead = self.config.packet_overhead + COMPOUND_OVERHEAD;
        self.config.udp_buffer_size.saturating_sub(overhead)
    }

    /// Broadcasts that fit: memberlist's first, then the application's.
    fn take_broadcasts(&mut self, room: usize, above: &mut dyn Delegate) -> Vec<Bytes> {
        let limit = retransmit_limit(self.config.retransmit_mult, self.peers.len());
        let mut parts = self.broadcasts.take(PART_OVERHEAD, room, limit);
        let used: usize = parts.iter().map(|part| part.len() + PART_OVERHEAD).sum();
        let overhead = PART_OVERHEAD + USER_OVERHEAD;
        let left = room.saturating_sub(used);
        if left > overhead {
            let messages = above.broadcasts(overhead, left).into_iter();
            parts.extend(messages.map(|message| Message::User(message).encode()));
        }
        parts
    }
}
