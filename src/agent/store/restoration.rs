//! A restoration in parts: a large archive enters the log in pieces, and takes effect with the last, all at once.
//!
//! The new state grows beside the old one, so that the last entry only swaps them. It belongs to the term of
//! the leader that writes the parts: the first entry of another term ends it, on every server alike.

use std::sync::Arc;

use imbl::OrdMap;
use serde::Serialize;

use super::command::{Response, RestoreStep};
use super::prepared_queries::PreparedQueries;
use super::state::State;
use super::topic::Touched;

/// What a row takes besides its key and value, roughly, in bytes.
const ROW_BYTES: usize = 160;
/// What a node with what runs on it takes, roughly, in bytes: for each of its parts.
const RECORD_BYTES: usize = 512;

/// A state that is being put together.
#[derive(Debug, Clone)]
pub(super) struct Staged {
    /// The restoration's number, chosen by the leader.
    id: u64,
    /// Parts so far.
    parts: u64,
    state: State,
}

/// The length of what its creator decides how long it is.
fn length_of(record: &impl Serialize) -> usize {
    rmp_serde::to_vec(record).map_or(0, |bytes| bytes.len())
}

impl State {
    /// Whether a restoration is under way. Snapshots do not carry it, and must wait for its end.
    pub fn is_restoring(&self) -> bool {
        self.staged.is_some()
    }

    /// Forgets a restoration that is under way.
    pub fn abandon_restoration(&mut self) {
        self.staged = None;
    }

    pub(super) fn restore_step(
        &mut self,
        log_index: u64,
        step: &RestoreStep,
        touched: &mut Touched,
    ) -> Response {
        match step {
            RestoreStep::Part { id, part, bytes } => self.stage(*id, *part, bytes),
            RestoreStep::Commit { id, parts } => match self.staged.take() {
                Some(staged) if staged.id == *id && staged.parts == *parts => {
                    let staged = Arc::unwrap_or_clone(staged);
                    self.become_restored(log_index, staged.state, touched)
                }
                _ => interrupted(),
            },
            RestoreStep::Abandon { id } => {
                if self.staged.as_ref().is_some_and(|staged| staged.id == *id) {
                    self.staged = None;
                }
                Response::Done
            }
        }
    }

    fn stage(&mut self, id: u64, part: u64, bytes: &[u8]) -> Response {
        let mut staged = match self.staged.take() {
            _ if part == 0 => Arc::new(Staged {
                id,
                parts: 0,
                state: Self::default(),
            }),
            Some(staged) if staged.id == id && staged.parts == part => staged,
            _ => return interrupted(),
        };
        let grown = Arc::make_mut(&mut staged);
        if let Err(error) = grown.state.absorb_snapshot(bytes) {
            return Response::Refused(error.to_string());
        }
        grown.parts += 1;
        self.staged = Some(staged);
        Response::Done
    }

    /// Gives the state in parts of about `limit` bytes, in order; tells how many they were. Each is a snapshot of a
    /// state that has only some of the rows; the last has the indexes.
    ///
    /// # Errors
    /// The first of `emit`.
    pub fn split<E>(
        &self,
        limit: usize,
        emit: impl FnMut(Vec<u8>) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut parts = Splitter {
            limit,
            emit,
            part: Self::default(),
            bytes: 0,
            count: 0,
        };
        for entry in &self.nodes {
            let records = 1 + entry.1.services.len() + entry.1.checks.len();
            parts.part.nodes.insert(entry.0.clone(), entry.1.clone());
            parts.grow(records * RECORD_BYTES)?;
        }
        for (key, pair) in &self.kvs {
            parts.part.kvs.insert(key.clone(), Arc::clone(pair));
            parts.grow(key.as_bytes().len() + pair.value.0.len() + ROW_BYTES)?;
        }
        for (key, index) in &self.tombstones {
            parts.part.tombstones.insert(key.clone(), *index);
            parts.grow(key.as_bytes().len() + ROW_BYTES)?;
        }
        for (id, session) in &self.sessions {
            parts.part.sessions.insert(id.clone(), Arc::clone(session));
            parts.grow(RECORD_BYTES + length_of(&**session))?;
        }
        for (node, coordinate) in &self.coordinates {
            let table = &mut parts.part.coordinates;
            table.insert(Arc::clone(node), Arc::clone(coordinate));
            parts.grow(RECORD_BYTES)?;
        }
        for query in self.prepared_queries() {
            // What is in the table was read before.
            let _ = parts.part.prepared_queries.insert(Arc::clone(query));
            parts.grow(RECORD_BYTES + length_of(&**query))?;
        }
        parts.flush()?;
        parts.part = Self {
            kvs: OrdMap::new(),
            tombstones: OrdMap::new(),
            nodes: OrdMap::new(),
            sessions: OrdMap::new(),
            coordinates: OrdMap::new(),
            prepared_queries: PreparedQueries::default(),
            ..self.clone()
        };
        parts.flush()?;
        Ok(parts.count)
    }
}

struct Splitter<F> {
    limit: usize,
    emit: F,
    part: State,
    bytes: usize,
    count: u64,
}

