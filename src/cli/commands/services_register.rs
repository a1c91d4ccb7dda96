//! `services register`

use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, NamespaceFlag, go_int, pair};
use crate::model::service::{ServiceAddress, ServiceDefinition};

use super::services_files;

/// Registers services with the agent
///
/// From configuration files with `service` or `services` in them, or one service from flags. The
/// registration lives as long as the agent's data, and can be repeated.
///
/// $ consulctl services register web.json
///
/// $ consulctl services register -name=web -port=80
#[derive(clap::Args)]
#[command(override_usage = "consulctl services register [options] [FILE...]")]
pub(crate) struct Args {
    /// Address of the service; the node's when not given.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    address: String,
    /// Id of the service on this agent; the name when not given.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    id: String,
    /// Kind of proxy or gateway, for services that are one.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    kind: String,
    /// Metadata of the service; may be given several times.
    #[arg(long, value_name = "key=value", value_parser = pair)]
    meta: Vec<(String, String)>,
    /// Name of the service.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    name: String,
    /// Port of the service.
    #[arg(long, value_name = "int", default_value = "0", hide_default_value = true, value_parser = go_int)]
    port: i64,
    /// Unix socket of the service, instead of address and port.
    #[arg(
        long,
        value_name = "path",
        default_value = "",
        hide_default_value = true
    )]
    socket: String,
    /// Tag of the service; may be given several times.
    #[arg(long, value_name = "value")]
    tag: Vec<String>,
    /// Further address, such as lan=10.0.0.5:80; may be given several times.
    #[arg(long, value_name = "key=host:port", value_parser = pair)]
    tagged_address: Vec<(String, String)>,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    namespace: NamespaceFlag,
    #[arg(hide = true, num_args = 0.., value_name = "FILE")]
    files: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let from_files = !self.files.is_empty();
        let named = !self.name.is_empty() || !self.id.is_empty();
        let wrong = if from_files && named {
            "Service registration requires arguments or -id, not both."
        } else if !from_files && self.name.is_empty() {
            "Service registration requires at least one argument or flags."
        } else {
            ""
        };
        if !wrong.is_empty() {
            return Err(Error::message(wrong));
        }
        let services = if self.files.is_empty() {
            vec![self.definition()?]
        } else {
            services_files::load(&self.files)
                .map_err(|reason| Error::message(format!("Error: {reason}")))?
        };
        let client = context.writer(&self.http.with_namespace(&self.namespace))?;
        for service in services {
            let name = &service.name;
            client
                .agent_service_register(&service)
                .await
                .during(&format!("Error registering service \"{name}\""))?;
            let text = format!("Registered service: {name}");
            context.console.line(&text)?;
        }
        Ok(())
    }

    fn definition(&self) -> Result<ServiceDefinition, Error> {
        let mut addresses = std::collections::BTreeMap::new();
        for (tag, text) in &self.tagged_address {
            let address = address(text)
                .map_err(|reason| Error::message(format!("Invalid Tagged Address: {reason}")))?;
            addresses.insert(tag.clone(), address);
        }
        Ok(ServiceDefinition {
            kind: self.kind.clone(),
            id: self.id.clone(),
            name: self.name.clone(),
            tags: self.tag.clone(),
            address: self.address.clone(),
            tagged_addresses: (!addresses.is_empty()).then_some(addresses),
            meta: (!self.meta.is_empty()).then(|| self.meta.iter().cloned().collect()),
            port: self.port,
            socket_path: self.socket.clone(),
            ..ServiceDefinition::default()
        })
    }
}

/// Host and port, with the errors of Go's `net.SplitHostPort`.
fn address(text: &str) -> Result<ServiceAddress, String> {
    let missing = || format!("address {text}: missing port in address");
    let (host, port) = text.rsplit_once(':').ok_or_else(missing)?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').ok_or_else(missing)?,
        None if host.contains(':') => {
            return Err(format!("address {text}: too many colons in address"));
        }
        None => host,
    };
    let port = port
        .parse::<u16>()
        .map_err(|_| format!("invalid port \"{port}\""))?;
    Ok(ServiceAddress {
        address: host.to_owned(),
        port: port.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tagged_addresses_split_like_go() {
        let found = address("[::1]:80").unwrap();
        assert_eq!((found.address.as_str(), found.port), ("::1", 80));
        assert_eq!(address("a:1").unwrap().address, "a");
        assert_eq!(
            address("5.6.7.8").unwrap_err(),
            "address 5.6.7.8: missing port in address"
        );
        assert_eq!(
            address("::1:80").unwrap_err(),
            "address ::1:80: too many colons in address"
        );
        assert!(address("a:99999").is_err());
    }
}
