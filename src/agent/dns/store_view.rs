//! The store's state as a catalog for DNS.

use std::net::IpAddr;
use std::sync::Arc;

use super::address::ip;
use super::catalog::{Catalog, Instance, QueryAsk, QueryFound};
use crate::agent::store::{self, Asker, Execution, PreparedQueryExecute, Query as _};
use crate::model::check::Status;
use crate::model::node::Node;
use crate::model::service::NodeService;

impl Instance for store::Instance {
    fn node(&self) -> &Node {
        &self.node
    }

    fn service(&self) -> &NodeService {
        &self.service
    }

    fn health(&self) -> Status {
        self.status
    }
}

/// A published state, read as a catalog. Instances come from the store's own memo.
#[derive(Debug, Clone)]
pub struct StoreView(pub Arc<store::State>);

impl Catalog for StoreView {
    type Instance = store::Instance;
    type Instances = store::Instances;

    fn node(&self, name: &str) -> Option<Arc<Node>> {
        self.0.node_by_name_or_id(name).cloned()
    }

    fn service(&self, name: &str) -> Self::Instances {
        self.0.instances(name).cloned().unwrap_or_default()
    }

    fn connect(&self, name: &str) -> Self::Instances {
        self.0.connect_instances(name).cloned().unwrap_or_default()
    }

    /// None: the store holds no configuration of gateways.
    fn ingress(&self, _name: &str) -> Self::Instances {
        Self::Instances::default()
    }

    fn query(&self, ask: &QueryAsk, seed: u64) -> Option<QueryFound<Self::Instances>> {
        let (_, found) = execution(ask, seed).run(&self.0, &mut store::WatchSet::default());
        found.ok().flatten().map(query_found)
    }

    fn node_by_address(&self, wanted: IpAddr) -> Option<Arc<Node>> {
        node_at(self.0.nodes(), wanted)
    }

    fn service_by_address(&self, wanted: IpAddr) -> Option<String> {
        let (_, service) = self.0.instances_at(&wanted.to_string()).next()?;
        Some(service.service.clone())
    }
}

/// The read that a name in DNS means.
pub(super) fn execution(ask: &QueryAsk, seed: u64) -> PreparedQueryExecute {
    PreparedQueryExecute {
        id_or_name: ask.name.clone(),
        asker: Asker {
            ip: ask.ip.clone(),
            agent: ask.agent.clone(),
            seed,
            ..Asker::default()
        },
    }
}

/// What DNS needs of an execution.
pub(super) fn query_found(found: Execution) -> QueryFound<store::Instances> {
    QueryFound {
        service: found.service,
        ttl: found.dns.ttl,
        datacenter: found.datacenter,
        instances: found.nodes.into(),
    }
}

/// The first node with that address.
pub(super) fn node_at<'n>(
    mut nodes: impl Iterator<Item = &'n Arc<Node>>,
    wanted: IpAddr,
) -> Option<Arc<Node>> {
    nodes
        .find(|node| ip(&node.address) == Some(wanted))
        .cloned()
}
