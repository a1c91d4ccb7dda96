//! The agent's own services and checks. Pure; cheap to clone, so every reader has a snapshot.

use std::sync::Arc;

use imbl::OrdMap;

use super::entry::{LocalCheck, LocalService, NodeIdentity, Source, SyncMark};
use super::expand::SidecarPorts;
use crate::agent::checks::outcome::Outcome;
use crate::model::check::{HealthCheck, Status};

mod aliases;

/// Most services of one agent, and most checks: far beyond what a node runs, so that a client
/// that registers in a loop under ever new ids meets an error and not the end of memory.
pub(super) const ENTRIES_MAX: usize = 65_536;

/// What the configuration decides about services and checks.
#[derive(Clone, Copy, Debug)]
pub struct StateSettings {
    pub sidecar_ports: SidecarPorts,
    /// Scripts of files may run.
    pub local_script_checks: bool,
    /// Scripts that were registered over HTTP may run.
    pub remote_script_checks: bool,
    /// Output of checks is not kept at all.
    pub discard_check_output: bool,
    /// Whether a change of output alone waits (`check_update_interval` is above zero).
    pub defer_output: bool,
}

impl Default for StateSettings {
    fn default() -> Self {
        Self {
            sidecar_ports: SidecarPorts::default(),
            local_script_checks: false,
            remote_script_checks: false,
            discard_check_output: false,
            defer_output: true,
        }
    }
}

/// Something that the agent had and that the catalog may still have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Removed {
    /// The token with which it was synced.
    pub token: String,
    /// The token does not allow the removal: only full comparisons try again.
    pub denied: bool,
    /// Of a service: its checks that go with it, each with its token.
    pub checks: Vec<(String, String)>,
}

impl Removed {
    fn with(token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..Self::default()
        }
    }
}

/// Remembers something removed. Where there is too much of it, something else is forgotten: the next full comparison
/// finds it in the catalog.
fn remember(table: &mut OrdMap<String, Removed>, id: String, removed: Removed) {
    if table.len() >= ENTRIES_MAX
        && let Some((other, _)) = table.get_min().cloned()
    {
        table.remove(&other);
    }
    table.insert(id, removed);
}

/// A change that was found valid and is ready to be persisted and committed.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub services: Vec<LocalService>,
    /// New or changed checks: they start anew.
    pub checks: Vec<LocalCheck>,
    /// Checks whose service got another name or other tags: they go on as they are.
    pub retagged: Vec<LocalCheck>,
    pub removed_services: Vec<String>,
    pub removed_checks: Vec<String>,
}

/// What the scheduler must know after a commit, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The check is gone: stop running it.
    Unwatch { check_id: String },
    /// The check is new or changed: (re)start it.
    Watch { check_id: String },
}

/// What an outcome changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckUpdate {
    /// Nothing, or the check is unknown.
    Nothing,
    /// Only the output, whose sync waits.
    OutputDeferred,
    /// The status, or an output that does not wait.
    Changed,
}

/// All services and checks of this agent, with what the catalog is known to have of them.
#[derive(Clone, Debug)]
pub struct LocalState {
    pub(super) node: Arc<NodeIdentity>,
    pub(super) settings: StateSettings,
    pub(super) services: OrdMap<String, Arc<LocalService>>,
    pub(super) checks: OrdMap<String, Arc<LocalCheck>>,
    pub(super) removed_services: OrdMap<String, Removed>,
    pub(super) removed_checks: OrdMap<String, Removed>,
    pub(super) node_mark: SyncMark,
    revision: u64,
}

impl LocalState {
    pub fn new(node: NodeIdentity, settings: StateSettings) -> Self {
        Self {
            node: Arc::new(node),
            settings,
            services: OrdMap::new(),
            checks: OrdMap::new(),
            removed_services: OrdMap::new(),
            removed_checks: OrdMap::new(),
            node_mark: SyncMark::default(),
            revision: 0,
        }
    }

    pub fn node(&self) -> &NodeIdentity {
        &self.node
    }

    pub fn service(&self, id: &str) -> Option<&LocalService> {
        self.services.get(id).map(Arc::as_ref)
    }

