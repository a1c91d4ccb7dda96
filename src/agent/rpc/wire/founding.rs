//! Promises between servers that are about to form a cluster. The reference has no such call.

use serde::{Deserialize, Serialize};

use super::decode::{decode_reply, decode_request};
use super::dialect::{DialectError, encode};

/// Asks a server to take part in one cluster and in no other; answers whether it does.
pub const PROMISE: &str = "Consulctl.Promise";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct PromiseRequest {
    servers: Vec<String>,
}

/// The request of [`PROMISE`]: the UUIDs of the cluster's servers.
///
/// # Errors
/// Never with UUIDs.
pub fn encode_promise(servers: &[String]) -> Result<Vec<u8>, DialectError> {
    encode(&PromiseRequest {
        servers: servers.to_vec(),
    })
}

/// Reads the request of [`PROMISE`].
///
/// # Errors
/// When it is malformed.
pub fn decode_promise(body: &[u8]) -> Result<Vec<String>, DialectError> {
    let PromiseRequest { servers } = decode_request(body)?;
    Ok(servers)
}

/// The reply to [`PROMISE`].
///
/// # Errors
/// Never.
pub fn encode_promised(is_given: bool) -> Result<Vec<u8>, DialectError> {
    encode(&is_given)
}

/// Reads the reply to [`PROMISE`].
///
/// # Errors
/// When it is malformed.
pub fn decode_promised(body: &[u8]) -> Result<bool, DialectError> {
    decode_reply(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_come_back() {
        let servers = ["a", "b"].map(str::to_owned);
        let request = encode_promise(&servers).unwrap();
        assert_eq!(decode_promise(&request).unwrap(), servers);
        for is_given in [true, false] {
            let reply = encode_promised(is_given).unwrap();
            assert_eq!(decode_promised(&reply), Ok(is_given));
        }
    }
}
