//! The table of members: section 10 of the wire format.

use std::collections::BTreeMap;

use crate::agent::gossip::wire::{LamportTime, NodeName};
use crate::model::member::MemberStatus;
use crate::model::mono::Mono;

use super::member::Member;

/// A member and what decides about later messages.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) member: Member,
    /// The logical time of the intent that its status follows; older intents are void.
    pub(super) status_ltime: LamportTime,
    /// The logical time of a leave that only a list of who left tells of; 0 for none. Counts when the member goes
    /// and nothing newer was said of it.
    pub(super) left_ltime: LamportTime,
    /// When it failed or left; the origin of time for one that never did.
    pub(super) gone_at: Mono,
    /// Since when it is said to leave; counts only while it does.
    pub(super) leaving_since: Mono,
}

/// All members that are not forgotten, by name.
#[derive(Debug, Default)]
pub(super) struct Members {
    entries: BTreeMap<NodeName, Entry>,
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Entry> {
        self.entries.get_mut(name)
    }

    pub(super) fn insert(&mut self, entry: Entry) {
        self.entries.insert(entry.member.name.clone(), entry);
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Entry> {
        self.entries.remove(name)
    }

    /// Sorted by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    pub(super) fn with_status(&self, status: MemberStatus) -> impl Iterator<Item = &Entry> {
        self.iter()
            .filter(move |entry| entry.member.status == status)
    }

    /// Whether anybody but `own` is alive.
    pub(super) fn has_others_alive(&self, own: &str) -> bool {
        self.with_status(MemberStatus::Alive)
            .any(|entry| &*entry.member.name != own)
    }
}
