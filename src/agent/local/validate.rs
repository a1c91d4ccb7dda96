//! Whether a service registration is valid, in Consul's order and with Consul's texts.

use std::net::IpAddr;

use super::upstreams::upstream_rules;
use crate::agent::checks::spec::InvalidCheck;
use crate::model::check::Status;
use crate::model::node::StringMap;
use crate::model::service::{KIND_CONNECT_PROXY, Proxy, ServiceDefinition, Weights};

/// Most pairs of metadata.
pub(super) const META_PAIRS_MAX: usize = 64;
/// Longest metadata key, in bytes.
pub(super) const META_KEY_MAX: usize = 128;
/// Longest metadata value, in bytes.
pub(super) const META_VALUE_MAX: usize = 512;
/// SRV weights are 16-bit numbers.
const WEIGHT_MAX: i64 = 65_535;
const META_RESERVED_PREFIX: &str = "consul-";

/// Why a registration is refused. Displayed, it is the body of Consul's 400 answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidService {
    #[error("Missing service name")]
    NoName,
    /// An id or a name that is not taken.
    #[error("Invalid {noun} {what}: {reason}")]
    Id {
        noun: &'static str,
        what: &'static str,
        reason: String,
    },
    #[error("Invalid service address")]
    Address,
    #[error("Invalid Weights: {0}")]
    Weights(&'static str),
    #[error("Invalid Service Meta: {0}")]
    Meta(String),
    /// Go's multierror form of one or more broken rules.
    #[error("{}", go_multierror(.0))]
    Rules(Vec<String>),
    #[error("Invalid check: {0}")]
    Check(#[from] InvalidCheck),
    #[error("Status for checks must 'passing', 'warning', 'critical'")]
    Status,
    /// Consul answers 500 here.
    #[error("Bad request: {0}")]
    Sidecar(String),
}

/// The text form of Go's `hashicorp/go-multierror`.
fn go_multierror(errors: &[String]) -> String {
    let noun = if errors.len() == 1 { "error" } else { "errors" };
    let lines = errors.join("\n\t* ");
    format!("{} {noun} occurred:\n\t* {lines}\n\n", errors.len())
}

/// All rules that do not concern checks, which `expand` looks at next.
///
/// # Errors
/// The first group of rules that is broken.
pub(super) fn validate_service(definition: &ServiceDefinition) -> Result<(), InvalidService> {
    if definition.name.is_empty() {
        return Err(InvalidService::NoName);
    }
    if is_any_address(&definition.address) {
        return Err(InvalidService::Address);
    }
    if let Some(weights) = &definition.weights {
        validate_weights(*weights).map_err(InvalidService::Weights)?;
    }
    validate_meta(definition.meta.as_ref()).map_err(InvalidService::Meta)?;
    let broken = broken_rules(definition);
    if broken.is_empty() {
        Ok(())
    } else {
        Err(InvalidService::Rules(broken))
    }
}

/// Reads the initial status of a check; an empty one is critical.
pub(super) fn initial_status(text: &str) -> Option<Status> {
    if text.is_empty() {
        Some(Status::Critical)
    } else {
        Status::parse(text)
    }
}

/// Whether the name can be asked for over DNS; others only get a warning.
pub(super) fn is_dns_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_any_address(address: &str) -> bool {
    // Consul's list of addresses that mean any includes IPv6's in brackets.
    let bare = address
        .strip_prefix('[')
        .and_then(|it| it.strip_suffix(']'));
    bare.unwrap_or(address)
        .parse::<IpAddr>()
        .is_ok_and(|ip| ip.is_unspecified())
}

fn validate_weights(weights: Weights) -> Result<(), &'static str> {
    if weights.passing < 1 {
        return Err("Passing must be greater than 0");
    }
    if weights.warning < 0 {
        return Err("Warning must be greater or equal than 0");
    }
    if weights.passing > WEIGHT_MAX || weights.warning > WEIGHT_MAX {
        return Err("DNS Weight must be between 0 and 65535");
    }
    Ok(())
}

fn validate_meta(meta: Option<&StringMap>) -> Result<(), String> {
    let Some(meta) = meta else { return Ok(()) };
    if meta.len() > META_PAIRS_MAX {
        return Err(format!(
            "Node metadata cannot contain more than {META_PAIRS_MAX} key/value pairs"
        ));
    }
    for (key, value) in meta {
        if let Err(reason) = validate_meta_pair(key, value) {
            return Err(format!(
                "Couldn't load metadata pair ('{key}', '{value}'): {reason}"
            ));
        }
    }
    Ok(())
}

