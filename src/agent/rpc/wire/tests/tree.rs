//! Any value, for comparing what is read and written again.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value in which all zero values are the same: nil, false, 0, what is empty, and what holds only such.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Zero,
    True,
    Number(f64),
    Raw(Vec<u8>),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

struct Any;

#[expect(clippy::cast_precision_loss, reason = "the tests' numbers are small")]
impl<'de> Visitor<'de> for Any {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Tree, E> {
        Ok(if v { Tree::True } else { Tree::Zero })
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Tree, E> {
        self.visit_f64(v as f64)
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Tree, E> {
        self.visit_f64(v as f64)
    }

    fn visit_f64<E>(self, v: f64) -> Result<Tree, E> {
        Ok(if v == 0.0 {
            Tree::Zero
        } else {
            Tree::Number(v)
        })
    }

    fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Tree, E> {
        self.visit_bytes(v.as_bytes())
    }

    fn visit_bytes<E>(self, v: &[u8]) -> Result<Tree, E> {
        Ok(if v.is_empty() {
            Tree::Zero
        } else {
            Tree::Raw(v.to_vec())
        })
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Zero)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(if items.is_empty() {
            Tree::Zero
        } else {
            Tree::List(items)
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Tree>()? {
            fields.insert(name, value);
        }
        fields.retain(|_, value| *value != Tree::Zero);
        Ok(if fields.is_empty() {
            Tree::Zero
        } else {
            Tree::Map(fields)
        })
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

impl Tree {
    /// Reads any value.
    pub(super) fn read(bytes: &[u8]) -> Self {
        super::super::decode_reply(bytes).unwrap()
    }

    /// Takes fields out of all maps in the value.
    pub(super) fn without(self, names: &[&str]) -> Self {
        match self {
            Self::Map(fields) => {
                let kept: BTreeMap<_, _> = fields
                    .into_iter()
                    .filter(|(name, _)| !names.contains(&name.as_str()))
                    .map(|(name, value)| (name, value.without(names)))
                    .filter(|(_, value)| *value != Self::Zero)
                    .collect();
                if kept.is_empty() {
                    Self::Zero
                } else {
                    Self::Map(kept)
                }
            }
            Self::List(items) => {
                Self::List(items.into_iter().map(|item| item.without(names)).collect())
            }
            other => other,
        }
    }
}
