//! The typed client of the HTTP API: all that the command line and the dashboard may speak.
//!
//! It works against HashiCorp Consul and against our own agents. One file an endpoint family; every
//! call is a method of [`Client`].

mod address;
mod agent;
mod answer;
mod catalog;
mod client;
mod coordinate;
mod error;
mod event;
mod gossip;
mod health;
mod keyring;
mod kv;
mod monitor;
mod operator;
mod options;
mod path;
mod session;
mod settings;
mod snapshot;
mod status;
mod tls;

pub use address::{Address, AddressError, without_secrets};
pub use answer::{Answer, Meta};
pub use catalog::{NodeQuery, NodeServices};
pub use client::Client;
pub use coordinate::DatacenterCoordinates;
pub use error::{ApiError, ErrorClass, file_reason, io_reason};
pub use event::EventFilter;
pub use keyring::KeyringChange;
pub use kv::KvWrite;
pub use monitor::LogStream;
pub use options::QueryOptions;
pub use session::NewSession;
pub use settings::{Overrides, Patience, Settings, SettingsError};
pub use snapshot::SnapshotBody;
