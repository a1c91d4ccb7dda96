//! The caller's side of remote execution: the job in the key/value store, and what the nodes write beside it.

mod job;
mod progress;

pub(crate) use job::{JobError, RunningJob};
pub(crate) use progress::{Progress, Step, in_lines};
