//! Requests that change the catalog: `/v1/catalog/register` and `/v1/catalog/deregister`.

use serde::{Deserialize, Serialize};

use super::check::HealthCheck;
use super::node::{Node, StringMap};
use super::service::NodeService;

/// Registers a node and, with it, a service and checks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RegisterRequest {
    /// The datacenter that is meant; empty means the agent's own.
    pub datacenter: String,
    /// The node's UUID; may be empty.
    #[serde(rename = "ID")]
    pub id: String,
    /// The node's name.
    pub node: String,
    /// The node's address.
    pub address: String,
    /// The node's addresses by tag.
    pub tagged_addresses: Option<StringMap>,
    /// The node's metadata.
    pub node_meta: Option<StringMap>,
    /// A service instance of the node.
    pub service: Option<NodeService>,
    /// A check of the node or of a service.
    pub check: Option<HealthCheck>,
    /// Further checks.
    pub checks: Vec<HealthCheck>,
    /// Whether the node itself stays as it is where it exists.
    pub skip_node_update: bool,
}

impl RegisterRequest {
    /// The node that the request describes.
    pub fn to_node(&self) -> Node {
        Node {
            id: self.id.clone(),
            node: self.node.clone(),
            address: self.address.clone(),
            datacenter: self.datacenter.clone(),
            tagged_addresses: self.tagged_addresses.clone(),
            meta: self.node_meta.clone(),
            create_index: 0,
            modify_index: 0,
        }
    }
}

/// Removes a check, a service with its checks, or a whole node, whichever is named most closely.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeregisterRequest {
    /// The datacenter that is meant; empty means the agent's own.
    pub datacenter: String,
    /// The node's name.
    pub node: String,
    /// Taken for the sake of clients that send it; means nothing, as in Consul.
    #[serde(skip_serializing)]
    pub address: String,
    /// The service instance; empty when not meant.
    #[serde(rename = "ServiceID")]
    pub service_id: String,
    /// The check; empty when not meant.
    #[serde(rename = "CheckID")]
    pub check_id: String,
}
