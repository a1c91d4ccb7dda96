//! Who holds a semaphore: the JSON under `<prefix>/.lock`, which every holder and contender rewrites by
//! check-and-set. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::decode::{Options, from_json_slice_with};
use crate::model::kv::KvPair;

/// Flags of a semaphore's keys, by which Consul's clients know them.
pub(super) const FLAGS: u64 = 0xe0f6_9a2b_aa41_4de0;

/// Why the holders of a semaphore cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HoldersError {
    /// The key is used for something else.
    #[error("Existing key does not match semaphore use")]
    Foreign,
    /// Others allow another number of holders.
    #[error("semaphore limit conflict (lock: {theirs}, local: {ours})")]
    Limit {
        /// What stands in the key.
        theirs: i64,
        /// What was asked for here.
        ours: i64,
    },
    /// The value is not what semaphores write.
    #[error("failed to decode lock: {0}")]
    Decode(String),
}

/// The value of the key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Value {
    limit: i64,
    holders: BTreeMap<String, bool>,
}

/// The holders as of one moment, and the index on which a change of them depends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holders {
    value: Value,
    /// ModifyIndex of the key; 0 when there is none yet.
    pub(super) index: u64,
}

impl Holders {
    /// Reads the key for a semaphore with `limit` places.
    pub(super) fn read(pair: Option<&KvPair>, limit: i64) -> Result<Self, HoldersError> {
        let Some(pair) = pair else {
            let holders = BTreeMap::new();
            return Ok(Self {
                value: Value { limit, holders },
                index: 0,
            });
        };
        if pair.flags != FLAGS {
            return Err(HoldersError::Foreign);
        }
        let value: Value = from_json_slice_with(&pair.value.0, Options::HTTP_LENIENT)
            .map_err(|error| HoldersError::Decode(error.to_string()))?;
        if value.limit != limit {
            return Err(HoldersError::Limit {
                theirs: value.limit,
                ours: limit,
            });
        }
        Ok(Self {
            value,
            index: pair.modify_index,
        })
    }

    /// Forgets holders that contend no more: their session ended, and their entry with it.
    pub(super) fn prune(&mut self, contenders: &BTreeSet<String>) {
        let holders = &mut self.value.holders;
        holders.retain(|session, holds| *holds && contenders.contains(session));
    }

    /// Whether nobody holds it.
    pub(super) fn is_empty(&self) -> bool {
        self.value.holders.is_empty()
    }

    /// Whether a session holds it.
    pub(super) fn has(&self, session: &str) -> bool {
        self.value.holders.get(session).is_some_and(|holds| *holds)
    }

    /// Gives a session a place; `false` when all are taken. One that has a place keeps it.
    pub(super) fn take(&mut self, session: &str) -> bool {
        if self.has(session) {
            return true;
        }
        let taken = i64::try_from(self.value.holders.len()).unwrap_or(i64::MAX);
        if taken >= self.value.limit {
            return false;
        }
        self.value.holders.insert(session.to_owned(), true);
        true
    }

    /// Takes a session's place away; `false` when it had none.
    pub(super) fn give_back(&mut self, session: &str) -> bool {
        self.value.holders.remove(session).is_some()
    }

    /// The value to write, on condition that the key still has [`Self::index`].
    pub(super) fn to_json(&self) -> Result<Vec<u8>, HoldersError> {
        serde_json::to_vec(&self.value).map_err(|error| HoldersError::Decode(error.to_string()))
    }
}

/// The sessions that contend: all that hold an entry of their own name beneath the prefix.
pub(super) fn contenders(pairs: &[KvPair]) -> BTreeSet<String> {
    let held = pairs.iter().filter(|pair| {
        let own = pair.key.as_bytes().rsplit(|byte| *byte == b'/').next();
        !pair.session.is_empty() && own == Some(pair.session.as_bytes())
    });
    held.map(|pair| pair.session.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kv::{Blob, Key};

    fn lock(text: &str) -> KvPair {
        KvPair {
            flags: FLAGS,
            value: Blob(text.as_bytes().to_vec().into()),
            modify_index: 7,
            ..KvPair::default()
        }
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn places_are_taken_until_none_is_left() {
        let mut holders = Holders::read(None, 2).unwrap();
        assert_eq!(holders.index, 0);
        assert!(holders.take("a") && holders.take("b") && holders.take("a"));
        assert!(!holders.take("c"));
        let text = String::from_utf8(holders.to_json().unwrap()).unwrap();
        assert_eq!(text, r#"{"Limit":2,"Holders":{"a":true,"b":true}}"#);
        assert!(holders.give_back("a") && !holders.give_back("a"));
        assert!(holders.take("c") && holders.has("c") && !holders.has("a"));
    }

    #[test]
    fn dead_holders_give_their_places_back() {
        let text = r#"{"Limit":2,"Holders":{"a":true,"b":true}}"#;
        let mut holders = Holders::read(Some(&lock(text)), 2).unwrap();
        assert_eq!(holders.index, 7);
        assert!(!holders.take("c"));
        holders.prune(&names(&["b", "c"]));
        assert!(holders.has("b") && holders.take("c") && !holders.take("d"));
        holders.prune(&names(&[]));
        assert!(holders.is_empty());
    }

    #[test]
    fn what_is_no_such_semaphore_is_refused() {
        let text = r#"{"Limit":3,"Holders":null}"#;
        let conflict = HoldersError::Limit { theirs: 3, ours: 2 };
        assert_eq!(
            conflict.to_string(),
            "semaphore limit conflict (lock: 3, local: 2)"
        );
        assert_eq!(Holders::read(Some(&lock(text)), 2), Err(conflict));
        assert!(Holders::read(Some(&lock(text)), 3).unwrap().is_empty());
        let foreign = KvPair {
            flags: 0,
            ..lock(text)
        };
        let found = Holders::read(Some(&foreign), 3);
        assert_eq!(found, Err(HoldersError::Foreign));
        for text in ["", "x", "[]", r#"{"Limit":"a"}"#] {
            let found = Holders::read(Some(&lock(text)), 2);
            assert!(matches!(found, Err(HoldersError::Decode(_))), "{text}");
        }
    }

    #[test]
    fn contenders_hold_their_own_entries() {
        let pair = |key: &str, session: &str| KvPair {
            key: Key::from(key),
            session: session.to_owned(),
            ..KvPair::default()
        };
        let pairs = [
            pair("p/.lock", ""),
            pair("p/s1", "s1"),
            pair("p/s2", ""),
            pair("p/other", "s3"),
        ];
        assert_eq!(contenders(&pairs), names(&["s1"]));
    }
}
