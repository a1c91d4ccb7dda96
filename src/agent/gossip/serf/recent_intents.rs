//! What is said of members before they are known: section 10 of the wire format.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::agent::gossip::wire::{LamportTime, NodeName};
use crate::model::mono::Mono;

/// Intents that are remembered at most; more unknown names than that is no pool of ours.
const INTENTS_MAX: usize = 65_536;

/// What a member wants, or is said to want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intention {
    Join,
    Leave,
}

/// An intent about a member that is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecentIntent {
    pub(super) intention: Intention,
    pub(super) ltime: LamportTime,
    heard_at: Mono,
}

/// The newest intent about each unknown member. Intents may overtake the news of the member itself.
#[derive(Debug, Default)]
pub(super) struct RecentIntents {
    by_name: BTreeMap<NodeName, RecentIntent>,
}

impl RecentIntents {
    /// Remembers an intent; true when it is newer than what was known, so that it is to be passed on.
    pub(super) fn upsert(
        &mut self,
        now: Mono,
        node: &NodeName,
        intention: Intention,
        ltime: LamportTime,
    ) -> bool {
        let known = self.by_name.get(node);
        if known.is_some_and(|known| ltime <= known.ltime) {
            return false;
        }
        if known.is_none() && self.by_name.len() >= INTENTS_MAX {
            return false;
        }
        let intent = RecentIntent {
            intention,
            ltime,
            heard_at: now,
        };
        self.by_name.insert(node.clone(), intent);
        true
    }

    /// The member was known up to now: what was said of it until `ltime` is settled, and later copies of that
    /// are no news.
    pub(super) fn settle(&mut self, now: Mono, node: &NodeName, ltime: LamportTime) {
        let known = self.by_name.get(node);
        if known.is_none_or(|known| known.ltime <= ltime) {
            self.by_name.remove(node);
            self.upsert(now, node, Intention::Join, ltime);
        }
    }

    /// The newest intent about a member.
    pub(super) fn get(&self, node: &str) -> Option<RecentIntent> {
        self.by_name.get(node).copied()
    }

    /// Forgets intents that are older than `timeout`.
    pub(super) fn expire(&mut self, now: Mono, timeout: Duration) {
        self.by_name
            .retain(|_, intent| now - intent.heard_at <= timeout);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_intent_wins_and_is_news() {
        let mut intents = RecentIntents::default();
        let node = NodeName::from("n1");
        let mut hear = |intention, ltime| intents.upsert(Mono::ZERO, &node, intention, ltime);
        assert!(hear(Intention::Leave, 5));
        assert!(!hear(Intention::Leave, 5), "known");
        assert!(!hear(Intention::Join, 4), "older");
        assert!(!hear(Intention::Join, 5), "as old");
        assert!(hear(Intention::Join, 6));
        let known = intents
            .get("n1")
            .map(|known| (known.intention, known.ltime));
        assert_eq!(known, Some((Intention::Join, 6)));
        assert_eq!(intents.get("n2"), None);
    }

    #[test]
    fn intents_expire() {
        let mut intents = RecentIntents::default();
        let minute = Duration::from_mins(1);
        let at = |minutes: u32| Mono::ZERO + minute * minutes;
        intents.upsert(at(0), &"old".into(), Intention::Leave, 1);
        intents.upsert(at(3), &"new".into(), Intention::Leave, 1);
        intents.expire(at(5), minute * 5);
        assert!(intents.get("old").is_some(), "exactly as old as allowed");
        intents.expire(at(6), minute * 5);
        assert!(intents.get("old").is_none());
        assert!(intents.get("new").is_some());
    }

    #[test]
    fn invented_names_do_not_fill_the_memory() {
        let mut intents = RecentIntents::default();
        let mut hear = |n: usize, ltime| {
            let name = NodeName::from(n.to_string());
            intents.upsert(Mono::ZERO, &name, Intention::Join, ltime)
        };
        assert!((0..INTENTS_MAX).all(|n| hear(n, 1)));
        assert!(!hear(INTENTS_MAX, 1));
        assert!(hear(7, 2), "known names are still followed");
    }
}
