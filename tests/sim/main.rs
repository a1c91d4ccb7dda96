//! Rings of the gossip state machines, and clusters of raft servers (`raft`), in virtual time on a network made of
//! numbers: what must hold for every seed. No sockets, no waiting. A failure names its seed, and `SIM_SEED=<seed>
//! cargo test --test sim <name>` repeats it; `SIM_SEEDS=<count>` runs more seeds than the usual number.

mod chaos;
mod converge;
mod coordinates;
mod dice;
mod leave;
mod linearizable;
mod loss;
mod names;
mod network;
mod partition;
mod queue;
mod quiet;
mod raft;
mod repeat;
mod ring;
mod seeds;
mod stalls;
mod trace;

#[path = "../support/linearizability/mod.rs"]
mod linearizability;
