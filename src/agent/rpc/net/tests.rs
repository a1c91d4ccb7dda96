//! Over loopback, with well-behaved and with hostile clients.

mod bench;
mod calls;
mod client;
mod hostile;
mod raft;
mod reference;
mod support;
