//! The command line: Go-style arguments, one verb a file. It speaks to agents through `api` only.

mod child;
mod commands;
mod completion;
mod context;
mod data;
mod error;
mod flags;
pub mod generated;
mod go_flags;
mod go_flags_errors;
mod help;
mod lock;
mod remote_exec;
mod root;
mod run;

pub use run::{Invocation, run, run_with};

#[cfg(test)]
mod tests;
