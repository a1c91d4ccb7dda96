//! Flags, JSON and HCL files: layers, merge, validation with all errors at once. Pure.

mod flags;
pub mod hcl;
pub mod json;
mod scanner;
mod source;
pub mod tree;

pub use flags::{AgentFlags, go_bool, go_int};
