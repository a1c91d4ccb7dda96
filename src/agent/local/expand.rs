//! From a registration to entries: defaults, tagged addresses, check ids, the sidecar.

use std::net::IpAddr;

use serde_json::Value;

use super::entry::{LocalCheck, LocalService, Source, SyncMark};
use super::upstreams::field_name;
use super::validate::{InvalidService, initial_status, validate_service};
use crate::agent::checks::spec::{self, check_spec};
use crate::model::check::{CheckDefinition, HealthCheck};
use crate::model::duration::GoDuration;
use crate::model::service::{
    KIND_CONNECT_PROXY, NodeService, Proxy, ServiceAddress, ServiceAddresses, ServiceDefinition,
};

/// What Consul appends to a service's id and name for its sidecar.
pub(super) const SIDECAR_SUFFIX: &str = "-sidecar-proxy";
/// Interval of the check that a sidecar gets when its definition has none.
const SIDECAR_CHECK_INTERVAL: GoDuration = GoDuration::from_secs(10);

/// Ports that sidecars without a port of their own get, lowest free first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SidecarPorts {
    pub min: u16,
    /// Inclusive.
    pub max: u16,
}

impl Default for SidecarPorts {
    fn default() -> Self {
        Self {
            min: 21_000,
            max: 21_255,
        }
    }
}

/// A service with its checks, ready to be taken into the state.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub service: LocalService,
    pub checks: Vec<LocalCheck>,
}

/// The service of a registration, valid and with all defaults, without its sidecar.
///
/// # Errors
/// The rule that the registration breaks.
pub(super) fn expand_service(
    definition: &ServiceDefinition,
    node: &str,
    source: Source,
) -> Result<Instance, InvalidService> {
    validate_service(definition)?;
    instance(definition, node, source)
}

/// As [`expand_service`], for one that was registered before: what is asked of sidecars is asked of all.
///
/// # Errors
/// The rule that the registration breaks.
pub(super) fn expand_known_service(
    definition: &ServiceDefinition,
    node: &str,
    source: Source,
) -> Result<Instance, InvalidService> {
    validate_sidecar(definition)?;
    instance(definition, node, source)
}

fn instance(
    definition: &ServiceDefinition,
    node: &str,
    source: Source,
) -> Result<Instance, InvalidService> {
    let service = node_service(definition);
    let checks = service_checks(definition, &service, node, source)?;
    let service = LocalService {
        service,
        definition: bare(definition),
        token: definition.token.clone(),
        source,
        sidecar: false,
        mark: SyncMark::default(),
    };
    Ok(Instance { service, checks })
}

/// The sidecar that a registration asks for. `taken` are the ports of this agent's services, with
/// their ids: a sidecar that is registered again keeps its port.
///
/// # Errors
/// An invalid check, or no free port.
pub(super) fn expand_sidecar<'a>(
    definition: &ServiceDefinition,
    node: &str,
    source: Source,
    ports: SidecarPorts,
    taken: impl IntoIterator<Item = (&'a str, i64)>,
) -> Result<Option<Instance>, InvalidService> {
    let wanted = definition
        .connect
        .as_ref()
        .and_then(|it| it.sidecar_service.as_deref());
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    let parent = node_service(definition);
    let mut sidecar = wanted.clone();
    sidecar.id = format!("{}{SIDECAR_SUFFIX}", parent.id);
    default_to(&mut sidecar.name, || {
        format!("{}{SIDECAR_SUFFIX}", parent.service)
    });
    if sidecar.tags.is_empty() {
        sidecar.tags.clone_from(&definition.tags);
    }
    if sidecar
        .meta
        .iter()
        .all(std::collections::BTreeMap::is_empty)
    {
        sidecar.meta.clone_from(&definition.meta);
    }
    default_to(&mut sidecar.token, || definition.token.clone());
    default_to(&mut sidecar.address, || definition.address.clone());
    KIND_CONNECT_PROXY.clone_into(&mut sidecar.kind);
    let mut proxy = sidecar.proxy.take().unwrap_or_default();
    default_to(&mut proxy.destination_service_name, || {
        parent.service.clone()
    });
    default_to(&mut proxy.destination_service_id, || parent.id.clone());
    default_to(&mut proxy.local_service_address, || "127.0.0.1".to_owned());
    if proxy.local_service_port < 1 {
        proxy.local_service_port = parent.port;
    }
    if sidecar.port < 1 {
        sidecar.port = free_port(&sidecar.id, ports, taken)?;
    }
    let has_checks = sidecar
        .check
        .as_ref()
        .is_some_and(|check| !spec::is_empty(check));
    if !has_checks && sidecar.checks.is_empty() {
        let address = format_address(&proxy.local_service_address, sidecar.port);
        sidecar.checks = default_sidecar_checks(address, &parent.id);
    }
    sidecar.proxy = Some(proxy);
    validate_sidecar(&sidecar)?;
    let mut instance = instance(&sidecar, node, source).map_err(|err| match err {
        InvalidService::Check(reason) => {
            InvalidService::Sidecar(format!("Invalid check in sidecar_service: {reason}"))
        }
        InvalidService::Status => InvalidService::Sidecar(err.to_string()),
        other => other,
    })?;
    instance.service.sidecar = true;
    Ok(Some(instance))
}

