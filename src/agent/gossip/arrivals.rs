//! What tasks of the driver bring back to it.

use std::net::SocketAddr;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::handle::JoinError;
use super::resolve::Target;
use super::snapshot_file;
use super::swim::ExchangeId;
use super::wire::{Ping, PushPull};

/// Arrivals that wait for the driver; tasks wait when there are more.
pub(super) const ARRIVALS: usize = 256;

/// What a task of the driver brings back to it.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A peer dialled and sent its state; `answer` gets ours, or is dropped to close the stream.
    PushPull {
        from: SocketAddr,
        state: PushPull,
        answer: oneshot::Sender<Bytes>,
    },
    /// A peer dialled to ping.
    StreamPing {
        ping: Ping,
        answer: oneshot::Sender<Bytes>,
    },
    /// A message of the application came by stream.
    User { from: SocketAddr, message: Bytes },
    /// What we dialled for.
    PushPullReply {
        exchange: ExchangeId,
        result: Result<PushPull, String>,
    },
    /// A ping by stream was answered, or was not.
    StreamPong { seq_no: u32, answered: bool },
    /// The places to join, by the number of the join.
    Resolved {
        join: u64,
        result: Result<Vec<Target>, JoinError>,
    },
    /// A new keyring is on disk, or is not.
    KeyringSaved(Result<(), String>),
    /// The snapshot's file is free again.
    Snapshot(snapshot_file::Done),
}
