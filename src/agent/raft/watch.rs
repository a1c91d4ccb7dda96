//! Who waits for which part of the state to change.
//!
//! A watcher is registered on every topic of its query before the query reads, and is woken once.
//! Exact keys and watched prefixes are kept in order, so that a write finds the prefixes of its
//! key in steps that depend on the key and not on the number of watchers.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::agent::store::{Topic, Touched, WatchSet};
use crate::model::kv::Key;

/// The registry of watchers; clones share it.
#[derive(Clone, Default)]
pub(super) struct Watches {
    slots: Arc<Mutex<Slots>>,
}

/// A registration; dropping it removes it.
pub struct Watcher {
    watches: Watches,
    id: u64,
    topics: Vec<Topic>,
    signal: Arc<Signal>,
}

/// Set once, stays set.
#[derive(Default)]
struct Signal {
    fired: AtomicBool,
    notify: Notify,
}

type Slot = HashMap<u64, Arc<Signal>>;

/// Watchers by topic; a slot without watchers does not exist.
#[derive(Default)]
struct Slots {
    keys: BTreeMap<Key, Slot>,
    prefixes: BTreeMap<Key, Slot>,
    others: HashMap<Topic, Slot>,
    next_id: u64,
}

impl Watches {
    /// Registers a watcher: a change that is published after this call wakes it.
    pub(super) fn watch(&self, set: &WatchSet) -> Watcher {
        let signal = Arc::new(Signal::default());
        let topics = set.topics().to_vec();
        let mut slots = self.slots();
        let id = slots.next_id;
        slots.next_id += 1;
        for topic in &topics {
            slots.slot(topic).insert(id, Arc::clone(&signal));
        }
        drop(slots);
        Watcher {
            watches: self.clone(),
            id,
            topics,
            signal,
        }
    }

    /// Wakes everyone whom the changes concern. Call it after the changes are published.
    pub(super) fn wake(&self, changes: &[Touched]) {
        let mut woken = Vec::new();
        {
            let mut slots = self.slots();
            for touched in changes {
                if slots.is_empty() {
                    break;
                }
                slots.take(touched, &mut woken);
            }
        }
        // Outside of the lock, so that a woken watcher can register again at once.
        for signal in woken.iter().flat_map(HashMap::values) {
            signal.fire();
        }
    }

    /// Wakes every watcher.
    pub(super) fn wake_all(&self) {
        let mut everything = Touched::default();
        everything.set_everything();
        self.wake(&[everything]);
    }

    /// Topics that somebody watches.
    #[cfg(test)]
    fn watched(&self) -> usize {
        let slots = self.slots();
        slots.keys.len() + slots.prefixes.len() + slots.others.len()
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    /// Waits until something in the watched set has changed since the registration. Once that is
    /// so it returns at once, however often it is called.
    pub async fn changed(&self) {
        // A permit that is given before `notified` is polled is not lost, and the flag keeps a
        // second call from waiting for a second permit.
        while !self.signal.fired.load(Ordering::Acquire) {
            self.signal.notify.notified().await;
        }
    }

    /// Whether [`Self::changed`] would return at once.
    pub fn has_changed(&self) -> bool {
        self.signal.fired.load(Ordering::Acquire)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut slots = self.watches.slots();
        for topic in &self.topics {
            slots.remove(topic, self.id);
        }
    }
}

impl Signal {
    fn fire(&self) {
        self.fired.store(true, Ordering::Release);
        self.notify.notify_one();
    }
}

impl Slots {
    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.prefixes.is_empty() && self.others.is_empty()
    }

    fn slot(&mut self, topic: &Topic) -> &mut Slot {
        match topic {
            Topic::Kv(key) => self.keys.entry(key.clone()).or_default(),
            Topic::KvPrefix(prefix) => self.prefixes.entry(prefix.clone()).or_default(),
            other => self.others.entry(other.clone()).or_default(),
        }
    }

    fn remove(&mut self, topic: &Topic, id: u64) {
        match topic {
            Topic::Kv(key) => forget(&mut self.keys, key, id),
            Topic::KvPrefix(prefix) => forget(&mut self.prefixes, prefix, id),
            other => {
                let Some(slot) = self.others.get_mut(other) else {
                    return;
                };
                slot.remove(&id);
                if slot.is_empty() {
                    self.others.remove(other);
                }
            }
        }
    }

    /// Moves the slots that a change concerns into `woken`.
    fn take(&mut self, touched: &Touched, woken: &mut Vec<Slot>) {
        if touched.is_everything() {
            woken.extend(std::mem::take(&mut self.keys).into_values());
            woken.extend(std::mem::take(&mut self.prefixes).into_values());
            woken.extend(std::mem::take(&mut self.others).into_values());
            return;
        }
        for topic in touched.topics() {
            match topic {
                Topic::Kv(key) => {
                    woken.extend(self.keys.remove(key));
                    self.take_prefixes_of(key.as_bytes(), woken);
                }
                Topic::KvPrefix(prefix) => {
                    take_beneath(&mut self.keys, prefix.as_bytes(), woken);
                    take_beneath(&mut self.prefixes, prefix.as_bytes(), woken);
                    self.take_prefixes_of(prefix.as_bytes(), woken);
                }
                other => woken.extend(self.others.remove(other)),
            }
        }
    }

    fn take_prefixes_of(&mut self, key: &[u8], woken: &mut Vec<Slot>) {
        let mut bound = Bound::Included(key);
        loop {
            let below = (Bound::Unbounded, bound);
            let Some((found, _)) = self.prefixes.range::<[u8], _>(below).next_back() else {
                return;
            };
            let shared = common_len(found.as_bytes(), key);
            if shared == found.as_bytes().len() {
                let found = found.clone();
                woken.extend(self.prefixes.remove(&found));
                bound = Bound::Excluded(&key[..shared]);
            } else {
                // Every prefix of the key below `found` is at most as long as what they share.
                bound = Bound::Included(&key[..shared]);
            }
        }
    }
}

fn common_len(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn take_beneath(slots: &mut BTreeMap<Key, Slot>, prefix: &[u8], woken: &mut Vec<Slot>) {
    let from = (Bound::Included(prefix), Bound::Unbounded);
    let beneath: Vec<Key> = slots
        .range::<[u8], _>(from)
        .map(|(key, _)| key)
        .take_while(|key| key.as_bytes().starts_with(prefix))
        .cloned()
        .collect();
    woken.extend(beneath.iter().filter_map(|key| slots.remove(key)));
}

fn forget(slots: &mut BTreeMap<Key, Slot>, key: &Key, id: u64) {
    let Some(slot) = slots.get_mut(key) else {
        return;
    };
    slot.remove(&id);
    if slot.is_empty() {
        slots.remove(key);
    }
}

#[cfg(test)]
mod tests;