    pub fn check(&self, id: &str) -> Option<&LocalCheck> {
        self.checks.get(id).map(Arc::as_ref)
    }

    /// In the order of ids.
    pub fn services(&self) -> impl Iterator<Item = &LocalService> {
        self.services.values().map(Arc::as_ref)
    }

    /// In the order of ids.
    pub fn checks(&self) -> impl Iterator<Item = &LocalCheck> {
        self.checks.values().map(Arc::as_ref)
    }

    /// The checks of one service, in the order of ids.
    pub fn checks_of(&self, service_id: &str) -> impl Iterator<Item = &LocalCheck> {
        self.checks()
            .filter(move |check| check.check.service_id == service_id)
    }

    /// Whether the catalog is known to have everything.
    pub fn in_sync(&self) -> bool {
        self.node_mark.in_sync()
            && self.removed_services.values().all(|it| it.denied)
            && self.removed_checks.values().all(|it| it.denied)
            && self.services().all(|service| service.mark.in_sync())
            && self.checks().all(|check| check.mark.in_sync())
    }

    /// Changes the node's metadata, which a reload may do.
    pub fn set_node_meta(&mut self, meta: crate::model::node::StringMap) {
        if self.node.meta != meta {
            Arc::make_mut(&mut self.node).meta = meta;
            self.node_mark.revision = self.next_revision();
        }
    }

    /// Changes what becomes of the output of checks from now on, which a reload may do.
    pub(super) fn set_output_rules(&mut self, discard: bool, defer: bool) {
        self.settings.discard_check_output = discard;
        self.settings.defer_output = defer;
    }

    /// Takes in a change that one of the `plan_…` functions made for this very state.
    pub fn commit(&mut self, change: Change) -> Vec<Effect> {
        let mut effects = Vec::new();
        for id in change.removed_services {
            if let Some(service) = self.services.remove(&id) {
                let removed = Removed::with(&service.token);
                remember(&mut self.removed_services, id, removed);
            }
        }
        for check_id in change.removed_checks {
            if let Some(check) = self.checks.remove(&check_id) {
                self.bury_check(&check);
                effects.push(Effect::Unwatch { check_id });
            }
        }
        for mut service in change.services {
            let id = service.service.id.clone();
            service.mark = SyncMark {
                revision: self.next_revision(),
                synced: None,
            };
            if let Some(removed) = self.removed_services.remove(&id) {
                // The service stays in the catalog, so that its former checks do not go with it. Another service may
                // have one of them by now.
                let gone = removed.checks.into_iter();
                for (check_id, token) in gone.filter(|(id, _)| !self.checks.contains_key(id)) {
                    remember(&mut self.removed_checks, check_id, Removed::with(&token));
                }
            }
            self.services.insert(id, Arc::new(service));
        }
        for check in change.retagged {
            self.put_check(check);
        }
        for check in change.checks {
            let check_id = check.check.check_id.clone();
            self.put_check(check);
            effects.push(Effect::Watch { check_id });
        }
        effects
    }

    fn put_check(&mut self, mut check: LocalCheck) {
        let check_id = check.check.check_id.clone();
        check.mark = SyncMark {
            revision: self.next_revision(),
            synced: None,
        };
        check.output_deferred = false;
        self.removed_checks.remove(&check_id);
        self.checks.insert(check_id, Arc::new(check));
    }

    /// Remembers a check that the catalog may have. Those of a removed service go with it.
    fn bury_check(&mut self, check: &LocalCheck) {
        let check_id = check.check.check_id.clone();
        match self.removed_services.get_mut(&check.check.service_id) {
            Some(service) => service.checks.push((check_id, check.token.clone())),
            None => remember(
                &mut self.removed_checks,
                check_id,
                Removed::with(&check.token),
            ),
        }
    }

    fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    /// Takes in the result of a run, a heartbeat or an expiry.
    pub fn update_check(&mut self, check_id: &str, outcome: &Outcome) -> CheckUpdate {
        let Some(old) = self.check(check_id) else {
            return CheckUpdate::Nothing;
        };
        let output = if self.settings.discard_check_output {
            ""
        } else {
            outcome.output.as_str()
        };
        let same_status = old.check.status == outcome.status;
        if same_status && old.check.output == output {
            return CheckUpdate::Nothing;
        }
        let mut new = old.clone();
        new.check.status = outcome.status;
        output.clone_into(&mut new.check.output);
        let waits = same_status && self.settings.defer_output;
        new.output_deferred = waits;
        if !waits {
            new.mark.revision = self.next_revision();
        }
        self.checks.insert(check_id.to_owned(), Arc::new(new));
        if waits {
            CheckUpdate::OutputDeferred
        } else {
            CheckUpdate::Changed
        }
    }

    /// The deferred output's time has come: it is to be synced. Says whether there was one.
    pub fn release_output(&mut self, check_id: &str) -> bool {
        let Some(old) = self.check(check_id).filter(|check| check.output_deferred) else {
            return false;
        };
        let mut new = old.clone();
        new.output_deferred = false;
        new.mark.revision = self.next_revision();
        self.checks.insert(check_id.to_owned(), Arc::new(new));
        true
    }

    /// Whether an alias check's `AliasNode` means this agent.
    pub fn is_own_node(&self, node: &str) -> bool {
        node.is_empty() || node.eq_ignore_ascii_case(&self.node.name)
    }

    /// The catalog has this revision of the service.
    pub fn confirm_service(&mut self, id: &str, revision: u64) {
        if let Some(service) = self.services.get_mut(id) {
            Arc::make_mut(service).mark.synced = Some(revision);
        }
    }

    /// The catalog has this revision of the check.
    pub fn confirm_check(&mut self, id: &str, revision: u64) {
        if let Some(check) = self.checks.get_mut(id) {
            Arc::make_mut(check).mark.synced = Some(revision);
        }
    }

    /// The catalog has this revision of the node's own information.
    pub fn confirm_node(&mut self, revision: u64) {
        self.node_mark.synced = Some(revision);
    }

    /// The catalog no longer has the service.
    pub fn confirm_service_removed(&mut self, id: &str) {
        self.removed_services.remove(id);
    }

    /// The token does not allow to remove the service from the catalog.
    pub(super) fn deny_service_removal(&mut self, id: &str) {
        if let Some(removed) = self.removed_services.get_mut(id) {
            removed.denied = true;
        }
    }

    /// The token does not allow to remove the check from the catalog.
    pub(super) fn deny_check_removal(&mut self, id: &str) {
        if let Some(removed) = self.removed_checks.get_mut(id) {
            removed.denied = true;
        }
    }

    /// The catalog no longer has the check.
    pub fn confirm_check_removed(&mut self, id: &str) {
        self.removed_checks.remove(id);
    }

    /// Tags that were changed in the catalog win (`EnableTagOverride`), unless the service was
    /// registered anew since.
    pub fn adopt_tags(&mut self, id: &str, revision: u64, tags: &[String]) {
        let Some(service) = self.services.get_mut(id) else {
            return;
        };
        if service.mark.revision != revision || !service.service.enable_tag_override {
            return;
        }
        tags.clone_into(&mut Arc::make_mut(service).service.tags);
        let of_service: Vec<String> = self
            .checks_of(id)
            .map(|check| check.check.check_id.clone())
            .collect();
        for check_id in of_service {
            if let Some(check) = self.checks.get_mut(&check_id) {
                tags.clone_into(&mut Arc::make_mut(check).check.service_tags);
            }
        }
    }

    /// A check of the agent itself, without a runner: maintenance.
    pub(super) fn bare_check(&self, check_id: &str, name: &str, notes: &str) -> LocalCheck {
        LocalCheck {
            check: HealthCheck {
                node: self.node.name.clone(),
                check_id: check_id.to_owned(),
                name: name.to_owned(),
                notes: notes.to_owned(),
                status: Status::Critical,
                kind: "maintenance".to_owned(),
                ..HealthCheck::default()
            },
            definition: None,
            spec: None,
            token: String::new(),
            source: Source::Api,
            mark: SyncMark::default(),
            output_deferred: false,
        }
    }
}

#[cfg(test)]
mod tests;
