//! `/v1/operator`

use super::client::Client;
use super::error::ApiError;
use super::options::QueryOptions;
use crate::model::raft::{
    AutopilotConfiguration, AutopilotState, LeaderChangeRecord, OperatorHealth, RaftConfiguration,
};

const AUTOPILOT: &str = "/v1/operator/autopilot/configuration";
const PEER: &str = "/v1/operator/raft/peer";
/// The status of `/v1/operator/autopilot/health` when a server is unhealthy; the body is there all the same.
const UNHEALTHY: u16 = 429;

/// The answer to a transfer of the leadership.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Transferred {
    success: bool,
}

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

    /// Hands the leadership to the server with that node id, or to the one that is furthest; `false` when the servers
    /// say that it did not move.
    pub async fn raft_transfer_leader(
        &self,
        id: Option<&str>,
        options: &QueryOptions,
    ) -> Result<bool, ApiError> {
        let request = self
            .post("/v1/operator/raft/transfer-leader")
            .options(options)
            .query_if_set("id", id.unwrap_or_default());
        let answer: Transferred = request.send_ok().await?.json().await?;
        Ok(answer.success)
    }

    /// What the leader's autopilot knows of the servers. Needs Consul 1.10 or newer.
    pub async fn autopilot_state(
        &self,
        options: &QueryOptions,
    ) -> Result<AutopilotState, ApiError> {
        let request = self.get("/v1/operator/autopilot/state").options(options);
        request.send_ok().await?.json().await
    }

    /// How well the servers are, whether all of them are or not.
    pub async fn autopilot_health(
        &self,
        options: &QueryOptions,
    ) -> Result<OperatorHealth, ApiError> {
        let request = self.get("/v1/operator/autopilot/health").options(options);
        let answer = request.send().await?;
        if answer.status() == UNHEALTHY {
            return answer.json().await;
        }
        answer.ok().await?.json().await
    }

    /// The changes of leader that this server saw, newest last. Only our own servers have them.
    pub async fn leader_changes(&self) -> Result<Vec<LeaderChangeRecord>, ApiError> {
        let request = self.get("/v1/consulctl/leaders");
        request.send_ok().await?.json().await
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
