//! The checker of linearizability is itself checked: what it must accept, and what it must not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::dice::Dice;
use crate::linearizability::history::{OpId, Record};
use crate::linearizability::report::Fault;
use crate::linearizability::{History, Op, Outcome, check, goes_backwards, lost};
use crate::seeds;

/// Longest time for the large history, in a build without optimisation.
const PATIENCE: Duration = Duration::from_secs(20);

fn put(value: &str) -> Op {
    Op::Put(value.to_owned())
}

fn cas(index: u64, value: &str) -> Op {
    Op::Cas {
        index,
        value: value.to_owned(),
    }
}

fn got(value: &str, index: u64) -> Outcome {
    Outcome::Got(Some((value.to_owned(), index)))
}

/// Writes histories of one key, operation by operation.
struct Script(History);

impl Script {
    fn new() -> Self {
        Self(History::new(|| Duration::ZERO))
    }

    fn begin(&self, op: Op) -> OpId {
        self.0.begin(0, "k", op)
    }

    /// An operation that nothing overlaps with, unless it was begun before.
    fn run(&self, op: Op, outcome: Outcome) -> &Self {
        let id = self.begin(op);
        self.0.end(id, outcome);
        self
    }

    fn is_accepted(&self) {
        if let Err(fault) = check(&self.0.records()) {
            panic!("it is linearizable: {fault}");
        }
    }

    fn refused(&self) -> Fault {
        *check(&self.0.records()).expect_err("it is not linearizable")
    }

    /// The operation that is blamed is the one with this answer.
    fn blames(&self, outcome: &Outcome) {
        match self.refused() {
            Fault::NoPlace { culprit, .. } => assert_eq!(&culprit.outcome, outcome),
            other => panic!("something else is blamed: {other}"),
        }
    }
}

#[test]
fn one_after_the_other() {
    let script = Script::new();
    script
        .run(Op::Get, Outcome::Got(None))
        .run(put("a"), Outcome::Done)
        .run(Op::Get, got("a", 5))
        .run(cas(5, "b"), Outcome::Swapped(true))
        .run(cas(5, "c"), Outcome::Swapped(false))
        .run(Op::Get, got("b", 7))
        .run(Op::Delete, Outcome::Done)
        .run(cas(7, "d"), Outcome::Swapped(false))
        .run(cas(0, "e"), Outcome::Swapped(true))
        .run(cas(0, "f"), Outcome::Swapped(false))
        .run(Op::Get, got("e", 10))
        .is_accepted();
}

#[test]
fn overlapping_operations_take_any_order() {
    let script = Script::new();
    let (a, b) = (script.begin(put("a")), script.begin(put("b")));
    script.run(Op::Get, Outcome::Got(None));
    script.run(Op::Get, got("b", 3)).run(Op::Get, got("a", 4));
    script.0.end(a, Outcome::Done);
    script.run(Op::Get, got("a", 4));
    script.0.end(b, Outcome::Done);
    script.is_accepted();
    script.run(Op::Get, got("b", 3)).blames(&got("b", 3));
}

#[test]
fn a_stale_read_is_refused() {
    let script = Script::new();
    script
        .run(put("a"), Outcome::Done)
        .run(Op::Get, got("a", 1))
        .run(put("b"), Outcome::Done)
        .run(Op::Get, got("a", 1));
    script.blames(&got("a", 1));
    let text = script.refused().to_string();
    let marked: Vec<&str> = text.lines().filter(|line| line.starts_with('>')).collect();
    assert_eq!(marked.len(), 1, "{text}");
    assert!(marked[0].ends_with("get = a at 1"), "{text}");
    assert!(text.lines().count() == 5, "{text}");
}

#[test]
fn a_lost_update_is_refused() {
    let script = Script::new();
    script
        .run(put("a"), Outcome::Done)
        .run(Op::Get, Outcome::Got(None));
    script.blames(&Outcome::Got(None));
    let script = Script::new();
    script
        .run(put("a"), Outcome::Done)
        .run(Op::Delete, Outcome::Done)
        .run(Op::Get, got("a", 1));
    script.blames(&got("a", 1));
}

#[test]
fn two_successes_of_one_expectation_are_refused() {
    let script = Script::new();
    script
        .run(put("a"), Outcome::Done)
        .run(Op::Get, got("a", 1));
    let (b, c) = (script.begin(cas(1, "b")), script.begin(cas(1, "c")));
    script.0.end(b, Outcome::Swapped(true));
    script.0.end(c, Outcome::Swapped(true));
    script.blames(&Outcome::Swapped(true));
    let script = Script::new();
    script
        .run(cas(0, "a"), Outcome::Swapped(true))
        .run(cas(0, "b"), Outcome::Swapped(true));
    script.blames(&Outcome::Swapped(true));
}

