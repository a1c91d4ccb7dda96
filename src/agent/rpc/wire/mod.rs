//! The requests and replies of the servers' RPC as bytes: Consul's methods, field names and msgpack, one file a
//! service, and their conversion to the store's reads and writes. Pure.

mod autopilot_state;
pub mod catalog;
mod command;
pub mod config_entry;
pub mod coordinate;
mod decode;
mod dialect;
mod forward;
mod go_time;
mod header;
pub mod health;
pub mod internal;
pub mod kvs;
pub mod operator;
mod options;
pub mod prepared_query;
mod scan;
pub mod session;
mod snapshot;
pub mod status;
mod token;
pub mod txn;
mod writer;

pub use autopilot_state::{decode_autopilot_state, encode_autopilot_state};
pub use command::{WriteCall, decode_command, decode_response, encode_command, encode_response};
pub use decode::{decode_reply, decode_request};
pub use dialect::{DialectError, Kept, encode, encode_both};
pub use forward::RemoteQuery;
pub use go_time::{decode_time, encode_time};
pub use header::{MAX_HEADER_BYTES, ReplyHeader, RequestHeader, unknown_method};
pub use options::{
    NodeMetaFilters, Nothing, QuerySource, ReadOptions, decode_answer, decode_read, decode_write,
    encode_answer, encode_read, encode_write,
};
pub use scan::{Scan, ScanError};
pub use snapshot::{
    MAX_SNAPSHOT_HEADER_BYTES, SnapshotRequest, SnapshotVerb, decode_snapshot_reply,
    encode_snapshot_reply,
};

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::{golden_calls, read_and_write_again};
