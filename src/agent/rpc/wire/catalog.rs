//! `Catalog`: nodes and services.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::dialect::{DialectError, Kept};
use super::forward::RemoteQuery;
use super::options::{
    NodeMetaFilters, QuerySource, ReadOptions, decode_read, encode_answer, encode_read,
};
use crate::agent::rpc::options::QueryMeta;
use crate::agent::store::{
    Instances, InstancesAt, ListNodes, ListServices, NodeWithServices, ServiceInstances,
};
use crate::model::node::Node;
use crate::model::service::{NodeService, ServiceNode};

/// Registers a node, a service, checks.
pub const REGISTER: &str = "Catalog.Register";
/// Removes a node, a service or a check.
pub const DEREGISTER: &str = "Catalog.Deregister";
/// The known datacenters, nearest first.
pub const LIST_DATACENTERS: &str = "Catalog.ListDatacenters";
/// A service's instances without their checks.
pub const SERVICE_NODES: &str = "Catalog.ServiceNodes";
/// A node's services by id.
pub const NODE_SERVICES: &str = "Catalog.NodeServices";
/// A node's services as a list.
pub const NODE_SERVICE_LIST: &str = "Catalog.NodeServiceList";

pub(super) fn pairs(filters: NodeMetaFilters) -> Vec<(String, String)> {
    filters.into_iter().collect()
}

pub(super) fn filters(pairs: &[(String, String)]) -> NodeMetaFilters {
    pairs.iter().cloned().collect()
}

/// The request of reads of a whole datacenter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DatacenterRequest {
    node_meta_filters: NodeMetaFilters,
    source: QuerySource,
}

impl DatacenterRequest {
    pub(super) fn new(
        node_meta: &[(String, String)],
        near: Option<&String>,
        datacenter: &str,
    ) -> Self {
        Self {
            node_meta_filters: filters(node_meta),
            source: QuerySource::near(near, datacenter),
        }
    }

    pub(super) fn into_parts(self) -> (Vec<(String, String)>, Option<String>) {
        (pairs(self.node_meta_filters), self.source.into_near())
    }
}

/// The reply to `Catalog.ListNodes`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodesReply {
    nodes: Vec<Arc<Node>>,
}

impl RemoteQuery for ListNodes {
    type Request = DatacenterRequest;
    type Reply = NodesReply;

    fn to_request(&self, datacenter: &str) -> Result<DatacenterRequest, DialectError> {
        Ok(DatacenterRequest::new(
            &self.node_meta,
            self.near.as_ref(),
            datacenter,
        ))
    }

    fn from_request(request: DatacenterRequest) -> Result<Self, DialectError> {
        let (node_meta, near) = request.into_parts();
        Ok(Self { node_meta, near })
    }

    fn to_reply(nodes: Vec<Arc<Node>>) -> NodesReply {
        NodesReply { nodes }
    }

    fn to_answer(&self, reply: NodesReply) -> Result<Vec<Arc<Node>>, DialectError> {
        Ok(reply.nodes)
    }
}

/// The reply to `Catalog.ListServices`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServicesReply {
    #[serde(serialize_with = "keep_tags")]
    services: BTreeMap<String, Vec<String>>,
}

/// Services without tags have an empty list: clients show it as it comes.
fn keep_tags<S: Serializer>(
    services: &BTreeMap<String, Vec<String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(services.iter().map(|(name, tags)| (name, Kept(tags))))
}

impl RemoteQuery for ListServices {
    type Request = DatacenterRequest;
    type Reply = ServicesReply;

    fn to_request(&self, datacenter: &str) -> Result<DatacenterRequest, DialectError> {
        Ok(DatacenterRequest::new(&self.node_meta, None, datacenter))
    }

    fn from_request(request: DatacenterRequest) -> Result<Self, DialectError> {
        let (node_meta, _) = request.into_parts();
        Ok(Self { node_meta })
    }

    fn to_reply(services: BTreeMap<String, Vec<String>>) -> ServicesReply {
        ServicesReply { services }
    }

    fn to_answer(
        &self,
        reply: ServicesReply,
    ) -> Result<BTreeMap<String, Vec<String>>, DialectError> {
        Ok(reply.services)
    }
}

/// The request of reads of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeRequest {
    /// The node's name or UUID.
    pub node: String,
}

impl NodeRequest {
    /// The node that is named.
    ///
    /// # Errors
    /// When none is, in Consul's words.
    pub fn named(self) -> Result<String, DialectError> {
        if self.node.is_empty() {
            return Err(DialectError::Refused("Must provide node".to_owned()));
        }
        Ok(self.node)
    }
}

/// The reply to `Catalog.NodeServiceList`, the method that anti-entropy asks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeServiceListReply {
    node_services: NodeServiceList,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NodeServiceList {
    node: Option<Arc<Node>>,
    services: Vec<Arc<NodeService>>,
}

impl RemoteQuery for NodeWithServices {
    type Request = NodeRequest;
    type Reply = NodeServiceListReply;