#[test]
fn a_failure_without_a_reason_is_refused() {
    let script = Script::new();
    script
        .run(put("a"), Outcome::Done)
        .run(Op::Get, got("a", 1))
        .run(cas(1, "b"), Outcome::Swapped(false));
    script.blames(&Outcome::Swapped(false));
}

#[test]
fn values_come_from_writes() {
    let script = Script::new();
    script
        .run(put("a"), Outcome::Done)
        .run(Op::Get, got("b", 1));
    assert!(matches!(script.refused(), Fault::NeverWritten(_)));
    for outcome in [Outcome::Refused, Outcome::Swapped(false)] {
        let script = Script::new();
        script.run(cas(0, "a"), outcome).run(Op::Get, got("a", 1));
        assert!(matches!(script.refused(), Fault::NeverWritten(_)));
    }
    let script = Script::new();
    script
        .run(Op::Get, got("a", 1))
        .run(put("a"), Outcome::Done);
    assert!(matches!(script.refused(), Fault::NeverWritten(_)));
}

#[test]
fn a_write_has_one_index_and_indexes_grow() {
    let script = Script::new();
    script
        .run(put("a"), Outcome::Done)
        .run(Op::Get, got("a", 1))
        .run(Op::Get, got("a", 2));
    assert!(matches!(script.refused(), Fault::TwoIndexes(..)));
    let script = Script::new();
    script
        .run(put("a"), Outcome::Done)
        .run(Op::Get, got("a", 1))
        .run(put("b"), Outcome::Done)
        .run(Op::Get, got("b", 1));
    assert!(matches!(script.refused(), Fault::OneIndex(..)));
    let script = Script::new();
    script
        .run(put("a"), Outcome::Done)
        .run(Op::Get, got("a", 5))
        .run(put("b"), Outcome::Done)
        .run(Op::Get, got("b", 4));
    script.blames(&got("b", 4));
}

#[test]
fn a_write_without_an_outcome_may_be_seen_later_or_never() {
    let script = Script::new();
    script
        .run(put("a"), Outcome::Done)
        .run(put("b"), Outcome::Unknown)
        .run(cas(9, "c"), Outcome::Unknown)
        .run(Op::Get, got("a", 1))
        .is_accepted();
    script.run(Op::Get, got("b", 2)).is_accepted();
    // Seen and then unseen: it was made once.
    script.run(Op::Get, got("a", 1)).blames(&got("a", 1));
}

#[test]
fn a_write_without_an_outcome_explains_a_failure_though_nobody_reads_it() {
    let script = Script::new();
    script
        .run(put("a"), Outcome::Done)
        .run(Op::Get, got("a", 1));
    let pending = script.begin(put("b"));
    script
        .run(cas(1, "c"), Outcome::Swapped(false))
        .is_accepted();
    script.run(Op::Get, got("a", 1)).blames(&got("a", 1));
    drop(pending);
    let script = Script::new();
    script
        .run(put("a"), Outcome::Done)
        .run(Op::Delete, Outcome::Unknown)
        .run(Op::Get, got("a", 1))
        .run(Op::Get, Outcome::Got(None))
        .is_accepted();
    script.run(Op::Get, got("a", 1)).blames(&got("a", 1));
}

#[test]
fn the_culprit_is_the_first_that_has_no_place() {
    let script = Script::new();
    for n in 0..40 {
        script.run(put(&format!("v{n}")), Outcome::Done);
    }
    script
        .run(Op::Get, got("v38", 3))
        .run(Op::Get, got("v39", 4));
    script.blames(&got("v38", 3));
    let text = script.refused().to_string();
    assert!(text.contains("put v38 = done"), "{text}");
    assert!(text.lines().count() < 40, "{text}");
}

#[test]
fn promises_are_checked() {
    assert_eq!(goes_backwards(&[1, 1, 2, 7]), None);
    assert_eq!(goes_backwards(&[1, 3, 2, 1]), Some((3, 2)));
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        let owned = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        pairs.iter().map(owned).collect()
    };
    let acknowledged = map(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let found = map(&[("a", "1"), ("b", "x"), ("d", "4")]);
    assert_eq!(lost(&acknowledged, &found), [("b", "2"), ("c", "3")]);
    assert!(lost(&acknowledged, &acknowledged).is_empty());
}

/// Keys that are right by construction: every operation takes effect at one moment.
#[derive(Default)]
struct Registers {
    keys: BTreeMap<String, (String, u64)>,
    index: u64,
}

impl Registers {
    fn apply(&mut self, key: &str, op: &Op) -> Outcome {
        let index = self.keys.get(key).map(|(_, index)| *index);
        match op {
            Op::Get => Outcome::Got(self.keys.get(key).cloned()),
            Op::Put(value) => {
                self.set(key, value);
                Outcome::Done
            }
            Op::Delete => {
                self.index += 1;
                self.keys.remove(key);
                Outcome::Done
            }
            Op::Cas {
                index: expected,
                value,
            } => {
                let fits = index.unwrap_or(0) == *expected;
                if fits {
                    self.set(key, value);
                }
                Outcome::Swapped(fits)
            }
        }
    }

