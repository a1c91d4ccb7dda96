//! Services and checks that files define, decoded into the nouns that the API registers.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::layer::Origin;
use super::metadata;
use super::reader::Reader;
use super::runtime::Sourced;
use crate::model::check::CheckDefinition;
use crate::model::decode::{Options, from_value_listing_unknown};
use crate::model::duration::parse_go_duration;
use crate::model::service::{KIND_CONNECT_PROXY, ServiceDefinition};
use crate::model::watch::{Handler, WatchDefinition};

/// Largest SRV weight.
const MAX_WEIGHT: i64 = 65_535;

/// Keys of a check that hold durations, and how messages name them.
const CHECK_DURATIONS: &[(&str, &str)] = &[
    ("Interval", "interval"),
    ("Timeout", "timeout"),
    ("Ttl", "ttl"),
    (
        "DeregisterCriticalServiceAfter",
        "deregister_critical_service_after",
    ),
];

pub(super) fn services(reader: &mut Reader<'_>) -> Vec<Sourced<ServiceDefinition>> {
    let mut services = Vec::new();
    for Sourced { mut value, origin } in reader.definitions("services") {
        as_files_mean_it(&mut value);
        let errors = reader.errors.len();
        refuse_bad_durations(reader, &origin, &value);
        if reader.errors.len() > errors {
            continue;
        }
        if let Some(service) = decode::<ServiceDefinition>(reader, &origin, "service", value) {
            refuse_bad_service(reader, &origin, &service);
            services.push(Sourced {
                value: service,
                origin,
            });
        }
    }
    services
}

pub(super) fn checks(reader: &mut Reader<'_>) -> Vec<Sourced<CheckDefinition>> {
    let mut checks = Vec::new();
    for Sourced { value, origin } in reader.definitions("checks") {
        let errors = reader.errors.len();
        refuse_bad_check_durations(reader, &origin, &value);
        if reader.errors.len() > errors {
            continue;
        }
        if let Some(check) = decode(reader, &origin, "check", value) {
            checks.push(Sourced {
                value: check,
                origin,
            });
        }
    }
    checks
}

/// Consul warns of watches whose handler is a line for a shell.
const OLD_HANDLER: &str = "The 'handler' field in watches has been deprecated and replaced with the 'args' field. See https://www.consul.io/docs/agent/watches.html";

pub(super) fn watches(reader: &mut Reader<'_>) -> Vec<Sourced<WatchDefinition>> {
    let mut watches = Vec::new();
    for (at, Sourced { value, origin }) in reader.definitions("watches").into_iter().enumerate() {
        match WatchDefinition::parse_at(at, value) {
            Ok(value) => {
                if matches!(value.handler, Handler::Shell(_)) {
                    reader.warn(OLD_HANDLER);
                }
                watches.push(Sourced { value, origin });
            }
            Err(error) => reader.error_at(&origin, error),
        }
    }
    watches
}

/// Keys are already known to be right; what the model does not have is a setting that consulctl
/// does not support, and the operator hears of it.
fn decode<T: DeserializeOwned>(
    reader: &mut Reader<'_>,
    origin: &Origin,
    noun: &str,
    value: Json,
) -> Option<T> {
    let (decoded, unknown) = from_value_listing_unknown::<T>(value, Options::HTTP);
    for key in unknown {
        reader.warn(format!(
            "{noun} definition ({origin}): {key} is not supported and ignored"
        ));
    }
    match decoded {
        Ok(definition) => Some(definition),
        Err(error) => {
            reader.error_at(origin, format!("{noun} definition: {error}"));
            None
        }
    }
}

