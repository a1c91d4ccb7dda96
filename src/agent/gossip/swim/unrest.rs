//! How often a member was in doubt, went and came back: what flaps.

use std::collections::VecDeque;
use std::time::Duration;

use crate::agent::gossip::wire::{NodeName, PeerState};
use crate::model::mono::Mono;

use super::peers::is_present;

/// How far back counts reach.
pub const WINDOW: Duration = Duration::from_hours(1);
/// Most moments of a kind that are remembered of a member; older ones are forgotten first.
const MOMENTS_MAX: usize = 64;

/// What a member went through, as this one saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberUnrest {
    /// The member.
    pub name: NodeName,
    /// It is in doubt now.
    pub suspect: bool,
    /// How often it was in doubt within [`WINDOW`]; 64 for more.
    pub suspicions: u32,
    /// How often it went or came back within [`WINDOW`]; 64 for more.
    pub flaps: u32,
    /// How long ago it last went or came back; `None` if it never did.
    pub settled: Option<Duration>,
}

/// Moments of the one kind and the other. Empty for members that are well, which are most.
#[derive(Debug, Default)]
pub(super) struct Unrest {
    /// It was there once: what came before is no return.
    known: bool,
    doubted: VecDeque<Mono>,
    turned: VecDeque<Mono>,
}

impl Unrest {
    /// The member's state changes.
    pub(super) fn changes(&mut self, from: PeerState, to: PeerState, now: Mono) {
        let knew = self.known;
        self.known |= is_present(from) || is_present(to);
        if is_present(from) != is_present(to) {
            if knew || is_present(from) {
                remember(&mut self.turned, now);
            }
        } else if to == PeerState::Suspect {
            remember(&mut self.doubted, now);
        }
    }

    /// What has been remembered of the member.
    pub(super) fn of(&self, name: &NodeName, state: PeerState, now: Mono) -> MemberUnrest {
        MemberUnrest {
            name: name.clone(),
            suspect: state == PeerState::Suspect,
            suspicions: count(&self.doubted, now),
            flaps: count(&self.turned, now),
            settled: self.turned.back().map(|moment| now.since(*moment)),
        }
    }
}

fn remember(moments: &mut VecDeque<Mono>, now: Mono) {
    if moments.len() == MOMENTS_MAX {
        moments.pop_front();
    }
    moments.push_back(now);
}

fn count(moments: &VecDeque<Mono>, now: Mono) -> u32 {
    let recent = moments
        .iter()
        .rev()
        .take_while(|moment| now.since(**moment) <= WINDOW);
    u32::try_from(recent.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubts_and_turns_of_the_last_hour_count() {
        let mut unrest = Unrest::default();
        let name: NodeName = "a".into();
        let at = |minutes: u64| Mono::ZERO + Duration::from_mins(minutes);
        unrest.changes(PeerState::Alive, PeerState::Suspect, at(0));
        unrest.changes(PeerState::Suspect, PeerState::Dead, at(1));
        unrest.changes(PeerState::Dead, PeerState::Alive, at(30));
        unrest.changes(PeerState::Alive, PeerState::Suspect, at(40));
        unrest.changes(PeerState::Suspect, PeerState::Alive, at(41));
        let seen = unrest.of(&name, PeerState::Alive, at(50));
        assert_eq!((seen.suspicions, seen.flaps, seen.suspect), (2, 2, false));
        assert_eq!(seen.settled, Some(Duration::from_mins(20)));
        let later = unrest.of(&name, PeerState::Suspect, at(65));
        assert_eq!((later.suspicions, later.flaps, later.suspect), (1, 1, true));
        let calm = Unrest::default().of(&name, PeerState::Alive, at(65));
        assert_eq!((calm.suspicions, calm.flaps, calm.settled), (0, 0, None));
    }

    #[test]
    fn a_member_that_always_flaps_takes_no_more_room() {
        let mut unrest = Unrest::default();
        unrest.changes(PeerState::Dead, PeerState::Alive, Mono::ZERO);
        assert!(unrest.turned.is_empty(), "it has only come");
        for second in 0..1000 {
            let now = Mono::ZERO + Duration::from_secs(second);
            unrest.changes(PeerState::Alive, PeerState::Dead, now);
        }
        assert_eq!(unrest.turned.len(), MOMENTS_MAX);
        let now = Mono::ZERO + Duration::from_secs(1000);
        assert_eq!(unrest.of(&"a".into(), PeerState::Dead, now).flaps, 64);
    }
}
