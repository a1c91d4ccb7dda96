//! The endpoints of `/v1`: [`table`](table::routes) lists them, each family has a file.

mod acl;
mod agent;
mod agent_checks;
mod agent_health;
mod agent_services;
mod agent_stats;
mod autopilot;
mod catalog;
mod config_entry;
mod connect;
mod consulctl;
mod coordinate;
mod event;
mod health;
mod keyring;
mod kv;
mod nothing;
mod operator;
mod query;
mod read;
mod session;
mod snapshot;
mod status;
mod table;
mod txn;
mod ui;

pub use table::routes;
