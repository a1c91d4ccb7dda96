//! The health of the local alias checks, all of them at once.

use std::collections::HashMap;

use super::LocalState;
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::output::cap_output;
use crate::agent::checks::runner::alias::{AliasTarget, alias_outcome};
use crate::agent::checks::spec::Probe;
use crate::model::check::{HealthCheck, Status};

/// An alias check of this node, and what it mirrors.
struct Alias<'a> {
    check: &'a HealthCheck,
    node: &'a str,
    service_id: &'a str,
    /// Bytes of its output that are kept.
    output_max_size: usize,
}

impl LocalState {
    /// Every local alias check whose health is not what it mirrors, with what it should be.
    /// `output_max_size`: the agent's limit, in bytes.
    ///
    /// What they should be depends on the other checks only, never on what aliases say now, so
    /// that aliases which count each other come to rest. Aliases of other nodes follow the catalog
    /// instead.
    pub fn stale_aliases(&self, output_max_size: usize) -> Vec<(String, Outcome)> {
        let aliases = self.local_aliases(output_max_size);
        if aliases.is_empty() {
            return Vec::new();
        }
        let mut healths = self.settle(&aliases);
        let stale = aliases.iter().filter_map(|alias| {
            let HealthCheck { status, output, .. } =
                healths.remove(alias.check.check_id.as_str())?;
            let differs = status != alias.check.status || output != alias.check.output;
            differs.then(|| (alias.check.check_id.clone(), Outcome::new(status, output)))
        });
        stale.collect()
    }

    /// In the order of ids.
    fn local_aliases(&self, output_max_size: usize) -> Vec<Alias<'_>> {
        let aliases = self.checks().filter_map(|local| {
            let spec = local.spec.as_ref()?;
            match &spec.probe {
                Probe::Alias { node, service_id } if self.is_own_node(node) => Some(Alias {
                    check: &local.check,
                    node,
                    service_id,
                    output_max_size: spec.output_limit(output_max_size),
                }),
                _ => None,
            }
        });
        aliases.collect()
    }

    /// What the aliases should be, by id. They start as passing and get worse for as long as what
    /// they count is worse: a status only moves one way, so this ends, after two rounds an alias at
    /// the latest. The round that makes an alias worse also decides what it says: aliases that
    /// count each other do not quote each other without end.
    fn settle<'a>(&'a self, aliases: &[Alias<'a>]) -> HashMap<&'a str, HealthCheck> {
        let as_passing = |alias: &Alias<'a>| {
            let check = HealthCheck {
                status: Status::Passing,
                ..alias.check.clone()
            };
            (alias.check.check_id.as_str(), check)
        };
        let mut healths: HashMap<_, _> = aliases.iter().map(as_passing).collect();
        // Sorted by service once, so that thousands of aliases do not walk all checks each.
        let mut by_service: HashMap<&str, Vec<&HealthCheck>> = HashMap::new();
        for other in self.checks().map(|other| &other.check) {
            by_service.entry(&other.service_id).or_default().push(other);
        }
        let mut first = true;
        loop {
            let judged: Vec<_> = aliases
                .iter()
                .filter(|alias| healths[alias.check.check_id.as_str()].status != Status::Critical)
                .map(|alias| (alias, self.judge(alias, &by_service, &healths)))
                .collect();
            let mut worse = false;
            for (alias, outcome) in judged {
                let Some(health) = healths.get_mut(alias.check.check_id.as_str()) else {
                    continue;
                };
                let changed = health.status != outcome.status;
                if first || changed {
                    health.status = outcome.status;
                    health.output = cap_output(&outcome.output, alias.output_max_size);
                }
                worse |= changed;
            }
            if !worse {
                return healths;
            }
            first = false;
        }
    }

    /// One alias's health, where the aliases that it counts are as in `healths`.
    fn judge(
        &self,
        alias: &Alias<'_>,
        by_service: &HashMap<&str, Vec<&HealthCheck>>,
        healths: &HashMap<&str, HealthCheck>,
    ) -> Outcome {
        let checks_of = |id: &str| by_service.get(id).map_or(&[][..], Vec::as_slice);
        let mut counting = checks_of("").to_vec();
        if !alias.service_id.is_empty() {
            counting.extend(checks_of(alias.service_id));
        }
        // The first critical one decides. Two sorted runs: a stable sort only merges them.
        counting.sort_by_key(|other| &other.check_id);
        let target = AliasTarget {
            check_id: &alias.check.check_id,
            node: alias.node,
            service_id: alias.service_id,
            service_exists: self.services.contains_key(alias.service_id),
        };
        let counting = counting
            .into_iter()
            .map(|other| healths.get(other.check_id.as_str()).unwrap_or(other));
        alias_outcome(target, counting)
    }
}
