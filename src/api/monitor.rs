//! `/v1/agent/monitor`: the agent's log as it is written.

use bytes::Bytes;

use super::answer::Answer;
use super::client::Client;
use super::error::ApiError;

/// A running log; dropping it ends the stream.
pub struct LogStream(Answer);

impl LogStream {
    /// The next piece, not necessarily a whole line; `None` when the agent ends the stream.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        self.0.chunk().await
    }
}

impl Client {
    /// Starts to stream the log at `level`, as text or as JSON lines.
    pub async fn agent_monitor(&self, level: &str, json: bool) -> Result<LogStream, ApiError> {
        let mut request = self
            .get("/v1/agent/monitor")
            .query_if_set("loglevel", level);
        if json {
            request = request.query("logjson", "true");
        }
        Ok(LogStream(request.send_ok().await?))
    }
}
