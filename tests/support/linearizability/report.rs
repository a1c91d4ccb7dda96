//! What the checker says, for people.

use std::fmt;
use std::time::Duration;

use super::history::{Op, Outcome, Record};

/// Completed operations before the one without a place that a report shows.
const SHOWN: usize = 24;

/// What was checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Keys.
    pub(crate) keys: usize,
    /// Operations that could have had an effect, or had an answer.
    pub(crate) operations: usize,
    /// Configurations that the search tried.
    pub(crate) configurations: usize,
}

/// Why a history is not linearizable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A value was read that nobody had written by then.
    NeverWritten(Record),
    /// One write was seen under two indexes: it was made twice.
    TwoIndexes(Record, Record),
    /// Two writes were seen under one index.
    OneIndex(Record, Record),
    /// Two operations write the same value: the history cannot be checked.
    SameValue(Record, Record),
    /// An operation's answer fits no order.
    NoPlace {
        /// The operation.
        culprit: Record,
        /// The key's operations until its return.
        history: Vec<Record>,
    },
    /// A key with this many operations leaves too many orders open.
    TooMany(usize),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverWritten(read) => write!(f, "read what nobody had written:\n{read}"),
            Self::TwoIndexes(a, b) => write!(f, "one write has two indexes:\n{a}\n{b}"),
            Self::OneIndex(a, b) => write!(f, "two writes have one index:\n{a}\n{b}"),
            Self::SameValue(a, b) => write!(f, "the history writes a value twice:\n{a}\n{b}"),
            Self::TooMany(operations) => write!(
                f,
                "a key with {operations} operations leaves too many orders open to be checked"
            ),
            Self::NoPlace { culprit, history } => window(f, culprit, history),
        }
    }
}

/// The last operations before the culprit, those without an outcome among them, and who wrote or expected what
/// they read.
fn window(f: &mut fmt::Formatter<'_>, culprit: &Record, history: &[Record]) -> fmt::Result {
    let mut completed: Vec<&Record> = history.iter().filter(|r| r.end.is_some()).collect();
    completed.sort_by_key(|record| std::cmp::Reverse(record.end));
    let from = completed
        .iter()
        .take(SHOWN)
        .map(|r| r.call)
        .min()
        .unwrap_or(0);
    let read = match &culprit.outcome {
        Outcome::Got(Some((value, _))) => Some(value),
        _ => None,
    };
    let concerns = |record: &Record| {
        let wrote = match &record.op {
            Op::Put(value) | Op::Cas { value, .. } => Some(value),
            Op::Get | Op::Delete => None,
        };
        record.call >= from || (wrote.is_some() && wrote == read)
    };
    writeln!(
        f,
        "no order explains the answer of the operation marked with >, given those before it on key {}:",
        culprit.key
    )?;
    let mut shown: Vec<&Record> = history.iter().filter(|record| concerns(record)).collect();
    shown.sort_by_key(|record| record.call);
    for record in shown {
        let mark = if record.call == culprit.call {
            ">"
        } else {
            " "
        };
        writeln!(f, "{mark} {record}")?;
    }
    Ok(())
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |at: Duration| at.as_secs_f64();
        write!(f, "{:>10.4} .. ", seconds(self.called_at))?;
        match (self.ended_at, &self.outcome) {
            (None, _) | (_, Outcome::Unknown) => write!(f, "         ?")?,
            (Some(at), _) => write!(f, "{:>10.4}", seconds(at))?,
        }
        write!(f, "  client {:<2} {} ", self.client, self.key)?;
        match &self.op {
            Op::Get => write!(f, "get")?,
            Op::Put(value) => write!(f, "put {value}")?,
            Op::Cas { index, value } => write!(f, "cas {index} -> {value}")?,
            Op::Delete => write!(f, "delete")?,
        }
        match &self.outcome {
            Outcome::Got(Some((value, index))) => write!(f, " = {value} at {index}"),
            Outcome::Got(None) => write!(f, " = absent"),
            Outcome::Done => write!(f, " = done"),
            Outcome::Swapped(swapped) => write!(f, " = {swapped}"),
            Outcome::Refused => write!(f, " = refused"),
            Outcome::Unknown => write!(f, " = unknown"),
        }
    }
}
