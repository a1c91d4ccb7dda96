//! consulctl: service discovery, health checks, key/value and DNS in one binary.
//!
//! The rooms in reading order. An import points downwards only (see ARCHITECTURE.md, kept by
//! `tests/tidy.rs`).
//!
//! - [`model`]: the nouns that cross a boundary, with Consul's JSON; pure.
//! - [`api`]: the typed client of the HTTP API; all that `cli` may speak.
//! - [`output`]: what commands print with: tables, JSON, progress bars.
//! - [`tui`]: the dashboard, `top`.
//! - [`agent`]: the server side, a room for every duty.
//! - [`cli`]: arguments and commands.

#![recursion_limit = "256"]

pub mod agent;
pub mod api;
pub mod cli;
pub mod model;
pub mod output;
pub mod tui;
