//! `ConfigEntry`: what client agents ask before they register a proxy. There are no configuration entries; what is
//! resolved is empty.

use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;

use super::dialect::{DialectError, Kept, encode};
use super::options::{Nothing, encode_answer};
use crate::agent::rpc::options::QueryMeta;
use crate::model::service::MeshGateway;

/// The defaults of a service and of its upstreams.
pub const RESOLVE_SERVICE_CONFIG: &str = "ConfigEntry.ResolveServiceConfig";

/// One entry.
pub const GET: &str = "ConfigEntry.Get";
/// The entries of a kind.
pub const LIST: &str = "ConfigEntry.List";
/// The entries of many kinds.
pub const LIST_ALL: &str = "ConfigEntry.ListAll";
/// Writes an entry.
pub const APPLY: &str = "ConfigEntry.Apply";
/// Removes an entry.
pub const DELETE: &str = "ConfigEntry.Delete";

/// The request of reads of entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EntriesRequest {
    /// The kind; empty for all.
    pub kind: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NoEntries<'a> {
    entries: Kept<'a, ()>,
    kind: &'a str,
}

/// The reply to `ConfigEntry.Get` where there is no entry: bytes that hold its empty kind and the metadata.
///
/// # Errors
/// Never.
pub fn encode_no_entry(meta: &QueryMeta) -> Result<Vec<u8>, DialectError> {
    let inner = [encode("")?, encode_answer(meta, &Nothing {})?].concat();
    encode(Bytes::new(&inner))
}

/// The reply to `ConfigEntry.List` where there are no entries: bytes that hold their number, their kind, and the rest.
///
/// # Errors
/// Never.
pub fn encode_no_entries(meta: &QueryMeta, kind: &str) -> Result<Vec<u8>, DialectError> {
    let entries = Kept(&[]);
    let rest = encode_answer(meta, &NoEntries { entries, kind })?;
    let inner = [encode(&0_u64)?, encode(kind)?, rest].concat();
    encode(Bytes::new(&inner))
}

/// The reply to `ConfigEntry.ListAll` where there are no entries: bytes that hold their number and the metadata.
///
/// # Errors
/// Never.
pub fn encode_no_entries_of_all(meta: &QueryMeta) -> Result<Vec<u8>, DialectError> {
    let inner = [encode(&0_u64)?, encode_answer(meta, &Nothing {})?].concat();
    encode(Bytes::new(&inner))
}

/// The request of `ConfigEntry.ResolveServiceConfig`. Options: those of a read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ResolveRequest {
    /// The service.
    pub name: String,
    /// The services upstream of it.
    pub upstreams: Vec<String>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Resolved {
    expose: Expose,
    mesh_gateway: MeshGateway,
    proxy_config: Option<()>,
    upstream_configs: Option<()>,
    #[serde(rename = "UpstreamIDConfigs")]
    upstream_id_configs: Option<()>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Expose {
    checks: bool,
    paths: Option<()>,
}

/// The reply where nothing is configured. Unlike other replies it is bytes that hold the structure.
///
/// # Errors
/// Never.
pub fn encode_unconfigured(meta: &QueryMeta) -> Result<Vec<u8>, DialectError> {
    let inner = encode_answer(meta, &Resolved::default())?;
    encode(Bytes::new(&inner))
}
