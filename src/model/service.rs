//! Services: as an agent registers them, as the catalog holds and lists them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check::CheckDefinition;
use super::node::{Node, StringMap, same_map};

/// The kind of a service that stands in front of others; others have an empty kind.
pub const KIND_CONNECT_PROXY: &str = "connect-proxy";

/// Address and port under a tag (`lan`, `wan`, `lan_ipv4`, …).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceAddress {
    /// IP address or host name.
    pub address: String,
    /// Port; 0 when unknown.
    pub port: i64,
}

/// Tagged addresses of a service.
pub type ServiceAddresses = BTreeMap<String, ServiceAddress>;

/// SRV weights by health. Both are 1 where none are given; one that is left out of given ones is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Weights {
    /// Weight while passing, 1 to 65535.
    #[serde(default)]
    pub passing: i64,
    /// Weight while warning, 0 to 65535.
    #[serde(default)]
    pub warning: i64,
}

impl Weights {
    /// These weights, or 1 and 1 where they cannot be SRV weights, which is how Consul's catalog
    /// shows such a registration.
    #[must_use]
    pub fn or_default(self) -> Self {
        let fits = (1..=65_535).contains(&self.passing) && (0..=65_535).contains(&self.warning);
        if fits { self } else { Self::default() }
    }
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            passing: 1,
            warning: 1,
        }
    }
}

/// How a proxy forwards through gateways.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MeshGateway {
    /// Empty, `none`, `local` or `remote`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mode: String,
}

/// Paths that a proxy exposes without the mesh.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Expose {
    /// Whether the service's HTTP and gRPC checks are exposed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub checks: bool,
    /// The exposed paths, kept as given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<Value>,
}

/// The settings of a mesh proxy; empty for ordinary services.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Proxy {
    /// The service that the proxy stands for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub destination_service_name: String,
    /// The instance that the proxy stands beside.
    #[serde(
        rename = "DestinationServiceID",
        skip_serializing_if = "String::is_empty"
    )]
    pub destination_service_id: String,
    /// Where the local application listens.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub local_service_address: String,
    /// The local application's port.
    #[serde(skip_serializing_if = "is_zero")]
    pub local_service_port: i64,
    /// `direct` or `transparent`; empty by default.
    pub mode: String,
    /// Settings of the proxy itself, kept as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<BTreeMap<String, Value>>,
    /// Upstreams, kept as given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<Value>,
    /// Gateway mode.
    pub mesh_gateway: MeshGateway,
    /// Exposed paths.
    pub expose: Expose,
}

/// A service's part in the mesh.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Connect {
    /// Whether the service speaks mesh TLS by itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub native: bool,
    /// A sidecar to register with the service; only in registrations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sidecar_service: Option<Box<ServiceDefinition>>,
}

/// A service instance of a node, as the catalog holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeService {
    /// Empty, or the kind of proxy or gateway.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Unique on the node.
    #[serde(rename = "ID")]
    pub id: String,
    /// The service's name.
    pub service: String,
    /// Tags, in the order given.
    pub tags: Vec<String>,
    /// The instance's own address; empty means the node's.
    pub address: String,
    /// Addresses by tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tagged_addresses: Option<ServiceAddresses>,
    /// Service metadata.
    pub meta: Option<StringMap>,
    /// Port; 0 when none.
    pub port: i64,
    /// Path of a unix socket, instead of address and port.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub socket_path: String,
    /// SRV weights.
    pub weights: Weights,
    /// Whether tags changed in the catalog win over the agent's.
    pub enable_tag_override: bool,
    /// Proxy settings.
    pub proxy: Proxy,
    /// Mesh settings.
    pub connect: Connect,
    /// Raft index of the creation.
    pub create_index: u64,
    /// Raft index of the last change.
    pub modify_index: u64,
}

impl NodeService {
    /// Whether both describe the same instance, whatever their indexes.
    pub fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.id == other.id
            && self.service == other.service
            && self.tags == other.tags
            && self.address == other.address
            && same_map(
                self.tagged_addresses.as_ref(),
                other.tagged_addresses.as_ref(),
            )
            && same_map(self.meta.as_ref(), other.meta.as_ref())
            && self.port == other.port
            && self.socket_path == other.socket_path
            && self.weights == other.weights
            && self.enable_tag_override == other.enable_tag_override
            && self.proxy == other.proxy
            && self.connect == other.connect
    }

    /// The service that mesh clients ask for when they mean this instance, if it takes part.
    pub fn connect_name(&self) -> Option<&str> {
        if self.kind == KIND_CONNECT_PROXY {
            Some(&self.proxy.destination_service_name)
        } else {
            self.connect.native.then_some(self.service.as_str())
        }
    }
}

