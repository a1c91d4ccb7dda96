//! Checks and the services that they belong to.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use crate::model::check::Status;
use crate::tui::check::Check;
use crate::tui::observed::{Observations, Since};
use crate::tui::snapshot::ClusterSnapshot;

/// A check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRow {
    check: Arc<Check>,
    /// Since when it is in its state, seen from here.
    pub since: Option<Since>,
}

impl Deref for CheckRow {
    type Target = Check;

    fn deref(&self) -> &Check {
        &self.check
    }
}

/// A service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceRow {
    /// The name.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Instances that have checks of their own, and pass.
    pub passing: usize,
    /// Instances with a warning.
    pub warning: usize,
    /// Instances with a critical check, of their own or of their node.
    pub critical: usize,
    /// The newest change of its checks.
    pub modify_index: u64,
    /// Since when its worst instance is so.
    pub since: Option<Since>,
}

impl ServiceRow {
    /// Whether it has instances with checks and all of those are critical. Instances without checks pass, and are not
    /// known here.
    pub fn is_down(&self) -> bool {
        self.critical > 0 && self.passing + self.warning == 0
    }
}

/// All checks: critical first, then warning; the newest first among those.
pub(super) fn rows(snapshot: &ClusterSnapshot, seen: &Observations) -> Vec<CheckRow> {
    let checks = snapshot.checks.get().map(Vec::as_slice).unwrap_or_default();
    let row = |check: &Arc<Check>| CheckRow {
        check: Arc::clone(check),
        since: seen.check_since(&check.node, &check.id),
    };
    let mut rows: Vec<CheckRow> = checks.iter().map(row).collect();
    rows.sort_by(|a, b| {
        let newest = |row: &CheckRow| (row.since.map(|since| since.at), row.modify_index);
        b.status
            .cmp(&a.status)
            .then_with(|| newest(b).cmp(&newest(a)))
            .then_with(|| (&a.node, &a.id).cmp(&(&b.node, &b.id)))
    });
    rows
}

/// All services, those that are down first. An instance is as bad as the worst of its checks and its node's.
pub(super) fn services(snapshot: &ClusterSnapshot, checks: &[CheckRow]) -> Vec<ServiceRow> {
    let mut nodes: BTreeMap<&str, Status> = BTreeMap::new();
    for check in checks.iter().filter(|check| check.service.is_empty()) {
        let worst = nodes.entry(&check.node).or_insert(Status::Passing);
        *worst = check.status.max(*worst);
    }
    let mut instances: BTreeMap<(&str, &str, &str), Status> = BTreeMap::new();
    let mut found: BTreeMap<&str, ServiceRow> = BTreeMap::new();
    for (name, tags) in snapshot.services.get().into_iter().flatten() {
        let row = found.entry(name).or_default();
        row.tags.clone_from(tags);
    }
    for check in checks.iter().filter(|check| !check.service.is_empty()) {
        let key = (&*check.service, &*check.node, &*check.instance);
        let of_node = nodes.get(&*check.node).copied();
        let worst = instances
            .entry(key)
            .or_insert(of_node.unwrap_or(Status::Passing));
        *worst = check.status.max(*worst);
        let row = found.entry(&check.service).or_default();
        if check.status != Status::Passing {
            row.modify_index = row.modify_index.max(check.modify_index);
            let newer = check.since.map(|since| since.at) > row.since.map(|since| since.at);
            if newer {
                row.since = check.since;
            }
        }
    }
    for ((service, _, _), status) in instances {
        let row = found.entry(service).or_default();
        match status {
            Status::Passing => row.passing += 1,
            Status::Warning => row.warning += 1,
            Status::Critical => row.critical += 1,
        }
    }
    let mut rows: Vec<ServiceRow> = found
        .into_iter()
        .map(|(name, row)| ServiceRow {
            name: name.to_owned(),
            ..row
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.is_down(), row.critical, row.warning)));
    rows
}
