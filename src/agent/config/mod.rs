//! Flags, JSON and HCL files: layers, merge, validation with all errors at once. Pure.

mod flags;
mod source;

pub use flags::{AgentFlags, go_bool, go_int};
