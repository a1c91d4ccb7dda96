//! Serf on top of the failure detector: intents, events, queries, coordinates, keys. Pure.

mod clock;
mod coalescer;
mod config;
mod coordinate;
mod core;
mod filter;
mod io;
mod key_report;
mod leave;
mod machine;
mod member;
mod members;
mod own_queries;
mod policy;
mod questions;
mod queues;
mod recent_events;
mod recent_intents;
mod snapshot;
mod snapshot_log;

pub use config::Config;
pub use io::{
    Event, Input, MemberChange, Notice, Output, QueryKey, QueryReply, QueryRequest, RequestError,
    Stats,
};
pub use key_report::{KeyOperation, KeyReport};
pub use machine::{Options, Serf};
pub use member::Member;
pub use policy::{AnyMember, Policy};
pub use snapshot::{Remembered, Restored, SnapshotLine, replay};

#[cfg(test)]
mod tests;
