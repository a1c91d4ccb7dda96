//! Transactions: operations on keys, nodes, services and checks, all or nothing; one file a kind.

mod check;
mod kv;
mod node;
mod run;
mod service;
mod vet;

pub use vet::vet;
