//! Snapshot streams of other agents: the operator's archive, saved and restored.

use std::net::SocketAddr;

use crate::agent::rpc::Rpc;
use crate::agent::rpc::net::{BoxFuture, DuplexStream, SnapshotStreams};

/// Serves snapshot streams.
pub struct SnapshotService {
    rpc: Rpc,
}

impl SnapshotService {
    /// Serves over this server's handle.
    pub fn new(rpc: Rpc) -> Self {
        Self { rpc }
    }
}

impl SnapshotStreams for SnapshotService {
    fn serve(&self, _from: SocketAddr, stream: Box<dyn DuplexStream>) -> BoxFuture<'static, ()> {
        let rpc = self.rpc.clone();
        Box::pin(async move { drop((rpc, stream)) })
    }
}
