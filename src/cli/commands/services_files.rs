//! Service definitions in files: the `service` and `services` parts of a configuration file.

use std::path::Path;

use serde_json::Value;

use crate::api::file_reason;
use crate::model::service::ServiceDefinition;

/// The definitions of all files, in order.
///
/// # Errors
///
/// In Consul's words: a file that cannot be read or parsed.
pub(super) fn load(files: &[String]) -> Result<Vec<ServiceDefinition>, String> {
    let mut found = Vec::new();
    for file in files {
        found.extend(load_file(file)?);
    }
    Ok(found)
}

fn load_file(file: &str) -> Result<Vec<ServiceDefinition>, String> {
    let path = Path::new(file);
    let data = std::fs::read(path).map_err(|error| {
        let reason = file_reason("open", path, &error);
        format!("config: Open failed on {file}. {reason}")
    })?;
    let failed = |reason: String| format!("failed to parse {file}: {reason}");
    match path.extension().and_then(|name| name.to_str()) {
        Some("json") => parse(&data).map_err(failed),
        Some("hcl") => Err(failed("HCL is not read here yet, use JSON".to_owned())),
        _ => Err(failed(
            "missing or invalid file extension, must be .hcl or .json".to_owned(),
        )),
    }
}

fn parse(data: &[u8]) -> Result<Vec<ServiceDefinition>, String> {
    let value: Value = serde_json::from_slice(data).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    if let Some(service) = value.get("service") {
        found.push(definition(service.clone())?);
    }
    for service in value["services"].as_array().into_iter().flatten() {
        found.push(definition(service.clone())?);
    }
    Ok(found)
}

fn definition(value: Value) -> Result<ServiceDefinition, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}
