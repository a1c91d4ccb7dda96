//! What a reload of the definition files changes.

use std::collections::{BTreeMap, BTreeSet};

use super::{FileDefinitions, settle};
use crate::agent::local::entry::{LocalCheck, LocalService, Source};
use crate::agent::local::error::LocalError;
use crate::agent::local::expand::expand_service;
use crate::agent::local::names::{check_names, service_names};
use crate::agent::local::state::{Change, LocalState};

impl LocalState {
    /// Makes what came from files equal to what the files now say. What did not change is not
    /// touched: its checks keep their status and their schedule.
    ///
    /// # Errors
    /// The first definition that is refused; then nothing changes.
    pub fn plan_reload(&self, files: &FileDefinitions) -> Result<Change, LocalError> {
        let mut wanted = Change::default();
        for definition in &files.services {
            service_names(definition)
                .and_then(|()| expand_service(definition, &self.node.name, Source::Config))
                .map_err(LocalError::from)
                .and_then(|main| self.add_service(&mut wanted, definition, main, false))
                .map_err(|err| err.within("service", &definition.name))?;
        }
        for definition in &files.checks {
            check_names(definition)
                .map_err(LocalError::from)
                .and_then(|()| self.add_check(&mut wanted, definition, Source::Config))
                .map_err(|err| err.within("check", &definition.name))?;
        }
        settle(&mut wanted);
        self.allow(&wanted)?;
        Ok(self.difference(wanted))
    }

    /// What of `wanted` is new, and what came from files and is no longer wanted.
    fn difference(&self, wanted: Change) -> Change {
        // A later definition of the same id wins, as in Consul's loading order.
        let services: BTreeMap<String, LocalService> = wanted
            .services
            .into_iter()
            .map(|it| (it.service.id.clone(), it))
            .collect();
        let checks: BTreeMap<String, LocalCheck> = wanted
            .checks
            .into_iter()
            .map(|it| (it.check.check_id.clone(), it))
            .collect();
        let mut change = Change::default();
        for old in self.services().filter(|old| old.source == Source::Config) {
            if !services.contains_key(&old.service.id) {
                self.remove_service(&mut change, &old.service.id);
            }
        }
        // A sidecar may be wanted on its own now, or have been removed with its service.
        change
            .removed_services
            .retain(|id| !services.contains_key(id));
        for old in self.checks().filter(|old| old.source == Source::Config) {
            change.removed_checks.push(old.check.check_id.clone());
        }
        change.removed_checks.retain(|id| !checks.contains_key(id));
        change.removed_checks.sort();
        change.removed_checks.dedup();
        let service_changed = |new: &LocalService| {
            self.service(&new.service.id).is_none_or(|old| {
                (&old.definition, &old.token, old.source)
                    != (&new.definition, &new.token, new.source)
            })
        };
        change.services = services.into_values().filter(service_changed).collect();
        self.compare_checks(&mut change, checks, wanted.retagged);
        change
    }

    /// Which of the wanted checks are new, and which only have other tags. Tags are the service's, which may be others
    /// than its definition's where the catalog may change them: a service that stays as it is keeps its own.
    fn compare_checks(
        &self,
        change: &mut Change,
        wanted: BTreeMap<String, LocalCheck>,
        retagged: Vec<LocalCheck>,
    ) {
        let renewed: BTreeSet<&str> = change
            .services
            .iter()
            .map(|it| it.service.id.as_str())
            .collect();
        let is_renewed = |check: &LocalCheck| renewed.contains(check.check.service_id.as_str());
        let mut with_tags: Vec<LocalCheck> = retagged.into_iter().filter(is_renewed).collect();
        for mut new in wanted.into_values() {
            if !is_renewed(&new)
                && let Some(kept) = self.service(&new.check.service_id)
            {
                new.check.service_tags.clone_from(&kept.service.tags);
            }
            let old = self.check(&new.check.check_id).filter(|old| {
                (&old.definition, old.source, &old.check.service_name)
                    == (&new.definition, new.source, &new.check.service_name)
            });
            match old {
                None => change.checks.push(new),
                Some(old) if old.check.service_tags == new.check.service_tags => {}
                Some(old) => {
                    let mut old = old.clone();
                    old.check.service_tags = new.check.service_tags;
                    with_tags.push(old);
                }
            }
        }
        // Checks of files that changed are in `checks` with their service's tags already.
        let stays = |check: &LocalCheck| {
            let id = &check.check.check_id;
            let new = change.checks.iter().any(|new| new.check.check_id == *id);
            !new && !change.removed_checks.contains(id)
        };
        change.retagged = with_tags.into_iter().filter(stays).collect();
    }
}
