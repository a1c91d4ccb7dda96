//! What a `state.bin` holds, record by record, without building the state: ours, or HashiCorp's. Pure.
//!
//! For `snapshot inspect`: types and sizes are told apart by the tables' names, so that a table of a newer build counts,
//! too.

mod consul;

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::rc::Rc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

use super::kv::Key;

/// What heads every `state.bin` of ours: the format's name and its version.
pub const STATE_MAGIC: &[u8; 16] = b"consulctl-state1";

/// A record of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRecord {
    /// Its type, as Consul names those that it has.
    pub kind: Cow<'static, str>,
    /// Its bytes in the file.
    pub bytes: u64,
    /// The key, of a key with its value.
    pub key: Option<Key>,
}

/// Why records cannot be told.
#[derive(Debug, Error)]
pub enum RecordsError {
    /// The bytes begin neither as a state of this program nor as one of Consul's does.
    #[error("not a state snapshot of consulctl or Consul (unknown header)")]
    UnknownFormat,
    /// The bytes are damaged, or end early.
    #[error("damaged state snapshot: {0}")]
    Damaged(#[from] rmp_serde::decode::Error),
    /// The reader failed.
    #[error("cannot read the state snapshot: {0}")]
    Io(#[from] io::Error),
}

/// Walks a `state.bin` and tells every record. Takes the memory of one.
///
/// # Errors
/// When the header is unknown, the rest is damaged, or the reader fails.
pub fn walk_records(
    input: impl Read,
    mut each: impl FnMut(StateRecord),
) -> Result<(), RecordsError> {
    let mut input = io::BufReader::new(input);
    let mut head = Vec::new();
    (&mut input)
        .take(STATE_MAGIC.len() as u64)
        .read_to_end(&mut head)?;
    if head != STATE_MAGIC {
        return consul::walk(io::Cursor::new(head).chain(input), &mut each);
    }
    let at = Rc::new(Cell::new(0));
    let input = Counting {
        input,
        at: Rc::clone(&at),
    };
    let mut walk = Walk {
        at,
        each: &mut each,
    };
    let mut decoder = rmp_serde::Deserializer::new(input);
    Ok(Tables(&mut walk).deserialize(&mut decoder)?)
}

struct Counting<R> {
    input: R,
    at: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(bytes)?;
        self.at.set(self.at.get() + read as u64);
        Ok(read)
    }
}

/// Where the walk is, and who is told.
struct Walk<'a> {
    at: Rc<Cell<u64>>,
    each: &'a mut dyn FnMut(StateRecord),
}

impl Walk<'_> {
    fn tell(&mut self, kind: &'static str, since: u64, key: Option<Key>) {
        let bytes = self.at.get() - since;
        let kind = Cow::Borrowed(kind);
        (self.each)(StateRecord { kind, bytes, key });
    }
}

/// The top level: table after table.
struct Tables<'a, 'b>(&'a mut Walk<'b>);

impl<'de> DeserializeSeed<'de> for Tables<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, decoder: D) -> Result<(), D::Error> {
        decoder.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Tables<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tables of a state")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut tables: A) -> Result<(), A::Error> {
        while let Some(name) = tables.next_key::<String>()? {
            let kind = match name.as_str() {
                "kvs" => {
                    tables.next_value_seed(List(self.0, Row::Pair))?;
                    continue;
                }
                "nodes" => {
                    tables.next_value_seed(List(self.0, Row::Node))?;
                    continue;
                }
                "tombstones" => "Tombstone",
                "sessions" => "Session",
                "coordinates" => "CoordinateBatchUpdate",
                "prepared_queries" => "PreparedQuery",
                "service_indexes" => "Index",
                "autopilot" => {
                    let since = self.0.at.get();
                    if tables.next_value::<Option<IgnoredAny>>()?.is_some() {
                        self.0.tell("Autopilot", since, None);
                    }
                    continue;
                }
                _ => {
                    let since = self.0.at.get();
                    tables.next_value::<IgnoredAny>()?;
                    self.0.tell("Index", since, None);
                    continue;
                }
            };
            tables.next_value_seed(List(self.0, Row::Plain(kind)))?;
        }
        Ok(())
    }
}

/// What the rows of a table are.
#[derive(Clone, Copy)]
enum Row {
    Pair,
    Node,
    Plain(&'static str),
}

/// A table.
struct List<'a, 'b>(&'a mut Walk<'b>, Row);

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, decoder: D) -> Result<(), D::Error> {
        decoder.deserialize_seq(self)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PairHead {
    #[serde(default)]
    key: Key,
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the rows of a table")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        let Self(walk, row) = self;
        loop {
            let since = walk.at.get();
            match row {
                Row::Pair => match rows.next_element::<PairHead>()? {
                    Some(head) => walk.tell("KVS", since, Some(head.key)),
                    None => return Ok(()),
                },
                Row::Node => {
                    if rows.next_element_seed(NodeRow(walk))?.is_none() {
                        return Ok(());
                    }
                }
                Row::Plain(kind) => match rows.next_element::<IgnoredAny>()? {
                    Some(_) => walk.tell(kind, since, None),
                    None => return Ok(()),
                },
            }
        }
    }
}

/// A node with what runs on it: a registration each.
struct NodeRow<'a, 'b>(&'a mut Walk<'b>);

impl<'de> DeserializeSeed<'de> for NodeRow<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, decoder: D) -> Result<(), D::Error> {
        decoder.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for NodeRow<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        while let Some(name) = parts.next_key::<String>()? {
            let since = self.0.at.get();
            if name == "node" {
                parts.next_value::<IgnoredAny>()?;
                self.0.tell("Register", since, None);
            } else {
                parts.next_value_seed(List(self.0, Row::Plain("Register")))?;
            }
        }
        Ok(())
    }
}
