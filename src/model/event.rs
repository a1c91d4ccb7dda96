//! User events.

use serde::{Deserialize, Serialize};

use super::kv::Blob;

/// An event that somebody fired. The fields stand in the order in which Consul prints them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UserEvent {
    /// A UUID.
    #[serde(rename = "ID")]
    pub id: String,
    /// The event's name.
    pub name: String,
    /// What comes with it; `null` in JSON when empty.
    pub payload: Blob,
    /// Agents whose node name matches this regular expression act on it; empty for all.
    pub node_filter: String,
    /// Agents with a service whose id matches this regular expression act on it; empty for all.
    pub service_filter: String,
    /// Of those services, only the ones with a tag that matches; empty for all.
    pub tag_filter: String,
    /// Version of the event's format.
    pub version: i64,
    /// When it was fired, in the pool's logical time; 0 in the answer to firing it.
    #[serde(rename = "LTime")]
    pub ltime: u64,
}

/// `X-Consul-Index` of a list of events that ends with the event of this id: both halves of the UUID,
/// exclusive-ored. `None` when the text is no UUID with hyphens.
pub fn index_of_id(id: &str) -> Option<u64> {
    let bytes = id.as_bytes();
    if bytes.len() != UUID_LENGTH || HYPHENS.iter().any(|at| bytes[*at] != b'-') {
        return None;
    }
    let digits: String = id.chars().filter(|char| *char != '-').collect();
    // A sign is no digit, though numbers are parsed with one.
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let half = |digits: &str| u64::from_str_radix(digits, 16).ok();
    Some(half(&digits[..16])? ^ half(&digits[16..])?)
}

/// Characters of a UUID with hyphens.
const UUID_LENGTH: usize = 36;
/// Where the hyphens are.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_consuls() {
        let seen = [
            (
                "6c032205-8803-4144-f99b-73d2e65c660a",
                10_779_455_693_822_830_414,
            ),
            (
                "d8ee5f74-ef39-4c9b-7c00-ee0dbe1d276e",
                11_884_631_601_287_818_229,
            ),
            (
                "264c163e-2dd0-b3cc-9ca3-3d94ebeca3b2",
                13_470_033_022_958_702_718,
            ),
        ];
        for (id, index) in seen {
            assert_eq!(index_of_id(id), Some(index), "{id}");
        }
    }

    #[test]
    fn what_is_no_uuid_has_no_index() {
        for id in [
            "",
            "6c032205",
            "6c032205-8803-4144-f99b-73d2e65c660",
            "6c032205-8803-4144-f99b-73d2e65c660g",
            "6c0322058-803-4144-f99b-73d2e65c660a",
            "+c032205-8803-4144-f99b-73d2e65c660a",
            "6c032205-8803-4144-f99b-73d2e65c66ä",
        ] {
            assert_eq!(index_of_id(id), None, "{id}");
        }
    }
}
