//! Flags, JSON and HCL files: layers, merge, validation with all errors at once. Pure.
//!
//! [`build`] is the way in: [`Sources`] and [`Facts`] to a [`Config`] and warnings, or to every
//! error that there is. Reading files and listing interfaces is the caller's.

mod addresses;
mod build;
mod debug;
mod debug_definitions;
mod debug_network;
mod decode;
mod defaults;
mod definitions;
mod deprecated;
mod error;
mod flags;
pub mod hcl;
pub mod interface;
pub mod json;
mod layer;
mod metadata;
mod nearest;
mod reader;
mod reload;
mod runtime;
mod scanner;
mod schema;
mod security;
mod selector;
pub mod template;
mod topics;
pub mod tree;
mod validate;
mod validate_cluster;

#[cfg(test)]
mod tests;

pub use build::{Built, Facts, Format, SourceFile, Sources, build};
pub use debug::{DebugFacts, debug_config};
pub use error::{ConfigError, ErrorKind, render};
pub use flags::{AgentFlags, go_bool, go_int};
pub use interface::Interface;
pub use layer::Origin;
pub use reload::reload_diff;
pub use runtime::*;