fn validate_meta_pair(key: &str, value: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if key.is_empty() {
        return Err("Key cannot be blank".to_owned());
    }
    if !key.bytes().all(allowed) {
        return Err("Key contains invalid characters".to_owned());
    }
    if key.len() > META_KEY_MAX {
        return Err(format!(
            "Key is too long (limit: {META_KEY_MAX} characters)"
        ));
    }
    if key.starts_with(META_RESERVED_PREFIX) {
        return Err(format!(
            "Key prefix '{META_RESERVED_PREFIX}' is reserved for internal use"
        ));
    }
    if value.len() > META_VALUE_MAX {
        return Err(format!(
            "Value is too long (limit: {META_VALUE_MAX} characters)"
        ));
    }
    Ok(())
}

/// Rules of proxies, gateways and sidecars: all broken ones are told at once.
fn broken_rules(definition: &ServiceDefinition) -> Vec<String> {
    let mut broken = match definition.kind.as_str() {
        KIND_CONNECT_PROXY => proxy_rules(definition),
        kind @ ("mesh-gateway" | "terminating-gateway" | "ingress-gateway") => {
            gateway_rules(definition, kind)
        }
        _ => Vec::new(),
    };
    let sidecar = definition
        .connect
        .as_ref()
        .and_then(|it| it.sidecar_service.as_deref());
    if let Some(sidecar) = sidecar {
        if !sidecar.id.is_empty() {
            let text = "A SidecarService cannot specify an ID as this is managed by the agent";
            broken.push(text.to_owned());
        }
        if sidecar
            .connect
            .as_ref()
            .is_some_and(|it| it.sidecar_service.is_some())
        {
            broken.push("A SidecarService cannot have a nested SidecarService".to_owned());
        }
    }
    broken
}

fn has_no_port(definition: &ServiceDefinition) -> bool {
    definition.port == 0 && definition.socket_path.is_empty()
}

fn is_native(definition: &ServiceDefinition) -> bool {
    definition
        .connect
        .as_ref()
        .is_some_and(|connect| connect.native)
}

fn proxy_rules(definition: &ServiceDefinition) -> Vec<String> {
    let destination = definition
        .proxy
        .as_ref()
        .map(|proxy| proxy.destination_service_name.trim());
    let rules = [
        (
            destination.unwrap_or_default().is_empty(),
            "Proxy.DestinationServiceName must be non-empty for Connect proxy services",
        ),
        (
            destination == Some("*"),
            "Proxy.DestinationServiceName must not be a wildcard for Connect proxy services",
        ),
        (
            has_no_port(definition),
            "Port must be set for a Connect proxy",
        ),
        (
            is_native(definition),
            "A Proxy cannot also be Connect Native, only typical services",
        ),
    ];
    let upstreams = definition.proxy.as_ref().map(|proxy| &proxy.upstreams[..]);
    let broken = rules.iter().filter(|(broken, _)| *broken);
    broken
        .map(|(_, text)| (*text).to_owned())
        .chain(upstream_rules(upstreams.unwrap_or_default()))
        .collect()
}