    fn method(&self) -> &'static str {
        NODE_SERVICE_LIST
    }

    fn to_request(&self, _: &str) -> Result<NodeRequest, DialectError> {
        Ok(NodeRequest {
            node: self.node.clone(),
        })
    }

    fn from_request(request: NodeRequest) -> Result<Self, DialectError> {
        request.named().map(|node| Self { node })
    }

    fn to_reply(answer: Self::Answer) -> NodeServiceListReply {
        let node_services = answer.map_or_else(NodeServiceList::default, |(node, services)| {
            NodeServiceList {
                node: Some(node),
                services,
            }
        });
        NodeServiceListReply { node_services }
    }

    fn to_answer(&self, reply: NodeServiceListReply) -> Result<Self::Answer, DialectError> {
        let NodeServiceList { node, services } = reply.node_services;
        Ok(node.map(|node| (node, services)))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NodeServicesReply<'a> {
    node_services: Option<NodeServices<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NodeServices<'a> {
    node: &'a Node,
    services: BTreeMap<&'a str, &'a NodeService>,
}

/// The reply to `Catalog.NodeServices`: the same answer by service id. The request is that of
/// [`NODE_SERVICE_LIST`].
///
/// # Errors
/// When it cannot be written.
pub fn encode_node_services(
    meta: &QueryMeta,
    answer: Option<&(Arc<Node>, Vec<Arc<NodeService>>)>,
) -> Result<Vec<u8>, DialectError> {
    let node_services = answer.map(|(node, services)| NodeServices {
        node,
        services: services
            .iter()
            .map(|service| (service.id.as_str(), &**service))
            .collect(),
    });
    encode_answer(meta, &NodeServicesReply { node_services })
}

/// The request of reads of one service: `Catalog.ServiceNodes`, `Health.ServiceNodes`, `Health.ServiceChecks`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceRequest {
    pub(super) connect: bool,
    /// Whether the instances behind ingress gateways are meant.
    pub(super) ingress: bool,
    pub(super) node_meta_filters: NodeMetaFilters,
    /// The address whose instances are meant instead of a service's (reverse DNS names).
    pub(super) service_address: String,
    pub(super) service_name: String,
    /// One tag, from clients before 1.3.
    #[serde(skip_serializing)]
    pub(super) service_tag: String,
    pub(super) service_tags: Vec<String>,
    pub(super) source: QuerySource,
    /// Whether the tags count.
    pub(super) tag_filter: bool,
}

impl ServiceRequest {
    /// The tags that an instance must have.
    pub(super) fn tags(&mut self) -> Vec<String> {
        if !self.tag_filter {
            return Vec::new();
        }
        let mut tags = std::mem::take(&mut self.service_tags);
        if tags.is_empty() && !self.service_tag.is_empty() {
            tags.push(std::mem::take(&mut self.service_tag));
        }
        tags
    }

    /// The service that is named.
    pub(super) fn named(&mut self) -> Result<String, DialectError> {
        if self.service_name.is_empty() {
            return Err(DialectError::Refused(
                "Must provide service name".to_owned(),
            ));
        }
        Ok(std::mem::take(&mut self.service_name))
    }
}

/// What a request of `Catalog.ServiceNodes` means.
#[derive(Debug, Clone)]
pub enum ServiceNodesCall {
    /// The instances of a service.
    Service(ServiceInstances),
    /// The instances at an address: reverse DNS names. The address counts where both are given, as in Consul.
    Address(InstancesAt),
}

/// Reads the request of `Catalog.ServiceNodes`.
///
/// # Errors
/// When it is malformed or names neither a service nor an address.
pub fn decode_service_nodes(body: &[u8]) -> Result<(ReadOptions, ServiceNodesCall), DialectError> {
    let (options, request): (_, ServiceRequest) = decode_read(body)?;
    if !request.service_address.is_empty() {
        let query = InstancesAt::from_request(request)?;
        return Ok((options, ServiceNodesCall::Address(query)));
    }
    let mut query = ServiceInstances::from_request(request)?;
    query.with_checks = false;
    Ok((options, ServiceNodesCall::Service(query)))
}

/// The request of `Catalog.ServiceNodes`.
///
/// # Errors
/// When it cannot be written.
pub fn encode_service_nodes(
    options: &ReadOptions,
    query: &ServiceInstances,
) -> Result<Vec<u8>, DialectError> {
    encode_read(options, &query.to_request(&options.query.datacenter)?)
}

impl RemoteQuery for InstancesAt {
    type Request = ServiceRequest;
    type Reply = ServiceNodesReply;

    fn to_request(&self, _: &str) -> Result<ServiceRequest, DialectError> {
        Ok(ServiceRequest {
            service_address: self.address.clone(),
            ..ServiceRequest::default()
        })
    }

    fn from_request(request: ServiceRequest) -> Result<Self, DialectError> {
        Ok(Self {
            address: request.service_address,
        })
    }

    fn to_reply(service_nodes: Vec<ServiceNode>) -> ServiceNodesReply {
        ServiceNodesReply { service_nodes }
    }

    fn to_answer(&self, reply: ServiceNodesReply) -> Result<Vec<ServiceNode>, DialectError> {
        Ok(reply.service_nodes)
    }
}

/// The reply to `Catalog.ServiceNodes`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceNodesReply {
    /// The rows.
    pub service_nodes: Vec<ServiceNode>,
}

impl ServiceNodesReply {
    /// The rows of an answer.
    pub fn new(instances: &Instances) -> Self {
        let rows = instances
            .iter()
            .map(|found| ServiceNode::new(&found.node, &found.service));
        Self {
            service_nodes: rows.collect(),
        }
    }
}
