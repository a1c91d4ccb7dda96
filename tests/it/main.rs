//! The program as its users meet it: real processes, real sockets, real files.

#[path = "../support/mod.rs"]
mod support;

mod catalog;
mod durability;
mod kv;
mod walkthrough_a;
mod walkthrough_b;
