//! `/v1/status`

use super::client::Client;
use super::error::ApiError;
use super::options::QueryOptions;

impl Client {
    /// The leader's RPC address; empty without a leader.
    pub async fn status_leader(&self, options: &QueryOptions) -> Result<String, ApiError> {
        let request = self.get("/v1/status/leader").options(options);
        request.send_ok().await?.json().await
    }

    /// The RPC addresses of the servers.
    pub async fn status_peers(&self, options: &QueryOptions) -> Result<Vec<String>, ApiError> {
        let request = self.get("/v1/status/peers").options(options);
        request.send_ok().await?.json().await
    }
}
