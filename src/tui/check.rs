//! A check of the cluster as the dashboard keeps it. There are thousands, so it is no more than what is shown.

use std::sync::Arc;

use crate::model::check::{HealthCheck, Status};

use super::words::plain;

/// Letters of a check's output that are kept.
const MAX_OUTPUT: usize = 4096;

/// A check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The node.
    pub node: Box<str>,
    /// Unique on the node.
    pub id: Box<str>,
    /// The name that people see.
    pub name: Box<str>,
    /// The service; empty for checks of the node.
    pub service: Box<str>,
    /// The service instance; empty for checks of the node.
    pub instance: Box<str>,
    /// `http`, `ttl`, …; may be empty.
    pub kind: Box<str>,
    /// The state.
    pub status: Status,
    /// Raft index of the last change: orders changes where no time is known.
    pub modify_index: u64,
    /// The output, without escape sequences.
    pub output: Box<str>,
    /// Free text of the registration.
    pub notes: Box<str>,
}

impl Check {
    /// What is kept of an agent's answer.
    pub fn of(check: HealthCheck) -> Arc<Self> {
        let end = check.output.char_indices().nth(MAX_OUTPUT);
        let output = &check.output[..end.map_or(check.output.len(), |(at, _)| at)];
        Arc::new(Self {
            node: check.node.into(),
            id: check.check_id.into(),
            name: check.name.into(),
            service: check.service_name.into(),
            instance: check.service_id.into(),
            kind: check.kind.into(),
            status: check.status,
            modify_index: check.modify_index,
            output: plain(output).into(),
            notes: check.notes.into(),
        })
    }
}
