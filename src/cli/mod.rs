//! The command line: Go-style arguments, one verb a file. It speaks to agents through `api` only.

mod child;
mod commands;
mod completion;
mod config;
mod context;
mod data;
mod error;
mod flags;
mod follow;
pub mod generated;
mod go_flags;
mod go_flags_errors;
mod help;
mod known;
mod lock;
mod profile;
mod remote_exec;
mod root;
mod run;
mod suggest;
mod topics;
mod visit;

pub use run::{Invocation, run, run_with};

#[cfg(test)]
mod tests;
