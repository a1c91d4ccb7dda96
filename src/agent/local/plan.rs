//! From what a caller wants to a [`Change`]: refused here, or valid for the state it was made for.

mod reload;

use std::collections::BTreeSet;

use super::entry::{LocalCheck, LocalService, Source};
use super::error::LocalError;
use super::expand::{
    Instance, SIDECAR_SUFFIX, expand_check, expand_known_service, expand_service, expand_sidecar,
};
use super::names::{check_names, service_names};
use super::state::{Change, ENTRIES_MAX, LocalState};
use super::validate::initial_status;
use crate::model::check::{CheckDefinition, NODE_MAINTENANCE, SERVICE_MAINTENANCE_PREFIX};
use crate::model::service::{NodeService, ServiceDefinition};

const NODE_MAINTENANCE_NAME: &str = "Node Maintenance Mode";
const NODE_MAINTENANCE_REASON: &str = "Maintenance mode is enabled for this node, but no reason was provided. This is a default message.";
const SERVICE_MAINTENANCE_NAME: &str = "Service Maintenance Mode";
const SERVICE_MAINTENANCE_REASON: &str = "Maintenance mode is enabled for this service, but no reason was provided. This is a default message.";

/// What files register; `LocalState::plan_reload` makes the state equal to it.
#[derive(Clone, Debug, Default)]
pub struct FileDefinitions {
    pub services: Vec<ServiceDefinition>,
    pub checks: Vec<CheckDefinition>,
}

impl LocalState {
    /// Registers a service with its checks and its sidecar.
    ///
    /// # Errors
    /// [`LocalError::Invalid`] for a broken rule, [`LocalError::Refused`] for what this agent
    /// does not do.
    pub fn plan_service(
        &self,
        definition: &ServiceDefinition,
        source: Source,
        replace_existing_checks: bool,
    ) -> Result<Change, LocalError> {
        service_names(definition)?;
        let node = &self.node.name;
        let main = expand_service(definition, node, source)?;
        let mut change = Change::default();
        self.add_service(&mut change, definition, main, replace_existing_checks)?;
        settle(&mut change);
        self.allow(&change)?;
        Ok(change)
    }

    /// As [`Self::plan_service`], by the rules that all have in common: the service was registered before, perhaps as
    /// a sidecar, perhaps by an earlier version.
    pub(super) fn plan_known_service(
        &self,
        definition: &ServiceDefinition,
        source: Source,
    ) -> Result<Change, LocalError> {
        let main = expand_known_service(definition, &self.node.name, source)?;
        let mut change = Change::default();
        self.add_service(&mut change, definition, main, false)?;
        settle(&mut change);
        self.allow(&change)?;
        Ok(change)
    }

    fn add_service(
        &self,
        change: &mut Change,
        definition: &ServiceDefinition,
        main: Instance,
        replace_existing_checks: bool,
    ) -> Result<(), LocalError> {
        let (node, source) = (&self.node.name, main.service.source);
        let ports = self.settings.sidecar_ports;
        let planned = change
            .services
            .iter()
            .map(|it| (it.service.id.as_str(), it.service.port));
        let taken = self
            .services()
            .map(|it| (it.service.id.as_str(), it.service.port));
        let sidecar = expand_sidecar(definition, node, source, ports, taken.chain(planned))?;
        for instance in std::iter::once(main).chain(sidecar) {
            self.add_instance(change, instance, replace_existing_checks);
        }
        Ok(())
    }

    /// Checks that exist keep their status and output; those that the registration leaves out
    /// stay, with the service's new name and tags, unless they are to be replaced.
    fn add_instance(&self, change: &mut Change, instance: Instance, replace_existing_checks: bool) {
        let Instance {
            service,
            mut checks,
        } = instance;
        for check in &mut checks {
            self.keep_outcome(check);
        }
        let named: BTreeSet<&str> = checks.iter().map(|it| it.check.check_id.as_str()).collect();
        for old in self.checks_of(&service.service.id) {
            if named.contains(old.check.check_id.as_str()) {
                continue;
            }
            if replace_existing_checks {
                change.removed_checks.push(old.check.check_id.clone());
            } else {
                change.retagged.extend(retagged(old, &service));
            }
        }
        change.checks.extend(checks);
        change.services.push(service);
    }

    /// Removes a service, its checks and the sidecar that came with it.
    ///
    /// # Errors
    /// [`LocalError::NotFound`].
    pub fn plan_service_removal(&self, id: &str) -> Result<Change, LocalError> {
        if self.service(id).is_none() {
            let text = format!("Service {{\"{id}\" {{}}}} does not exist");
            return Err(LocalError::NotFound(text));
        }
        let mut change = Change::default();
        self.remove_service(&mut change, id);
        Ok(change)
    }

