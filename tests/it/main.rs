//! The program as its users meet it: real processes, real sockets, real files.

#![expect(
    clippy::unwrap_used,
    reason = "whatever a helper cannot do fails the test that asked for it"
)]
#![expect(
    clippy::print_stdout,
    reason = "a failed test shows its seed, and a skipped one says so"
)]

#[path = "../support/mod.rs"]
mod support;

mod agent_services;
mod anti_entropy;
mod bad_input;
mod catalog;
mod checks_alias;
mod checks_course;
mod checks_local;
mod checks_network;
mod checks_thresholds;
mod cli;
mod client_dns;
mod cluster;
mod cluster_consul;
mod completion;
mod config;
mod durability;
mod exec;
mod failover;
mod full_disk;
mod gossip_consul;
mod gossip_ring;
mod gossip_serf;
mod kv;
mod lock;
mod locks;
mod membership;
mod own_services;
mod prepared_queries;
mod recovery;
mod rpc_port;
mod sessions;
mod terminal;
mod top;
mod top_write;
mod walkthrough_a;
mod walkthrough_b;
mod walkthrough_d;
mod walkthrough_e;
mod watches;
