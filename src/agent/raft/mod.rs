//! Consensus: the openraft glue, the log store, the state machine, snapshots. No openraft type leaves this room.

mod campaign;
mod codec;
mod contact;
mod deferral;
mod disk;
mod election_log;
mod guard;
mod handle;
mod leadership;
mod lock_delays;
mod log_store;
mod log_writer;
mod medium;
mod membership;
mod meters;
mod network;
mod novice;
mod paced;
mod peers;
mod pipeline;
mod probation;
mod reports;
mod requests;
mod retention;
mod save;
mod settings;
mod snapshot_file;
mod snapshot_transfer;
mod snapshots;
mod sqlite;
mod start;
mod state_machine;
mod status;
mod tail;
mod transfer;
mod types;
mod watch;
mod wire;

pub use disk::{Disk, SyncTime};
pub use handle::{Raft, ServeError, WriteError};
pub use leadership::{Leader, LeaderChange, Leadership, Role};
pub use network::{Call, Lane, NoTransport, Peer, Transport, TransportError};
pub use save::{ArchiveFile, RestoreError, SaveError, SavedArchive, StateSnapshot};
pub use settings::{Clock, DEFAULT_SNAPSHOT_THRESHOLD, DEFAULT_TRAILING_LOGS, RaftSettings};
pub use snapshots::SnapshotError;
pub use start::{Recovery, StartError};
pub use status::{PeerProgress, RaftStats};
pub use types::Applied;
pub use watch::Watcher;

#[cfg(test)]
mod tests;
