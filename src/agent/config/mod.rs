//! Flags, JSON and HCL files: layers, merge, validation with all errors at once. Pure.

mod decode;
mod error;
mod flags;
pub mod hcl;
pub mod interface;
pub mod json;
mod layer;
mod nearest;
mod scanner;
mod schema;
pub mod template;
pub mod tree;

pub use error::{ConfigError, ErrorKind, render};
pub use flags::{AgentFlags, go_bool, go_int};
pub use layer::Origin;
