//! What a node leaves beside a job.

use std::sync::Arc;

use bytes::Bytes;
use tracing::error;

use super::desk::{Desk, WriteFailure};
use crate::model::remote_exec::{ACK, Call, EXIT};

/// Nobody waits for the job's results any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session has ended")]
pub(super) struct Gone;

/// One node's results of one job.
pub(super) struct Report<S> {
    desk: Arc<S>,
    call: Call,
    node: String,
    pieces: u64,
}

impl<S: Desk> Report<S> {
    pub(super) fn new(desk: Arc<S>, call: Call, node: &str) -> Self {
        Self {
            desk,
            call,
            node: node.to_owned(),
            pieces: 0,
        }
    }

    /// Says that the job is taken; only then it may be run.
    pub(super) async fn acknowledge(&self) -> Result<(), WriteFailure> {
        self.leave(&self.call.key(&[&self.node, ACK]), Bytes::new())
            .await
    }

    /// Leaves the next piece of output; an empty one is a sign of life. One that cannot be written is lost.
    pub(super) async fn piece(&mut self, output: Bytes) -> Result<(), Gone> {
        let key = self.call.output_key(&self.node, self.pieces);
        self.pieces += 1;
        let left = self.leave(&key, output).await;
        self.judge(left, "failed to write output for remote exec job")
    }

    /// Leaves the exit code; nothing may follow.
    pub(super) async fn exit(self, code: i32) -> Result<(), Gone> {
        let key = self.call.key(&[&self.node, EXIT]);
        let left = self.leave(&key, code.to_string().into()).await;
        self.judge(left, "failed to write exit code for remote exec job")
    }

    async fn leave(&self, key: &str, value: Bytes) -> Result<(), WriteFailure> {
        self.desk.leave(&self.call.session, key, value).await
    }

    fn judge(&self, left: Result<(), WriteFailure>, text: &str) -> Result<(), Gone> {
        match left {
            Ok(()) => Ok(()),
            Err(WriteFailure::Gone) => Err(Gone),
            Err(WriteFailure::Failed(error)) => {
                error!(target: "agent", session = self.call.session, error, "{text}");
                Ok(())
            }
        }
    }
}
