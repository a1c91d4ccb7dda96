//! What a check's run does: one runner a file.

pub mod alias;
mod http;
mod net;
mod run;
mod script;
mod tcp;

pub use http::HttpRunner;
pub use run::Runner;
pub(crate) use script::{ProcessGroup, collect, command, spawn_error};
