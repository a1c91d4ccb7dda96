//! The table of known members, the order in which they are probed, and random choices among them.

use std::collections::HashMap;

use rand::RngExt;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;

use crate::agent::gossip::wire::{NodeName, PeerState};
use crate::model::mono::Mono;

use super::peer::Peer;
use super::suspicion::Suspicion;
use super::unrest::{MemberUnrest, Unrest};

/// Most members that a pool remembers: as many as one push/pull may tell of.
pub(super) const PEERS_MAX: usize = 1_048_576;

/// Where a member is in the table. Stays valid until the member is swept, which happens only to members that
/// are long dead or left.
pub(super) type PeerId = usize;

/// A member and what is being found out about it.
#[derive(Debug)]
struct Slot {
    peer: Peer,
    /// Runs while the member is suspect.
    suspicion: Option<Suspicion>,
    unrest: Unrest,
}

/// All known members.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// Those in `free` are leftovers of members that were swept.
    slots: Vec<Slot>,
    free: Vec<PeerId>,
    by_name: HashMap<NodeName, PeerId>,
    /// The members, shuffled: the order of probing.
    order: Vec<PeerId>,
    /// Where the round of probes is.
    cursor: usize,
    /// Members that are neither dead nor left.
    present: usize,
}

impl Peers {
    /// Known members.
    pub(super) const fn len(&self) -> usize {
        self.order.len()
    }

    /// Members that are neither dead nor left.
    pub(super) const fn present(&self) -> usize {
        self.present
    }

    pub(super) fn is_full(&self) -> bool {
        self.order.len() >= PEERS_MAX
    }

    pub(super) fn find(&self, name: &str) -> Option<PeerId> {
        self.by_name.get(name).copied()
    }

    pub(super) fn get(&self, id: PeerId) -> &Peer {
        &self.slots[id].peer
    }

    /// Not for changing the state: see [`Self::set_state`].
    pub(super) fn get_mut(&mut self, id: PeerId) -> &mut Peer {
        &mut self.slots[id].peer
    }

    pub(super) fn suspicion(&mut self, id: PeerId) -> &mut Option<Suspicion> {
        &mut self.slots[id].suspicion
    }

    /// All of them, in the order of probing.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Peer> {
        self.order.iter().map(|id| self.get(*id))
    }

    /// What all of them went through.
    pub(super) fn unrest(&self, now: Mono) -> impl Iterator<Item = MemberUnrest> {
        let slots = self.order.iter().map(|id| &self.slots[*id]);
        slots.map(move |slot| slot.unrest.of(&slot.peer.name, slot.peer.state, now))
    }

    /// Adds a member at a random place of the order. There must be none of that name.
    pub(super) fn insert(&mut self, peer: Peer, rng: &mut SmallRng) -> PeerId {
        self.present += usize::from(is_present(peer.state));
        let name = peer.name.clone();
        let slot = Slot {
            peer,
            suspicion: None,
            unrest: Unrest::default(),
        };
        let id = if let Some(id) = self.free.pop() {
            self.slots[id] = slot;
            id
        } else {
            self.slots.push(slot);
            self.slots.len() - 1
        };
        self.by_name.insert(name, id);
        self.order.push(id);
        let last = self.order.len() - 1;
        self.order.swap(rng.random_range(0..=last), last);
        id
    }

    /// Changes a member's state, and when it did, unless it is in that state already.
    pub(super) fn set_state(&mut self, id: PeerId, state: PeerState, now: Mono) {
        let Slot { peer, unrest, .. } = &mut self.slots[id];
        if peer.state == state {
            return;
        }
        unrest.changes(peer.state, state, now);
        self.present -= usize::from(is_present(peer.state));
        self.present += usize::from(is_present(state));
        peer.state = state;
        peer.changed_at = now;
    }

    /// The next member of the round of probes that is `wanted`; `None` at the end of the round.
    pub(super) fn next_in_round(
        &mut self,
        wanted: impl Fn(PeerId, &Peer) -> bool,
    ) -> Option<PeerId> {
        while let Some(id) = self.order.get(self.cursor).copied() {
            self.cursor += 1;
            if wanted(id, self.get(id)) {
                return Some(id);
            }
        }
        None
    }

    /// Starts a new round of probes in a new order, without the members that need not be kept.
    pub(super) fn new_round(&mut self, keep: impl Fn(PeerId, &Peer) -> bool, rng: &mut SmallRng) {
        let mut order = std::mem::take(&mut self.order);
        order.retain(|id| {
            let peer = &self.slots[*id].peer;
            let kept = keep(*id, peer);
            if !kept {
                self.by_name.remove(&peer.name);
                self.free.push(*id);
            }
            kept
        });
        order.shuffle(rng);
        self.order = order;
        self.cursor = 0;
    }

    /// Up to `k` different random members that are `wanted`. Small tables are searched completely, large ones
    /// by trying at random for a while.
    pub(super) fn choose(
        &self,
        k: usize,
        rng: &mut SmallRng,
        wanted: impl Fn(PeerId, &Peer) -> bool,
    ) -> Vec<PeerId> {
        let n = self.order.len();
        let is_wanted = |id: &PeerId| wanted(*id, self.get(*id));
        if n < k.saturating_mul(3) {
            let mut order = self.order.clone();
            order.shuffle(rng);
            return order.into_iter().filter(is_wanted).take(k).collect();
        }
        let mut chosen = Vec::with_capacity(k);
        for _ in 0..n.saturating_mul(3) {
            if chosen.len() == k {
                break;
            }
            let id = self.order[rng.random_range(0..n)];
            if !chosen.contains(&id) && is_wanted(&id) {
                chosen.push(id);
            }
        }
        chosen
    }
}

