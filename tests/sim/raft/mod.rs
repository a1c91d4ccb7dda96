//! Several raft servers in virtual time, each on a runtime and a clock of its own, over a network and disks that fail.
//!
//! A server that crashes loses its runtime with everything in it; one that is paused is not driven, and its clock
//! jumps when it goes on, as after SIGSTOP. A seed means the same faults at the same times; openraft draws its election
//! timeouts from the operating system, so that elections differ from run to run.

mod client;
mod cluster;
mod faults;
mod net;
mod scenarios;
mod server;
mod spy;
mod story;
