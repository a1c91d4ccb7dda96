//! Nodes with their services and checks.

use std::net::IpAddr;
use std::sync::Arc;

use imbl::OrdMap;

use super::state::{State, fold};
use super::topic::{Topic, Touched};
use crate::model::check::{HealthCheck, SERF_HEALTH, Status};
use crate::model::node::Node;
use crate::model::service::NodeService;

/// A node and all that is registered on it, keyed by folded id.
#[derive(Debug, Clone)]
pub(super) struct NodeEntry {
    pub(super) node: Arc<Node>,
    pub(super) services: OrdMap<Arc<str>, Arc<NodeService>>,
    pub(super) checks: OrdMap<Arc<str>, Arc<HealthCheck>>,
}

/// Whether a registration leaves the node as it is; a name in another case is a change.
pub(super) fn is_unchanged(old: &Node, new: &Node) -> bool {
    old.node == new.node && old.is_same(new)
}

/// The IP address that a text spells, an IPv4 address in IPv6 clothes as what it is.
fn canonical_ip(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

impl State {
    /// A node by name.
    pub fn node(&self, name: &str) -> Option<&Arc<Node>> {
        self.entry(name).map(|entry| &entry.node)
    }

    /// A node by name or, failing that, by UUID.
    pub fn node_by_name_or_id(&self, text: &str) -> Option<&Arc<Node>> {
        self.node(text)
            .or_else(|| self.node(self.node_ids.get(text)?))
    }

    /// All nodes, in order of their names.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values().map(|entry| &entry.node)
    }

    /// The services of a node.
    pub fn services_of_node(&self, name: &str) -> impl Iterator<Item = &Arc<NodeService>> {
        self.entry(name)
            .into_iter()
            .flat_map(|entry| entry.services.values())
    }

    /// The services that have an address of their own, tagged ones included, each with its node. IP addresses match
    /// in every spelling.
    pub fn instances_at(
        &self,
        address: &str,
    ) -> impl Iterator<Item = (&Arc<Node>, &Arc<NodeService>)> {
        let wanted = canonical_ip(address);
        let is_wanted = move |text: &String| match wanted {
            Some(_) => canonical_ip(text) == wanted,
            None => text == address,
        };
        let entries = self.nodes.values();
        let all = entries.flat_map(|entry| {
            entry
                .services
                .values()
                .map(move |service| (&entry.node, service))
        });
        all.filter(move |(_, service)| {
            let mut tagged = service.tagged_addresses.iter().flatten();
            is_wanted(&service.address) || tagged.any(|(_, tagged)| is_wanted(&tagged.address))
        })
    }

    /// The checks of a node and its services.
    pub fn checks_of_node(&self, name: &str) -> impl Iterator<Item = &Arc<HealthCheck>> {
        self.entry(name)
            .into_iter()
            .flat_map(|entry| entry.checks.values())
    }

    /// All checks, in order of nodes and ids.
    pub fn checks(&self) -> impl Iterator<Item = &Arc<HealthCheck>> {
        self.nodes.values().flat_map(|entry| entry.checks.values())
    }

    pub(super) fn entry(&self, name: &str) -> Option<&Arc<NodeEntry>> {
        self.nodes
            .get(name)
            .or_else(|| self.nodes.get(&*fold(name)))
    }

    /// Changes a node's entry in place, where it exists.
    pub(super) fn entry_mut(&mut self, key: &str) -> Option<&mut NodeEntry> {
        self.nodes.get_mut(key).map(Arc::make_mut)
    }

    /// Stores a node; an unchanged one keeps its index.
    ///
    /// A node whose UUID is known under another name is renamed: the old one goes away with all
    /// that it has. A name that another living node holds is refused.
    pub(super) fn ensure_node(
        &mut self,
        index: u64,
        mut node: Node,
        touched: &mut Touched,
    ) -> Result<(), String> {
        let key = fold(&node.node);
        let mut carried = None;
        if !node.id.is_empty() {
            if let Some(old_key) = self.node_ids.get(&*node.id).cloned()
                && old_key != key
            {
                self.refuse_taken_name(&node, &key, &format!(" ({})", node.address))?;
                carried = self.entry(&old_key).map(|entry| entry.node.create_index);
                self.delete_node(index, &old_key, touched);
            } else {
                self.refuse_taken_name(&node, &key, "")?;
            }
        }
        if let Some(old) = self.entry(&key).map(|entry| Arc::clone(&entry.node)) {
            if is_unchanged(&old, &node) {
                return Ok(());
            }
            if !old.id.is_empty() {
                self.node_ids.remove(&*old.id);
            }
            carried = Some(old.create_index);
        }
        node.create_index = carried.unwrap_or(index);
        node.modify_index = index;
        if !node.id.is_empty() {
            self.node_ids.insert(Arc::from(&*node.id), Arc::clone(&key));
        }
        let node = Arc::new(node);
        if let Some(entry) = self.entry_mut(&key) {
            entry.node = node;
        } else {
            let entry = NodeEntry {
                node,
                services: OrdMap::new(),
                checks: OrdMap::new(),
            };
            self.nodes.insert(Arc::clone(&key), Arc::new(entry));
        }
        self.indexes.nodes = index;
        touched.add(Topic::Nodes);
        self.touch_services_of_node(index, &key, touched);
        Ok(())
    }

    /// A name may be taken over from a node without UUID, from one that gossip does not know (a tool
    /// registered it), or from one that gossip calls failed.
    /// `address` is what Consul says of the address, which it does of a node that would change its name.
    fn refuse_taken_name(&self, node: &Node, key: &str, address: &str) -> Result<(), String> {
        let Some(holder) = self.entry(key).filter(|holder| {
            !holder.node.id.is_empty() && !holder.node.id.eq_ignore_ascii_case(&node.id)
        }) else {
            return Ok(());
        };
        let serf = holder.checks.get(&*fold(SERF_HEALTH));
        if serf.is_none_or(|check| check.status == Status::Critical) {
            return Ok(());
        }
        Err(format!(
            "Error while renaming Node ID: {:?}{address}: Node name {} is reserved by node {} with name {} ({})",
            node.id, node.node, holder.node.id, holder.node.node, holder.node.address
        ))
    }

    pub(super) fn delete_node(&mut self, index: u64, name: &str, touched: &mut Touched) {
        let key = fold(name);
        let Some(entry) = self.entry(&key).cloned() else {
            return;
        };
        self.end_sessions_of_node(index, &key, touched);
        for id in entry.services.keys() {
            self.delete_service(index, &key, id, touched);
        }
        if let Some(entry) = self.nodes.remove(&*key) {
            if !entry.checks.is_empty() {
                self.indexes.checks = index;
                touched.add(Topic::Checks);
            }
            if !entry.node.id.is_empty() {
                self.node_ids.remove(&*entry.node.id);
            }
        }
        if self.coordinates.remove(&*key).is_some() {
            self.indexes.coordinates = index;
            touched.add(Topic::Coordinates);
        }
        self.indexes.nodes = index;
        touched.add(Topic::Nodes);
    }
}
