//! The query and its answer on the wire: a version byte, then a msgpack map with short names. Fields
//! that a reader does not know are passed over; those that a writer does not know are zero.

use serde::{Deserialize, Serialize};

use crate::model::gossip::GossipReport;

/// The query's name. Agents of HashiCorp's acknowledge it like any other and do not answer.
pub(super) const QUERY: &str = "consulctl:gossip";
/// Version of the format; one that cannot be read by its predecessors gets a higher number.
const VERSION: u8 = 1;
/// Longest version text that is sent, so that an answer stays far below serf's 1024 bytes.
const TEXT_MAX: usize = 128;

/// Why an answer cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum PayloadError {
    /// Nothing came.
    #[error("the answer is empty")]
    Empty,
    /// A later program speaks.
    #[error("the answer has version {0}, this agent reads version {VERSION}")]
    Version(u8),
    /// No such map.
    #[error(transparent)]
    Decode(#[from] rmp_serde::decode::Error),
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Wire<'a> {
    /// Health score.
    h: u32,
    /// Intent queue.
    i: u64,
    /// Event queue.
    e: u64,
    /// Query queue.
    q: u64,
    /// Uptime in seconds.
    u: u64,
    /// The program's version.
    #[serde(borrow)]
    b: std::borrow::Cow<'a, str>,
}

/// The bytes of the query.
pub(super) fn question() -> Vec<u8> {
    vec![VERSION]
}

/// The bytes of an answer.
///
/// # Errors
/// None that is known: the encoder's signature has them.
pub(super) fn encode(report: &GossipReport) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    let text = &report.version[..report.version.floor_char_boundary(TEXT_MAX)];
    let wire = Wire {
        h: report.health_score,
        i: report.intent_queue,
        e: report.event_queue,
        q: report.query_queue,
        u: report.uptime_seconds,
        b: text.into(),
    };
    let mut bytes = vec![VERSION];
    rmp_serde::encode::write_named(&mut bytes, &wire)?;
    Ok(bytes)
}

/// The answer in these bytes.
///
/// # Errors
/// When it is of another version, or damaged.
pub(super) fn decode(bytes: &[u8]) -> Result<GossipReport, PayloadError> {
    let (version, map) = bytes.split_first().ok_or(PayloadError::Empty)?;
    if *version != VERSION {
        return Err(PayloadError::Version(*version));
    }
    let wire: Wire<'_> = rmp_serde::from_slice(map)?;
    Ok(GossipReport {
        health_score: wire.h,
        intent_queue: wire.i,
        event_queue: wire.e,
        query_queue: wire.q,
        version: wire.b.into_owned(),
        uptime_seconds: wire.u,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn report() -> GossipReport {
        GossipReport {
            health_score: 2,
            intent_queue: 1,
            event_queue: 300,
            query_queue: 0,
            version: "0.1.0:abc".to_owned(),
            uptime_seconds: 86_400,
        }
    }

    /// Agents of all later versions of this program must read these bytes.
    const GOLDEN: &[u8] =
        b"\x01\x86\xa1h\x02\xa1i\x01\xa1e\xcd\x01\x2c\xa1q\x00\xa1u\xce\x00\x01\x51\x80\xa1b\xa90.1.0:abc";

    #[test]
    fn the_bytes_do_not_change() {
        assert_eq!(encode(&report()).unwrap(), GOLDEN);
        assert_eq!(decode(GOLDEN).unwrap(), report());
        assert_eq!(question(), [1]);
    }

    #[test]
    fn fields_of_tomorrow_are_passed_over_and_missing_ones_are_zero() {
        let found = decode(b"\x01\x83\xa1h\x02\xa1z\x92\x01\xc0\xa3new\x80").unwrap();
        let expected = GossipReport {
            health_score: 2,
            ..GossipReport::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for (bytes, text) in [
            (&b""[..], "the answer is empty"),
            (
                b"\x02\x80",
                "the answer has version 2, this agent reads version 1",
            ),
        ] {
            assert_eq!(decode(bytes).unwrap_err().to_string(), text);
        }
        for bytes in [
            &b"\x01"[..],
            b"\x01\xc0",
            b"\x01\x81\xa1h\xa1x",
            b"\x01\xdf\xff\xff\xff\xff",
        ] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_long_version_is_cut() {
        let long = GossipReport {
            version: "ä".repeat(5000),
            ..GossipReport::default()
        };
        let bytes = encode(&long).unwrap();
        assert!(bytes.len() < 200);
        assert_eq!(decode(&bytes).unwrap().version.len(), TEXT_MAX);
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
