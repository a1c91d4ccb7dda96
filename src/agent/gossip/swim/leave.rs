//! What we say of ourselves: at the start, when our metadata change, and when we leave (section 6.5 of the
//! wire format).

use bytes::Bytes;

use crate::agent::gossip::wire::{Accusation, Alive, META_MAX, Message, PeerState};
use crate::model::mono::Mono;

use super::delegate::{Change, Delegate};
use super::detector::Swim;
use super::io::{Notice, Output};
use super::queue::Ticket;

/// Whether we are going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    No,
    /// The broadcast that tells it is queued.
    Telling(Ticket),
    /// [`Output::Left`] was given.
    Told,
}

impl Swim {
    /// Tells all who we are.
    pub(super) fn announce(&mut self) {
        let alive = Message::Alive(self.own_alive());
        let name = self.peers.get(self.me).name.clone();
        self.broadcast(name, &alive);
    }

    /// The message that says that we are alive.
    pub(super) fn own_alive(&self) -> Alive {
        let me = self.peers.get(self.me);
        Alive {
            incarnation: me.incarnation,
            node: me.name.clone(),
            address: me.address,
            meta: me.meta.clone(),
            versions: me.versions,
        }
    }

    /// New metadata of our own, under a new incarnation.
    pub(super) fn set_meta(&mut self, now: Mono, meta: Bytes, above: &mut dyn Delegate) {
        if self.is_leaving() {
            return;
        }
        let me = self.peers.get_mut(self.me);
        if meta.len() > META_MAX {
            let reason = format!(
                "metadata of {} bytes, at most {META_MAX} are told",
                meta.len()
            );
            let node = me.name.clone();
            self.notice(Notice::Refused { node, reason });
            return;
        }
        let changed = me.meta != meta;
        me.meta = meta;
        me.incarnation = me.incarnation.saturating_add(1);
        self.announce();
        if changed {
            above.changed(now, Change::Updated, self.peers.get(self.me));
        }
    }

    /// Says good-bye. From here on we do not refute what is said of us, and go on answering probes.
    pub(super) fn leave(&mut self, now: Mono, above: &mut dyn Delegate) {
        match self.leaving {
            Leaving::No => {}
            Leaving::Telling(_) => return,
            Leaving::Told => {
                self.outputs.push_back(Output::Left);
                return;
            }
        }
        let me = self.peers.get(self.me);
        let message = Message::Dead(Accusation {
            incarnation: me.incarnation,
            node: me.name.clone(),
            from: me.name.clone(),
        });
        let key = Some(me.name.clone());
        let ticket = self.broadcasts.push_watched(key, message.encode());
        self.leaving = Leaving::Telling(ticket);
        self.peers.set_state(self.me, PeerState::Left, now);
        above.changed(now, Change::Gone(PeerState::Left), self.peers.get(self.me));
    }

    /// Ends the leaving once it was told often enough, or there is nobody left to tell.
    pub(super) fn end_leaving(&mut self) {
        let finished = self.broadcasts.pop_finished();
        let Leaving::Telling(ticket) = self.leaving else {
            return;
        };
        if finished == Some(ticket) || self.peers.present() == 0 {
            self.leaving = Leaving::Told;
            self.outputs.push_back(Output::Left);
        }
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving != Leaving::No
    }
}
