//! `/v1/agent`, without its log stream.

use std::collections::BTreeMap;

use super::client::Client;
use super::error::ApiError;
use super::path;
use crate::model::check::HealthCheck;
use crate::model::member::Member;
use crate::model::service::{NodeService, ServiceDefinition};

impl Client {
    /// Whether the agent answers at all: any status will do, so that it needs no rights, and older agents need not know
    /// the endpoint.
    ///
    /// # Errors
    ///
    /// The agent cannot be reached.
    pub async fn ping(&self) -> Result<(), ApiError> {
        let mut answer = self.get("/v1/agent/version").send().await?;
        // To the end, so that the connection can be used again.
        while answer.chunk().await?.is_some() {}
        Ok(())
    }

    /// The agent itself: `Config`, `Member`, `Stats`, …, as it answers.
    pub async fn agent_self(&self) -> Result<serde_json::Value, ApiError> {
        self.get("/v1/agent/self").send_ok().await?.json().await
    }

    /// The name of the agent's node.
    pub async fn agent_node_name(&self) -> Result<String, ApiError> {
        let found = self.agent_self().await?;
        let name = &found["Config"]["NodeName"];
        let missing = || ApiError::Incomplete("agent response did not contain a node name".into());
        Ok(name.as_str().ok_or_else(missing)?.to_owned())
    }

    /// The members of the LAN pool, or of the WAN pool. `segment` is `_all` for all of them.
    pub async fn agent_members(&self, wan: bool, segment: &str) -> Result<Vec<Member>, ApiError> {
        let mut request = self
            .get("/v1/agent/members")
            .query_if_set("segment", segment);
        if wan {
            request = request.query("wan", "1");
        }
        request.send_ok().await?.list().await
    }

    /// Makes the agent join the member at `address`.
    pub async fn agent_join(&self, address: &str, wan: bool) -> Result<(), ApiError> {
        let mut request = self.put(path::join("/v1/agent/join/", address.as_bytes())?);
        if wan {
            request = request.query("wan", "1");
        }
        request.send_ok().await.map(drop)
    }

    /// Makes the agent leave the cluster and stop.
    pub async fn agent_leave(&self) -> Result<(), ApiError> {
        self.put("/v1/agent/leave").send_ok().await.map(drop)
    }

    /// Declares a failed member to have left; `prune` removes it from the list at once.
    pub async fn agent_force_leave(
        &self,
        node: &str,
        prune: bool,
        wan: bool,
    ) -> Result<(), ApiError> {
        let mut request = self.put(path::join("/v1/agent/force-leave/", node.as_bytes())?);
        if prune {
            request = request.query("prune", "1");
        }
        if wan {
            request = request.query("wan", "1");
        }
        request.send_ok().await.map(drop)
    }

    /// Makes the agent read its configuration again.
    pub async fn agent_reload(&self) -> Result<(), ApiError> {
        self.put("/v1/agent/reload").send_ok().await.map(drop)
    }

    /// The agent's own checks by id.
    pub async fn agent_checks(&self) -> Result<BTreeMap<String, HealthCheck>, ApiError> {
        self.get("/v1/agent/checks").send_ok().await?.json().await
    }

    /// The agent's own services by id.
    pub async fn agent_services(&self) -> Result<BTreeMap<String, NodeService>, ApiError> {
        self.get("/v1/agent/services").send_ok().await?.json().await
    }

    /// Registers a service with the agent.
    pub async fn agent_service_register(
        &self,
        service: &ServiceDefinition,
    ) -> Result<(), ApiError> {
        let request = self.put("/v1/agent/service/register").json(service)?;
        request.send_ok().await.map(drop)
    }

    /// Removes a service from the agent.
    pub async fn agent_service_deregister(&self, id: &str) -> Result<(), ApiError> {
        let path = path::join("/v1/agent/service/deregister/", id.as_bytes())?;
        self.put(path).send_ok().await.map(drop)
    }

    /// Puts the node into maintenance or takes it out.
    pub async fn agent_node_maintenance(&self, on: bool, reason: &str) -> Result<(), ApiError> {
        self.maintenance("/v1/agent/maintenance".to_owned(), on, reason)
            .await
    }

    /// Puts one service of the agent into maintenance or takes it out.
    pub async fn agent_service_maintenance(
        &self,
        id: &str,
        on: bool,
        reason: &str,
    ) -> Result<(), ApiError> {
        let path = path::join("/v1/agent/service/maintenance/", id.as_bytes())?;
        self.maintenance(path, on, reason).await
    }

    async fn maintenance(&self, path: String, on: bool, reason: &str) -> Result<(), ApiError> {
        let mut request = self.put(path).query("enable", on.to_string());
        if on {
            request = request.query("reason", reason);
        }
        request.send_ok().await.map(drop)
    }
}
