//! One key as its clients may expect it to be: a value or none, under an index that only grows.

use std::collections::HashMap;

use super::history::{Op, Outcome, Record};

/// A value that was written. [`UNSEEN`] stands for all those that no read has returned: they are alike.
pub(super) type ValueId = u32;

/// Any value that nobody has read.
pub(super) const UNSEEN: ValueId = 0;

/// What a compare-and-set expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Expected {
    /// No value.
    Absent,
    /// The value that reads have seen under the expected index.
    Value(ValueId),
    /// Whatever has this index; no read has seen it.
    Index(u64),
}

/// What an operation does to the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Action {
    /// Returns the value.
    Read(Option<ValueId>),
    /// Writes it.
    Put(ValueId),
    /// Writes it if the key is as expected.
    Cas {
        expected: Expected,
        value: ValueId,
        /// Whether it did, when that is known.
        swapped: Option<bool>,
    },
    /// Removes the value.
    Delete,
}

/// An operation on one key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) action: Action,
    /// Place of the call.
    pub(super) call: u64,
    /// Place of the return; `u64::MAX` when the outcome is unknown.
    pub(super) end: u64,
}

/// The key at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) value: Option<ValueId>,
    /// The newest index of all values so far that a read has seen. A function of what was done before, so that it
    /// does not tell configurations apart.
    newest_index: u64,
}

/// What is known of one key's values.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// By value, the index under which reads have seen it.
    indexes: Vec<u64>,
}

impl Model {
    /// The key's operations; those without effect and without an answer are left out.
    pub(super) fn of(records: &[Record]) -> (Self, Vec<Step>) {
        let mut model = Self { indexes: vec![0] };
        let mut by_text: HashMap<&str, ValueId> = HashMap::new();
        let mut by_index: HashMap<u64, ValueId> = HashMap::new();
        for record in records {
            if let Outcome::Got(Some((text, index))) = &record.outcome {
                by_text.entry(text).or_insert_with(|| {
                    model.indexes.push(*index);
                    let id = ValueId::try_from(model.indexes.len() - 1).expect("few values");
                    by_index.insert(*index, id);
                    id
                });
            }
        }
        let id = |text: &str| by_text.get(text).copied().unwrap_or(UNSEEN);
        let steps = records.iter().filter_map(|record| {
            let action = match (&record.op, &record.outcome) {
                (_, Outcome::Got(found)) => Action::Read(found.as_ref().map(|(text, _)| id(text))),
                // Without effect, or a read without an answer.
                (_, Outcome::Refused) | (Op::Get, _) => return None,
                (Op::Put(text), _) => Action::Put(id(text)),
                (Op::Delete, _) => Action::Delete,
                (Op::Cas { index, value }, outcome) => Action::Cas {
                    expected: match (index, by_index.get(index)) {
                        (0, _) => Expected::Absent,
                        (_, Some(value)) => Expected::Value(*value),
                        (index, None) => Expected::Index(*index),
                    },
                    value: id(value),
                    swapped: match outcome {
                        Outcome::Swapped(swapped) => Some(*swapped),
                        _ => None,
                    },
                },
            };
            let end = match record.outcome {
                Outcome::Unknown => u64::MAX,
                _ => record.end.unwrap_or(u64::MAX),
            };
            Some(Step {
                action,
                call: record.call,
                end,
            })
        });
        let steps = steps.collect();
        (model, steps)
    }

    /// The key after an operation; nothing when it cannot have been made now with the answer that it got.
    pub(super) fn apply(&self, state: State, action: Action) -> Option<State> {
        match action {
            Action::Read(value) => (state.value == value).then_some(state),
            Action::Put(value) => self.write(state, value),
            Action::Delete => Some(State {
                value: None,
                ..state
            }),
            Action::Cas {
                expected,
                value,
                swapped,
            } => {
                let fits = fits(state, expected);
                match swapped {
                    Some(false) => (fits != Some(true)).then_some(state),
                    // One whose outcome is unknown and that was not made need not be placed.
                    Some(true) | None => (fits != Some(false))
                        .then(|| self.write(state, value))
                        .flatten(),
                }
            }
        }
    }

    fn write(&self, state: State, value: ValueId) -> Option<State> {
        let index = self.indexes[value as usize];
        let newest_index = match value {
            UNSEEN => state.newest_index,
            _ if index > state.newest_index => index,
            _ => return None,
        };
        Some(State {
            value: Some(value),
            newest_index,
        })
    }
}

/// Whether the key is as a compare-and-set expects it; nothing when that cannot be known.
fn fits(state: State, expected: Expected) -> Option<bool> {
    match (expected, state.value) {
        (Expected::Absent, value) => Some(value.is_none()),
        (Expected::Value(expected), value) => Some(value == Some(expected)),
        (Expected::Index(index), Some(UNSEEN)) if index > state.newest_index => None,
        (Expected::Index(_), _) => Some(false),
    }
}
