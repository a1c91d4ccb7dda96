//! What every query may ask for.

use std::time::Duration;

/// The common query parameters. Empty and zero fields are not sent.
#[derive(Debug, Clone, Default)]
pub struct QueryOptions {
    /// Datacenter to ask; the agent's own when empty.
    pub datacenter: String,
    /// Whether any server may answer.
    pub stale: bool,
    /// Whether the leader proves its leadership before it answers.
    pub consistent: bool,
    /// A bexpr filter, evaluated by the server.
    pub filter: String,
    /// Node from which to sort by round trip time.
    pub near: String,
    /// `key=value` pairs that nodes must have.
    pub node_meta: Vec<(String, String)>,
    /// Wait until the index is past this one.
    pub index: u64,
    /// How long to wait at most; the server's default when zero.
    pub wait: Duration,
}

impl QueryOptions {
    pub(super) fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if !self.datacenter.is_empty() {
            found.push(("dc", self.datacenter.clone()));
        }
        if self.stale {
            found.push(("stale", String::new()));
        }
        if self.consistent {
            found.push(("consistent", String::new()));
        }
        if !self.filter.is_empty() {
            found.push(("filter", self.filter.clone()));
        }
        if !self.near.is_empty() {
            found.push(("near", self.near.clone()));
        }
        for (key, value) in &self.node_meta {
            found.push(("node-meta", format!("{key}:{value}")));
        }
        if self.index > 0 {
            found.push(("index", self.index.to_string()));
        }
        if !self.wait.is_zero() {
            found.push(("wait", format!("{}ms", self.wait.as_millis())));
        }
        found
    }
}
