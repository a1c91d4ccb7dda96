//! Members come, go and change, as the failure detector sees it: section 10 of the wire format.

use std::sync::Arc;
use std::time::Duration;

use crate::agent::gossip::swim::Peer;
use crate::agent::gossip::wire::{NodeName, PeerState, decode_tags};
use crate::model::member::MemberStatus;
use crate::model::mono::Mono;

use super::super::io::{MemberChange, Notice};
use super::super::member::Member;
use super::super::members::Entry;
use super::super::recent_intents::Intention;
use super::Core;

/// How long a member that is gone by the failure detector's word alone may contradict: a refutation that is
/// gossiped takes a second.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a member may say that it leaves while the failure detector finds it alive. Leaving takes 13 seconds
/// at most.
pub(in super::super) const LEAVING_TIMEOUT: Duration = Duration::from_mins(1);

impl Core {
    /// A member is alive that was unknown, failed or left.
    pub(super) fn member_joined(&mut self, now: Mono, peer: &Peer) {
        let mut member = to_member(peer);
        member.status = MemberStatus::Alive;
        let intent = self.intents.get(&peer.name);
        let flap_timeout = self.config.flap_timeout;
        let mut flapped = false;
        self.prunes.remove(&peer.name);
        if self.goodbyes.remove(&peer.name).is_some() {
            return self.never_left(now, member);
        }
        if let Some(entry) = self.members.get_mut(&peer.name) {
            let failed = entry.member.status == MemberStatus::Failed;
            flapped = failed && now - entry.gone_at < flap_timeout;
            entry.gone_at = Mono::ZERO;
            entry.left_ltime = 0;
            entry.member = member.clone();
        } else {
            let leaving = intent.is_some_and(|intent| intent.intention == Intention::Leave);
            if leaving {
                member.status = MemberStatus::Leaving;
            }
            self.members.insert(Entry {
                member: member.clone(),
                status_ltime: intent.map_or(0, |intent| intent.ltime),
                left_ltime: 0,
                gone_at: Mono::ZERO,
                leaving_since: now,
            });
        }
        if flapped {
            let node = peer.name.clone();
            self.notice(Notice::Flap { node });
        }
        self.tell_member(now, MemberChange::Join, member);
    }

    /// The goodbye that the failure detector had heard was of an earlier life: nobody was told that the member
    /// is gone, and nobody need be told that it is here.
    fn never_left(&mut self, now: Mono, member: Member) {
        let Some(entry) = self.members.get_mut(&member.name) else {
            return;
        };
        entry.member.status = MemberStatus::Alive;
        entry.left_ltime = 0;
        if entry.member != member {
            entry.member = member.clone();
            self.tell_member(now, MemberChange::Update, member);
        }
    }

    /// A member failed or left. Who had said that it leaves has left, whatever the failure detector calls
    /// it. Who told the failure detector goodbye, of whose intent we have not heard, is given the time to
    /// contradict: after a quick restart an old goodbye may be around that counts as much as its new life.
    pub(super) fn member_gone(&mut self, now: Mono, peer: &Peer) {
        let Some(entry) = self.members.get_mut(&peer.name) else {
            return;
        };
        let (status, change) = match entry.member.status {
            MemberStatus::Leaving => (MemberStatus::Left, MemberChange::Leave),
            MemberStatus::Alive if peer.state == PeerState::Left => {
                entry.member.status = MemberStatus::Leaving;
                entry.leaving_since = now;
                self.goodbyes
                    .insert(peer.name.clone(), now + GOODBYE_TIMEOUT);
                return;
            }
            // Its goodbye reached others only, who told us.
            MemberStatus::Alive if entry.left_ltime > entry.status_ltime => {
                (MemberStatus::Left, MemberChange::Leave)
            }
            MemberStatus::Alive => (MemberStatus::Failed, MemberChange::Failed),
            MemberStatus::None | MemberStatus::Left | MemberStatus::Failed => return,
        };
        entry.member.status = status;
        entry.gone_at = now;
        if status == MemberStatus::Left {
            entry.status_ltime = entry.status_ltime.max(entry.left_ltime);
        }
        let member = entry.member.clone();
        self.tell_member(now, change, member);
    }

    /// Members that did not contradict their goodbyes in time have left.
    pub(super) fn goodbyes_due(&mut self, now: Mono) {
        let due: Vec<NodeName> = self
            .goodbyes
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(node, _)| node.clone())
            .collect();
        for node in due {
            self.has_left(now, &node);
        }
    }

    /// Others that leave for so long that they seem to have thought better of it, from time to time.
    pub(in super::super) fn long_leaving(&mut self, now: Mono) -> Vec<NodeName> {
        if !self.timers.long_leaving_is_due(now, &self.config) {
            return Vec::new();
        }
        let is_long = |entry: &&Entry| {
            now - entry.leaving_since > LEAVING_TIMEOUT && entry.member.name != self.name
        };
        let leaving = self.members.with_status(MemberStatus::Leaving);
        let long = leaving.filter(is_long);
        long.map(|entry| entry.member.name.clone()).collect()
    }

    /// A member that said that it leaves, and is here all the same, stays: nothing else would ever say so.
    pub(in super::super) fn stays(&mut self, name: &str) {
        if let Some(entry) = self.members.get_mut(name) {
            entry.member.status = MemberStatus::Alive;
        }
    }

    /// A member's goodbye to the failure detector is confirmed.
    pub(super) fn has_left(&mut self, now: Mono, name: &str) {
        self.goodbyes.remove(name);
        let Some(entry) = self.members.get_mut(name) else {
            return;
        };
        entry.member.status = MemberStatus::Left;
        entry.gone_at = now;
        entry.status_ltime = entry.status_ltime.max(entry.left_ltime);
        let member = entry.member.clone();
        self.tell_member(now, MemberChange::Leave, member);
    }

    /// A member says other things of itself.
    pub(super) fn member_updated(&mut self, now: Mono, peer: &Peer) {
        let Some(entry) = self.members.get_mut(&peer.name) else {
            return;
        };
        entry.member = Member {
            status: entry.member.status,
            ..to_member(peer)
        };
        let member = entry.member.clone();
        self.tell_member(now, MemberChange::Update, member);
    }

    /// Forgets a member.
    pub(super) fn erase(&mut self, now: Mono, name: &str) {
        let Some(entry) = self.members.remove(name) else {
            return;
        };
        self.prunes.remove(name);
        self.goodbyes.remove(name);
        if let Some(position) = &mut self.position {
            position.forget(name);
        }
        self.tell_member(now, MemberChange::Reap, entry.member);
    }
}

/// A member as the failure detector's knowledge alone tells it.
pub(super) fn to_member(peer: &Peer) -> Member {
    Member {
        name: peer.name.clone(),
        address: peer.address,
        tags: Arc::new(decode_tags(&peer.meta)),
        status: match peer.state {
            PeerState::Alive | PeerState::Suspect => MemberStatus::Alive,
            PeerState::Dead => MemberStatus::Failed,
            PeerState::Left => MemberStatus::Left,
        },
        versions: peer.versions,
    }
}
