//! `Internal`: what the user interface, events and the keyring need.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::dialect::DialectError;
use super::forward::RemoteQuery;
use super::health::InstancesReply;
use crate::agent::store::{Instances, NodeDump, NodeRecord, ServiceDump};
use crate::model::check::HealthCheck;
use crate::model::node::{Node, StringMap};
use crate::model::service::NodeService;

/// A node with everything of it. Request: [`super::catalog::NodeRequest`].
pub const NODE_INFO: &str = "Internal.NodeInfo";
/// All nodes with everything of them.
pub const NODE_DUMP: &str = "Internal.NodeDump";
/// All instances. Reply: [`super::health::InstancesReply`].
pub const SERVICE_DUMP: &str = "Internal.ServiceDump";
/// Fires a user event in the asked datacenter.
pub const EVENT_FIRE: &str = "Internal.EventFire";
/// Works on the gossip keys of all datacenters. Consul refuses it to client agents.
pub const KEYRING_OPERATION: &str = "Internal.KeyringOperation";

/// A node with its services and checks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeInfo {
    /// The node's UUID.
    #[serde(rename = "ID")]
    pub id: String,
    /// The node's name.
    pub node: String,
    /// The node's address.
    pub address: String,
    /// The node's addresses by tag.
    pub tagged_addresses: Option<StringMap>,
    /// The node's metadata.
    pub meta: Option<StringMap>,
    /// The services.
    pub services: Vec<Arc<NodeService>>,
    /// The checks of the node and of its services.
    pub checks: Vec<Arc<HealthCheck>>,
}

/// The reply to `Internal.NodeInfo` and `Internal.NodeDump`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DumpReply {
    /// The nodes.
    pub dump: Vec<NodeInfo>,
}

impl From<&NodeRecord> for NodeInfo {
    fn from(record: &NodeRecord) -> Self {
        let node = Node::clone(&record.node);
        Self {
            id: node.id,
            node: node.node,
            address: node.address,
            tagged_addresses: node.tagged_addresses,
            meta: node.meta,
            services: record.services.clone(),
            checks: record.checks.clone(),
        }
    }
}

impl From<NodeInfo> for NodeRecord {
    /// The reply has neither a node's datacenter nor its indexes.
    fn from(info: NodeInfo) -> Self {
        let node = Node {
            id: info.id,
            node: info.node,
            address: info.address,
            tagged_addresses: info.tagged_addresses,
            meta: info.meta,
            ..Node::default()
        };
        Self {
            node: Arc::new(node),
            services: info.services,
            checks: info.checks,
        }
    }
}

/// The request of `Internal.NodeInfo` and `Internal.NodeDump`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeDumpRequest {
    /// Requests for all nodes do not have the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
}

impl RemoteQuery for NodeDump {
    type Request = NodeDumpRequest;
    type Reply = DumpReply;

    fn method(&self) -> &'static str {
        if self.node.is_some() {
            NODE_INFO
        } else {
            NODE_DUMP
        }
    }

    fn to_request(&self, _: &str) -> Result<NodeDumpRequest, DialectError> {
        Ok(NodeDumpRequest {
            node: self.node.clone(),
        })
    }

    fn from_request(request: NodeDumpRequest) -> Result<Self, DialectError> {
        Ok(Self { node: request.node })
    }

    fn to_reply(answer: Vec<NodeRecord>) -> DumpReply {
        DumpReply {
            dump: answer.iter().map(NodeInfo::from).collect(),
        }
    }

    fn to_answer(&self, reply: DumpReply) -> Result<Vec<NodeRecord>, DialectError> {
        Ok(reply.dump.into_iter().map(NodeRecord::from).collect())
    }
}

impl RemoteQuery for ServiceDump {
    type Request = ServiceDumpRequest;
    type Reply = InstancesReply;

    fn to_request(&self, _: &str) -> Result<ServiceDumpRequest, DialectError> {
        Ok(ServiceDumpRequest {
            service_kind: self.kind.clone().unwrap_or_default(),
            use_service_kind: self.kind.is_some(),
        })
    }

    fn from_request(request: ServiceDumpRequest) -> Result<Self, DialectError> {
        Ok(Self {
            kind: request.use_service_kind.then_some(request.service_kind),
        })
    }

    fn to_reply(instances: Instances) -> InstancesReply {
        InstancesReply::new(instances)
    }

    fn to_answer(&self, reply: InstancesReply) -> Result<Instances, DialectError> {
        Ok(reply.into_instances())
    }
}

/// The request of `Internal.ServiceDump`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceDumpRequest {
    /// The kind that is meant, where kinds count.
    pub service_kind: String,
    /// Whether only services of the kind are meant.
    pub use_service_kind: bool,
}

/// The request of `Internal.EventFire`; the reply has metadata only. Options: those of a read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EventFireRequest {
    /// The event's name, without a prefix.
    pub name: String,
    /// The whole event as the agents of that datacenter understand it (section 13.4 of the wire format), not only
    /// its payload.
    pub payload: ByteBuf,
}

/// The request of `Internal.KeyringOperation`. Options: those of a read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeyringRequest {
    /// `list`, `install`, `use` or `remove`.
    pub operation: String,
    /// The key, base64; empty when listing.
    pub key: String,
    /// Whether another server already sends it to the other datacenters.
    pub forwarded: bool,
    /// Whether the other datacenters are left alone; only for listing.
    pub local_only: bool,
    /// How many members pass each answer on, 0 to 5.
    pub relay_factor: u8,
}

/// What a pool answered to work on its keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeyringResponse {
    /// Whether the pool is the WAN pool.
    #[serde(rename = "WAN")]
    pub wan: bool,
    /// The pool's datacenter.
    pub datacenter: String,
    /// The network segment; empty for the default one.
    pub segment: String,
    /// What single members said.
    pub messages: BTreeMap<String, String>,
    /// Keys, each with the number of members that have it.
    pub keys: BTreeMap<String, i64>,
    /// Primary keys, each with the number of members that encrypt with it.
    pub primary_keys: BTreeMap<String, i64>,
    /// Members of the pool.
    pub num_nodes: i64,
    /// Why it failed; empty when it did not.
    pub error: String,
}

/// The reply to `Internal.KeyringOperation`, with metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeyringReply {
    /// One a pool.
    pub responses: Vec<KeyringResponse>,
}
