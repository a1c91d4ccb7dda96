//! Sessions, to which locks are bound.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::duration::{GoDuration, parse_go_duration};

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
    #[serde(serialize_with = "as_number")]
    pub lock_delay: GoDuration,
    /// `release` or `delete`: what happens to held keys.
    pub behavior: String,
    /// Time to live as given; empty when none.
    #[serde(rename = "TTL")]
    pub ttl: String,
    /// Checks whose failure invalidates the session.
    #[serde(deserialize_with = "null_is_empty")]
    pub node_checks: Vec<String>,
    /// Checks of services whose failure invalidates the session; shown as given.
    pub service_checks: Option<Vec<ServiceCheck>>,
    /// Checks of either kind, from clients of Consul before 1.7.
    #[serde(
        deserialize_with = "null_is_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub checks: Vec<String>,
    /// Raft index of the creation.
    pub create_index: u64,
    /// Raft index of the last change.
    pub modify_index: u64,
}

/// A check of a service that a session is bound to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceCheck {
    /// The check's id.
    #[serde(rename = "ID")]
    pub id: String,
    /// Of Consul Enterprise; shown as given.
    pub namespace: String,
}

/// What a session does with the keys that it holds when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behavior {
    /// They stay, without holder.
    Release,
    /// They are deleted.
    Delete,
}

/// Consul's name of [`Behavior::Release`], the default.
pub const RELEASE: &str = "release";
/// Consul's name of [`Behavior::Delete`].
pub const DELETE: &str = "delete";

impl Session {
    /// The ids of all checks that the session is bound to.
    pub fn check_ids(&self) -> impl Iterator<Item = &str> {
        let of_services = self.service_checks.iter().flatten().map(|check| &check.id);
        let others = self.checks.iter().chain(&self.node_checks);
        others.chain(of_services).map(String::as_str)
    }

    /// What happens to held keys.
    pub fn behavior(&self) -> Behavior {
        if self.behavior == DELETE {
            Behavior::Delete
        } else {
            Behavior::Release
        }
    }

    /// The time to live; `None` when the session has none.
    pub fn time_to_live(&self) -> Option<Duration> {
        let nanos = parse_go_duration(&self.ttl).ok()?;
        let nanos = u64::try_from(nanos).ok()?;
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }
}

/// Unlike other durations, this one is a number of nanoseconds in JSON, too.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands fields over by reference"
)]
fn as_number<S: Serializer>(duration: &GoDuration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(duration.0)
}

fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
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

/// The refusal of an id that [`check_id`] finds to be none, in Consul's words.
pub fn lookup_failed(why: &str) -> String {
    format!("failed session lookup: index error: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_with_consuls_texts() {
        for good in [
            "8ec41d6a-01fc-379d-6512-53b9b27c1545",
            "8ec41d6a001fc0379d0651200000000c1545",
        ] {
            assert_eq!(check_id(good), Ok(()), "{good}");
        }
        for (bad, text) in [
            ("abc", "UUID must be 36 characters"),
            ("", "UUID must be 36 characters"),
            (
                "zzzzzzzz-01fc-379d-6512-53b9b27c1545",
                "Invalid UUID: encoding/hex: invalid byte: U+007A 'z'",
            ),
            (
                "8ec41d6a-01fc-379d-6512053b9b27c1545",
                "Input (without hyphens) must be even length",
            ),
        ] {
            assert_eq!(check_id(bad).unwrap_err(), text);
        }
    }
}