    fn set(&mut self, key: &str, value: &str) {
        self.index += 1;
        self.keys
            .insert(key.to_owned(), (value.to_owned(), self.index));
    }
}

/// What one client is about to do next.
enum Stage {
    Idle,
    Called(OpId, String, Op),
    Made(OpId, String, Outcome),
}

struct Shape {
    clients: usize,
    keys: usize,
    events: usize,
    /// How often an outcome is not learned.
    unknown: f64,
}

/// A history of clients whose operations overlap, over registers that are right.
fn history(dice: &mut Dice, shape: &Shape) -> Vec<Record> {
    let now = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now);
    let history = History::new(move || Duration::from_millis(clock.load(Ordering::Relaxed)));
    let mut registers = Registers::default();
    let mut clients: Vec<Stage> = (0..shape.clients).map(|_| Stage::Idle).collect();
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for event in 0..shape.events {
        now.fetch_add(1, Ordering::Relaxed);
        let client = dice.below(clients.len());
        let stage = std::mem::replace(&mut clients[client], Stage::Idle);
        clients[client] = match stage {
            Stage::Idle => {
                let key = format!("k{}", dice.below(shape.keys));
                let value = format!("v{event}");
                let op = match dice.below(10) {
                    0..4 => Op::Get,
                    4..7 => Op::Put(value),
                    7..9 => Op::Cas {
                        index: seen.get(&key).copied().unwrap_or(0),
                        value,
                    },
                    _ => Op::Delete,
                };
                Stage::Called(history.begin(client, &key, op.clone()), key, op)
            }
            Stage::Called(id, key, op) => {
                let outcome = if dice.chance(shape.unknown) {
                    if dice.chance(0.5) {
                        registers.apply(&key, &op);
                    }
                    Outcome::Unknown
                } else {
                    registers.apply(&key, &op)
                };
                Stage::Made(id, key, outcome)
            }
            Stage::Made(id, key, outcome) => {
                if let Outcome::Got(found) = &outcome {
                    let index = found.as_ref().map_or(0, |(_, index)| *index);
                    seen.insert(key, index);
                }
                history.end(id, outcome);
                Stage::Idle
            }
        };
    }
    history.records()
}

/// Makes one read return what was overwritten before it began, and tells which: a value, then another, then the first
/// again, although each was written once.
fn tamper(records: &mut [Record], dice: &mut Dice) -> Option<usize> {
    let reads = |record: &Record| matches!(record.outcome, Outcome::Got(Some(_)));
    let last = (0..records.len()).filter(|at| reads(&records[*at]));
    let mut last: Vec<usize> = last.collect();
    dice.shuffle(&mut last);
    for at in last {
        let before = |from: usize| {
            let call = records[from].call;
            let key = records[from].key.clone();
            let same = records.iter().enumerate().rev();
            same.filter(move |(_, r)| r.key == key && r.end.is_some_and(|end| end < call))
                .filter(|(_, r)| reads(r))
                .map(|(at, _)| at)
        };
        for between in before(at) {
            let first = before(between).find(|f| records[*f].outcome != records[between].outcome);
            if let Some(first) = first {
                records[at].outcome = records[first].outcome.clone();
                return Some(at);
            }
        }
    }
    None
}

#[test]
fn histories_of_right_registers_are_accepted_and_tampered_ones_are_not() {
    let tampered = seeds::each(300, |seed| {
        let mut dice = Dice::new(seed);
        let shape = Shape {
            clients: dice.within(1, 8),
            keys: dice.within(1, 3),
            events: 300,
            unknown: *dice.pick(&[0.0, 0.02, 0.2]),
        };
        let mut records = history(&mut dice, &shape);
        if let Err(fault) = check(&records) {
            panic!("it is linearizable: {fault}");
        }
        let Some(at) = tamper(&mut records, &mut dice) else {
            return false;
        };
        assert!(check(&records).is_err(), "{}", records[at]);
        true
    });
    let tampered_count = tampered.iter().filter(|done| **done).count();
    assert!(tampered_count * 10 > tampered.len() * 9, "{tampered_count}");
}

#[test]
fn a_long_history_is_checked_in_seconds() {
    let mut dice = Dice::new(1);
    let shape = Shape {
        clients: 10,
        keys: 20,
        events: 30_000,
        unknown: 0.005,
    };
    let mut records = history(&mut dice, &shape);
    assert!(records.len() > 9_900, "{}", records.len());
    let began = Instant::now();
    let summary = check(&records).expect("linearizable");
    assert_eq!(summary.keys, 20);
    assert!(summary.configurations > 5_000, "{summary:?}");
    tamper(&mut records, &mut dice).expect("there are reads");
    check(&records).expect_err("not linearizable any more");
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
}
