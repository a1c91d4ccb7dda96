//! Intents: members say that they join or leave, section 10 of the wire format.

use crate::agent::gossip::swim::Ticket;
use crate::agent::gossip::wire::{JoinIntent, LeaveIntent, NodeName, SerfMessage};
use crate::model::member::MemberStatus;
use crate::model::mono::Mono;

use super::super::io::{MemberChange, Output};
use super::super::queues::Queue;
use super::super::recent_intents::Intention;
use super::Core;

impl Core {
    /// A member joins; true when the intent is to be passed on.
    pub(super) fn join_intent(&mut self, now: Mono, intent: &JoinIntent) -> bool {
        self.clock.witness(intent.ltime);
        let Some(entry) = self.members.get_mut(&intent.node) else {
            let JoinIntent { ltime, node } = intent;
            return self.intents.upsert(now, node, Intention::Join, *ltime);
        };
        if intent.ltime <= entry.status_ltime {
            return false;
        }
        entry.status_ltime = intent.ltime;
        // The leave that we heard of was of an earlier time. Whoever is gone by the failure detector's word is
        // back by its word, too.
        let is_gone = self.goodbyes.contains_key(&intent.node);
        if entry.member.status == MemberStatus::Leaving && !is_gone {
            entry.member.status = MemberStatus::Alive;
            self.prunes.remove(&intent.node);
        }
        true
    }

    /// A member leaves, or is said to have left; true when the intent is to be passed on.
    pub(super) fn leave_intent(&mut self, now: Mono, intent: &LeaveIntent) -> bool {
        self.clock.witness(intent.ltime);
        let about_us = intent.node == self.name;
        let Some(entry) = self.members.get_mut(&intent.node) else {
            let LeaveIntent { ltime, node, .. } = intent;
            return self.intents.upsert(now, node, Intention::Leave, *ltime);
        };
        if intent.ltime <= entry.status_ltime {
            return false;
        }
        if about_us && !self.leaving {
            self.broadcast_join(now);
            return false;
        }
        // Stored even where the status stays: otherwise members that hear the intents of a pool in another
        // order pass them on to each other for ever.
        entry.status_ltime = intent.ltime;
        match entry.member.status {
            MemberStatus::Alive => {
                entry.member.status = MemberStatus::Leaving;
                entry.leaving_since = now;
            }
            MemberStatus::Leaving if self.goodbyes.contains_key(&intent.node) => {
                self.has_left(now, &intent.node);
            }
            MemberStatus::Failed => {
                entry.member.status = MemberStatus::Left;
                let member = entry.member.clone();
                self.tell_member(now, MemberChange::Leave, member);
            }
            MemberStatus::Leaving | MemberStatus::Left => {}
            MemberStatus::None => return false,
        }
        if intent.prune {
            self.prune(now, &intent.node);
        }
        true
    }

    /// Forgets a member that left; one that still leaves, once it had the time to. The leave goes round for a
    /// while: it must not be held against the member when that comes back.
    fn prune(&mut self, now: Mono, node: &NodeName) {
        let status = self.members.get(node).map(|entry| entry.member.status);
        if status == Some(MemberStatus::Leaving) {
            let wait = self.config.broadcast_timeout + self.config.leave_propagate_delay;
            self.prunes.entry(node.clone()).or_insert(now + wait);
        } else {
            self.forget(now, node);
        }
    }

    fn forget(&mut self, now: Mono, node: &NodeName) {
        if let Some(entry) = self.members.get(node) {
            self.intents.settle(now, node, entry.status_ltime);
        }
        self.erase(now, node);
    }

    /// Forgets leaving members whose time is up; those that came back are not among them any more.
    pub(super) fn prune_due(&mut self, now: Mono) {
        let due: Vec<NodeName> = self
            .prunes
            .extract_if(.., |_, at| *at <= now)
            .map(|(node, _)| node)
            .collect();
        for node in due {
            self.forget(now, &node);
        }
    }

    /// Tells all that we are here, contradicting older leaves.
    pub(in super::super) fn broadcast_join(&mut self, now: Mono) {
        let intent = JoinIntent {
            ltime: self.clock.time(),
            node: self.name.clone(),
        };
        self.join_intent(now, &intent);
        let message = SerfMessage::Join(intent).encode();
        self.gossip(Queue::Intents, message);
    }

    /// Says of another member that it left.
    pub(in super::super) fn force_leave(&mut self, now: Mono, node: NodeName, prune: bool) {
        let intent = self.next_leave(node, prune);
        self.leave_intent(now, &intent);
        if self.members.has_others_alive(&self.name) {
            let message = SerfMessage::Leave(intent).encode();
            self.gossip(Queue::Intents, message);
        }
    }

    /// Begins to leave. Unless we are alone, the others are told first: the ticket says when.
    pub(in super::super) fn begin_leave(&mut self, now: Mono, alone: bool) -> Option<Ticket> {
        self.leaving = true;
        let line = self.snapshot.leave();
        self.outputs.push_back(Output::Snapshot(line));
        let intent = self.next_leave(self.name.clone(), false);
        self.leave_intent(now, &intent);
        (!alone).then(|| {
            let message = SerfMessage::Leave(intent).encode();
            self.queues.push_watched(message)
        })
    }

    fn next_leave(&mut self, node: NodeName, prune: bool) -> LeaveIntent {
        let ltime = self.clock.time();
        self.clock.increment();
        LeaveIntent { ltime, node, prune }
    }
}
