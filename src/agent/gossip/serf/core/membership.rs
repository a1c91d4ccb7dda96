//! Members come, go and change, as the failure detector sees it: section 10 of the wire format.

use std::sync::Arc;

use crate::agent::gossip::swim::Peer;
use crate::agent::gossip::wire::{PeerState, decode_tags};
use crate::model::member::MemberStatus;
use crate::model::mono::Mono;

use super::super::io::{MemberChange, Notice};
use super::super::member::Member;
use super::super::members::Entry;
use super::super::recent_intents::Intention;
use super::Core;

impl Core {
    /// A member is alive that was unknown, failed or left.
    pub(super) fn member_joined(&mut self, now: Mono, peer: &Peer) {
        let mut member = to_member(peer);
        member.status = MemberStatus::Alive;
        let intent = self.intents.get(&peer.name);
        let flap_timeout = self.config.flap_timeout;
        let mut flapped = false;
        self.prunes.remove(&peer.name);
        if let Some(entry) = self.members.get_mut(&peer.name) {
            let failed = entry.member.status == MemberStatus::Failed;
            flapped = failed && now - entry.gone_at < flap_timeout;
            entry.gone_at = Mono::ZERO;
            entry.member = member.clone();
        } else {
            let leaving = intent.is_some_and(|intent| intent.intention == Intention::Leave);
            if leaving {
                member.status = MemberStatus::Leaving;
            }
            self.members.insert(Entry {
                member: member.clone(),
                status_ltime: intent.map_or(0, |intent| intent.ltime),
                gone_at: Mono::ZERO,
            });
        }
        if flapped {
            let node = peer.name.clone();
            self.notice(Notice::Flap { node });
        }
        self.tell_member(now, MemberChange::Join, member);
    }

    /// A member failed or left. Who had said that it leaves has left, whatever the failure detector calls
    /// it; and so has who told the failure detector goodbye, of whose intent we may not have heard yet.
    pub(super) fn member_gone(&mut self, now: Mono, peer: &Peer) {
        let Some(entry) = self.members.get_mut(&peer.name) else {
            return;
        };
        let (status, change) = match entry.member.status {
            MemberStatus::Leaving => (MemberStatus::Left, MemberChange::Leave),
            MemberStatus::Alive if peer.state == PeerState::Left => {
                (MemberStatus::Left, MemberChange::Leave)
            }
            MemberStatus::Alive => (MemberStatus::Failed, MemberChange::Failed),
            MemberStatus::None | MemberStatus::Left | MemberStatus::Failed => return,
        };
        entry.member.status = status;
        entry.gone_at = now;
        let member = entry.member.clone();
        self.tell_member(now, change, member);
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
