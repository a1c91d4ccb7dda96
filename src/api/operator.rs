//! `/v1/operator`

use super::client::Client;
use super::error::ApiError;
use super::options::QueryOptions;
use crate::model::raft::{AutopilotConfiguration, RaftConfiguration};

const AUTOPILOT: &str = "/v1/operator/autopilot/configuration";
const PEER: &str = "/v1/operator/raft/peer";

impl Client {
    /// The servers of the raft configuration.
    pub async fn raft_configuration(
        &self,
        options: &QueryOptions,
    ) -> Result<RaftConfiguration, ApiError> {
        let request = self.get("/v1/operator/raft/configuration").options(options);
        request.send_ok().await?.json().await
    }

    /// Removes the server with that RPC address from the raft configuration.
    pub async fn raft_remove_peer_by_address(
        &self,
        address: &str,
        options: &QueryOptions,
    ) -> Result<(), ApiError> {
        let request = self.delete(PEER).options(options).query("address", address);
        request.send_ok().await.map(drop)
    }

    /// Removes the server with that node id from the raft configuration.
    pub async fn raft_remove_peer_by_id(
        &self,
        id: &str,
        options: &QueryOptions,
    ) -> Result<(), ApiError> {
        let request = self.delete(PEER).options(options).query("id", id);
        request.send_ok().await.map(drop)
    }

    /// The autopilot configuration.
    pub async fn autopilot_configuration(
        &self,
        options: &QueryOptions,
    ) -> Result<AutopilotConfiguration, ApiError> {
        let request = self.get(AUTOPILOT).options(options);
        request.send_ok().await?.json().await
    }

    /// Replaces the autopilot configuration if nobody changed it since it was read (its
    /// `modify_index`); `false` if somebody did.
    pub async fn autopilot_set_configuration(
        &self,
        configuration: &AutopilotConfiguration,
        options: &QueryOptions,
    ) -> Result<bool, ApiError> {
        let request = self
            .put(AUTOPILOT)
            .options(options)
            .query("cas", configuration.modify_index.to_string())
            .json(configuration)?;
        let body = request.send_ok().await?.bytes().await?;
        Ok(body.windows(4).any(|part| part == b"true"))
    }
}
