//! Instances by service name, joined with their nodes and checks on first use.

use std::sync::{Arc, OnceLock};

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

use super::nodes::NodeEntry;
use super::state::{State, fold};
use super::topic::{Topic, Touched};
use crate::model::check::{HealthCheck, Status};
use crate::model::node::Node;
use crate::model::service::NodeService;

/// An instance with its node and all checks that decide about it: the node's, then its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Instance {
    /// The node.
    pub node: Arc<Node>,
    /// The instance.
    pub service: Arc<NodeService>,
    /// The checks.
    pub checks: Box<[Arc<HealthCheck>]>,
    /// The worst state of the checks; passing when there are none.
    #[serde(skip, default = "passing")]
    pub status: Status,
}

fn passing() -> Status {
    Status::Passing
}

/// The instances of a service, shared.
pub type Instances = Arc<[Instance]>;

/// A service's instances and the index of the last change of anything that is shown with them.
#[derive(Debug)]
pub(super) struct ServiceEntry {
    pub(super) name: Arc<str>,
    pub(super) index: u64,
    /// Folded node name and folded instance id.
    members: OrdSet<(Arc<str>, Arc<str>)>,
    /// Filled by the first reader; every change makes a new entry, so that it is never stale.
    joined: OnceLock<Instances>,
}

impl State {
    /// The instances of a service; `None` when it has none.
    pub fn instances(&self, name: &str) -> Option<&Instances> {
        lookup(&self.services, name).map(|entry| self.joined(entry))
    }

    /// The instances that mesh clients of a service reach; `None` when it has none.
    pub fn connect_instances(&self, name: &str) -> Option<&Instances> {
        lookup(&self.connect, name).map(|entry| self.joined(entry))
    }

    /// The names of all services, in order.
    pub fn service_names(&self) -> impl Iterator<Item = &str> {
        self.services.values().map(|entry| &*entry.name)
    }

    /// The index that an answer about a service carries: that of the service, or of the last
    /// extinction of any where it has no instance, or of the tables where there was none.
    pub(super) fn service_index(&self, name: &str, connect: bool, with_checks: bool) -> u64 {
        let map = if connect {
            &self.connect
        } else {
            &self.services
        };
        if let Some(entry) = lookup(map, name) {
            return entry.index;
        }
        if self.indexes.service_last_extinction > 0 {
            return self.indexes.service_last_extinction;
        }
        let checks = if with_checks { self.indexes.checks } else { 0 };
        self.indexes.nodes.max(self.indexes.services).max(checks)
    }

