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

/// Checks an id as Consul's state store does before it looks one up. The texts are its, and reach clients.
///
/// # Errors
/// With the reason.
pub fn check_id(text: &str) -> Result<(), String> {
    /// Hyphens that an id has at most.
    const HYPHENS: usize = 4;
    if text.len() != 36 {
        return Err("UUID must be 36 characters".to_owned());
    }
    let hyphens = text.matches('-').count();
    if hyphens > HYPHENS {
        return Err(format!(
            "UUID should have maximum of {HYPHENS} \"-\"; got {hyphens}"
        ));
    }
    let digits = text.replace('-', "");
    if !digits.len().is_multiple_of(2) {
        return Err("Input (without hyphens) must be even length".to_owned());
    }
    match digits.bytes().find(|byte| !byte.is_ascii_hexdigit()) {
        None => Ok(()),
        Some(byte) => Err(format!(
            "Invalid UUID: encoding/hex: invalid byte: U+{byte:04X} {:?}",
            char::from(byte)
        )),
    }
}