/// What files mean and the API does not: a weight that is left out is 1, and the single check comes after those of the
/// list, which decides about the ids of checks that have none.
fn as_files_mean_it(service: &mut Json) {
    if let Some(weights) = service.get_mut("Weights").and_then(Json::as_object_mut) {
        for name in ["Passing", "Warning"] {
            weights.entry(name).or_insert(1.into());
        }
    }
    if let Some(fields) = service.as_object_mut()
        && fields.get("Checks").is_some_and(Json::is_array)
        && let Some(single @ Json::Object(_)) = fields.remove("Check")
        && let Some(listed) = fields.get_mut("Checks").and_then(Json::as_array_mut)
    {
        listed.push(single);
    }
    if let Some(sidecar) = service.pointer_mut("/Connect/SidecarService") {
        as_files_mean_it(sidecar);
    }
}

/// The durations of all checks of a service and of its sidecar.
fn refuse_bad_durations(reader: &mut Reader<'_>, origin: &Origin, service: &Json) {
    let listed = service
        .get("Checks")
        .and_then(Json::as_array)
        .into_iter()
        .flatten();
    for check in service.get("Check").into_iter().chain(listed) {
        refuse_bad_check_durations(reader, origin, check);
    }
    if let Some(sidecar) = service.pointer("/Connect/SidecarService") {
        refuse_bad_durations(reader, origin, sidecar);
    }
}

fn refuse_bad_check_durations(reader: &mut Reader<'_>, origin: &Origin, check: &Json) {
    let id = check.get("Id").and_then(Json::as_str).unwrap_or_default();
    for (key, name) in CHECK_DURATIONS {
        let Some(text) = check.get(*key).and_then(Json::as_str) else {
            continue;
        };
        if let Err(error) = parse_go_duration(text) {
            let message = format!("check[{id}].{name}: invalid duration: {text:?}: {error}");
            reader.error_at(origin, message);
        }
    }
}

fn refuse_bad_service(reader: &mut Reader<'_>, origin: &Origin, service: &ServiceDefinition) {
    let name = &service.name;
    for problem in service.meta.iter().flat_map(metadata::problems) {
        reader.error_at(
            origin,
            format!("invalid meta for service {name}: {problem}"),
        );
    }
    if let Some(weights) = &service.weights {
        let problem = if weights.passing < 1 {
            Some("Passing must be greater than 0")
        } else if weights.warning < 0 {
            Some("Warning must be greater or equal than 0")
        } else if weights.passing.max(weights.warning) > MAX_WEIGHT {
            Some("DNS Weight must be between 0 and 65535")
        } else {
            None
        };
        if let Some(problem) = problem {
            let message = format!("Invalid weight definition for service {name}: {problem}");
            reader.error_at(origin, message);
        }
    }
    if !service.socket_path.is_empty() && (service.port != 0 || !service.address.is_empty()) {
        let path = &service.socket_path;
        let message =
            format!("service {name} cannot have both socket path {path} and address/port");
        reader.error_at(origin, message);
    }
    refuse_bad_mesh(reader, origin, service);
}

fn refuse_bad_mesh(reader: &mut Reader<'_>, origin: &Origin, service: &ServiceDefinition) {
    let connect = service.connect.as_ref();
    if let Some(sidecar) = connect.and_then(|connect| connect.sidecar_service.as_deref()) {
        if !sidecar.id.is_empty() {
            reader.error_at(origin, "sidecar_service can't specify an ID");
        }
        let nested = sidecar
            .connect
            .as_ref()
            .and_then(|it| it.sidecar_service.as_ref());
        if nested.is_some() {
            reader.error_at(
                origin,
                "sidecar_service can't have a nested sidecar_service",
            );
        }
    }
    if service.kind == KIND_CONNECT_PROXY {
        let problems = [
            (
                service
                    .proxy
                    .as_ref()
                    .is_none_or(|it| it.destination_service_name.is_empty()),
                "Proxy.DestinationServiceName must be non-empty for Connect proxy services",
            ),
            (service.port == 0, "Port must be set for a Connect proxy"),
        ];
        for (_, problem) in problems.iter().filter(|(is_wrong, _)| *is_wrong) {
            reader.error_at(origin, format!("service {:?}: {problem}", service.name));
        }
    }
}
