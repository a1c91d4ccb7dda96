//! `/v1/snapshot`

use std::io;

use bytes::Bytes;
use tokio::sync::mpsc::Receiver;
use tokio_stream::wrappers::ReceiverStream;

use super::answer::{Answer, Meta};
use super::client::Client;
use super::error::ApiError;
use super::options::QueryOptions;

/// A snapshot on its way here.
pub struct SnapshotBody(Answer);

impl SnapshotBody {
    /// Consul's headers; the index is the snapshot's.
    pub fn meta(&self) -> Meta {
        self.0.meta()
    }

    /// Length in bytes, where the agent tells it.
    pub fn length(&self) -> Option<u64> {
        self.0.length()
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        self.0.chunk().await
    }
}

impl Client {
    /// Starts to fetch a snapshot of the servers' state.
    pub async fn snapshot_save(&self, options: &QueryOptions) -> Result<SnapshotBody, ApiError> {
        let request = self.get("/v1/snapshot").options(options);
        Ok(SnapshotBody(request.send_ok().await?))
    }

    /// Replaces the servers' state with a snapshot, which arrives in parts. An error among the parts
    /// breaks the request off.
    pub async fn snapshot_restore(
        &self,
        parts: Receiver<io::Result<Vec<u8>>>,
        options: &QueryOptions,
    ) -> Result<(), ApiError> {
        let archive = reqwest::Body::wrap_stream(ReceiverStream::new(parts));
        let request = self.put("/v1/snapshot").options(options).body(archive);
        request.send_ok().await.map(drop)
    }
}
