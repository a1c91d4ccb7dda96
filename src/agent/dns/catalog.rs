//! What an answer needs of the catalog: one datacenter's state, seen at one moment.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use crate::model::check::Status;
use crate::model::node::Node;
use crate::model::service::NodeService;

/// An instance of a service together with its node and its health.
pub trait Instance {
    /// The node that runs it.
    fn node(&self) -> &Node;
    /// The service on that node.
    fn service(&self) -> &NodeService;
    /// The worst status among the node's own checks and the service's.
    fn health(&self) -> Status;
}

/// A prepared query as a name asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QueryAsk {
    /// The query's name or id.
    pub name: String,
    /// The address that counts as the asker's; empty where none is known.
    pub ip: String,
    /// The name of this agent's node.
    pub agent: String,
}

/// What running a prepared query found.
#[derive(Debug, Clone)]
pub struct QueryFound<I> {
    /// The service's name.
    pub service: String,
    /// How long the answer may be kept, as the query says; empty for what the service has.
    pub ttl: String,
    /// Where the instances are; empty for the datacenter that was asked.
    pub datacenter: String,
    /// The instances, in the order in which they are to be given.
    pub instances: I,
}

/// A snapshot of one datacenter's catalog. Names are given in lower case and match whatever the
/// case they were registered with.
pub trait Catalog {
    /// An instance as the snapshot holds it.
    type Instance: Instance;
    /// Instances, shared rather than copied: an answer reads a few of maybe thousands.
    type Instances: Deref<Target = [Self::Instance]> + Clone;

    /// The node with that name.
    fn node(&self, name: &str) -> Option<Arc<Node>>;
    /// Every instance of a service, whatever its health; empty when there is none.
    fn service(&self, name: &str) -> Self::Instances;
    /// Every instance that speaks the mesh's protocol for a service: proxies and native ones.
    fn connect(&self, name: &str) -> Self::Instances;
    /// Every ingress gateway for a service.
    fn ingress(&self, name: &str) -> Self::Instances;
    /// What running a prepared query finds; the seed decides the order. `None` when there is no such query.
    fn query(&self, ask: &QueryAsk, seed: u64) -> Option<QueryFound<Self::Instances>>;
    /// A node with that address.
    fn node_by_address(&self, ip: IpAddr) -> Option<Arc<Node>>;
    /// The name of a service of which an instance has that address of its own.
    fn service_by_address(&self, ip: IpAddr) -> Option<String>;
}
