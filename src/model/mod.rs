//! The nouns that cross a boundary (HTTP, agent, command line), defined once. Pure.
//!
//! JSON is Consul's: PascalCase keys in the order in which Consul prints them.

pub mod access;
pub mod agent;
pub mod catalog;
pub mod check;
pub mod content_hash;
pub mod coordinate;
pub mod decode;
pub mod duration;
pub mod event;
pub mod filter;
pub mod go_base64;
pub mod go_error;
pub mod go_exit;
pub mod go_path;
pub mod gossip;
pub mod hashing;
pub mod keyring;
pub mod kv;
pub mod member;
pub mod mono;
pub mod node;
pub mod prepared_query;
pub mod raft;
pub mod regexp;
pub mod registration;
pub mod remote_exec;
pub mod service;
pub mod session;
pub mod snapshot_archive;
pub mod snapshot_records;
pub mod txn;
pub mod watch;
