//! What readers see of the room.

use std::sync::Arc;

use super::state::LocalState;

/// The counts of `info`: checks with a runner, and TTL checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) monitors: usize,
    pub(super) ttls: usize,
}

/// What readers see: replaced as a whole after every change.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) state: Arc<LocalState>,
    pub(super) counts: Counts,
}
