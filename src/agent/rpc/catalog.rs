//! Registrations: validated here, then written.

use crate::agent::store::Command;
use crate::model::access::{Requirement, Resource};
use crate::model::catalog::{DeregisterRequest, RegisterRequest};
use crate::model::check::HealthCheck;
use crate::model::registration;

use super::{Rpc, RpcError, WriteOptions};

fn refused(reason: &str) -> RpcError {
    RpcError::Refused(reason.to_owned())
}

impl Rpc {
    /// Registers a node, service and checks (Consul's `Catalog.Register`).
    ///
    /// # Errors
    /// With Consul's texts when something is missing or malformed; else as [`Rpc::write`].
    pub async fn register(
        &self,
        options: &WriteOptions,
        mut request: RegisterRequest,
    ) -> Result<(), RpcError> {
        let options = WriteOptions {
            datacenter: std::mem::take(&mut request.datacenter),
            ..options.clone()
        };
        let command = Command::Register(Box::new(request));
        self.write(&options, &Requirement::OPEN, command)
            .await
            .map(drop)
    }

    /// Removes a check, a service or a node (Consul's `Catalog.Deregister`). What is not there
    /// counts as removed.
    ///
    /// # Errors
    /// When no node is named; else as [`Rpc::write`].
    pub async fn deregister(
        &self,
        options: &WriteOptions,
        mut request: DeregisterRequest,
    ) -> Result<(), RpcError> {
        let options = WriteOptions {
            datacenter: std::mem::take(&mut request.datacenter),
            ..options.clone()
        };
        let command = Command::Deregister(request);
        self.write(&options, &Requirement::OPEN, command)
            .await
            .map(drop)
    }

    /// Checks a registration or its removal where it is written, and fills in what is missing.
    pub(super) fn admit_registration(
        &self,
        token: &str,
        request: &mut RegisterRequest,
    ) -> Result<(), RpcError> {
        complete(request, self.datacenter())?;
        let node = Requirement::write(Resource::Node, request.node.as_bytes());
        self.authorize(token, &node)?;
        let Some(service) = &request.service else {
            return Ok(());
        };
        let service = Requirement::write(Resource::Service, service.service.as_bytes());
        self.authorize(token, &service)
    }

    /// As [`Self::admit_registration`], for the removal.
    pub(super) fn admit_deregistration(
        &self,
        token: &str,
        request: &DeregisterRequest,
    ) -> Result<(), RpcError> {
        if request.node.is_empty() {
            return Err(refused("Must provide node"));
        }
        let requirement = Requirement::write(Resource::Node, request.node.as_bytes());
        self.authorize(token, &requirement)
    }
}

/// Checks a registration and fills in what Consul fills in.
fn complete(request: &mut RegisterRequest, datacenter: &str) -> Result<(), RpcError> {
    datacenter.clone_into(&mut request.datacenter);
    // A missing name is told before a missing address, and a bad UUID after it.
    registration::check_node(&request.node, "").map_err(|why| refused(&why))?;
    if request.address.is_empty() && !request.skip_node_update {
        return Err(refused("Must provide address if SkipNodeUpdate is not set"));
    }
    registration::check_node(&request.node, &request.id).map_err(|why| refused(&why))?;
    if let Some(service) = &mut request.service {
        registration::complete_service(service).map_err(refused)?;
    }
    let node = request.node.clone();
    for check in request.check.iter_mut().chain(&mut request.checks) {
        complete_check(check, &node);
    }
    Ok(())
}

fn complete_check(check: &mut HealthCheck, node: &str) {
    registration::complete_check(check);
    if check.node.is_empty() {
        node.clone_into(&mut check.node);
    }
    if check.kind.is_empty() {
        check.definition.kind().clone_into(&mut check.kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::service::{NodeService, Weights};

    fn request() -> RegisterRequest {
        RegisterRequest {
            node: "n".to_owned(),
            address: "10.0.0.1".to_owned(),
            ..RegisterRequest::default()
        }
    }

    fn reason(change: impl FnOnce(&mut RegisterRequest)) -> String {
        let mut request = request();
        change(&mut request);
        complete(&mut request, "dc1").unwrap_err().to_string()
    }

    #[test]
    fn weights_that_srv_records_cannot_have_become_ones() {
        for (passing, warning, kept) in [(5, 0, true), (0, 0, false), (70_000, 1, false)] {
            let mut request = request();
            let weights = Weights { passing, warning };
            request.service = Some(NodeService {
                service: "web".to_owned(),
                weights,
                ..NodeService::default()
            });
            complete(&mut request, "dc1").unwrap();
            let expected = if kept { weights } else { Weights::default() };
            assert_eq!(request.service.unwrap().weights, expected);
        }
    }

    #[test]
    fn refuses_in_the_words_that_clients_know() {
        let service = |id: &str, address: &str| {
            Some(NodeService {
                id: id.to_owned(),
                address: address.to_owned(),
                ..NodeService::default()
            })
        };
        assert_eq!(reason(|r| r.node.clear()), "Must provide node");
        assert_eq!(
            reason(|r| r.id = "x".to_owned()),
            "Bad node ID: uuid string is wrong length"
        );
        assert_eq!(
            reason(|r| r.service = service("x", "")),
            "Must provide service name with ID"
        );
        let address = "Must provide address if SkipNodeUpdate is not set";
        assert_eq!(reason(|r| r.address.clear()), address);
    }

    #[test]
    fn fills_in_ids_and_the_datacenter() {
        let mut request = request();
        request.service = Some(NodeService {
            service: "web".to_owned(),
            ..NodeService::default()
        });
        request.check = Some(HealthCheck {
            name: "c".to_owned(),
            ..HealthCheck::default()
        });
        complete(&mut request, "dc1").unwrap();
        assert_eq!(request.service.unwrap().id, "web");
        let check = request.check.unwrap();
        assert_eq!((check.check_id.as_str(), check.node.as_str()), ("c", "n"));
        assert_eq!(request.datacenter, "dc1");
    }
}
