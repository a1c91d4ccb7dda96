//! The key/value table with its tombstones.

use std::ops::Bound;
use std::sync::Arc;

use super::command::{KvCommand, KvVerb, Response};
use super::state::State;
use super::topic::{Topic, Touched};
use crate::model::kv::{Key, KvPair};
use crate::model::session::{check_id, lookup_failed};

/// Refusal of a lock without a session, in Consul's words.
const MISSING_SESSION: &str = "missing session";

impl State {
    /// The pair under a key.
    pub fn kv(&self, key: &[u8]) -> Option<&Arc<KvPair>> {
        self.kvs.get(key)
    }

    /// All pairs whose key begins so, in order.
    pub fn kv_prefix<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = &'a Arc<KvPair>> {
        self.kvs
            .range::<_, [u8]>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(key, _)| key.as_bytes().starts_with(prefix))
            .map(|(_, pair)| pair)
    }

    /// The index of the key/value tables together.
    pub(super) fn kv_table_index(&self) -> u64 {
        self.indexes.kvs.max(self.indexes.tombstones)
    }

    /// The newest deletion that a list of `prefix` must show in its index.
    pub(super) fn newest_tombstone(&self, prefix: &[u8]) -> u64 {
        let beneath = self
            .tombstones
            .range::<_, [u8]>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(|(key, _)| key.as_bytes().starts_with(prefix))
            .map(|(_, index)| *index);
        beneath
            .max()
            .unwrap_or(0)
            .max(self.newest_tombstone_above(prefix))
    }

    /// The newest deletion of a tree that `prefix` lies in: a deleted tree leaves one tombstone at its
    /// root. Goes backwards from the prefix over what the two have in common, so that the steps
    /// depend on the tombstones there are and not on the prefix's length.
    fn newest_tombstone_above(&self, prefix: &[u8]) -> u64 {
        let mut newest = 0;
        let mut end = Bound::Excluded(prefix);
        while let Some((key, index)) = self
            .tombstones
            .range::<_, [u8]>((Bound::Unbounded, end))
            .next_back()
        {
            let key = key.as_bytes();
            let common = key.iter().zip(prefix).take_while(|(a, b)| a == b).count();
            end = if common == key.len() {
                newest = newest.max(*index);
                Bound::Excluded(&prefix[..common])
            } else {
                Bound::Included(&prefix[..common])
            };
        }
        newest
    }

    pub(super) fn apply_kv(
        &mut self,
        index: u64,
        command: &KvCommand,
        touched: &mut Touched,
    ) -> Response {
        let pair = &command.pair;
        let expected = pair.modify_index;
        match command.verb {
            KvVerb::Set => {
                self.kv_set(index, pair, touched);
                Response::Done
            }
            KvVerb::Cas => Response::Bool(self.kv_cas(index, pair, expected, touched).is_some()),
            KvVerb::Delete => {
                self.kv_delete(index, &pair.key, touched);
                Response::Done
            }
            KvVerb::DeleteCas => {
                Response::Bool(self.kv_delete_cas(index, &pair.key, expected, touched))
            }
            KvVerb::DeleteTree => {
                self.kv_delete_tree(index, &pair.key, touched);
                Response::Done
            }
            KvVerb::Lock => match self.kv_lock(index, pair, touched) {
                Ok(pair) => Response::Bool(pair.is_some()),
                Err(reason) => Response::Refused(reason),
            },
            KvVerb::Unlock if pair.session.is_empty() => {
                Response::Refused(MISSING_SESSION.to_owned())
            }
            KvVerb::Unlock => Response::Bool(self.kv_unlock(index, pair, touched).is_some()),
        }
    }

    /// Writes value and flags; the lock stays as it is.
    pub(super) fn kv_set(
        &mut self,
        index: u64,
        pair: &KvPair,
        touched: &mut Touched,
    ) -> Arc<KvPair> {
        let (session, lock_index) = self.kv(pair.key.as_bytes()).map_or_else(
            || (String::new(), 0),
            |old| (old.session.clone(), old.lock_index),
        );
        self.kv_put(index, pair, session, lock_index, touched)
    }

    /// Writes a pair. An unchanged pair keeps its index and wakes nobody, as in Consul.
    fn kv_put(
        &mut self,
        index: u64,
        pair: &KvPair,
        session: String,
        lock_index: u64,
        touched: &mut Touched,
    ) -> Arc<KvPair> {
        let old = self.kvs.get(pair.key.as_bytes());
        if let Some(old) = old
            && old.value == pair.value
            && old.flags == pair.flags
            && old.session == session
            && old.lock_index == lock_index
        {
            return Arc::clone(old);
        }
        let holder = old.map_or("", |old| &old.session);
        self.session_links.hand_over(&pair.key, holder, &session);
        let new = Arc::new(KvPair {
            lock_index,
            key: pair.key.clone(),
            flags: pair.flags,
            value: pair.value.clone(),
            session,
            create_index: old.map_or(index, |old| old.create_index),
            modify_index: index,
        });
        self.kvs.insert(pair.key.clone(), Arc::clone(&new));
        self.indexes.kvs = index;
        touched.add(Topic::Kv(pair.key.clone()));
        new
    }

    pub(super) fn kv_cas(
        &mut self,
        index: u64,
        pair: &KvPair,
        expected: u64,
        touched: &mut Touched,
    ) -> Option<Arc<KvPair>> {
        let current = self
            .kv(pair.key.as_bytes())
            .map_or(0, |old| old.modify_index);
        (current == expected).then(|| self.kv_set(index, pair, touched))
    }

    pub(super) fn kv_delete(&mut self, index: u64, key: &Key, touched: &mut Touched) {
        if let Some(old) = self.kvs.remove(key.as_bytes()) {
            self.session_links.hand_over(key, &old.session, "");
            self.tombstones.insert(key.clone(), index);
            self.indexes.kvs = index;
            self.indexes.tombstones = index;
            touched.add(Topic::Kv(key.clone()));
        }
    }

    /// An absent key counts as deleted.
    pub(super) fn kv_delete_cas(
        &mut self,
        index: u64,
        key: &Key,
        expected: u64,
        touched: &mut Touched,
    ) -> bool {
        if self
            .kv(key.as_bytes())
            .is_some_and(|old| old.modify_index != expected)
        {
            return false;
        }
        self.kv_delete(index, key, touched);
        true
    }

    pub(super) fn kv_delete_tree(&mut self, index: u64, prefix: &Key, touched: &mut Touched) {
        let doomed: Vec<Key> = self
            .kv_prefix(prefix.as_bytes())
            .map(|pair| pair.key.clone())
            .collect();
        if doomed.is_empty() {
            return;
        }
        if doomed.len() == self.kvs.len() {
            self.kvs.clear();
            self.session_links.let_go_of_all();
        } else {
            for key in &doomed {
                if let Some(old) = self.kvs.remove(key) {
                    self.session_links.hand_over(key, &old.session, "");
                }
            }
        }
        self.tombstones.insert(prefix.clone(), index);
        self.indexes.kvs = index;
        self.indexes.tombstones = index;
        touched.add(Topic::KvPrefix(prefix.clone()));
    }

    /// Takes the lock for `pair.session`; `None` when another session holds it.
    pub(super) fn kv_lock(
        &mut self,
        index: u64,
        pair: &KvPair,
        touched: &mut Touched,
    ) -> Result<Option<Arc<KvPair>>, String> {
        if pair.session.is_empty() {
            return Err(MISSING_SESSION.to_owned());
        }
        check_id(&pair.session).map_err(|why| lookup_failed(&why))?;
        if self.session(&pair.session).is_none() {
            return Err(format!("invalid session {:?}", pair.session));
        }
        let (holder, lock_index) = self
            .kv(pair.key.as_bytes())
            .map_or(("", 0), |old| (old.session.as_str(), old.lock_index));
        let lock_index = match holder {
            "" => lock_index + 1,
            holder if holder == pair.session => lock_index,
            _ => return Ok(None),
        };
        Ok(Some(self.kv_put(
            index,
            pair,
            pair.session.clone(),
            lock_index,
            touched,
        )))
    }

    /// Gives the lock back; `None` when `pair.session` does not hold it.
    pub(super) fn kv_unlock(
        &mut self,
        index: u64,
        pair: &KvPair,
        touched: &mut Touched,
    ) -> Option<Arc<KvPair>> {
        let old = self.kv(pair.key.as_bytes())?;
        if pair.session.is_empty() || old.session != pair.session {
            return None;
        }
        let lock_index = old.lock_index;
        Some(self.kv_put(index, pair, String::new(), lock_index, touched))
    }

    /// Takes the lock away from the session that held it; value and flags stay.
    pub(super) fn kv_release(&mut self, index: u64, key: &Key, touched: &mut Touched) {
        if let Some(old) = self.kv(key.as_bytes()).cloned() {
            self.kv_put(index, &old, String::new(), old.lock_index, touched);
        }
    }

    pub(super) fn reap_tombstones(&mut self, up_to: u64) {
        let old: Vec<Key> = self
            .tombstones
            .iter()
            .filter(|(_, index)| **index <= up_to)
            .map(|(key, _)| key.clone())
            .collect();
        for key in old {
            if let Some(index) = self.tombstones.remove(&key) {
                self.reaped_index = self.reaped_index.max(index);
            }
        }
    }

    /// Whether any deletion at or before `index` is still remembered.
    pub fn has_tombstones_until(&self, index: u64) -> bool {
        self.tombstones.iter().any(|(_, at)| *at <= index)
    }
}
