//! Serf on top of the failure detector: intents, events, queries, coordinates, keys. Pure.

mod config;
mod io;
mod key_report;
mod member;
mod policy;
mod snapshot;

pub use config::Config;
pub use io::{
    Event, Input, MemberChange, Notice, Output, QueryKey, QueryReply, QueryRequest, RequestError,
    Stats,
};
pub use key_report::{KeyOperation, KeyReport};
pub use member::Member;
pub use policy::{AnyMember, Policy};
pub use snapshot::{Restored, SnapshotLine};
