//! The verdict on a history.

use std::collections::{BTreeMap, HashMap};

use super::history::{Op, Outcome, Record};
use super::model::Model;
use super::report::{Fault, Summary};
use super::search::{Found, search};

/// Whether every key's operations can be put into an order in which each takes effect at one moment between its
/// call and its return. Of several keys that fail, the one with the fewest operations is told of.
///
/// # Errors
/// When a key's operations cannot, with the one that has no place.
pub(crate) fn check(history: &[Record]) -> Result<Summary, Box<Fault>> {
    let mut keys: BTreeMap<&str, Vec<Record>> = BTreeMap::new();
    for record in history {
        keys.entry(&record.key).or_default().push(record.clone());
    }
    let mut summary = Summary {
        keys: keys.len(),
        ..Summary::default()
    };
    one_value_an_index(history)?;
    let mut keys: Vec<Vec<Record>> = keys.into_values().collect();
    keys.sort_by_key(Vec::len);
    for records in &keys {
        origins(records)?;
        let (model, steps) = Model::of(records);
        summary.operations += steps.len();
        match search(&model, &steps) {
            Found::Order(tried) => summary.configurations += tried,
            Found::Nothing => return Err(Box::new(first_without_place(records))),
            Found::TooMany => return Err(Box::new(Fault::TooMany(records.len()))),
        }
    }
    Ok(summary)
}

/// An index is given to one write only, and a write gets one index only.
fn one_value_an_index(history: &[Record]) -> Result<(), Box<Fault>> {
    let mut by_index: HashMap<u64, &Record> = HashMap::new();
    let mut by_value: HashMap<(&str, &str), &Record> = HashMap::new();
    for record in history {
        let Outcome::Got(Some((value, index))) = &record.outcome else {
            continue;
        };
        let same = |other: &Record| other.key == record.key && other.outcome == record.outcome;
        let named = by_index.entry(*index).or_insert(record);
        if !same(named) {
            return Err(Box::new(Fault::OneIndex((*named).clone(), record.clone())));
        }
        let placed = by_value.entry((&record.key, value)).or_insert(record);
        if !same(placed) {
            return Err(Box::new(Fault::TwoIndexes(
                (*placed).clone(),
                record.clone(),
            )));
        }
    }
    Ok(())
}

/// What is read was written, by one operation that may have had an effect and was called before the read ended.
fn origins(records: &[Record]) -> Result<(), Box<Fault>> {
    let mut writers: HashMap<&str, &Record> = HashMap::new();
    for record in records {
        let (Op::Put(value) | Op::Cas { value, .. }) = &record.op else {
            continue;
        };
        if matches!(record.outcome, Outcome::Refused | Outcome::Swapped(false)) {
            continue;
        }
        if let Some(other) = writers.insert(value, record) {
            let fault = Fault::SameValue(other.clone(), record.clone());
            return Err(Box::new(fault));
        }
    }
    for record in records {
        let Outcome::Got(Some((value, _))) = &record.outcome else {
            continue;
        };
        let read_at = record.end.unwrap_or(u64::MAX);
        if writers
            .get(value.as_str())
            .is_none_or(|writer| writer.call > read_at)
        {
            return Err(Box::new(Fault::NeverWritten(record.clone())));
        }
    }
    Ok(())
}

/// The history up to a place: what has not returned by then has an unknown outcome.
fn until(records: &[Record], place: u64) -> Vec<Record> {
    let begun = records.iter().filter(|record| record.call <= place);
    begun
        .map(|record| {
            let mut record = record.clone();
            if record.end.is_none_or(|end| end > place) {
                record.outcome = match record.outcome {
                    Outcome::Refused => Outcome::Refused,
                    _ => Outcome::Unknown,
                };
                record.end = None;
            }
            record
        })
        .collect()
}

/// The operation with whose return the history stops having an order. A history that has one has one for each
/// of its beginnings, too: halving finds the place.
fn first_without_place(records: &[Record]) -> Fault {
    let mut ends: Vec<(u64, usize)> = records
        .iter()
        .enumerate()
        .filter(|(_, record)| !matches!(record.outcome, Outcome::Unknown | Outcome::Refused))
        .filter_map(|(at, record)| Some((record.end?, at)))
        .collect();
    ends.sort_unstable();
    let (mut good, mut bad) = (0, ends.len());
    while bad - good > 1 {
        let middle = usize::midpoint(good, bad);
        let beginning = until(records, ends[middle - 1].0);
        let (model, steps) = Model::of(&beginning);
        if search(&model, &steps) == Found::Nothing {
            bad = middle;
        } else {
            good = middle;
        }
    }
    let (place, culprit) = ends[bad - 1];
    Fault::NoPlace {
        culprit: records[culprit].clone(),
        history: until(records, place),
    }
}