/// Neither dead nor left.
pub(super) const fn is_present(state: PeerState) -> bool {
    matches!(state, PeerState::Alive | PeerState::Suspect)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;

    use crate::agent::gossip::wire::Versions;

    use super::*;

    fn peer(n: usize) -> Peer {
        Peer {
            name: format!("n{n}").into(),
            address: ([127, 0, 0, 1], 7946).into(),
            meta: bytes::Bytes::new(),
            versions: Versions::CONSUL,
            incarnation: 1,
            state: PeerState::Alive,
            changed_at: Mono::ZERO,
        }
    }

    fn peers(n: usize, rng: &mut SmallRng) -> Peers {
        let mut peers = Peers::default();
        for i in 0..n {
            peers.insert(peer(i), rng);
        }
        peers
    }

    #[test]
    fn a_round_visits_everybody_once_and_the_next_one_in_another_order() {
        let rng = &mut SmallRng::seed_from_u64(1);
        let mut peers = peers(50, rng);
        let round = |peers: &mut Peers| -> Vec<PeerId> {
            std::iter::from_fn(|| peers.next_in_round(|_, _| true)).collect()
        };
        let first = round(&mut peers);
        assert_ne!(
            first,
            (0..50).collect::<Vec<_>>(),
            "inserted at random places"
        );
        peers.new_round(|_, _| true, rng);
        let second = round(&mut peers);
        assert_ne!(first, second);
        for order in [first, second] {
            assert_eq!(order.into_iter().collect::<BTreeSet<_>>().len(), 50);
        }
    }

    #[test]
    fn swept_members_are_forgotten_and_their_places_used_again() {
        let rng = &mut SmallRng::seed_from_u64(2);
        let mut peers = peers(4, rng);
        let gone = peers.find("n2").unwrap();
        peers.set_state(gone, PeerState::Dead, Mono::ZERO);
        assert_eq!((peers.len(), peers.present()), (4, 3));
        peers.new_round(|_, peer| is_present(peer.state), rng);
        assert_eq!((peers.len(), peers.present()), (3, 3));
        assert_eq!(peers.find("n2"), None);
        assert_eq!(peers.insert(peer(9), rng), gone);
        assert_eq!(&*peers.get(gone).name, "n9");
        assert_eq!(peers.iter().len(), 4);
    }

    #[test]
    fn a_state_changes_its_time_only_when_it_changes() {
        let rng = &mut SmallRng::seed_from_u64(3);
        let mut peers = peers(1, rng);
        let later = Mono::from_origin(std::time::Duration::from_secs(1));
        peers.set_state(0, PeerState::Alive, later);
        assert_eq!(peers.get(0).changed_at, Mono::ZERO);
        peers.set_state(0, PeerState::Suspect, later);
        assert_eq!(peers.get(0).changed_at, later);
        assert_eq!(peers.present(), 1);
        peers.set_state(0, PeerState::Left, later);
        peers.set_state(0, PeerState::Dead, later);
        assert_eq!(peers.present(), 0);
    }

    #[test]
    fn choices_are_different_wanted_and_complete_in_small_tables() {
        let rng = &mut SmallRng::seed_from_u64(4);
        for n in [0, 1, 3, 8, 9, 100] {
            let peers = peers(n, rng);
            for _ in 0..100 {
                let chosen = peers.choose(3, rng, |id, _| id != 0);
                let distinct: BTreeSet<_> = chosen.iter().collect();
                assert_eq!(distinct.len(), chosen.len());
                assert!(!chosen.contains(&0));
                assert_eq!(chosen.len(), n.saturating_sub(1).min(3), "of {n}");
            }
        }
    }

    #[test]
    fn choices_are_fair() {
        let rng = &mut SmallRng::seed_from_u64(5);
        for n in [6, 40] {
            let peers = peers(n, rng);
            let mut times = vec![0_u32; n];
            for _ in 0..n * 1_000 {
                for id in peers.choose(3, rng, |_, _| true) {
                    times[id] += 1;
                }
            }
            assert!(
                times.iter().all(|t| (2_700..3_300).contains(t)),
                "{times:?}"
            );
        }
    }
}
