//! Sessions, to which locks are bound.

use serde::{Deserialize, Serialize};

use super::duration::GoDuration;

/// A session as the store holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Session {
    /// The session's UUID.
    #[serde(rename = "ID")]
    pub id: String,
    /// The name that people see.
    pub name: String,
    /// The node that the session is bound to.
    pub node: String,
    /// Time for which a lock stays closed after the session was invalidated.
    pub lock_delay: GoDuration,
    /// `release` or `delete`: what happens to held keys.
    pub behavior: String,
    /// Time to live as given; empty when none.
    #[serde(rename = "TTL")]
    pub ttl: String,
    /// Checks whose failure invalidates the session.
    pub node_checks: Vec<String>,
    /// Raft index of the creation.
    pub create_index: u64,
    /// Raft index of the last change.
    pub modify_index: u64,
}
