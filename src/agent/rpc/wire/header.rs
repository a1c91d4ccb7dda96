//! What precedes every request and reply (section 14.2 of the wire format).

use serde::{Deserialize, Serialize};

use super::decode::{decode_reply, decode_request};
use super::dialect::{DialectError, encode};

/// Longest header that is read: a method's name, a number, and in replies an error's text.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;

/// The services of Consul's RPC: an unknown method of one of them is told apart from an unknown service. Those for
/// agents without certificates have a protocol of their own, and are unknown here.
const SERVICES: &[&str] = &[
    "ACL",
    "Catalog",
    "ConfigEntry",
    "ConnectCA",
    "Coordinate",
    "DiscoveryChain",
    "FederationState",
    "Health",
    "Intention",
    "Internal",
    "KVS",
    "Operator",
    "PreparedQuery",
    "Session",
    "Status",
    "Txn",
];

/// The header of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RequestHeader {
    /// The method, such as `KVS.Get`.
    pub service_method: String,
    /// Chosen by the client; the reply has the same.
    pub seq: u64,
}

/// The header of a reply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReplyHeader {
    /// Why the call failed; empty when it did not. An empty map follows an error instead of a reply.
    pub error: String,
    /// The request's number.
    pub seq: u64,
    /// The request's method.
    pub service_method: String,
}

impl RequestHeader {
    /// Reads a header.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, DialectError> {
        decode_request(bytes)
    }

    /// The header as bytes; the request follows.
    ///
    /// # Errors
    /// Never with method names that exist.
    pub fn encode(&self) -> Result<Vec<u8>, DialectError> {
        encode(self)
    }
}

impl ReplyHeader {
    /// Reads a header.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, DialectError> {
        decode_reply(bytes)
    }

    /// The header as bytes; the reply follows, or an empty map after an error.
    ///
    /// # Errors
    /// Never with errors of sensible length.
    pub fn encode(&self) -> Result<Vec<u8>, DialectError> {
        encode(self)
    }
}

/// What a server answers to a method that it does not have, before it closes the stream.
pub fn unknown_method(method: &str) -> String {
    match method.rsplit_once('.') {
        None => format!("rpc: service/method request ill-formed: {method}"),
        Some((service, _)) if SERVICES.contains(&service) => {
            format!("rpc: can't find method {method}")
        }
        Some(_) => format!("rpc: can't find service {method}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_the_reference_sends() {
        let bytes = b"\x83\xa5Error\xa0\xa3Seq\x01\xadServiceMethod\xacKVS.ListKeys";
        let header = ReplyHeader {
            error: String::new(),
            seq: 1,
            service_method: "KVS.ListKeys".to_owned(),
        };
        assert_eq!(ReplyHeader::decode(bytes).unwrap(), header);
        assert_eq!(header.encode().unwrap(), bytes);
    }

    #[test]
    fn names_what_is_unknown_as_the_reference_does() {
        for (method, text) in [
            ("Nope.Nope", "rpc: can't find service Nope.Nope"),
            (
                "AutoEncrypt.Sign",
                "rpc: can't find service AutoEncrypt.Sign",
            ),
            ("KVS.Nope", "rpc: can't find method KVS.Nope"),
            ("Odd", "rpc: service/method request ill-formed: Odd"),
        ] {
            assert_eq!(unknown_method(method), text);
        }
    }
}