    fn joined<'a>(&self, entry: &'a ServiceEntry) -> &'a Instances {
        entry.joined.get_or_init(|| {
            entry
                .members
                .iter()
                .filter_map(|(node, id)| join(self.nodes.get(node)?, id))
                .collect()
        })
    }

    /// Adds an instance under a name, or renews what is shown of it.
    pub(super) fn link_instance(
        &mut self,
        index: u64,
        node: &Arc<str>,
        service: &NodeService,
        touched: &mut Touched,
    ) {
        let member = (Arc::clone(node), fold(&service.id));
        relink(&mut self.services, index, &service.service, &member, true);
        touched.add(Topic::Service(fold(&service.service)));
        if let Some(name) = service.connect_name().filter(|name| !name.is_empty()) {
            relink(&mut self.connect, index, name, &member, true);
            touched.add(Topic::Service(fold(name)));
        }
        self.indexes.services = index;
        touched.add(Topic::Services);
    }

    /// Takes an instance away from its name; the last one makes the service extinct.
    pub(super) fn unlink_instance(
        &mut self,
        index: u64,
        node: &Arc<str>,
        service: &NodeService,
        touched: &mut Touched,
    ) {
        let member = (Arc::clone(node), fold(&service.id));
        if relink(&mut self.services, index, &service.service, &member, false) {
            self.indexes.service_last_extinction = index;
        }
        touched.add(Topic::Service(fold(&service.service)));
        if let Some(name) = service.connect_name().filter(|name| !name.is_empty()) {
            if relink(&mut self.connect, index, name, &member, false) {
                self.indexes.service_last_extinction = index;
            }
            touched.add(Topic::Service(fold(name)));
        }
        self.indexes.services = index;
        touched.add(Topic::Services);
    }

    /// Notes that what is shown of one instance changed (its check, its node).
    pub(super) fn touch_instance(
        &mut self,
        index: u64,
        service: &NodeService,
        touched: &mut Touched,
    ) {
        renew(&mut self.services, index, &service.service, None);
        touched.add(Topic::Service(fold(&service.service)));
        if let Some(name) = service.connect_name().filter(|name| !name.is_empty()) {
            renew(&mut self.connect, index, name, None);
            touched.add(Topic::Service(fold(name)));
        }
    }

    /// Notes that what is shown of all instances of a node changed.
    pub(super) fn touch_services_of_node(&mut self, index: u64, key: &str, touched: &mut Touched) {
        let Some(entry) = self.entry(key).cloned() else {
            return;
        };
        for service in entry.services.values() {
            self.touch_instance(index, service, touched);
        }
    }

    /// The names under which instances are found, with their indexes, for snapshots: those of the
    /// services, then those that mesh clients ask for.
    pub(super) fn service_entry_indexes(&self) -> [Vec<(String, u64)>; 2] {
        [&self.services, &self.connect].map(|map| {
            map.values()
                .map(|entry| (entry.name.to_string(), entry.index))
                .collect()
        })
    }

    /// Puts back what [`Self::service_entry_indexes`] gave; unknown names are passed over.
    pub(super) fn set_service_entry_indexes(&mut self, indexes: [Vec<(String, u64)>; 2]) {
        for (map, entries) in [&mut self.services, &mut self.connect]
            .into_iter()
            .zip(indexes)
        {
            for (name, index) in entries {
                renew(map, index, &name, Some(&name));
            }
        }
    }
}

fn lookup<'a>(
    map: &'a OrdMap<Arc<str>, Arc<ServiceEntry>>,
    name: &str,
) -> Option<&'a Arc<ServiceEntry>> {
    map.get(name).or_else(|| map.get(&*fold(name)))
}

/// Adds (or removes) a member of a name; true when the last one went.
fn relink(
    map: &mut OrdMap<Arc<str>, Arc<ServiceEntry>>,
    index: u64,
    name: &str,
    member: &(Arc<str>, Arc<str>),
    present: bool,
) -> bool {
    let key = fold(name);
    let old = map.get(&*key);
    let mut members = old.map(|entry| entry.members.clone()).unwrap_or_default();
    if present {
        members.insert(member.clone());
    } else {
        members.remove(member);
    }
    if members.is_empty() {
        return map.remove(&*key).is_some();
    }
    let name = old.map_or_else(|| Arc::from(name), |entry| Arc::clone(&entry.name));
    map.insert(
        key,
        Arc::new(ServiceEntry {
            name,
            index,
            members,
            joined: OnceLock::new(),
        }),
    );
    false
}

/// Makes a new entry of an old one, under a name in another case where one is given.
fn renew(map: &mut OrdMap<Arc<str>, Arc<ServiceEntry>>, index: u64, key: &str, name: Option<&str>) {
    let key = fold(key);
    let Some(old) = map.get(&*key) else { return };
    let entry = ServiceEntry {
        name: name.map_or_else(|| Arc::clone(&old.name), Arc::from),
        index,
        members: old.members.clone(),
        joined: OnceLock::new(),
    };
    map.insert(key, Arc::new(entry));
}

fn join(entry: &NodeEntry, id: &str) -> Option<Instance> {
    let service = entry.services.get(id)?;
    let of_node = entry
        .checks
        .values()
        .filter(|check| check.service_id.is_empty());
    let own = entry.checks.values().filter(|check| {
        !check.service_id.is_empty()
            && (check.service_id == service.id || *fold(&check.service_id) == *id)
    });
    let checks: Box<[_]> = of_node.chain(own).cloned().collect();
    let status = checks
        .iter()
        .map(|check| check.status)
        .max()
        .unwrap_or(Status::Passing);
    Some(Instance {
        node: Arc::clone(&entry.node),
        service: Arc::clone(service),
        checks,
        status,
    })
}
