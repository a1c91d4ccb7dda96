//! What a check's run does: one runner a file.

mod alias;
mod http;
mod net;
mod run;
mod script;
mod tcp;

pub use alias::{AliasTarget, alias_outcome};
pub use http::HttpRunner;
pub use run::Runner;
