//! Reads of keys.

use std::sync::Arc;

use crate::agent::store::{Query, State, Topic, Touched, WatchSet};
use crate::model::access::{Requirement, Resource};
use crate::model::kv::{Key, KvPair};
use crate::model::txn::{TxnOp, TxnResponse};

/// One key.
#[derive(Debug, Clone)]
pub struct KvGet {
    /// The key.
    pub key: Key,
}

impl Query for KvGet {
    type Answer = Option<Arc<KvPair>>;
    const METHOD: &'static str = "KVS.Get";

    fn requirement(&self) -> Requirement<'_> {
        Requirement::read(Resource::Key, self.key.as_bytes())
    }

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::Kv(self.key.clone()));
        match state.kv(self.key.as_bytes()) {
            Some(pair) => (pair.modify_index, Some(Arc::clone(pair))),
            None => (state.kv_table_index(), None),
        }
    }
}

/// All keys that begin so, with their values.
#[derive(Debug, Clone)]
pub struct KvList {
    /// The prefix; empty for all.
    pub prefix: Key,
}

impl Query for KvList {
    type Answer = Vec<Arc<KvPair>>;
    const METHOD: &'static str = "KVS.List";

    fn requirement(&self) -> Requirement<'_> {
        Requirement::read(Resource::KeyPrefix, self.prefix.as_bytes())
    }

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::KvPrefix(self.prefix.clone()));
        let pairs: Vec<_> = state.kv_prefix(self.prefix.as_bytes()).cloned().collect();
        (
            list_index(state, self.prefix.as_bytes(), pairs.iter()),
            pairs,
        )
    }
}

/// The keys that begin so, without values; beneath the separator only the common part, once.
#[derive(Debug, Clone)]
pub struct KvKeys {
    /// The prefix; empty for all.
    pub prefix: Key,
    /// Where a key is cut; empty for whole keys.
    pub separator: Vec<u8>,
}

impl Query for KvKeys {
    type Answer = Vec<Key>;
    const METHOD: &'static str = "KVS.ListKeys";

    fn requirement(&self) -> Requirement<'_> {
        Requirement::read(Resource::KeyPrefix, self.prefix.as_bytes())
    }

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::KvPrefix(self.prefix.clone()));
        let prefix = self.prefix.as_bytes();
        let mut keys: Vec<Key> = Vec::new();
        for pair in state.kv_prefix(prefix) {
            let key = self.cut(&pair.key);
            if keys.last() != Some(&key) {
                keys.push(key);
            }
        }
        (list_index(state, prefix, state.kv_prefix(prefix)), keys)
    }
}

impl KvKeys {
    fn cut(&self, key: &Key) -> Key {
        let (bytes, separator) = (key.as_bytes(), &self.separator[..]);
        let start = self.prefix.as_bytes().len();
        if separator.is_empty() {
            return key.clone();
        }
        let found = bytes[start..]
            .windows(separator.len())
            .position(|part| part == separator);
        match found {
            Some(at) => Key::from(&bytes[..start + at + separator.len()]),
            None => key.clone(),
        }
    }
}

/// The newest change beneath the prefix, deletions included; the tables' index when there was none
/// or when all keys are meant.
fn list_index<'a>(
    state: &State,
    prefix: &[u8],
    pairs: impl Iterator<Item = &'a Arc<KvPair>>,
) -> u64 {
    if prefix.is_empty() {
        return state.kv_table_index();
    }
    let newest = pairs.map(|pair| pair.modify_index).max().unwrap_or(0);
    match newest
        .max(state.newest_tombstone(prefix))
        .max(state.reaped_index)
    {
        0 => state.kv_table_index(),
        index => index,
    }
}

/// A transaction that only reads.
#[derive(Debug, Clone)]
pub struct TxnRead {
    /// The operations; all of them reads.
    pub ops: Vec<TxnOp>,
}

impl Query for TxnRead {
    type Answer = TxnResponse;
    const METHOD: &'static str = "Txn.Read";

    fn run(&self, state: &State, _watch: &mut WatchSet) -> (u64, Self::Answer) {
        let response = state.clone().run_txn(0, &self.ops, &mut Touched::default());
        (state.last_index(), response)
    }
}
