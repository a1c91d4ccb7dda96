//! Consul's own files, for an agent that takes over its data folder: read once, and then written
//! in this agent's form. Pure.
//!
//! `services/` holds `{"Token","Service"}`, `checks/` `{"Check","ChkType","Token"}` and
//! `checks/state/` `{"CheckID","Output","Status","Expires"}`, each named by the MD5 of the id.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{SavedCheck, SavedMaintenance, SavedService, SavedTtl, VERSION};
use crate::model::check::{CheckDefinition, NODE_MAINTENANCE, SERVICE_MAINTENANCE_PREFIX, Status};
use crate::model::service::{Connect, NodeService, Proxy, ServiceDefinition};

/// Letters of a file's name: MD5 in hex.
const NAME_LENGTH: usize = 32;

/// Why a file is none of Consul's.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotConsuls {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("a check without a definition that is no maintenance switch")]
    NoDefinition,
}

/// Whether Consul names files like this.
pub(super) fn is_file_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.len() == NAME_LENGTH && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What can be read from a file of Consul's.
pub(super) trait FromConsul: Sized {
    fn from_consul(bytes: &[u8]) -> Result<Self, NotConsuls>;
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConsulService {
    #[serde(default)]
    token: String,
    service: Value,
    /// Made from another service's `SidecarService`.
    #[serde(default)]
    locally_registered_as_sidecar: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConsulCheck {
    check: Value,
    /// `null` for maintenance switches.
    chk_type: Option<Value>,
    #[serde(default)]
    token: String,
}

/// The part of a check that says whose it is.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Identity {
    #[serde(rename = "CheckID")]
    check_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    notes: String,
    #[serde(rename = "ServiceID", default)]
    service_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConsulState {
    #[serde(rename = "CheckID")]
    check_id: String,
    #[serde(default)]
    output: String,
    status: Status,
    /// Seconds since the Unix epoch.
    expires: i64,
}

impl FromConsul for SavedService {
    fn from_consul(bytes: &[u8]) -> Result<Self, NotConsuls> {
        let file: ConsulService = serde_json::from_slice(bytes)?;
        let service: NodeService = without_nulls(file.service)?;
        let is_proxy = service.proxy != Proxy::default();
        let in_mesh = service.connect != Connect::default();
        Ok(Self {
            version: VERSION,
            sidecar: file.locally_registered_as_sidecar,
            definition: ServiceDefinition {
                kind: service.kind,
                id: service.id,
                name: service.service,
                tags: service.tags,
                address: service.address,
                tagged_addresses: service.tagged_addresses,
                meta: service.meta,
                port: service.port,
                socket_path: service.socket_path,
                weights: Some(service.weights),
                token: file.token,
                enable_tag_override: service.enable_tag_override,
                proxy: is_proxy.then_some(service.proxy),
                connect: in_mesh.then_some(service.connect),
                ..ServiceDefinition::default()
            },
        })
    }
}

impl FromConsul for SavedCheck {
    fn from_consul(bytes: &[u8]) -> Result<Self, NotConsuls> {
        let file: ConsulCheck = serde_json::from_slice(bytes)?;
        let of: Identity = without_nulls(file.check)?;
        let Some(definition) = file.chk_type else {
            let of_service = of.check_id.strip_prefix(SERVICE_MAINTENANCE_PREFIX);
            if of_service.is_none() && of.check_id != NODE_MAINTENANCE {
                return Err(NotConsuls::NoDefinition);
            }
            let maintenance = SavedMaintenance {
                service_id: of_service.unwrap_or_default().to_owned(),
                reason: of.notes,
            };
            return Ok(Self {
                version: VERSION,
                definition: None,
                maintenance: Some(maintenance),
            });
        };
        let given: CheckDefinition = without_nulls(definition)?;
        let definition = CheckDefinition {
            // Where the definition leaves them out, the agent made them.
            id: of.check_id,
            check_id: String::new(),
            name: of.name,
            notes: of.notes,
            service_id: of.service_id,
            token: file.token,
            ..given
        };
        Ok(Self {
            version: VERSION,
            definition: Some(definition),
            maintenance: None,
        })
    }
}

impl FromConsul for SavedTtl {
    fn from_consul(bytes: &[u8]) -> Result<Self, NotConsuls> {
        let file: ConsulState = serde_json::from_slice(bytes)?;
        let expires_ms = u64::try_from(file.expires)
            .unwrap_or(0)
            .saturating_mul(1000);
        Ok(Self::new(
            &file.check_id,
            file.status,
            &file.output,
            expires_ms,
        ))
    }
}

/// Go writes `null` for empty lists and maps. What is inside `Proxy.Config` or an upstream is the
/// registration's own and stays.
fn without_nulls<T: DeserializeOwned>(mut value: Value) -> Result<T, serde_json::Error> {
    remove_nulls(&mut value, 2);
    serde_json::from_value(value)
}

/// `levels`: of objects in objects.
fn remove_nulls(value: &mut Value, levels: u32) {
    if let (Value::Object(fields), true) = (value, levels > 0) {
        fields.retain(|_, field| !field.is_null());
        let inner = fields.values_mut();
        inner.for_each(|field| remove_nulls(field, levels - 1));
    }
}

#[cfg(test)]
mod tests;
