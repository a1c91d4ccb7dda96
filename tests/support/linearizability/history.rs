//! What clients did, recorded while they do it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    /// Reads the key.
    Get,
    /// Writes a value. No value may be written twice to a key: reads tell writes apart by it.
    Put(String),
    /// Writes a value if the key's `ModifyIndex` is this one; 0 wants the key absent.
    Cas {
        /// The expected index.
        index: u64,
        /// The value, unique as that of a put.
        value: String,
    },
    /// Removes the key, whether it is there or not.
    Delete,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A get's value and `ModifyIndex`; nothing when the key was absent.
    Got(Option<(String, u64)>),
    /// A put or a delete was made.
    Done,
    /// Whether a compare-and-set was made.
    Swapped(bool),
    /// It certainly has no effect: refused before it began.
    Refused,
    /// Nobody knows: it may take effect at any time after its call, or never.
    Unknown,
}

/// One operation. `call` and `end` are places in the order in which all calls and returns were recorded, which is what
/// the checker goes by; the times are for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Who asked.
    pub(crate) client: usize,
    /// Which key.
    pub(crate) key: String,
    /// What for.
    pub(crate) op: Op,
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// Place of the call.
    pub(crate) call: u64,
    /// Place of the return; nothing while there is none.
    pub(crate) end: Option<u64>,
    /// Time of the call.
    pub(crate) called_at: Duration,
    /// Time of the return.
    pub(crate) ended_at: Option<Duration>,
}

/// An operation that was begun and not ended.
#[derive(Debug)]
#[must_use = "an operation that is never ended counts as one whose outcome is unknown"]
pub(crate) struct OpId(usize);

#[derive(Default)]
struct Log {
    records: Vec<Record>,
    /// Calls and returns so far.
    events: u64,
}

/// A history under construction; threads and tasks share it by reference.
pub(crate) struct History {
    clock: Box<dyn Fn() -> Duration + Send + Sync>,
    log: Mutex<Log>,
}

impl History {
    /// An empty history whose times come from a monotonic clock.
    pub(crate) fn new(clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self {
            clock: Box::new(clock),
            log: Mutex::default(),
        }
    }

    /// To be called before the request is sent.
    pub(crate) fn begin(&self, client: usize, key: &str, op: Op) -> OpId {
        let called_at = (self.clock)();
        let mut log = self.log();
        log.events += 1;
        let call = log.events;
        log.records.push(Record {
            client,
            key: key.to_owned(),
            op,
            outcome: Outcome::Unknown,
            call,
            end: None,
            called_at,
            ended_at: None,
        });
        OpId(log.records.len() - 1)
    }

    /// To be called after the answer was received, or was given up.
    #[expect(clippy::needless_pass_by_value, reason = "an operation ends once")]
    pub(crate) fn end(&self, op: OpId, outcome: Outcome) {
        let ended_at = (self.clock)();
        let mut log = self.log();
        log.events += 1;
        let end = log.events;
        let record = &mut log.records[op.0];
        record.outcome = outcome;
        record.end = Some(end);
        record.ended_at = Some(ended_at);
    }

    /// Everything so far, in the order of the calls.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.log().records.clone()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
