//! What Consul prints before its log.

use crate::agent::config::Config;
use crate::agent::telemetry::Telemetry;
use crate::model::agent::VERSION;

/// What Consul prints before its log, line by line. `encrypted` tells whether gossip is.
pub(super) fn print(config: &Config, node_id: &str, encrypted: bool, telemetry: &Telemetry) {
    let port = |port: Option<u16>| port.map_or(-1, i32::from);
    let ports = &config.addresses.ports;
    let client: Vec<String> = config
        .addresses
        .client
        .iter()
        .map(ToString::to_string)
        .collect();
    let segment = if config.node.server { "<all>" } else { "" };
    let tls = &config.tls.internal_rpc;
    let mut lines = vec![
        ("Version", format!("'{VERSION}'")),
        ("Node ID", format!("'{node_id}'")),
        ("Node name", format!("'{}'", config.node.name)),
        (
            "Datacenter",
            format!("'{}' (Segment: '{segment}')", config.node.datacenter),
        ),
        (
            "Server",
            format!(
                "{} (Bootstrap: {})",
                config.node.server, config.node.bootstrap
            ),
        ),
    ];
    lines.push((
        "Client Addr",
        format!(
            "[{}] (HTTP: {}, HTTPS: {}, gRPC: {}, DNS: {})",
            client.join(" "),
            port(ports.http),
            port(ports.https),
            port(ports.grpc),
            port(ports.dns)
        ),
    ));
    lines.push((
        "Cluster Addr",
        format!(
            "{} (LAN: {}, WAN: {})",
            config.addresses.advertise_lan,
            port(ports.serf_lan),
            port(ports.serf_wan)
        ),
    ));
    lines.push((
        "Encrypt",
        format!(
            "Gossip: {encrypted}, TLS-Outgoing: {}, TLS-Incoming: {}, Auto-Encrypt-TLS: {}",
            tls.verify_outgoing, tls.verify_incoming, config.tls.auto_encrypt.tls
        ),
    ));
    for (label, value) in lines {
        telemetry.say(format!("{label:>18}: {value}"));
    }
    telemetry.say("");
    telemetry.say("==> Log data will now stream in as it occurs:");
    telemetry.say("");
    telemetry.open_gate();
}
