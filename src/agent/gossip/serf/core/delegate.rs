//! What the failure detector asks of serf.

use std::time::Duration;

use bytes::Bytes;

use crate::agent::gossip::swim::{Change, Delegate, Peer, retransmit_limit};
use crate::agent::gossip::wire::{
    JoinIntent, LamportTime, LeaveIntent, NodeName, SerfMessage, SerfState, UserEvent,
    decode_coordinate, encode_coordinate,
};
use crate::model::member::MemberStatus;
use crate::model::mono::Mono;

use super::super::io::Notice;
use super::super::member::Member;
use super::super::queues::Queue;
use super::Core;
use super::membership::to_member;

impl Delegate for Core {
    fn changed(&mut self, now: Mono, change: Change, peer: &Peer) {
        match change {
            Change::Joined => self.member_joined(now, peer),
            Change::Gone(_) => self.member_gone(now, peer),
            Change::Updated => self.member_updated(now, peer),
        }
    }

    fn user_message(&mut self, now: Mono, message: Bytes) {
        self.notice(Notice::MessageReceived {
            bytes: message.len(),
        });
        let decoded = match SerfMessage::decode(&message) {
            Ok(decoded) => decoded,
            Err(error) => return self.ignored("message", error.to_string()),
        };
        let (pass_on, queue) = match decoded {
            SerfMessage::Join(intent) => (self.join_intent(now, &intent), Queue::Intents),
            SerfMessage::Leave(intent) => (self.leave_intent(now, &intent), Queue::Intents),
            SerfMessage::UserEvent(event) => (self.user_event(event), Queue::Events),
            SerfMessage::Query(query) => (self.query(now, query), Queue::Queries),
            SerfMessage::QueryResponse(response) => {
                return self.query_response(now, response);
            }
            SerfMessage::Relay(relay) => {
                return self.sends.push_back((relay.to, relay.message));
            }
        };
        if pass_on {
            self.gossip(queue, message);
        }
    }

    fn broadcasts(&mut self, overhead: usize, limit: usize) -> Vec<Bytes> {
        let transmits = retransmit_limit(self.retransmit_mult, self.members.len());
        let messages = self.queues.take(overhead, limit, transmits);
        for message in &messages {
            self.notice(Notice::MessageSent {
                bytes: message.len(),
            });
        }
        messages
    }

    fn has_broadcasts(&self) -> bool {
        !self.queues.is_empty()
    }

    fn local_state(&mut self, _join: bool) -> Bytes {
        let status =
            |entry: &super::super::members::Entry| (entry.member.name.clone(), entry.status_ltime);
        let left = self.members.with_status(MemberStatus::Left);
        let state = SerfState {
            ltime: self.clock.time(),
            status_ltimes: self.members.iter().map(status).collect(),
            left_members: left.map(|entry| entry.member.name.clone()).collect(),
            event_ltime: self.event_clock.time(),
            events: self.recent_events.slots().to_vec(),
            query_ltime: self.query_clock.time(),
        };
        state.encode()
    }

    fn merge_remote_state(&mut self, now: Mono, state: &[u8], join: bool) {
        match SerfState::decode(state) {
            Ok(state) => self.merge(now, state, join),
            Err(error) => self.ignored("state", error.to_string()),
        }
    }

    fn ack_payload(&mut self) -> Bytes {
        let position = self.position.as_ref();
        position.map_or_else(Bytes::new, |position| encode_coordinate(position.own()))
    }

    fn ping_complete(&mut self, _now: Mono, peer: &Peer, rtt: Duration, payload: &[u8]) {
        // Old members, and those without coordinates, send none.
        if payload.is_empty() || self.members.get(&peer.name).is_none() {
            return;
        }
        let Some(position) = &mut self.position else {
            return;
        };
        let moved = decode_coordinate(payload)
            .map_err(|error| error.to_string())
            .and_then(|coordinate| {
                position
                    .update(&peer.name, coordinate, rtt, &mut self.rng)
                    .map_err(|error| error.to_string())
            });
        let node = peer.name.clone();
        self.notice(match moved {
            Ok(adjustment) => Notice::CoordinateUpdated { adjustment },
            Err(reason) => Notice::CoordinateRejected { node, reason },
        });
    }

    fn accepts(&mut self, peer: &Peer) -> Result<(), String> {
        self.policy.accepts(&[to_member(peer)])
    }

    fn accepts_merge(&mut self, peers: &[Peer]) -> Result<(), String> {
        let members: Vec<Member> = peers.iter().map(to_member).collect();
        self.policy.accepts(&members)
    }
}

impl Core {
    /// Takes another member's state in: first who left, so that nobody's joining is dated before it.
    fn merge(&mut self, now: Mono, state: SerfState, join: bool) {
        // The other side has not used the times that its clocks show.
        let clocks = [
            (&mut self.clock, state.ltime),
            (&mut self.event_clock, state.event_ltime),
            (&mut self.query_clock, state.query_ltime),
        ];
        for (clock, time) in clocks {
            if let Some(used) = time.checked_sub(1) {
                clock.witness(used);
            }
        }
        let ltime_of = |node: &NodeName| state.status_ltimes.get(node).copied().unwrap_or_default();
        for node in &state.left_members {
            let ltime = ltime_of(node).saturating_add(1);
            if !self.may_have_left(node) {
                if let Some(entry) = self.members.get_mut(node) {
                    entry.left_ltime = entry.left_ltime.max(ltime);
                }
                continue;
            }
            let intent = LeaveIntent {
                ltime,
                node: node.clone(),
                prune: false,
            };
            self.leave_intent(now, &intent);
        }
        let contradict = !self.leaving && self.is_dated(ltime_of(&self.name));
        let left: std::collections::BTreeSet<&NodeName> = state.left_members.iter().collect();
        for (node, &ltime) in &state.status_ltimes {
            if !left.contains(node) {
                let node = node.clone();
                self.join_intent(now, &JoinIntent { ltime, node });
            }
        }
        if contradict {
            self.broadcast_join(now);
        }
        if join && self.joining {
            self.recent_events.raise_min(state.event_ltime);
        }
        for at in state.events.into_iter().flatten() {
            for (name, payload) in at.events {
                self.user_event(UserEvent {
                    ltime: at.ltime,
                    name,
                    payload,
                    coalesce: false,
                });
            }
        }
    }

    /// Whether to believe another member's list of who left. The failure detectors have compared what they
    /// know just before: who is alive here has come back since, and who is new here was not there. Were it
    /// marked as leaving, at a time after its joining, it would take long to be unmarked; so it is remembered
    /// only for the case that the member goes. Of ourselves we hear, to contradict it.
    fn may_have_left(&self, node: &NodeName) -> bool {
        let status = self.members.get(node).map(|entry| entry.member.status);
        *node == self.name || status == Some(MemberStatus::Failed)
    }

    /// Whether something was said of us at this time, of which we know nothing: an earlier life of ours, of
    /// which we have no snapshot, said it, and whoever heard of it did not hear of our joining.
    fn is_dated(&self, time: LamportTime) -> bool {
        let own = self.members.get(&self.name);
        own.is_some_and(|entry| entry.status_ltime < time)
    }
}
