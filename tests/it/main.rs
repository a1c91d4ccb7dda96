//! The program as its users meet it: real processes, real sockets, real files.

#[path = "../support/mod.rs"]
mod support;

mod agent_services;
mod bad_input;
mod catalog;
mod cli;
mod config;
mod durability;
mod full_disk;
mod kv;
mod walkthrough_a;
mod walkthrough_b;
