//! The server side: `consulctl agent` is a complete node.

pub mod acl;
mod banner;
pub mod checks;
pub mod config;
pub mod config_files;
pub mod dns;
mod dns_backend;
pub mod gossip;
pub mod handles;
pub mod http;
pub mod identity;
pub mod leader;
pub mod local;
pub mod machine;
pub mod membership;
pub mod raft;
mod reserved;
pub mod rpc;
mod run;
mod settings;
pub mod start;
mod start_error;
pub mod store;
pub mod telemetry;
mod unserved;
