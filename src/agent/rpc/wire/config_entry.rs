//! `ConfigEntry`: what client agents ask before they register a proxy. There are no configuration entries; what is
//! resolved is empty.

use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;

use super::dialect::{DialectError, encode};
use super::options::encode_answer;
use crate::agent::rpc::options::QueryMeta;
use crate::model::service::MeshGateway;

/// The defaults of a service and of its upstreams.
pub const RESOLVE_SERVICE_CONFIG: &str = "ConfigEntry.ResolveServiceConfig";

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
