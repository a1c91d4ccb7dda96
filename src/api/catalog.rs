//! `/v1/catalog`

use std::collections::BTreeMap;

use serde::Deserialize;

use super::answer::Meta;
use super::client::Client;
use super::error::ApiError;
use super::options::QueryOptions;
use super::path;
use crate::model::node::Node;
use crate::model::service::{NodeService, ServiceNode};

/// A node with its services, as `/v1/catalog/node/:name` answers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeServices {
    /// The node.
    pub node: Node,
    /// Its services by id.
    pub services: BTreeMap<String, NodeService>,
}

/// Which nodes are listed.
#[derive(Debug, Clone, Default)]
pub struct NodeQuery {
    /// Only nodes that run this service.
    pub service: String,
    /// The common parameters.
    pub options: QueryOptions,
}

impl Client {
    /// The datacenters that the agent knows, nearest first.
    pub async fn catalog_datacenters(&self) -> Result<Vec<String>, ApiError> {
        self.get("/v1/catalog/datacenters")
            .send_ok()
            .await?
            .json()
            .await
    }

    /// The nodes of a datacenter.
    pub async fn catalog_nodes(&self, query: &NodeQuery) -> Result<Vec<Node>, ApiError> {
        Ok(self.catalog_nodes_meta(query).await?.0)
    }

    /// The nodes of a datacenter, and what to wait behind for the next change.
    pub async fn catalog_nodes_meta(
        &self,
        query: &NodeQuery,
    ) -> Result<(Vec<Node>, Meta), ApiError> {
        if query.service.is_empty() {
            let request = self.get("/v1/catalog/nodes").options(&query.options);
            let answer = request.send_ok().await?;
            let meta = answer.meta();
            return Ok((answer.json().await?, meta));
        }
        let path = path::join("/v1/catalog/service/", query.service.as_bytes())?;
        let answer = self.get(path).options(&query.options).send_ok().await?;
        let meta = answer.meta();
        let rows: Vec<ServiceNode> = answer.json().await?;
        Ok((rows.into_iter().map(node_of).collect(), meta))
    }

    /// The services of a datacenter with their tags.
    pub async fn catalog_services(
        &self,
        options: &QueryOptions,
    ) -> Result<BTreeMap<String, Vec<String>>, ApiError> {
        Ok(self.catalog_services_meta(options).await?.0)
    }

    /// The services of a datacenter with their tags, and what to wait behind for the next change.
    pub async fn catalog_services_meta(
        &self,
        options: &QueryOptions,
    ) -> Result<(BTreeMap<String, Vec<String>>, Meta), ApiError> {
        let request = self.get("/v1/catalog/services").options(options);
        let answer = request.send_ok().await?;
        let meta = answer.meta();
        Ok((answer.json().await?, meta))
    }

    /// Removes an instance of a service from the catalog. An agent that has it registers it again.
    pub async fn catalog_deregister_service(&self, node: &str, id: &str) -> Result<(), ApiError> {
        let body = serde_json::json!({"Node": node, "ServiceID": id});
        let request = self.put("/v1/catalog/deregister").json(&body)?;
        request.send_ok().await.map(drop)
    }

    /// A node with its services, if the catalog has it; `node` is a name or an id.
    pub async fn catalog_node_meta(
        &self,
        node: &str,
        options: &QueryOptions,
    ) -> Result<(Option<NodeServices>, Meta), ApiError> {
        let path = path::join("/v1/catalog/node/", node.as_bytes())?;
        let answer = self.get(path).options(options).send_ok().await?;
        let meta = answer.meta();
        Ok((answer.json().await?, meta))
    }
}

fn node_of(row: ServiceNode) -> Node {
    Node {
        id: row.id,
        node: row.node,
        address: row.address,
        datacenter: row.datacenter,
        tagged_addresses: row.tagged_addresses,
        meta: row.node_meta,
        create_index: row.create_index,
        modify_index: row.modify_index,
    }
}
