//! What is said of members, and what follows from it: section 6.4 of the wire format.

use std::net::SocketAddr;

use crate::agent::gossip::wire::{
    Accusation, Alive, META_MAX, Message, NodeName, PeerState, Versions,
};
use crate::model::mono::Mono;

use super::delegate::{Change, Delegate};
use super::detector::Swim;
use super::io::Notice;
use super::peer::Peer;
use super::peers::{PeerId, is_present};
use super::suspicion::Suspicion;
use super::timing::{confirmations_wanted, suspicion_min};

impl Swim {
    /// "This member is alive."
    pub(super) fn alive(&mut self, now: Mono, alive: Alive, above: &mut dyn Delegate) {
        let alive = Alive {
            address: self.fill_port(alive.address),
            ..alive
        };
        match self.peers.find(&alive.node) {
            Some(id) if id == self.me => self.alive_about_us(alive),
            known => self.alive_about(known, now, alive, above),
        }
    }

    /// Somebody repeats what we said, or says it differently.
    fn alive_about_us(&mut self, alive: Alive) {
        if self.is_leaving() || !versions_make_sense(alive.versions) {
            return;
        }
        let me = self.peers.get(self.me);
        if alive.address != me.address {
            let known = me.address;
            self.notice(Notice::Conflict {
                node: alive.node,
                known,
                claimed: alive.address,
            });
            return;
        }
        let same = alive.meta == me.meta && alive.versions == me.versions;
        if alive.incarnation < me.incarnation || alive.incarnation == me.incarnation && same {
            return;
        }
        self.refute(alive.incarnation, alive.node, "alive");
        self.notice(Notice::Received("alive"));
    }

    fn alive_about(
        &mut self,
        known: Option<PeerId>,
        now: Mono,
        alive: Alive,
        above: &mut dyn Delegate,
    ) {
        let moved = known.is_some_and(|id| self.peers.get(id).address != alive.address);
        if let Some(id) = known
            && !moved
            && alive.incarnation <= self.peers.get(id).incarnation
        {
            return;
        }
        let mut peer = Peer {
            name: alive.node.clone(),
            address: alive.address,
            meta: alive.meta.clone(),
            versions: alive.versions,
            incarnation: alive.incarnation,
            state: PeerState::Alive,
            changed_at: now,
        };
        let mut verdict = self.acceptable(&peer, known.is_none() || moved);
        if verdict.is_ok() {
            verdict = above.accepts(&peer);
        }
        if let Err(reason) = verdict {
            let node = alive.node;
            self.notice(Notice::Refused { node, reason });
            return;
        }
        let Some(id) = known else {
            // Not alive yet, so that coming alive is a change. Members count from 1: 0 is less than nothing new.
            if alive.incarnation == 0 {
                return;
            }
            peer.state = PeerState::Dead;
            peer.incarnation = 0;
            let id = self.peers.insert(peer, &mut self.rng);
            self.take_in(id, now, alive, above);
            return;
        };
        if moved && !self.may_be_reclaimed(id, now) {
            let known = self.peers.get(id).address;
            self.notice(Notice::Conflict {
                node: alive.node,
                known,
                claimed: alive.address,
            });
            return;
        }
        self.take_in(id, now, alive, above);
    }

    /// Believes an alive message about another member, and passes it on.
    fn take_in(&mut self, id: PeerId, now: Mono, alive: Alive, above: &mut dyn Delegate) {
        self.end_suspicion(id);
        self.broadcast(alive.node.clone(), &Message::Alive(alive.clone()));
        let peer = self.peers.get_mut(id);
        let was_there = is_present(peer.state);
        let changed = peer.meta != alive.meta || peer.versions != alive.versions;
        peer.incarnation = alive.incarnation;
        peer.address = alive.address;
        peer.meta = alive.meta;
        peer.versions = alive.versions;
        self.peers.set_state(id, PeerState::Alive, now);
        self.notice(Notice::Received("alive"));
        if !was_there {
            above.changed(now, Change::Joined, self.peers.get(id));
        } else if changed {
            above.changed(now, Change::Updated, self.peers.get(id));
        }
    }