    fn remove_service(&self, change: &mut Change, id: &str) {
        let sidecar_id = format!("{id}{SIDECAR_SUFFIX}");
        let sidecar = self
            .service(&sidecar_id)
            .filter(|it| it.sidecar)
            .map(|_| sidecar_id.as_str());
        for gone in std::iter::once(id).chain(sidecar) {
            change.removed_services.push(gone.to_owned());
            let checks = self
                .checks_of(gone)
                .map(|check| check.check.check_id.clone());
            change.removed_checks.extend(checks);
        }
    }

    /// Registers a check of the node or of a service that is registered.
    ///
    /// # Errors
    /// [`LocalError::Invalid`] for a broken rule, [`LocalError::Refused`] otherwise.
    pub fn plan_check(
        &self,
        definition: &CheckDefinition,
        source: Source,
    ) -> Result<Change, LocalError> {
        check_names(definition)?;
        self.plan_known_check(definition, source)
    }

    /// As [`Self::plan_check`], with whatever id: the check was registered before.
    pub(super) fn plan_known_check(
        &self,
        definition: &CheckDefinition,
        source: Source,
    ) -> Result<Change, LocalError> {
        let mut change = Change::default();
        self.add_check(&mut change, definition, source)?;
        self.allow(&change)?;
        Ok(change)
    }

    fn add_check(
        &self,
        change: &mut Change,
        definition: &CheckDefinition,
        source: Source,
    ) -> Result<(), LocalError> {
        if definition.name.is_empty() {
            return Err(LocalError::Invalid("Missing check name".to_owned()));
        }
        if initial_status(&definition.status).is_none() {
            return Err(LocalError::Invalid("Bad check status".to_owned()));
        }
        let service_id = definition.service_id.as_str();
        let planned = change
            .services
            .iter()
            .find(|it| it.service.id == service_id);
        // What files registered before is only there if they still do, and then it is planned.
        let stays = |it: &&LocalService| source != Source::Config || it.source != Source::Config;
        let service = planned.or_else(|| self.service(service_id).filter(stays));
        let mut check = expand_check(
            definition,
            service.map(|it| &it.service),
            &self.node.name,
            source,
        )?;
        if service.is_none() && !service_id.is_empty() {
            return Err(LocalError::Refused(format!(
                "ServiceID {service_id:?} does not exist"
            )));
        }
        self.keep_outcome(&mut check);
        change.checks.push(check);
        Ok(())
    }

    /// A check that is registered again keeps its status and output until it next runs, so that an
    /// update of its definition does not make its service flap.
    fn keep_outcome(&self, check: &mut LocalCheck) {
        if let Some(old) = self.check(&check.check.check_id) {
            check.check.status = old.check.status;
            check.check.output.clone_from(&old.check.output);
        }
    }

    /// Removes a check.
    ///
    /// # Errors
    /// [`LocalError::NotFound`].
    pub fn plan_check_removal(&self, id: &str) -> Result<Change, LocalError> {
        if self.check(id).is_none() {
            return Err(LocalError::NotFound(format!(
                "CheckID {id:?} does not exist"
            )));
        }
        Ok(Change {
            removed_checks: vec![id.to_owned()],
            ..Change::default()
        })
    }

    /// Switches the whole node's maintenance. `None`: it already is as wanted.
    pub fn plan_node_maintenance(&self, enable: bool, reason: &str) -> Option<Change> {
        let reason = if reason.is_empty() {
            NODE_MAINTENANCE_REASON
        } else {
            reason
        };
        let check = self.bare_check(NODE_MAINTENANCE, NODE_MAINTENANCE_NAME, reason);
        self.plan_maintenance(enable, check)
    }

    /// Switches one service's maintenance. `None`: it already is as wanted.
    ///
    /// # Errors
    /// [`LocalError::NotFound`].
    pub fn plan_service_maintenance(
        &self,
        service_id: &str,
        enable: bool,
        reason: &str,
    ) -> Result<Option<Change>, LocalError> {
        let Some(service) = self.service(service_id) else {
            let text = format!("No service registered with ID {service_id:?}");
            return Err(LocalError::NotFound(text));
        };
        let reason = if reason.is_empty() {
            SERVICE_MAINTENANCE_REASON
        } else {
            reason
        };
        let check_id = format!("{SERVICE_MAINTENANCE_PREFIX}{service_id}");
        let mut check = self.bare_check(&check_id, SERVICE_MAINTENANCE_NAME, reason);
        check.check.service_id.clone_from(&service.service.id);
        check
            .check
            .service_name
            .clone_from(&service.service.service);
        check.check.service_tags.clone_from(&service.service.tags);
        check.token.clone_from(&service.token);
        Ok(self.plan_maintenance(enable, check))
    }

