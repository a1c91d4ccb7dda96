//! `Health`: checks, and instances with their checks.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::catalog::{DatacenterRequest, NodeRequest, ServiceRequest, filters, pairs};
use super::dialect::DialectError;
use super::forward::RemoteQuery;
use super::options::{NodeMetaFilters, QuerySource, ReadOptions, decode_read};
use crate::agent::store::{
    ChecksInState, ChecksOfNode, ChecksOfService, Instance, Instances, ServiceInstances,
};
use crate::model::check::{HealthCheck, Status};

/// A service's instances with all their checks.
pub const SERVICE_NODES: &str = "Health.ServiceNodes";

/// The state that means all.
const ANY: &str = "any";

/// The reply with checks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ChecksReply {
    health_checks: Vec<Arc<HealthCheck>>,
}

/// The request of `Health.ChecksInState`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StateRequest {
    node_meta_filters: NodeMetaFilters,
    source: QuerySource,
    state: String,
}

/// Reads the request of `Health.ChecksInState`; `None` for a state that no check is in.
///
/// # Errors
/// When it is malformed.
pub fn decode_state(body: &[u8]) -> Result<(ReadOptions, Option<ChecksInState>), DialectError> {
    let (options, request): (_, StateRequest) = decode_read(body)?;
    Ok((options, ChecksInState::from_request(request).ok()))
}

impl RemoteQuery for ChecksInState {
    type Request = StateRequest;
    type Reply = ChecksReply;

    fn to_request(&self, datacenter: &str) -> Result<StateRequest, DialectError> {
        Ok(StateRequest {
            node_meta_filters: filters(&self.node_meta),
            source: QuerySource::near(self.near.as_ref(), datacenter),
            state: self.status.map_or(ANY, Status::as_str).to_owned(),
        })
    }

    fn from_request(request: StateRequest) -> Result<Self, DialectError> {
        let status = match (request.state.as_str(), Status::parse(&request.state)) {
            (ANY, _) => None,
            (_, Some(status)) => Some(status),
            (unknown, None) => {
                return Err(DialectError::Refused(format!(
                    "invalid check status {unknown:?}: must be any, passing, warning or critical"
                )));
            }
        };
        Ok(Self {
            status,
            node_meta: pairs(request.node_meta_filters),
            near: request.source.into_near(),
        })
    }

    fn to_reply(health_checks: Vec<Arc<HealthCheck>>) -> ChecksReply {
        ChecksReply { health_checks }
    }

    fn to_answer(&self, reply: ChecksReply) -> Result<Vec<Arc<HealthCheck>>, DialectError> {
        Ok(reply.health_checks)
    }
}

impl RemoteQuery for ChecksOfNode {
    type Request = NodeRequest;
    type Reply = ChecksReply;

    fn to_request(&self, _: &str) -> Result<NodeRequest, DialectError> {
        Ok(NodeRequest {
            node: self.node.clone(),
        })
    }

    /// A node without a name has no checks.
    fn from_request(request: NodeRequest) -> Result<Self, DialectError> {
        Ok(Self { node: request.node })
    }

    fn to_reply(health_checks: Vec<Arc<HealthCheck>>) -> ChecksReply {
        ChecksReply { health_checks }
    }

    fn to_answer(&self, reply: ChecksReply) -> Result<Vec<Arc<HealthCheck>>, DialectError> {
        Ok(reply.health_checks)
    }
}

impl RemoteQuery for ChecksOfService {
    type Request = ServiceRequest;
    type Reply = ChecksReply;

    fn to_request(&self, datacenter: &str) -> Result<ServiceRequest, DialectError> {
        Ok(ServiceRequest {
            node_meta_filters: filters(&self.node_meta),
            service_name: self.service.clone(),
            source: QuerySource::near(self.near.as_ref(), datacenter),
            ..ServiceRequest::default()
        })
    }

    /// A service without a name has no checks.
    fn from_request(request: ServiceRequest) -> Result<Self, DialectError> {
        Ok(Self {
            service: request.service_name,
            node_meta: pairs(request.node_meta_filters),
            near: request.source.into_near(),
        })
    }

    fn to_reply(health_checks: Vec<Arc<HealthCheck>>) -> ChecksReply {
        ChecksReply { health_checks }
    }

    fn to_answer(&self, reply: ChecksReply) -> Result<Vec<Arc<HealthCheck>>, DialectError> {
        Ok(reply.health_checks)
    }
}

/// The reply with instances: `Health.ServiceNodes` and `Internal.ServiceDump`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InstancesReply {
    #[serde(deserialize_with = "instances")]
    nodes: Instances,
}

impl Default for InstancesReply {
    fn default() -> Self {
        Self {
            nodes: Instances::from([]),
        }
    }
}

/// An instance as it arrives, parts of which may be missing.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InstanceRow {
    node: Arc<crate::model::node::Node>,
    service: Arc<crate::model::service::NodeService>,
    checks: Vec<Arc<HealthCheck>>,
}

pub(super) fn instances<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Instances, D::Error> {
    let rows = Vec::<InstanceRow>::deserialize(deserializer)?;
    let instances = rows.into_iter().map(|row| {
        let worst = row.checks.iter().map(|check| check.status).max();
        Instance {
            node: row.node,
            service: row.service,
            status: worst.unwrap_or(Status::Passing),
            checks: row.checks.into(),
        }
    });
    Ok(instances.collect())
}

impl InstancesReply {
    /// A reply with instances.
    pub const fn new(nodes: Instances) -> Self {
        Self { nodes }
    }

    /// The instances of a reply, with their state.
    pub fn into_instances(self) -> Instances {
        self.nodes
    }
}

impl RemoteQuery for ServiceInstances {
    type Request = ServiceRequest;
    type Reply = InstancesReply;

    fn to_request(&self, datacenter: &str) -> Result<ServiceRequest, DialectError> {
        Ok(ServiceRequest {
            connect: self.connect,
            ingress: self.ingress,
            service_address: String::new(),
            node_meta_filters: filters(&self.node_meta),
            service_name: self.service.clone(),
            service_tag: String::new(),
            service_tags: self.tags.clone(),
            source: QuerySource::near(self.near.as_ref(), datacenter),
            tag_filter: !self.tags.is_empty(),
        })
    }

    /// `passing_only` is not part of the request: the asking agent leaves the others out.
    fn from_request(mut request: ServiceRequest) -> Result<Self, DialectError> {
        Ok(Self {
            service: request.named()?,
            tags: request.tags(),
            connect: request.connect,
            ingress: request.ingress,
            node_meta: pairs(request.node_meta_filters),
            near: request.source.into_near(),
            passing_only: false,
            with_checks: true,
        })
    }

    fn to_reply(instances: Instances) -> InstancesReply {
        InstancesReply::new(instances)
    }

    fn to_answer(&self, reply: InstancesReply) -> Result<Instances, DialectError> {
        let all = reply.into_instances();
        let passing = |instance: &Instance| instance.status == Status::Passing;
        if !self.passing_only || all.iter().all(passing) {
            return Ok(all);
        }
        Ok(all.iter().filter(|found| passing(found)).cloned().collect())
    }
}

/// The request of `Internal.NodeDump`, too.
pub type DumpRequest = DatacenterRequest;