    /// Our own rules about what a member says of itself; `new_address` when it was not known there.
    fn acceptable(&self, peer: &Peer, new_address: bool) -> Result<(), String> {
        if peer.name.is_empty() {
            return Err("a member without a name".to_owned());
        }
        if !peer.versions.is_complete() {
            return Err("protocol versions are missing".to_owned());
        }
        if !versions_make_sense(peer.versions) {
            return Err("protocol versions make no sense".to_owned());
        }
        if peer.meta.len() > META_MAX {
            let length = peer.meta.len();
            return Err(format!(
                "metadata of {length} bytes, at most {META_MAX} are allowed"
            ));
        }
        if new_address && !self.config.allows(peer.address.ip()) {
            return Err(format!(
                "{} is in none of the allowed networks",
                peer.address.ip()
            ));
        }
        if self.peers.is_full() && self.peers.find(&peer.name).is_none() {
            return Err("too many members are known".to_owned());
        }
        Ok(())
    }

    /// Whether another address may take over a member's name.
    fn may_be_reclaimed(&self, id: PeerId, now: Mono) -> bool {
        let peer = self.peers.get(id);
        let reclaim = self.config.dead_node_reclaim_time;
        match peer.state {
            PeerState::Left => true,
            PeerState::Dead => !reclaim.is_zero() && now.since(peer.changed_at) > reclaim,
            PeerState::Alive | PeerState::Suspect => false,
        }
    }

    /// "This member may have failed."
    pub(super) fn suspect(&mut self, now: Mono, accusation: Accusation) {
        let Some(id) = self.peers.find(&accusation.node) else {
            return;
        };
        let peer = self.peers.get(id);
        if accusation.incarnation < peer.incarnation {
            return;
        }
        if peer.state == PeerState::Suspect {
            self.confirm_suspicion(id, accusation);
            return;
        }
        if peer.state != PeerState::Alive {
            return;
        }
        if id == self.me {
            self.refute(accusation.incarnation, accusation.from, "suspect");
            return;
        }
        let Accusation {
            incarnation, from, ..
        } = accusation.clone();
        self.broadcast(accusation.node.clone(), &Message::Suspect(accusation));
        self.peers.get_mut(id).incarnation = incarnation;
        self.peers.set_state(id, PeerState::Suspect, now);
        self.notice(Notice::Received("suspect"));
        self.start_suspicion(id, from, now);
    }

    fn start_suspicion(&mut self, id: PeerId, from: NodeName, now: Mono) {
        let n = self.peers.len();
        let mult = self.config.suspicion_mult;
        let min = suspicion_min(mult, n, self.config.probe_interval);
        let max = min.saturating_mul(self.config.suspicion_max_timeout_mult);
        let suspicion = Suspicion::new(from, confirmations_wanted(mult, n), min, max, now);
        self.run_suspicion(id, suspicion);
    }

    fn run_suspicion(&mut self, id: PeerId, suspicion: Suspicion) {
        self.suspicions.insert((suspicion.deadline(), id));
        *self.peers.suspicion(id) = Some(suspicion);
    }

    /// Another member suspects it too: less time is left, and the others hear of it.
    fn confirm_suspicion(&mut self, id: PeerId, accusation: Accusation) {
        let Some(suspicion) = self.peers.suspicion(id) else {
            return;
        };
        let before = suspicion.deadline();
        if !suspicion.confirm(&accusation.from) {
            return;
        }
        let after = suspicion.deadline();
        self.suspicions.remove(&(before, id));
        self.suspicions.insert((after, id));
        self.broadcast(accusation.node.clone(), &Message::Suspect(accusation));
    }

