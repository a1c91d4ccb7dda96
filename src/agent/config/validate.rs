//! What must hold between settings, and what the operator should be warned of. Texts are Consul's.

use std::net::SocketAddr;

use crate::model::go_base64;

use super::metadata;
use super::reader::Reader;
use super::runtime::{Config, ListenAddr};
use super::validate_cluster::{auto_config, bootstrap, mesh};

/// Longest label in a DNS name.
const MAX_LABEL_LENGTH: usize = 63;

/// Checks the whole configuration; a configuration for a cluster of one becomes a bootstrap one.
pub(super) fn validate(config: &mut Config, reader: &mut Reader<'_>) {
    node(config, reader);
    names(config, reader);
    bootstrap(config, reader);
    dns(config, reader);
    ui(config, reader);
    keys_and_caches(config, reader);
    mesh(config, reader);
    auto_config(config, reader);
    enterprise(reader);
    unique_addresses(config, reader);
    security_warnings(config, reader);
}

fn node(config: &Config, reader: &mut Reader<'_>) {
    let node = &config.node;
    if node.data_dir.as_os_str().is_empty() && !config.dev_mode {
        reader.missing("data_dir", "data_dir cannot be empty");
    }
    for problem in metadata::problems(&node.meta) {
        reader.error("node_meta", format!("node_meta invalid: {problem}"));
    }
    if let Some(id) = &node.id
        && let Err(problem) = node_id(id)
    {
        reader.error("node_id", format!("specified NodeID is invalid: {problem}"));
    }
    let name = &node.name;
    let is_dns_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if name.is_empty() {
        reader.error("node_name", "node_name cannot be empty");
    } else if !is_dns_name {
        reader.warn(format!(
            "Node name {name:?} will not be discoverable via DNS due to invalid characters. \
             Valid characters include all alpha-numerics and dashes."
        ));
    } else if name.len() > MAX_LABEL_LENGTH {
        reader.warn(format!(
            "Node name {name:?} will not be discoverable via DNS due to it being too long. \
             Valid lengths are between 1 and 63 bytes."
        ));
    }
    if config.raft.protocol != 3 {
        let message = format!(
            "raft_protocol version {} is not supported by this version of Consul",
            config.raft.protocol
        );
        reader.error("raft_protocol", message);
    }
}

fn names(config: &Config, reader: &mut Reader<'_>) {
    let node = &config.node;
    if node.datacenter.is_empty() {
        reader.missing("datacenter", "datacenter cannot be empty");
    } else if !is_basic_name(&node.datacenter) {
        let message = format!(
            "datacenter cannot be {:?}. Please use only [a-z0-9-_]",
            node.datacenter
        );
        reader.error("datacenter", message);
    }
    if node.primary_datacenter != node.datacenter && !is_basic_name(&node.primary_datacenter) {
        let message = format!(
            "primary_datacenter cannot be {:?}. Please use only [a-z0-9-_]",
            node.primary_datacenter
        );
        reader.error("primary_datacenter", message);
    }
}

/// Lower-case letters, digits, dashes and underscores.
fn is_basic_name(name: &str) -> bool {
    let is_basic = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
    !name.is_empty() && name.chars().all(is_basic)
}

fn dns(config: &Config, reader: &mut Reader<'_>) {
    let dc = &config.node.datacenter;
    // These labels decide what kind of name is asked for.
    let first = config
        .dns
        .alt_domain
        .split_once('.')
        .map(|(first, _)| first);
    let reserved = ["service", "connect", "node", "query", "addr", dc];
    if first.is_some_and(|first| reserved.contains(&first)) {
        let message =
            format!("alt_domain cannot start with {{service,connect,node,query,addr,{dc}}}");
        reader.error("alt_domain", message);
    }
}

/// Whether a text is a UUID in its one usual form.
fn node_id(text: &str) -> Result<(), &'static str> {
    const UUID_LENGTH: usize = 36;
    if text.len() != UUID_LENGTH {
        return Err("uuid string is wrong length");
    }
    let is_uuid = text.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    is_uuid.then_some(()).ok_or("uuid is improperly formatted")
}

fn ui(config: &Config, reader: &mut Reader<'_>) {
    let ui = &config.ui;
    let path = &ui.content_path;
    let is_valid = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
    if !path.chars().all(is_valid) {
        let message =
            format!("ui-content-path can only contain alphanumeric, -, _, or /. received: {path}");
        reader.error("ui_config.content_path", message);
    }
    let version = path
        .strip_prefix("/v")
        .and_then(|rest| rest.strip_suffix('/'));
    if version.is_some_and(|it| !it.is_empty() && it.chars().all(|c| c.is_ascii_digit())) {
        let message = format!("ui-content-path cannot have 'v[0-9]'. received: {path}");
        reader.error("ui_config.content_path", message);
    }
    if !config.dev_mode && ui.enabled && !ui.dir.is_empty() {
        reader.error(
            "ui_config.dir",
            "Both the ui_config.enabled and ui_config.dir (or -ui and -ui-dir) were specified, \
             please provide only one.\n\
             If trying to use your own web UI resources, use ui_config.dir or the -ui-dir flag.\n\
             The web UI is included in the binary so use ui_config.enabled or the -ui flag to \
             enable it",
        );
    }
    let options = &ui.metrics_provider_options_json;
    let is_object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(options);
    if !options.is_empty() && is_object.is_err() {
        let message = format!(
            "ui_config.metrics_provider_options_json must be empty or a string containing a \
             valid JSON object. received: {options:?}"
        );
        reader.error("ui_config.metrics_provider_options_json", message);
    }
    let provider = &ui.metrics_provider;
    if !provider.is_empty() && !is_basic_name(provider) {
        let message = format!(
            "ui_config.metrics_provider can only contain lowercase alphanumeric, - or _ \
             characters. received: {provider:?}"
        );
        reader.error("ui_config.metrics_provider", message);
    }
    let base = &ui.metrics_proxy_base_url;
    if !(base.is_empty() || base.starts_with("http://") || base.starts_with("https://")) {
        let message = format!(
            "ui_config.metrics_proxy.base_url must be a valid http or https URL. received: {base:?}"
        );
        reader.error("ui_config.metrics_proxy.base_url", message);
    }
}

