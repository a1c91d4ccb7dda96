//! The key/value table against a model that is too simple to be wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::arbitrary::{KEYS, SESSIONS, kv};
use crate::agent::store::*;
use crate::model::kv::{Key, KvPair};
use crate::model::session::Session;

/// Pairs, and the indexes of all changes beneath every key, deletions included.
#[derive(Clone, Default)]
pub(super) struct Model {
    pub(super) pairs: BTreeMap<Vec<u8>, KvPair>,
    changes: Vec<(Vec<u8>, u64)>,
}

impl Model {
    pub(super) fn apply(&mut self, index: u64, command: &KvCommand) -> Response {
        let pair = &command.pair;
        let key = pair.key.as_bytes().to_vec();
        let old = self.pairs.get(&key).cloned();
        let current = old.as_ref().map_or(0, |old| old.modify_index);
        let holder = old
            .as_ref()
            .map_or(String::new(), |old| old.session.clone());
        let lock_index = old.as_ref().map_or(0, |old| old.lock_index);
        match command.verb {
            KvVerb::Set => {
                self.write(index, pair, holder, lock_index);
                Response::Done
            }
            KvVerb::Cas if current == pair.modify_index => {
                self.write(index, pair, holder, lock_index);
                Response::Bool(true)
            }
            KvVerb::Delete => {
                self.delete(index, |found| *found == key[..]);
                Response::Done
            }
            KvVerb::DeleteCas if old.is_none() || current == pair.modify_index => {
                self.delete(index, |found| *found == key[..]);
                Response::Bool(true)
            }
            KvVerb::DeleteTree => {
                self.delete(index, |found| found.starts_with(&key));
                Response::Done
            }
            KvVerb::Lock | KvVerb::Unlock if pair.session.is_empty() => {
                Response::Refused("missing session".to_owned())
            }
            KvVerb::Lock if !SESSIONS[..2].contains(&pair.session.as_str()) => {
                Response::Refused(format!("invalid session {:?}", pair.session))
            }
            KvVerb::Lock if holder.is_empty() => {
                self.write(index, pair, pair.session.clone(), lock_index + 1);
                Response::Bool(true)
            }
            KvVerb::Lock if holder == pair.session => {
                self.write(index, pair, holder, lock_index);
                Response::Bool(true)
            }
            KvVerb::Unlock if old.is_some() && !holder.is_empty() && holder == pair.session => {
                self.write(index, pair, String::new(), lock_index);
                Response::Bool(true)
            }
            KvVerb::Cas | KvVerb::DeleteCas | KvVerb::Lock | KvVerb::Unlock => {
                Response::Bool(false)
            }
        }
    }

    fn write(&mut self, index: u64, pair: &KvPair, session: String, lock_index: u64) {
        let key = pair.key.as_bytes().to_vec();
        let old = self.pairs.get(&key);
        let new = KvPair {
            create_index: old.map_or(index, |old| old.create_index),
            modify_index: old.map_or(index, |old| old.modify_index),
            session,
            lock_index,
            ..pair.clone()
        };
        if old != Some(&new) {
            self.pairs.insert(
                key.clone(),
                KvPair {
                    modify_index: index,
                    ..new
                },
            );
            self.changes.push((key, index));
        }
    }

    fn delete(&mut self, index: u64, doomed: impl Fn(&[u8]) -> bool) {
        let keys: Vec<_> = self
            .pairs
            .keys()
            .filter(|key| doomed(key))
            .cloned()
            .collect();
        for key in keys {
            self.pairs.remove(&key);
            self.changes.push((key, index));
        }
    }

    pub(super) fn list(&self, prefix: &[u8]) -> Vec<KvPair> {
        let beneath = self.pairs.iter().filter(|(key, _)| key.starts_with(prefix));
        beneath.map(|(_, pair)| pair.clone()).collect()
    }

    /// The last change of anything that ever was beneath the prefix.
    fn last_change(&self, prefix: &[u8]) -> u64 {
        let beneath = self
            .changes
            .iter()
            .filter(|(key, _)| key.starts_with(prefix));
        beneath.map(|(_, index)| *index).max().unwrap_or(0)
    }
}

pub(super) fn with_sessions() -> State {
    let mut state = State::default();
    for id in &SESSIONS[..2] {
        let session = Session {
            id: (*id).to_owned(),
            ..Session::default()
        };
        state.sessions.insert((*id).to_owned(), Arc::new(session));
    }
    state
}

proptest! {
    #[test]
    fn the_table_is_the_model(commands in prop::collection::vec(kv(), 1..60)) {
        let (mut state, mut model) = (with_sessions(), Model::default());
        for (index, command) in (1..).zip(&commands) {
            let Command::Kv(kv) = command else { unreachable!("only such commands are made") };
            let answer = state.apply(index, command, &mut Touched::default());
            prop_assert_eq!(answer, model.apply(index, kv), "{:?}", command);
            for key in KEYS.iter().map(|key| Key::from(*key)) {
                let found = state.kv(key.as_bytes()).map(|pair| KvPair::clone(pair));
                prop_assert_eq!(found.as_ref(), model.pairs.get(key.as_bytes()));
                let (list_index, list) =
                    KvList { prefix: key.clone() }.run(&state, &mut WatchSet::default());
                let list: Vec<KvPair> = list.iter().map(|pair| KvPair::clone(pair)).collect();
                prop_assert_eq!(list, model.list(key.as_bytes()));
                prop_assert!(list_index >= model.last_change(key.as_bytes()), "{:?}", key);
                prop_assert!(list_index <= index);
            }
        }
    }

    #[test]
    fn keys_are_those_of_the_list_cut(
        commands in prop::collection::vec(kv(), 1..40),
        separator in prop::sample::select(vec!["", "/", "b", "/b"]),
    ) {
        let mut state = with_sessions();
        for (index, command) in (1..).zip(&commands) {
            state.apply(index, command, &mut Touched::default());
        }
        for prefix in KEYS {
            let query =
                KvKeys { prefix: Key::from(*prefix), separator: separator.as_bytes().to_vec() };
            let (_, keys) = query.run(&state, &mut WatchSet::default());
            let mut expected: Vec<Key> = Vec::new();
            for pair in state.kv_prefix(prefix.as_bytes()) {
                let text = pair.key.to_string();
                let (head, tail) = text.split_at(prefix.len());
                let cut = match tail.find(separator) {
                    Some(at) if !separator.is_empty() => {
                        format!("{head}{}", &tail[..at + separator.len()])
                    }
                    _ => text.clone(),
                };
                expected.push(Key::from(cut.as_str()));
            }
            expected.dedup();
            prop_assert_eq!(keys, expected);
        }
    }

    #[test]
    fn reaping_forgets_deletions_and_nothing_else(
        commands in prop::collection::vec(kv(), 1..40),
        up_to in 0..40_u64,
    ) {
        let mut state = with_sessions();
        for (index, command) in (1..).zip(&commands) {
            state.apply(index, command, &mut Touched::default());
        }
        let before: Vec<_> = state.kv_prefix(b"").cloned().collect();
        let index = state.last_index() + 1;
        let mut touched = Touched::default();
        state.apply(index, &Command::ReapTombstones { index: up_to }, &mut touched);
        prop_assert!(!state.has_tombstones_until(up_to));
        prop_assert!(touched.is_empty());
        prop_assert!(state.kv_prefix(b"").eq(before.iter()));
    }
}
