//! Services and checks as the agent's API shows them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::entry::LocalService;
use super::state::LocalState;
use crate::model::check::{HealthCheck, NODE_MAINTENANCE, SERVICE_MAINTENANCE_PREFIX, Status};
use crate::model::content_hash::content_hash;
use crate::model::service::{AgentService, Connect, KIND_CONNECT_PROXY, NodeService};

/// The health of a service on this agent, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AggregatedStatus {
    Passing,
    Warning,
    Critical,
    Maintenance,
}

impl AggregatedStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Maintenance => "maintenance",
        }
    }

    /// Consul's status code of `/v1/agent/health/service/…`.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Passing => 200,
            Self::Warning => 429,
            Self::Critical | Self::Maintenance => 503,
        }
    }

    /// The worst of some checks; none at all is passing.
    pub fn of<'a>(checks: impl IntoIterator<Item = &'a HealthCheck>) -> Self {
        let one = |check: &HealthCheck| {
            let id = check.check_id.as_str();
            if id == NODE_MAINTENANCE || id.starts_with(SERVICE_MAINTENANCE_PREFIX) {
                return Self::Maintenance;
            }
            match check.status {
                Status::Passing => Self::Passing,
                Status::Warning => Self::Warning,
                Status::Critical => Self::Critical,
            }
        };
        checks.into_iter().map(one).max().unwrap_or(Self::Passing)
    }
}

/// A service with the checks that count for it: its own and the node's.
#[derive(Clone, Debug)]
pub struct ServiceHealth {
    pub status: AggregatedStatus,
    pub service: AgentService,
    pub checks: Vec<HealthCheck>,
}

impl LocalState {
    /// `/v1/agent/services`.
    pub fn agent_services(&self) -> BTreeMap<String, AgentService> {
        let form = |it: &LocalService| {
            (
                it.service.id.clone(),
                agent_service(&it.service, &self.node.datacenter),
            )
        };
        self.services().map(form).collect()
    }

    /// `/v1/agent/service/:id`, with its content hash.
    pub fn agent_service(&self, id: &str) -> Option<AgentService> {
        let mut service = agent_service(&self.service(id)?.service, &self.node.datacenter);
        service.content_hash = content_hash(&service);
        Some(service)
    }

    /// `/v1/agent/checks`.
    pub fn agent_checks(&self) -> BTreeMap<String, HealthCheck> {
        self.checks()
            .map(|it| (it.check.check_id.clone(), it.check.clone()))
            .collect()
    }

    /// The health of one instance.
    pub fn service_health(&self, id: &str) -> Option<ServiceHealth> {
        let service = agent_service(&self.service(id)?.service, &self.node.datacenter);
        let counts = |check: &&HealthCheck| check.service_id.is_empty() || check.service_id == id;
        let checks: Vec<HealthCheck> = self
            .checks()
            .map(|it| &it.check)
            .filter(counts)
            .cloned()
            .collect();
        Some(ServiceHealth {
            status: AggregatedStatus::of(&checks),
            service,
            checks,
        })
    }

    /// The health of all instances with this name, in the order of ids.
    pub fn health_by_name(&self, name: &str) -> Vec<ServiceHealth> {
        let named = self.services().filter(|it| it.service.service == name);
        named
            .filter_map(|it| self.service_health(&it.service.id))
            .collect()
    }
}

fn agent_service(service: &NodeService, datacenter: &str) -> AgentService {
    let gateways = ["mesh-gateway", "terminating-gateway", "ingress-gateway"];
    let kind = service.kind.as_str();
    let has_proxy = kind == KIND_CONNECT_PROXY || gateways.contains(&kind);
    AgentService {
        kind: service.kind.clone(),
        id: service.id.clone(),
        service: service.service.clone(),
        tags: service.tags.clone(),
        meta: service.meta.clone().unwrap_or_default(),
        port: service.port,
        address: service.address.clone(),
        socket_path: service.socket_path.clone(),
        tagged_addresses: service.tagged_addresses.clone(),
        weights: service.weights,
        enable_tag_override: service.enable_tag_override,
        content_hash: String::new(),
        proxy: has_proxy.then(|| service.proxy.clone()),
        connect: service.connect.native.then(|| Connect {
            native: true,
            sidecar_service: None,
        }),
        datacenter: datacenter.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, status: Status) -> HealthCheck {
        HealthCheck {
            check_id: id.to_owned(),
            status,
            ..HealthCheck::default()
        }
    }

    #[test]
    fn the_worst_check_decides_and_maintenance_is_worst() {
        let (good, meh) = (check("a", Status::Passing), check("b", Status::Warning));
        let bad = check("c", Status::Critical);
        let down = check("_service_maintenance:web", Status::Critical);
        assert_eq!(AggregatedStatus::of([]), AggregatedStatus::Passing);
        assert_eq!(
            AggregatedStatus::of([&good, &meh]),
            AggregatedStatus::Warning
        );
        assert_eq!(
            AggregatedStatus::of([&bad, &meh]),
            AggregatedStatus::Critical
        );
        assert_eq!(
            AggregatedStatus::of([&down, &bad]),
            AggregatedStatus::Maintenance
        );
        assert_eq!(AggregatedStatus::Maintenance.http_status(), 503);
        assert_eq!(AggregatedStatus::Warning.http_status(), 429);
    }
}