fn keys_and_caches(config: &Config, reader: &mut Reader<'_>) {
    let key = config.gossip.encrypt.reveal();
    match go_base64::decode(key.as_bytes()) {
        Err(illegal) => {
            reader.error("encrypt", format!("encrypt has invalid key: {illegal}"));
        }
        // Consul finds a wrong length only when gossip starts.
        Ok(bytes) if !matches!(bytes.len(), 0 | 16 | 24 | 32) => {
            let message = "encrypt has invalid key: key size must be 16, 24 or 32 bytes";
            reader.error("encrypt", message);
        }
        Ok(_) => {}
    }
    if reader.int("cache.entry_fetch_max_burst") <= 0 {
        let burst = reader.int("cache.entry_fetch_max_burst");
        let message =
            format!("cache.entry_fetch_max_burst must be strictly positive, was: {burst}");
        reader.error("cache.entry_fetch_max_burst", message);
    }
    let rate = config.http.cache_fetch_rate;
    if rate <= 0.0 {
        let message = format!("cache.entry_fetch_rate must be strictly positive, was: {rate}");
        reader.error("cache.entry_fetch_rate", message);
    }
}

/// What Consul's community edition refuses or only warns of.
fn enterprise(reader: &mut Reader<'_>) {
    const NO_SEGMENTS: &str = "Network segments are not supported in this version of Consul";
    if !reader.text("segment").is_empty() {
        reader.error("segment", NO_SEGMENTS);
    }
    if reader
        .json("segments")
        .as_array()
        .is_some_and(|segments| !segments.is_empty())
    {
        reader.error("segments", NO_SEGMENTS);
    }
    let keys = [
        "read_replica",
        "license_path",
        "autopilot.redundancy_zone_tag",
        "autopilot.upgrade_version_tag",
        "autopilot.disable_upgrade_migration",
        "dns_config.prefer_namespace",
        "acl.msp_disable_bootstrap",
        "acl.tokens.managed_service_provider",
        "audit",
        "partition",
        "segments",
    ];
    for key in keys {
        let value = reader.json(key);
        let is_given = !(value.is_null()
            || value == serde_json::Value::Bool(false)
            || value
                .as_str()
                .is_some_and(|text| matches!(text, "" | "default")));
        if is_given {
            reader.warn(format!(
                "{key:?} is a Consul Enterprise configuration and will have no effect"
            ));
        }
    }
}

/// No two interfaces may have one address and port.
fn unique_addresses(config: &Config, reader: &mut Reader<'_>) {
    let addresses = &config.addresses;
    let tcp = |socket: &SocketAddr| ListenAddr::Tcp(*socket);
    let groups: [(&str, &str, Vec<ListenAddr>); 7] = [
        ("DNS", "ports.dns", addresses.dns.iter().map(tcp).collect()),
        ("HTTP", "ports.http", addresses.http.clone()),
        ("HTTPS", "ports.https", addresses.https.clone()),
        ("gRPC", "ports.grpc", addresses.grpc.clone()),
        (
            "RPC Advertise",
            "ports.server",
            addresses.rpc_advertise.iter().map(tcp).collect(),
        ),
        (
            "Serf Advertise LAN",
            "ports.serf_lan",
            addresses.serf_lan_advertise.iter().map(tcp).collect(),
        ),
        (
            "Serf Advertise WAN",
            "ports.serf_wan",
            addresses.serf_wan_advertise.iter().map(tcp).collect(),
        ),
    ];
    let mut used: Vec<(ListenAddr, &str)> = Vec::new();
    for (name, key, group) in groups {
        for address in group {
            match used.iter().find(|(other, _)| *other == address) {
                Some((_, other)) => {
                    let message =
                        format!("{name} address {address} already configured for {other}");
                    reader.error(key, message);
                }
                None => used.push((address, name)),
            }
        }
    }
}

fn security_warnings(config: &Config, reader: &mut Reader<'_>) {
    let is_open = !config.acl.enabled && config.http.allow_write_from.is_empty();
    if config.check.enable_remote_scripts && is_open {
        reader.warn(
            "using enable-script-checks without ACLs and without allow_write_http_from is \
             DANGEROUS, use enable-local-script-checks instead, see \
             https://www.hashicorp.com/blog/protecting-consul-from-rce-risk-in-specific-configurations/",
        );
    }
    if config.tls.prefer_server_cipher_suites {
        reader.warn("tls_prefer_server_cipher_suites has no effect");
    }
}
