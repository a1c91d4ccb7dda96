//! What every registration of a node, a service or a check is held to, and what is filled in. The texts are Consul's.

use std::net::IpAddr;

use super::check::HealthCheck;
use super::service::NodeService;

/// Checks a node's name and UUID; the UUID may be missing.
///
/// # Errors
/// With the reason.
pub fn check_node(name: &str, id: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("Must provide node".to_owned());
    }
    if id.is_empty() {
        return Ok(());
    }
    check_uuid(id).map_err(|why| format!("Bad node ID: {why}"))
}

/// Checks a service, and fills in its id and weights.
///
/// # Errors
/// With the reason.
pub fn complete_service(service: &mut NodeService) -> Result<(), &'static str> {
    if service.id.is_empty() {
        service.id.clone_from(&service.service);
    }
    if service.service.is_empty() && !service.id.is_empty() {
        return Err("Must provide service name with ID");
    }
    service.weights = service.weights.or_default();
    let address = service.address.parse::<IpAddr>();
    if address.is_ok_and(|ip| ip.is_unspecified()) {
        return Err("Invalid service address");
    }
    Ok(())
}

/// Fills in a check's id.
pub fn complete_check(check: &mut HealthCheck) {
    if check.check_id.is_empty() {
        check.check_id.clone_from(&check.name);
    }
}

/// Checks a UUID's form.
///
/// # Errors
/// In the words of the UUID parser that Consul uses; clients see them.
pub fn check_uuid(text: &str) -> Result<(), &'static str> {
    if text.len() != 36 {
        return Err("uuid string is wrong length");
    }
    let dashes_fit = text
        .char_indices()
        .all(|(at, c)| (c == '-') == matches!(at, 8 | 13 | 18 | 23));
    if !dashes_fit || !text.chars().all(|c| c == '-' || c.is_ascii_hexdigit()) {
        return Err("uuid is improperly formatted");
    }
    Ok(())
}