impl<E, F: FnMut(Vec<u8>) -> Result<(), E>> Splitter<F> {
    fn grow(&mut self, bytes: usize) -> Result<(), E> {
        self.bytes += bytes;
        if self.bytes < self.limit {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), E> {
        let part = std::mem::take(&mut self.part);
        self.bytes = 0;
        self.count += 1;
        (self.emit)(part.to_snapshot())
    }
}

fn interrupted() -> Response {
    Response::Refused("the restoration was interrupted: start it again".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::store::{Command, KvCommand, KvVerb};
    use crate::model::catalog::RegisterRequest;
    use crate::model::kv::{Blob, Key, KvPair};
    use crate::model::service::NodeService;

    fn apply(state: &mut State, index: u64, command: &Command) -> Response {
        state.apply(index, command, &mut Touched::default())
    }

    fn put(key: &str, len: usize) -> Command {
        Command::Kv(KvCommand {
            verb: KvVerb::Set,
            pair: KvPair {
                key: Key::from(key),
                value: Blob(vec![7; len].into()),
                ..KvPair::default()
            },
        })
    }

    fn sample() -> State {
        let mut state = State::default();
        for n in 1..=100 {
            apply(&mut state, n, &put(&format!("k{n}"), 300));
        }
        for n in 101..=110 {
            let request = RegisterRequest {
                node: format!("node-{n}"),
                address: "10.0.0.1".to_owned(),
                service: Some(NodeService {
                    service: "web".to_owned(),
                    id: "web".to_owned(),
                    ..NodeService::default()
                }),
                ..RegisterRequest::default()
            };
            apply(&mut state, n, &Command::Register(Box::new(request)));
        }
        let mut delete = put("k7", 0);
        if let Command::Kv(command) = &mut delete {
            command.verb = KvVerb::Delete;
        }
        apply(&mut state, 111, &delete);
        state
    }

    fn parts(state: &State, limit: usize) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        let count = state.split(limit, |part| {
            parts.push(part);
            Ok::<_, ()>(())
        });
        assert_eq!(count, Ok(parts.len() as u64));
        parts
    }

    fn step(state: &mut State, index: u64, step: RestoreStep) -> Response {
        apply(state, index, &Command::RestoreStep(step))
    }

    fn restore(into: &mut State, from: u64, parts: Vec<Vec<u8>>) -> Response {
        let count = parts.len() as u64;
        for (part, bytes) in (0..).zip(parts) {
            let done = step(into, from + part, RestoreStep::Part { id: 5, part, bytes });
            assert_eq!(done, Response::Done);
            assert!(into.is_restoring());
        }
        let commit = RestoreStep::Commit {
            id: 5,
            parts: count,
        };
        step(into, from + count, commit)
    }

    #[test]
    fn in_parts_is_as_at_once() {
        let archive = sample();
        for limit in [1, 1000, 10_000, usize::MAX] {
            let mut old = State::default();
            apply(&mut old, 1, &put("old", 1));
            let mut at_once = old.clone();
            let parts = parts(&archive, limit);
            let commit = 2 + parts.len() as u64;
            assert_eq!(restore(&mut old, 2, parts), Response::Done);
            let bytes = Command::Restore(archive.to_snapshot());
            assert_eq!(apply(&mut at_once, commit, &bytes), Response::Done);
            assert_eq!(old.to_snapshot(), at_once.to_snapshot(), "limit {limit}");
            assert!(!old.is_restoring());
        }
    }

    #[test]
    fn every_row_is_a_record() {
        use crate::model::snapshot_records::walk_records;
        let bytes = sample().to_snapshot();
        let (mut counts, mut total) = (std::collections::BTreeMap::new(), 0);
        let mut keys = Vec::new();
        walk_records(&*bytes, |record| {
            *counts.entry(record.kind).or_insert(0) += 1;
            total += record.bytes;
            keys.extend(record.key);
        })
        .expect("whole");
        assert_eq!((counts["KVS"], counts["Tombstone"]), (99, 1));
        assert_eq!(counts["Register"], 20);
        assert!(keys.contains(&Key::from("k1")) && keys.len() == 99);
        // What is between the records are names of tables.
        let len = bytes.len() as u64;
        assert!(total < len && total > len - 700, "{total} of {len}");
        assert!(walk_records(&bytes[..bytes.len() / 2], |_| ()).is_err());
        assert!(walk_records(&b"of another program"[..], |_| ()).is_err());
    }

    #[test]
    fn until_the_last_part_nothing_changes() {
        let mut state = sample();
        let before = state.indexes().kvs;
        let part = parts(&State::default(), 1).remove(0);
        for (index, part_number, id) in [(200, 0, 1), (201, 1, 1)] {
            let bytes = part.clone();
            let part = part_number;
            step(&mut state, index, RestoreStep::Part { id, part, bytes });
        }
        assert_eq!((state.indexes().kvs, state.kvs.len()), (before, 99));
        let foreign = RestoreStep::Abandon { id: 2 };
        step(&mut state, 202, foreign);
        assert!(state.is_restoring());
        let early = RestoreStep::Commit { id: 1, parts: 3 };
        assert!(matches!(step(&mut state, 203, early), Response::Refused(_)));
        assert!(!state.is_restoring());
        assert_eq!(state.kvs.len(), 99);
    }

    #[test]
    fn gaps_strangers_and_damage_end_it() {
        let mut state = sample();
        let parts = parts(&state, 5000);
        for (id, part, bytes) in [(1, 2, &parts[1][..]), (2, 1, &parts[1]), (1, 1, b"junk")] {
            let first = parts[0].clone();
            let begin = RestoreStep::Part {
                id: 1,
                part: 0,
                bytes: first,
            };
            assert_eq!(step(&mut state, 300, begin), Response::Done);
            let bytes = bytes.to_vec();
            let odd = step(&mut state, 301, RestoreStep::Part { id, part, bytes });
            assert!(matches!(odd, Response::Refused(_)), "{odd:?}");
            assert!(!state.is_restoring());
        }
        state.abandon_restoration();
    }
}
