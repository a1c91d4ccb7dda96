//! What a user event is on the wire (section 13.4 of the wire format): a map in the newer msgpack, with
//! strings as `str8` and the payload as `bin`, inside a serf event.

use serde::{Deserialize, Serialize};

use crate::model::event::{UserEvent, index_of_id};
use crate::model::kv::Blob;

/// What the names of serf events begin with that are user events.
pub const PREFIX: &str = "consul:event:";

/// Why a payload is no user event.
#[derive(Debug, thiserror::Error)]
pub(super) enum CodecError {
    /// No such map.
    #[error(transparent)]
    Decode(#[from] rmp_serde::decode::Error),
    /// Lists are indexed by ids, so that an id must be a UUID.
    #[error("the event's ID is no UUID: {0:?}")]
    Id(String),
}

/// The fields in the order in which Consul's encoder writes them; empty ones are left out.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Wire {
    #[serde(rename = "ID")]
    id: String,
    n: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    nf: String,
    #[serde(skip_serializing_if = "is_empty")]
    p: Blob,
    #[serde(skip_serializing_if = "String::is_empty")]
    sf: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    tf: String,
    v: i64,
}

fn is_empty(payload: &Blob) -> bool {
    payload.0.is_empty()
}

/// The payload of the serf event; the logical time is serf's own.
///
/// # Errors
/// None that is known: the encoder's signature has them.
pub(super) fn encode(event: &UserEvent) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    rmp_serde::to_vec_named(&Wire {
        id: event.id.clone(),
        n: event.name.clone(),
        nf: event.node_filter.clone(),
        p: event.payload.clone(),
        sf: event.service_filter.clone(),
        tf: event.tag_filter.clone(),
        v: event.version,
    })
}

/// The user event in the payload of a serf event; its time is to be set.
///
/// # Errors
/// When it is no map of these fields, or its id is no UUID.
pub(super) fn decode(payload: &[u8]) -> Result<UserEvent, CodecError> {
    let wire: Wire = rmp_serde::from_slice(payload)?;
    if index_of_id(&wire.id).is_none() {
        return Err(CodecError::Id(wire.id));
    }
    Ok(UserEvent {
        id: wire.id,
        name: wire.n,
        payload: wire.p,
        node_filter: wire.nf,
        service_filter: wire.sf,
        tag_filter: wire.tf,
        version: wire.v,
        ltime: 0,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    /// Events as agents of HashiCorp's have sent them, and what their API said of them.
    const GOLDEN: &str = include_str!("../../../tests/golden/gossip/user_events.txt");

    fn unhex(text: &str) -> Vec<u8> {
        let pairs = text.as_bytes().chunks(2);
        let digits = pairs.map(|pair| std::str::from_utf8(pair).unwrap());
        digits
            .map(|pair| u8::from_str_radix(pair, 16).unwrap())
            .collect()
    }

    #[test]
    fn bytes_are_those_of_consul() {
        let mut seen = 0;
        let lines = GOLDEN.lines().filter(|line| !line.starts_with('#'));
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        for pair in lines.chunks(2) {
            let event: UserEvent = serde_json::from_str(pair[1]).unwrap();
            assert_eq!(encode(&event).unwrap(), unhex(pair[0]), "{}", pair[1]);
            assert_eq!(decode(&unhex(pair[0])).unwrap(), event);
            seen += 1;
        }
        assert_eq!(seen, 3);
    }

    #[test]
    fn the_older_dialect_and_newer_fields_are_understood() {
        // Raw strings throughout, the payload as one that is no UTF-8, and a field of tomorrow.
        let mut bytes = b"\x85\xa2ID\xda\x00\x24".to_vec();
        bytes.extend_from_slice(b"6c032205-8803-4144-f99b-73d2e65c660a");
        bytes.extend_from_slice(
            b"\xa1n\xc4\x01d\xa1p\xa2\xff\xfe\xa1z\x93\x01\x80\xc0\xa1v\xcc\x02",
        );
        let event = decode(&bytes).unwrap();
        assert_eq!(event.name, "d");
        assert_eq!(event.payload, Blob(Bytes::from_static(b"\xff\xfe")));
        assert_eq!(event.version, 2);
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for bytes in [
            &b""[..],
            b"xx",
            b"\x80",
            b"\x81\xa2ID\xa1x",
            b"\x81\xa2ID",
            b"\xdf\xff\xff\xff\xff",
        ] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
        let text = decode(b"\x81\xa2ID\xa1x").unwrap_err().to_string();
        assert_eq!(text, "the event's ID is no UUID: \"x\"");
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn what_is_encoded_reads_the_same(name in ".*", payload: Vec<u8>, node in ".{0,9}", tag in ".{0,9}") {
            let event = UserEvent {
                id: "6c032205-8803-4144-f99b-73d2e65c660a".to_owned(),
                name,
                payload: Blob(payload.into()),
                node_filter: node,
                tag_filter: tag,
                version: 1,
                ..UserEvent::default()
            };
            prop_assert_eq!(decode(&encode(&event).unwrap()).unwrap(), event);
        }
    }
}