    fn plan_maintenance(&self, enable: bool, check: LocalCheck) -> Option<Change> {
        let id = check.check.check_id.clone();
        match (enable, self.check(&id).is_some()) {
            (true, true) | (false, false) => None,
            (true, false) => Some(Change {
                checks: vec![check],
                ..Change::default()
            }),
            (false, true) => Some(Change {
                removed_checks: vec![id],
                ..Change::default()
            }),
        }
    }

    /// What no rule forbids but this agent does not do.
    fn allow(&self, change: &Change) -> Result<(), LocalError> {
        for check in change.checks.iter().filter(|check| runs_programs(check)) {
            self.allow_script(check.source)
                .map_err(|err| match check.source {
                    Source::Config => err.within("check", &check.check.name),
                    // The client knows which check it sent.
                    Source::Api => err,
                })?;
        }
        let is_new_service = |it: &&LocalService| self.service(&it.service.id).is_none();
        let is_new_check = |it: &&LocalCheck| self.check(&it.check.check_id).is_none();
        let services = self.services.len() + change.services.iter().filter(is_new_service).count();
        let checks = self.checks.len() + change.checks.iter().filter(is_new_check).count();
        if services > ENTRIES_MAX || checks > ENTRIES_MAX {
            let text =
                format!("this agent has {ENTRIES_MAX} services or checks, which is the most");
            return Err(LocalError::Refused(text));
        }
        Ok(())
    }

    fn allow_script(&self, source: Source) -> Result<(), LocalError> {
        let text = match source {
            Source::Config if !self.settings.local_script_checks => {
                "Scripts are disabled on this agent; to enable, configure 'enable_script_checks' \
                 or 'enable_local_script_checks' to true"
            }
            Source::Api if !self.settings.remote_script_checks => {
                "Scripts are disabled on this agent from remote calls; to enable, configure \
                 'enable_script_checks' to true"
            }
            Source::Config | Source::Api => return Ok(()),
        };
        Err(LocalError::Refused(text.to_owned()))
    }
}

/// Whether the check starts programs: on this machine, or in one of its containers.
fn runs_programs(check: &LocalCheck) -> bool {
    check.definition.as_ref().is_some_and(|definition| {
        !definition.script_args.is_empty() || !definition.docker_container_id.is_empty()
    })
}

/// The check with its service's new name and tags; `None` where they are the same.
fn retagged(old: &LocalCheck, service: &LocalService) -> Option<LocalCheck> {
    let NodeService {
        service: name,
        tags,
        ..
    } = &service.service;
    if old.check.service_name == *name && old.check.service_tags == *tags {
        return None;
    }
    let mut new = old.clone();
    new.check.service_name.clone_from(name);
    new.check.service_tags.clone_from(tags);
    Some(new)
}

/// Of two checks with one id the later one counts, whichever services they are of.
fn settle(change: &mut Change) {
    let mut later = BTreeSet::new();
    change.checks.reverse();
    change
        .checks
        .retain(|check| later.insert(check.check.check_id.clone()));
    change.checks.reverse();
    change.removed_checks.retain(|id| !later.contains(id));
    change
        .retagged
        .retain(|check| !later.contains(&check.check.check_id));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::local::entry::NodeIdentity;
    use crate::agent::local::state::StateSettings;

    #[test]
    fn a_check_in_a_container_runs_programs() {
        let state = LocalState::new(NodeIdentity::default(), StateSettings::default());
        let mut check = state.bare_check("box", "inside", "");
        let with = |check: &LocalCheck| Change {
            checks: vec![check.clone()],
            ..Change::default()
        };
        assert!(
            state.allow(&with(&check)).is_ok(),
            "maintenance runs nothing"
        );
        let json = r#"{"Name":"inside","DockerContainerID":"abc","Shell":"/bin/sh"}"#;
        check.definition = Some(serde_json::from_str(json).unwrap());
        let refused = |source| {
            let check = LocalCheck {
                source,
                ..check.clone()
            };
            state.allow(&with(&check)).expect_err("refused").to_string()
        };
        let text = refused(Source::Config);
        assert!(
            text.starts_with("check \"inside\": Scripts are disabled"),
            "{text}"
        );
        let text = refused(Source::Api);
        assert!(
            text.starts_with("Scripts are disabled on this agent from"),
            "{text}"
        );
    }
}