/// A row of `/v1/catalog/service/:name`: an instance with its node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceNode {
    /// The node's UUID.
    #[serde(rename = "ID")]
    pub id: String,
    /// The node's name.
    pub node: String,
    /// The node's address.
    pub address: String,
    /// The node's datacenter.
    pub datacenter: String,
    /// The node's tagged addresses.
    pub tagged_addresses: Option<StringMap>,
    /// The node's metadata.
    pub node_meta: Option<StringMap>,
    /// The service's kind.
    pub service_kind: String,
    /// The instance's id.
    #[serde(rename = "ServiceID")]
    pub service_id: String,
    /// The service's name.
    pub service_name: String,
    /// The instance's tags.
    pub service_tags: Vec<String>,
    /// The instance's own address.
    pub service_address: String,
    /// The instance's tagged addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tagged_addresses: Option<ServiceAddresses>,
    /// SRV weights.
    pub service_weights: Weights,
    /// The instance's metadata; never `null`.
    pub service_meta: StringMap,
    /// The instance's port.
    pub service_port: i64,
    /// Path of a unix socket.
    pub service_socket_path: String,
    /// Whether catalog tags win.
    pub service_enable_tag_override: bool,
    /// Proxy settings.
    pub service_proxy: Proxy,
    /// Mesh settings.
    pub service_connect: Connect,
    /// Raft index of the instance's creation.
    pub create_index: u64,
    /// Raft index of the instance's last change.
    pub modify_index: u64,
}

impl ServiceNode {
    /// An instance as a row of the catalog: absent metadata of the service becomes empty.
    pub fn new(node: &Node, service: &NodeService) -> Self {
        Self {
            id: node.id.clone(),
            node: node.node.clone(),
            address: node.address.clone(),
            datacenter: node.datacenter.clone(),
            tagged_addresses: node.tagged_addresses.clone(),
            node_meta: node.meta.clone(),
            service_kind: service.kind.clone(),
            service_id: service.id.clone(),
            service_name: service.service.clone(),
            service_tags: service.tags.clone(),
            service_address: service.address.clone(),
            service_tagged_addresses: service.tagged_addresses.clone(),
            service_weights: service.weights,
            service_meta: service.meta.clone().unwrap_or_default(),
            service_port: service.port,
            service_socket_path: service.socket_path.clone(),
            service_enable_tag_override: service.enable_tag_override,
            service_proxy: service.proxy.clone(),
            service_connect: service.connect.clone(),
            create_index: service.create_index,
            modify_index: service.modify_index,
        }
    }
}

/// A service as `/v1/agent/service…` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AgentService {
    /// Empty, or the kind of proxy or gateway.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Unique on the agent.
    #[serde(rename = "ID")]
    pub id: String,
    /// The service's name.
    pub service: String,
    /// Tags, in the order given.
    pub tags: Vec<String>,
    /// Service metadata; never `null`.
    pub meta: StringMap,
    /// Port; 0 when none.
    pub port: i64,
    /// The instance's own address.
    pub address: String,
    /// Path of a unix socket.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub socket_path: String,
    /// Addresses by tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tagged_addresses: Option<ServiceAddresses>,
    /// SRV weights.
    pub weights: Weights,
    /// Whether catalog tags win.
    pub enable_tag_override: bool,
    /// Hash of the definition, for hash-blocking; only in `/v1/agent/service/:id`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub content_hash: String,
    /// Proxy settings; only of proxies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// Mesh settings; only where any are set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<Connect>,
    /// The agent's datacenter.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub datacenter: String,
}

/// A registration: the body of `/v1/agent/service/register` and a `service` block in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceDefinition {
    /// Empty, or the kind of proxy or gateway.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Unique on the agent; the name when empty.
    #[serde(rename = "ID", skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The service's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The instance's own address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// Addresses by tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tagged_addresses: Option<ServiceAddresses>,
    /// Service metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<StringMap>,
    /// Port.
    #[serde(skip_serializing_if = "is_zero")]
    pub port: i64,
    /// Path of a unix socket.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub socket_path: String,
    /// One check of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckDefinition>,
    /// Further checks of the service.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckDefinition>,
    /// SRV weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Weights>,
    /// The ACL token with which the service is synced.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// Whether catalog tags win.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub enable_tag_override: bool,
    /// Proxy settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// Mesh settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<Connect>,
}

/// Whether a number is left out of JSON by Go's `omitempty`.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(crate) fn is_zero(value: &i64) -> bool {
    *value == 0
}
