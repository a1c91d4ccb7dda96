//! Coordinates of nodes on their way to the leader's batch.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::agent::raft::Raft;
use crate::agent::store::Command;
use crate::model::access::{Requirement, Resource};
use crate::model::coordinate::NodeCoordinate;

use super::forward::{Errand, Left};
use super::wire::{WriteCall, encode_command};
use super::{Rpc, RpcError, WriteOptions};

/// Coordinates that may wait for the leader's batch; further ones are dropped, newer ones follow.
pub(super) const COORDINATES: usize = 1024;

/// What this server has taken in for the leader's duties, while it leads.
#[derive(Debug)]
pub struct LeaderInbox {
    /// Coordinates that belong into the next batch.
    pub coordinates: mpsc::Receiver<NodeCoordinate>,
}

/// A coordinate on its way.
struct Update<'a> {
    options: &'a WriteOptions,
    /// The same as bytes; the leader has no use for them.
    call: WriteCall,
    coordinate: NodeCoordinate,
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
        let command = Command::Coordinates(vec![update.clone()]);
        let call = encode_command(&self.wire_options(options), &command)?;
        let update = Update {
            options,
            call: call.ok_or_else(|| RpcError::Raft(RpcError::NotLeader.to_string()))?,
            coordinate: update,
        };
        self.carry(update).await
    }
}

impl Errand for Update<'_> {
    type Answer = ();

    /// The newest coordinate of a node counts, however often it comes.
    fn is_read(&self) -> bool {
        true
    }

    async fn ask(
        &self,
        rpc: &Rpc,
        server: SocketAddr,
        _: Left,
        limit: Duration,
    ) -> Result<(), RpcError> {
        let pool = &rpc.shared.pool;
        let WriteCall { method, body } = &self.call;
        pool.call(server, method, body, limit).await?;
        Ok(())
    }

    async fn here(&mut self, rpc: &Rpc, _: &Raft, _: Left) -> Result<(), RpcError> {
        let requirement = Requirement::write(Resource::Node, self.coordinate.node.as_bytes());
        rpc.authorize(&self.options.token, &requirement)?;
        if let Some(inbox) = &rpc.shared.coordinates {
            // A full inbox drops it, as Consul does with what exceeds its batches.
            let _ = inbox.try_send(self.coordinate.clone());
        }
        Ok(())
    }
}