/// The rules of services, except that Consul does not look at a sidecar's upstreams.
fn validate_sidecar(sidecar: &ServiceDefinition) -> Result<(), InvalidService> {
    let mut bare = sidecar.clone();
    if let Some(proxy) = &mut bare.proxy {
        proxy.upstreams.clear();
    }
    validate_service(&bare)
}

/// A check that was registered by itself. `service` is the instance that its `ServiceID` names.
///
/// # Errors
/// The rule that the registration breaks; `initial_status` must have been looked at before.
pub(super) fn expand_check(
    definition: &CheckDefinition,
    service: Option<&NodeService>,
    node: &str,
    source: Source,
) -> Result<LocalCheck, InvalidService> {
    let spec = check_spec(definition)?;
    let status = initial_status(&definition.status).ok_or(InvalidService::Status)?;
    let mut kept = definition.clone();
    kept.id = own_id(definition).map_or_else(|| definition.name.clone(), str::to_owned);
    kept.check_id = String::new();
    let check = HealthCheck {
        node: node.to_owned(),
        check_id: kept.id.clone(),
        name: kept.name.clone(),
        status,
        notes: kept.notes.clone(),
        service_id: kept.service_id.clone(),
        service_name: service.map(|it| it.service.clone()).unwrap_or_default(),
        service_tags: service.map(|it| it.tags.clone()).unwrap_or_default(),
        kind: spec::kind_of(definition).to_owned(),
        ..HealthCheck::default()
    };
    Ok(LocalCheck {
        check,
        token: kept.token.clone(),
        definition: Some(kept),
        spec: Some(spec),
        source,
        mark: SyncMark::default(),
        output_deferred: false,
    })
}

/// The id that a check was given, if any.
pub(super) fn own_id(definition: &CheckDefinition) -> Option<&str> {
    [&definition.check_id, &definition.id]
        .into_iter()
        .find(|id| !id.is_empty())
        .map(String::as_str)
}

fn default_to(field: &mut String, value: impl FnOnce() -> String) {
    if field.is_empty() {
        *field = value();
    }
}

/// The registration as it is persisted: checks and sidecar have entries of their own.
fn bare(definition: &ServiceDefinition) -> ServiceDefinition {
    let mut bare = definition.clone();
    bare.check = None;
    bare.checks = Vec::new();
    if let Some(connect) = &mut bare.connect {
        connect.sidecar_service = None;
    }
    bare
}

fn node_service(definition: &ServiceDefinition) -> NodeService {
    let mut connect = definition.connect.clone().unwrap_or_default();
    connect.sidecar_service = None;
    NodeService {
        kind: definition.kind.clone(),
        id: match definition.id.as_str() {
            "" => definition.name.clone(),
            id => id.to_owned(),
        },
        service: definition.name.clone(),
        tags: definition.tags.clone(),
        address: definition.address.clone(),
        tagged_addresses: tagged_addresses(definition),
        meta: definition.meta.clone().filter(|meta| !meta.is_empty()),
        port: definition.port,
        socket_path: definition.socket_path.clone(),
        weights: definition.weights.unwrap_or_default(),
        enable_tag_override: definition.enable_tag_override,
        proxy: definition
            .proxy
            .clone()
            .map(complete_proxy)
            .unwrap_or_default(),
        connect,
        ..NodeService::default()
    }
}

