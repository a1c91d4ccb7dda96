//! Health checks: the scheduler and outcomes (pure) and one runner a file.

pub mod outcome;
pub mod output;
mod quote;
pub mod runner;
pub mod scheduler;
pub mod spec;
