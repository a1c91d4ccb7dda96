//! Services and checks of files as `DebugConfig` shows them: every field, also the empty ones.

use serde_json::{Map, Value as Json, json};

use crate::model::check::CheckDefinition;
use crate::model::service::ServiceDefinition;

/// Output that a check keeps unless it says otherwise, in bytes.
const DEFAULT_OUTPUT_SIZE: i64 = 4096;

/// A check of the node.
pub(super) fn check(check: &CheckDefinition) -> Json {
    let mut object = fields(check);
    let size = if check.output_max_size == 0 {
        DEFAULT_OUTPUT_SIZE
    } else {
        check.output_max_size
    };
    object.insert("ID".into(), check.id.as_str().into());
    object.insert("EnterpriseMeta".into(), json!({}));
    object.insert("ServiceID".into(), check.service_id.as_str().into());
    object.insert("Token".into(), check.token.as_str().into());
    object.insert("OutputMaxSize".into(), size.into());
    object.sort_keys();
    Json::Object(object)
}

/// A check inside a service definition.
fn service_check(check: &CheckDefinition, output_max_size: i64) -> Json {
    let mut object = fields(check);
    let id = if check.check_id.is_empty() {
        &check.id
    } else {
        &check.check_id
    };
    object.insert("CheckID".into(), id.as_str().into());
    object.insert("OutputMaxSize".into(), output_max_size.into());
    object.insert("ProxyGRPC".into(), "".into());
    object.insert("ProxyHTTP".into(), "".into());
    object.sort_keys();
    Json::Object(object)
}

fn fields(check: &CheckDefinition) -> Map<String, Json> {
    let object = json!({
        "AliasNode": check.alias_node,
        "AliasService": check.alias_service,
        "Body": check.body,
        "DeregisterCriticalServiceAfter": check.deregister_critical_service_after.to_string(),
        "DockerContainerID": check.docker_container_id,
        "FailuresBeforeCritical": check.failures_before_critical,
        "GRPC": check.grpc,
        "GRPCUseTLS": check.grpc_use_tls,
        "HTTP": check.http,
        "Header": check.header,
        "Interval": check.interval.to_string(),
        "Method": check.method,
        "Name": check.name,
        "Notes": check.notes,
        "ScriptArgs": check.script_args,
        "Shell": check.shell,
        "Status": check.status,
        "SuccessBeforePassing": check.success_before_passing,
        "TCP": check.tcp,
        "TLSSkipVerify": check.tls_skip_verify,
        "TTL": check.ttl.to_string(),
        "Timeout": check.timeout.to_string(),
    });
    match object {
        Json::Object(object) => object,
        _ => Map::new(),
    }
}

/// A service; its single check is shown among its checks.
pub(super) fn service(service: &ServiceDefinition) -> Json {
    let checks: Vec<_> = service
        .checks
        .iter()
        .chain(&service.check)
        .map(|check| {
            let size = check.output_max_size;
            service_check(check, if size == 0 { DEFAULT_OUTPUT_SIZE } else { size })
        })
        .collect();
    let connect = service.connect.as_ref().map(|connect| {
        json!({
            "Native": connect.native,
            "SidecarService": connect.sidecar_service.as_deref().map(self::service),
        })
    });
    json!({
        "Address": service.address,
        "Check": service_check(&CheckDefinition::default(), 0),
        "Checks": checks,
        "Connect": connect,
        "EnableTagOverride": service.enable_tag_override,
        "EnterpriseMeta": {},
        "ID": service.id,
        "Kind": service.kind,
        "Meta": service.meta.clone().unwrap_or_default(),
        "Name": service.name,
        "Port": service.port,
        "Proxy": service.proxy,
        "TaggedAddresses": service.tagged_addresses.clone().unwrap_or_default(),
        "Tags": service.tags,
        "Token": service.token,
        "Weights": service.weights.unwrap_or_default(),
    })
}
