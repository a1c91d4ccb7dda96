//! Registrations: what changes nodes, services and checks.

use std::sync::Arc;

use super::nodes::is_unchanged;
use super::state::{State, fold};
use super::topic::{Topic, Touched};
use crate::model::catalog::{DeregisterRequest, RegisterRequest};
use crate::model::check::{HealthCheck, Status};
use crate::model::service::NodeService;

/// Refusal of a service, check or session on a node that is not registered.
pub(super) const MISSING_NODE: &str = "Missing node registration";

/// Refusal of a service or check without an id.
const NO_PRIMARY_KEY: &str = "object missing primary index";

impl State {
    /// Registers a node, then its service, then its checks. Parts that are unchanged keep their
    /// indexes and wake nobody.
    pub(super) fn register(
        &mut self,
        index: u64,
        request: &RegisterRequest,
        touched: &mut Touched,
    ) -> Result<(), String> {
        let node = request.to_node();
        let known = self.node(&node.node);
        if known.is_none_or(|known| !request.skip_node_update && !is_unchanged(known, &node)) {
            self.ensure_node(index, node, touched)
                .map_err(|reason| format!("failed inserting node: {reason}"))?;
        }
        let key = fold(&request.node);
        if let Some(service) = &request.service {
            self.ensure_service(index, &key, service, touched)
                .map_err(|reason| format!("failed inserting service: {reason}"))?;
        }
        for check in request.check.iter().chain(&request.checks) {
            if !check.node.eq_ignore_ascii_case(&request.node) {
                return Err(format!(
                    "check node {:?} does not match node {:?}",
                    check.node, request.node
                ));
            }
            self.ensure_check(index, &key, check, touched)
                .map_err(|reason| {
                    format!(
                        "failed inserting check: {reason} on node {:?}",
                        request.node
                    )
                })?;
        }
        Ok(())
    }

    pub(super) fn deregister(
        &mut self,
        index: u64,
        request: &DeregisterRequest,
        touched: &mut Touched,
    ) {
        if !request.service_id.is_empty() {
            self.delete_service(index, &request.node, &request.service_id, touched);
        } else if !request.check_id.is_empty() {
            self.delete_check(index, &request.node, &request.check_id, touched);
        } else {
            self.delete_node(index, &request.node, touched);
        }
    }

    pub(super) fn ensure_service(
        &mut self,
        index: u64,
        node: &Arc<str>,
        service: &NodeService,
        touched: &mut Touched,
    ) -> Result<(), String> {
        let entry = self.entry(node).ok_or(MISSING_NODE)?;
        if service.id.is_empty() {
            return Err(format!("failed inserting service: {NO_PRIMARY_KEY}"));
        }
        let id = fold(&service.id);
        let old = entry.services.get(&id).cloned();
        if old.as_ref().is_some_and(|old| old.is_same(service)) {
            return Ok(());
        }
        let renamed = old.as_ref().filter(|old| {
            fold(&old.service) != fold(&service.service)
                || old.connect_name() != service.connect_name()
        });
        if let Some(old) = renamed {
            self.unlink_instance(index, node, old, touched);
        }
        let new = Arc::new(NodeService {
            create_index: old.as_ref().map_or(index, |old| old.create_index),
            modify_index: index,
            ..service.clone()
        });
        if let Some(entry) = self.entry_mut(node) {
            entry.services.insert(id, Arc::clone(&new));
        }
        self.link_instance(index, node, &new, touched);
        Ok(())
    }

    pub(super) fn ensure_check(
        &mut self,
        index: u64,
        node: &Arc<str>,
        check: &HealthCheck,
        touched: &mut Touched,
    ) -> Result<(), String> {
        let entry = self.entry(node).ok_or(MISSING_NODE)?;
        if check.check_id.is_empty() {
            return Err(format!("failed inserting check: {NO_PRIMARY_KEY}"));
        }
        let mut check = check.clone();
        let mut service = None;
        if !check.service_id.is_empty() {
            let owner = entry
                .services
                .get(&*fold(&check.service_id))
                .ok_or("Missing service registration")?;
            check.service_name.clone_from(&owner.service);
            check.service_tags.clone_from(&owner.tags);
            service = Some(Arc::clone(owner));
        }
        let id = fold(&check.check_id);
        let old = entry.checks.get(&id).cloned();
        if old.as_ref().is_some_and(|old| old.is_same(&check)) {
            return Ok(());
        }
        check.create_index = old.as_ref().map_or(index, |old| old.create_index);
        check.modify_index = index;
        if check.status == Status::Critical {
            self.end_sessions_of_check(index, node, &id, touched);
        }
        if let Some(entry) = self.entry_mut(node) {
            entry.checks.insert(id, Arc::new(check));
        }
        self.indexes.checks = index;
        touched.add(Topic::Checks);
        self.touch_owners(index, node, service.as_deref(), touched);
        // A check that moved to another service changes what is shown of the old one.
        if let Some(old) = old
            && old.service_id != service.as_ref().map_or("", |service| &service.id)
        {
            let before = self.instance(node, &old.service_id);
            self.touch_owners(index, node, before.as_deref(), touched);
        }
        Ok(())
    }

    /// A check of a service changes that service's answers; one of the node changes all of its.
    fn touch_owners(
        &mut self,
        index: u64,
        node: &str,
        service: Option<&NodeService>,
        touched: &mut Touched,
    ) {
        match service {
            Some(service) => self.touch_instance(index, service, touched),
            None => self.touch_services_of_node(index, node, touched),
        }
    }

    /// A check of a node or of one of its services, by its id.
    pub fn check(&self, node: &str, id: &str) -> Option<Arc<HealthCheck>> {
        self.entry(node)?.checks.get(&*fold(id)).cloned()
    }

    /// An instance of a node, by its id.
    pub fn instance(&self, node: &str, id: &str) -> Option<Arc<NodeService>> {
        self.entry(node)?.services.get(&*fold(id)).cloned()
    }

    pub(super) fn delete_service(
        &mut self,
        index: u64,
        node: &str,
        id: &str,
        touched: &mut Touched,
    ) {
        let (node, id) = (fold(node), fold(id));
        let Some(entry) = self.entry_mut(&node) else {
            return;
        };
        let Some(service) = entry.services.remove(&*id) else {
            return;
        };
        let doomed: Vec<Arc<str>> = entry
            .checks
            .iter()
            .filter(|(_, check)| *fold(&check.service_id) == *id)
            .map(|(key, _)| Arc::clone(key))
            .collect();
        for check in &doomed {
            entry.checks.remove(check);
        }
        if !doomed.is_empty() {
            self.indexes.checks = index;
            touched.add(Topic::Checks);
        }
        for check in &doomed {
            self.end_sessions_of_check(index, &node, check, touched);
        }
        self.unlink_instance(index, &node, &service, touched);
    }

    pub(super) fn delete_check(&mut self, index: u64, node: &str, id: &str, touched: &mut Touched) {
        let (node, id) = (fold(node), fold(id));
        let Some(entry) = self.entry_mut(&node) else {
            return;
        };
        let Some(check) = entry.checks.remove(&*id) else {
            return;
        };
        self.end_sessions_of_check(index, &node, &id, touched);
        self.indexes.checks = index;
        touched.add(Topic::Checks);
        let service = self.instance(&node, &check.service_id);
        self.touch_owners(index, &node, service.as_deref(), touched);
    }
}
