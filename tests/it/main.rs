//! The program as its users meet it: real processes, real sockets, real files.

#[path = "../support/mod.rs"]
mod support;

mod durability;
