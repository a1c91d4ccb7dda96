//! What a configuration file says, before any key is interpreted: a tree that keeps the line of
//! every key and value.

use std::collections::HashMap;

use serde_json::Value as Json;

/// Deepest nesting of objects and lists that a file may have.
pub const MAX_DEPTH: usize = 64;

/// A value and the line (from 1) on which it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Line of the value's first character.
    pub line: u32,
    /// The value.
    pub value: Value,
}

/// A value of either format.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// JSON's `null`; HCL has none.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer of HCL.
    Int(i64),
    /// A number with a fraction or exponent, and every number of JSON.
    Float(f64),
    /// A string, escapes resolved.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// An object of JSON, or the inside of an HCL block.
    Object(Vec<Entry>),
    /// The objects of HCL that share a key: HCL 1 cannot tell `a { }` from `a = { }`, and repeating
    /// either adds another object.
    Blocks(Vec<Node>),
}

/// One key of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key as written, quotes and escapes resolved.
    pub key: String,
    /// Line of the key.
    pub line: u32,
    /// Its value.
    pub node: Node,
}

/// Why a text is not HCL or JSON. The message is the one that Consul's parsers give where ours
/// refuses for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Line (from 1) at which the parser gave up.
    pub line: u32,
    /// What is wrong; HCL messages begin with `At line:column: `.
    pub message: String,
}

impl Node {
    /// The value as plain JSON. A key's single HCL object becomes an object, several become a list,
    /// as Consul's decoder does for keys whose content it does not know.
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(flag) => Json::Bool(*flag),
            Value::Int(number) => Json::from(*number),
            Value::Float(number) => json_number(*number),
            Value::Text(text) => Json::String(text.clone()),
            Value::Object(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Blocks(blocks) if blocks.len() == 1 => blocks[0].to_json(),
            Value::List(nodes) | Value::Blocks(nodes) => nodes.iter().map(Self::to_json).collect(),
        }
    }
}

/// A number as JSON, without a fraction where it has none.
pub(super) fn json_number(number: f64) -> Json {
    match exact_integer(number) {
        Some(integer) => Json::from(integer),
        None => Json::from(number),
    }
}

/// The integer that `number` is, if it is one that a float holds exactly.
pub(super) fn exact_integer(number: f64) -> Option<i64> {
    /// Integers up to 2^53 are exact in a float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() != 0.0 || number.abs() > EXACT {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to be an integer within 2^53"
    )]
    Some(number as i64)
}

/// The entries of an object while it is read.
#[derive(Debug, Default)]
pub(super) struct Entries {
    entries: Vec<Entry>,
    index: HashMap<String, usize>,
}

impl Entries {
    /// Adds an entry: blocks of the same key accumulate, any other repetition replaces.
    pub(super) fn add(&mut self, entry: Entry) {
        let Some(&position) = self.index.get(&entry.key) else {
            self.index.insert(entry.key.clone(), self.entries.len());
            self.entries.push(entry);
            return;
        };
        let existing = &mut self.entries[position];
        match (&mut existing.node.value, entry.node.value) {
            (Value::Blocks(blocks), Value::Blocks(more)) => blocks.extend(more),
            (_, value) => {
                existing.line = entry.line;
                existing.node = Node {
                    line: entry.node.line,
                    value,
                };
            }
        }
    }

    pub(super) fn into_vec(self) -> Vec<Entry> {
        self.entries
    }
}

/// An object that is the value of a key may be joined by others of the same key.
pub(super) fn wrap_object(node: Node) -> Node {
    match node.value {
        Value::Object(_) => Node {
            line: node.line,
            value: Value::Blocks(vec![node]),
        },
        _ => node,
    }
}
