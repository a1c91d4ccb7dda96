//! Coordinates of nodes on their way to the leader's batch.

use tokio::sync::mpsc;

use super::{Rpc, RpcError, WriteOptions};
use crate::model::coordinate::NodeCoordinate;

/// Coordinates that may wait for the leader's batch; further ones are dropped, newer ones follow.
pub(super) const COORDINATES: usize = 1024;

/// What this server has taken in for the leader's duties, while it leads.
#[derive(Debug)]
pub struct LeaderInbox {
    /// Coordinates that belong into the next batch.
    pub coordinates: mpsc::Receiver<NodeCoordinate>,
}

impl Rpc {
    /// Takes a coordinate in (Consul's `Coordinate.Update`): the leader writes it with its next batch. It is
    /// not durable yet on return.
    ///
    /// # Errors
    /// When no leader can be asked, or the token lacks the permission.
    pub async fn update_coordinate(
        &self,
        options: &WriteOptions,
        update: NodeCoordinate,
    ) -> Result<(), RpcError> {
        self.route(&options.datacenter)?;
        if let Some(inbox) = &self.coordinates {
            // A full inbox drops it, as Consul does with what exceeds its batches.
            let _ = inbox.try_send(update);
        }
        Ok(())
    }
}
