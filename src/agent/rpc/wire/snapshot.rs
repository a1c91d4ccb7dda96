//! The header of a snapshot stream (section 14.4 of the wire format): one value each way, then the archive.

use serde::{Deserialize, Serialize};

use super::decode::{decode_reply, decode_request};
use super::dialect::{DialectError, encode};
use super::options::{Nothing, decode_answer, encode_answer};
use crate::agent::rpc::options::QueryMeta;

/// Largest header of either direction.
pub const MAX_SNAPSHOT_HEADER_BYTES: usize = 64 * 1024;

/// What a snapshot stream is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SnapshotVerb {
    /// The server sends an archive.
    #[default]
    Save,
    /// The client sends an archive, then closes its half.
    Restore,
}

/// The request at the head of a snapshot stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotRequest {
    /// The datacenter.
    pub datacenter: String,
    /// The ACL token's secret.
    pub token: String,
    /// Whether a server that does not lead may save.
    pub allow_stale: bool,
    /// What to do.
    pub verb: SnapshotVerb,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireRequest {
    allow_stale: bool,
    datacenter: String,
    op: u8,
    token: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireError {
    error: String,
}

impl SnapshotRequest {
    /// The request as bytes.
    ///
    /// # Errors
    /// Never with sensible texts.
    pub fn encode(&self) -> Result<Vec<u8>, DialectError> {
        encode(&WireRequest {
            allow_stale: self.allow_stale,
            datacenter: self.datacenter.clone(),
            op: u8::from(self.verb == SnapshotVerb::Restore),
            token: self.token.clone(),
        })
    }

    /// Reads a request.
    ///
    /// # Errors
    /// When it is malformed, or asks for what is neither saving nor restoring.
    pub fn decode(bytes: &[u8]) -> Result<Self, DialectError> {
        let wire: WireRequest = decode_request(bytes)?;
        let verb = match wire.op {
            0 => SnapshotVerb::Save,
            1 => SnapshotVerb::Restore,
            unknown => {
                return Err(DialectError::Refused(format!(
                    "unrecognized snapshot op {unknown}"
                )));
            }
        };
        Ok(Self {
            datacenter: wire.datacenter,
            token: wire.token,
            allow_stale: wire.allow_stale,
            verb,
        })
    }
}

/// The reply at the head of a snapshot stream: metadata, or why it failed.
///
/// # Errors
/// Never.
pub fn encode_snapshot_reply(outcome: Result<&QueryMeta, &str>) -> Result<Vec<u8>, DialectError> {
    let error = |text: &str| WireError {
        error: text.to_owned(),
    };
    match outcome {
        Ok(meta) => encode_answer(meta, &error("")),
        Err(text) => encode(&error(text)),
    }
}

/// Reads the reply at the head of a snapshot stream; the inner error is the server's.
///
/// # Errors
/// When it is malformed.
pub fn decode_snapshot_reply(bytes: &[u8]) -> Result<Result<QueryMeta, String>, DialectError> {
    let WireError { error } = decode_reply(bytes)?;
    if !error.is_empty() {
        return Ok(Err(error));
    }
    let (meta, Nothing {}) = decode_answer(bytes)?;
    Ok(Ok(meta))
}
