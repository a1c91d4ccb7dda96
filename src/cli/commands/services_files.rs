//! Service definitions in files: the `service` and `services` parts of a configuration file.

use std::path::Path;

use serde_json::Value;

use crate::api::file_reason;
use crate::model::decode::{DecodeError, Options, from_value, json_document};
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
    let text = |error: DecodeError| error.to_string();
    let Value::Object(keys) = json_document(data).map_err(text)? else {
        return Err("a configuration file must hold an object".to_owned());
    };
    let mut found = Vec::new();
    for (key, value) in keys {
        let services: Vec<ServiceDefinition> = match key.to_ascii_lowercase().as_str() {
            "service" | "services" => from_value(value, Options::CONFIG).map_err(text)?,
            // A bare definition, without the key that it belongs under, would be passed over.
            "name" | "id" | "tags" | "port" | "address" => {
                return Err(format!(
                    "1 error occurred:\n\t* invalid config key {key}\n\n"
                ));
            }
            _ => continue,
        };
        found.extend(services);
    }
    Ok(found)
}