/// Upstreams are kept as given, in Consul's spelling and with the fields that it always shows.
fn complete_proxy(mut proxy: Proxy) -> Proxy {
    for upstream in &mut proxy.upstreams {
        let Value::Object(given) = upstream else {
            continue;
        };
        let mut complete = serde_json::Map::new();
        complete.insert("DestinationType".to_owned(), Value::from("service"));
        for (key, value) in std::mem::take(given) {
            complete.insert(field_name(&key).map_or(key, str::to_owned), value);
        }
        complete
            .entry("MeshGateway")
            .or_insert_with(|| Value::Object(serde_json::Map::new()));
        *given = complete;
    }
    proxy
}

/// Consul adds `lan_ipv4` and `wan_ipv4` (or `…_ipv6`) for services whose address is an IP.
fn tagged_addresses(definition: &ServiceDefinition) -> Option<ServiceAddresses> {
    let mut tagged = definition.tagged_addresses.clone().unwrap_or_default();
    let tags = match definition.address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => ["lan_ipv4", "wan_ipv4"].as_slice(),
        Ok(IpAddr::V6(_)) => ["lan_ipv6", "wan_ipv6"].as_slice(),
        Err(_) => &[],
    };
    for tag in tags {
        tagged
            .entry((*tag).to_owned())
            .or_insert_with(|| ServiceAddress {
                address: definition.address.clone(),
                port: definition.port,
            });
    }
    (!tagged.is_empty()).then_some(tagged)
}

/// `Check` first, then `Checks`; ids as Consul numbers them.
fn service_checks(
    definition: &ServiceDefinition,
    service: &NodeService,
    node: &str,
    source: Source,
) -> Result<Vec<LocalCheck>, InvalidService> {
    let single = definition
        .check
        .iter()
        .filter(|check| !spec::is_empty(check));
    let all: Vec<_> = single.chain(&definition.checks).collect();
    for check in &all {
        check_spec(check)?;
    }
    let mut expanded = Vec::with_capacity(all.len());
    for (at, check) in all.iter().enumerate() {
        let mut check = (*check).clone();
        check.id = match own_id(&check) {
            Some(id) => id.to_owned(),
            None if all.len() == 1 => format!("service:{}", service.id),
            None => format!("service:{}:{}", service.id, at + 1),
        };
        check.check_id = String::new();
        default_to(&mut check.name, || {
            format!("Service '{}' check", service.service)
        });
        check.service_id.clone_from(&service.id);
        default_to(&mut check.token, || definition.token.clone());
        expanded.push(expand_check(&check, Some(service), node, source)?);
    }
    Ok(expanded)
}

fn default_sidecar_checks(address: String, parent_id: &str) -> Vec<CheckDefinition> {
    vec![
        CheckDefinition {
            name: "Connect Sidecar Listening".to_owned(),
            tcp: address,
            interval: SIDECAR_CHECK_INTERVAL,
            ..CheckDefinition::default()
        },
        CheckDefinition {
            name: format!("Connect Sidecar Aliasing {parent_id}"),
            alias_service: parent_id.to_owned(),
            ..CheckDefinition::default()
        },
    ]
}

fn format_address(host: &str, port: i64) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn free_port<'a>(
    sidecar_id: &str,
    ports: SidecarPorts,
    taken: impl IntoIterator<Item = (&'a str, i64)>,
) -> Result<i64, InvalidService> {
    let range = i64::from(ports.min)..=i64::from(ports.max);
    let mut used = std::collections::BTreeSet::new();
    for (id, port) in taken.into_iter().filter(|(_, port)| range.contains(port)) {
        if id == sidecar_id {
            return Ok(port);
        }
        used.insert(port);
    }
    let free = range.clone().find(|port| !used.contains(port));
    free.filter(|port| *port > 0).ok_or_else(|| {
        let SidecarPorts { min, max } = ports;
        let reason = "Invalid SidecarService: no port provided for sidecar_service and none left \
                      in the configured range";
        InvalidService::Sidecar(format!("{reason} [{min}, {max}]"))
    })
}

#[cfg(test)]
mod tests;
