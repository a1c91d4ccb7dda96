//! Service definitions in files: the `service` and `services` parts of a configuration file.

use crate::agent::config::{AgentFlags, Origin};
use crate::agent::config_files;
use crate::model::service::ServiceDefinition;

/// The definitions of all files, in order.
///
/// The files are read as an agent in development mode would, as Consul does: any key of a
/// configuration is fine in them, an unknown one is not.
///
/// # Errors
///
/// In Consul's words: a file that cannot be read or parsed.
pub(super) fn load(files: &[String]) -> Result<Vec<ServiceDefinition>, String> {
    let flags = AgentFlags {
        config_files: files.to_vec(),
        dev: Some(true),
        ..AgentFlags::default()
    };
    let built = config_files::load(&flags).map_err(|error| error.to_string())?;
    Ok(built
        .config
        .services
        .into_iter()
        .filter(|found| is_of(&found.origin, files))
        .map(|found| found.value)
        .collect())
}

/// Whether a definition stands in one of the files, and not in the environment.
fn is_of(origin: &Origin, files: &[String]) -> bool {
    match origin {
        Origin::File { name, .. } => files
            .iter()
            .any(|file| std::path::Path::new(&**name).starts_with(file)),
        _ => false,
    }
}
