//! What a check's run does: one runner a file.

pub mod alias;
mod cause;
mod docker;
mod grpc;
mod h2ping;
mod http;
mod lookup;
mod net;
mod os_service;
mod run;
mod script;
mod tcp;
mod tls;
mod udp;

pub use http::HttpRunner;
pub use run::Runner;
pub(crate) use script::{ProcessGroup, collect, command, spawn, spawn_error};
pub use tls::{AgentTls, AgentTlsFiles, CheckTls, CheckTlsError};