fn gateway_rules(definition: &ServiceDefinition, kind: &str) -> Vec<String> {
    let proxy = definition.proxy.clone().unwrap_or_default();
    let Proxy {
        destination_service_name: name,
        destination_service_id: id,
        ..
    } = &proxy;
    let invalid = |field: &str| format!("The Proxy.{field} configuration is invalid for a {kind}");
    let rules = [
        (
            has_no_port(definition),
            format!("Port must be non-zero for a {kind}"),
        ),
        (
            is_native(definition),
            format!("{kind} cannot also be Connect Native"),
        ),
        (!name.is_empty(), invalid("DestinationServiceName")),
        (!id.is_empty(), invalid("DestinationServiceID")),
        (
            !proxy.local_service_address.is_empty(),
            invalid("LocalServiceAddress"),
        ),
        (proxy.local_service_port != 0, invalid("LocalServicePort")),
        (!proxy.upstreams.is_empty(), invalid("Upstreams")),
    ];
    rules
        .into_iter()
        .filter_map(|(broken, text)| broken.then_some(text))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::service::Connect;

    fn service(change: impl FnOnce(&mut ServiceDefinition)) -> ServiceDefinition {
        let mut definition = ServiceDefinition {
            name: "web".to_owned(),
            ..Default::default()
        };
        change(&mut definition);
        definition
    }

    fn refusal(change: impl FnOnce(&mut ServiceDefinition)) -> String {
        validate_service(&service(change))
            .expect_err("must be refused")
            .to_string()
    }

    fn meta(key: &str, value: &str) -> StringMap {
        [(key.to_owned(), value.to_owned())].into()
    }

    #[test]
    fn an_ordinary_service_is_valid() {
        let full = service(|it| {
            it.address = "example.com".to_owned();
            it.weights = Some(Weights {
                passing: 65_535,
                warning: 0,
            });
            it.meta = Some(meta("a-b_C1", "any value"));
        });
        assert_eq!(validate_service(&full), Ok(()));
    }

    #[test]
    fn names_and_addresses_are_needed_as_consul_needs_them() {
        assert_eq!(refusal(|it| it.name.clear()), "Missing service name");
        for any in ["0.0.0.0", "::"] {
            assert_eq!(
                refusal(|it| it.address = any.to_owned()),
                "Invalid service address"
            );
        }
    }

    #[test]
    fn weights_are_bounded() {
        let weights =
            |passing, warning| refusal(|it| it.weights = Some(Weights { passing, warning }));
        assert_eq!(
            weights(0, 0),
            "Invalid Weights: Passing must be greater than 0"
        );
        assert_eq!(
            weights(1, -1),
            "Invalid Weights: Warning must be greater or equal than 0"
        );
        let range = "Invalid Weights: DNS Weight must be between 0 and 65535";
        assert_eq!(weights(65_536, 1), range);
        assert_eq!(weights(1, 65_536), range);
    }

    #[test]
    fn metadata_follows_consuls_rules() {
        let because = |key: &str, value: &str| {
            let text = refusal(|it| it.meta = Some(meta(key, value)));
            let start =
                format!("Invalid Service Meta: Couldn't load metadata pair ('{key}', '{value}'): ");
            text.strip_prefix(&start)
                .unwrap_or_else(|| panic!("{text}"))
                .to_owned()
        };
        assert_eq!(because("", "b"), "Key cannot be blank");
        assert_eq!(because("a b", "b"), "Key contains invalid characters");
        assert_eq!(
            because(&"k".repeat(129), "b"),
            "Key is too long (limit: 128 characters)"
        );
        assert_eq!(
            because("consul-x", "b"),
            "Key prefix 'consul-' is reserved for internal use"
        );
        assert_eq!(
            because("k", &"v".repeat(513)),
            "Value is too long (limit: 512 characters)"
        );
        let many = (0..65).map(|n| (format!("k{n}"), String::new())).collect();
        let text =
            "Invalid Service Meta: Node metadata cannot contain more than 64 key/value pairs";
        assert_eq!(refusal(|it| it.meta = Some(many)), text);
    }

    #[test]
    fn broken_proxy_rules_are_all_told() {
        let text = refusal(|it| {
            it.kind = KIND_CONNECT_PROXY.to_owned();
            it.port = 1;
        });
        let rule = "Proxy.DestinationServiceName must be non-empty for Connect proxy services";
        assert_eq!(text, format!("1 error occurred:\n\t* {rule}\n\n"));
        let text = refusal(|it| it.kind = KIND_CONNECT_PROXY.to_owned());
        let port = "Port must be set for a Connect proxy";
        assert_eq!(
            text,
            format!("2 errors occurred:\n\t* {rule}\n\t* {port}\n\n")
        );
        let text = refusal(|it| it.kind = "mesh-gateway".to_owned());
        assert_eq!(
            text,
            "1 error occurred:\n\t* Port must be non-zero for a mesh-gateway\n\n"
        );
    }

    #[test]
    fn sidecars_have_no_id_and_no_sidecar() {
        let with = |sidecar: ServiceDefinition| {
            refusal(|it| {
                let sidecar_service = Some(Box::new(sidecar));
                it.connect = Some(Connect {
                    native: false,
                    sidecar_service,
                });
            })
        };
        let named = ServiceDefinition {
            id: "x".to_owned(),
            ..Default::default()
        };
        assert!(with(named).contains("A SidecarService cannot specify an ID"));
        let inner = Connect {
            native: false,
            sidecar_service: Some(Box::default()),
        };
        let nested = ServiceDefinition {
            connect: Some(inner),
            ..Default::default()
        };
        assert!(with(nested).contains("A SidecarService cannot have a nested SidecarService"));
    }

    #[test]
    fn dns_names_and_statuses() {
        assert!(is_dns_name("web-1") && !is_dns_name("a_b c") && !is_dns_name(""));
        assert_eq!(initial_status(""), Some(Status::Critical));
        assert_eq!(initial_status("warning"), Some(Status::Warning));
        assert_eq!(initial_status("wrong"), None);
    }
}