    fn end_suspicion(&mut self, id: PeerId) -> Option<Suspicion> {
        let suspicion = self.peers.suspicion(id).take()?;
        self.suspicions.remove(&(suspicion.deadline(), id));
        Some(suspicion)
    }

    /// Declares the member dead whose suspicion ran out first; false when none has.
    ///
    /// While our own health is poor it is postponed instead, for as long as a probe of ours takes then: it is more
    /// likely that we do not hear the refutation than that there is none. Whoever is really dead is declared so by
    /// the healthy ones who suspect it, too. When everybody else is suspected or gone, nobody is left to do that, and
    /// to ask on our behalf: then the score says nothing. Memberlist's members declare others dead however bad they
    /// feel; nobody can tell the difference, since suspicions may last that long anyway.
    pub(super) fn expire_suspicion(&mut self, now: Mono, above: &mut dyn Delegate) -> bool {
        let Some(&(_, id)) = self.suspicions.first().filter(|(due, _)| *due <= now) else {
            return false;
        };
        let Some(mut suspicion) = self.end_suspicion(id) else {
            return false;
        };
        let more = self.awareness.scale(self.config.probe_interval);
        // Besides us, this one and the other suspects.
        let somebody_is_well = self.peers.present() > self.suspicions.len() + 2;
        if somebody_is_well && self.awareness.score() > 0 && suspicion.postpone(more) {
            self.run_suspicion(id, suspicion);
            return true;
        }
        if suspicion.is_lonely() {
            self.notice(Notice::DegradedTimeout);
        }
        let peer = self.peers.get(id);
        let accusation = Accusation {
            incarnation: peer.incarnation,
            node: peer.name.clone(),
            from: self.peers.get(self.me).name.clone(),
        };
        self.notice(Notice::SuspicionExpired {
            node: accusation.node.clone(),
            confirmations: suspicion.confirmations(),
        });
        self.dead(now, accusation, above);
        true
    }

    /// "This member has failed", or, said by itself, "I leave".
    pub(super) fn dead(&mut self, now: Mono, accusation: Accusation, above: &mut dyn Delegate) {
        let Some(id) = self.peers.find(&accusation.node) else {
            return;
        };
        if accusation.incarnation < self.peers.get(id).incarnation {
            return;
        }
        self.end_suspicion(id);
        if !is_present(self.peers.get(id).state) {
            return;
        }
        if id == self.me {
            self.refute(accusation.incarnation, accusation.from, "dead");
            return;
        }
        let state = if accusation.node == accusation.from {
            PeerState::Left
        } else {
            PeerState::Dead
        };
        self.peers.get_mut(id).incarnation = accusation.incarnation;
        self.broadcast(accusation.node.clone(), &Message::Dead(accusation));
        self.peers.set_state(id, state, now);
        self.notice(Notice::Received("dead"));
        above.changed(now, Change::Gone(state), self.peers.get(id));
    }

    /// Contradicts what is said of us, under an incarnation that beats it. That it was said at all speaks
    /// against our network.
    fn refute(&mut self, accused: u32, accused_by: NodeName, what: &'static str) {
        let me = self.peers.get_mut(self.me);
        me.incarnation = me.incarnation.max(accused).saturating_add(1);
        self.apply_health(1);
        let message = Message::Alive(self.own_alive());
        // Not under our name, so that what we announced last is told to its end.
        let key = self.peers.get(self.me).address.ip().to_string();
        self.broadcast(key.into(), &message);
        self.notice(Notice::Refuted { accused_by, what });
    }

    /// Old members do not tell their port: it is ours.
    pub(super) fn fill_port(&self, mut address: SocketAddr) -> SocketAddr {
        if address.port() == 0 {
            address.set_port(self.peers.get(self.me).address.port());
        }
        address
    }
}

/// Whether a member that sends this understands any protocol.
fn versions_make_sense(versions: Versions) -> bool {
    let (min, max) = (versions.protocol_min(), versions.protocol_max());
    versions.as_slice().len() < 3 || (min > 0 && max > 0 && min <= max)
}
