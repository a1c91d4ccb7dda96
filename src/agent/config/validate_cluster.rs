//! What must hold between the settings that make a cluster: its first servers, the mesh and the
//! automatic configuration of clients. Texts are Consul's.

use super::reader::Reader;
use super::runtime::Config;

/// Where Consul explains how many servers a cluster should have.
const DEPLOYMENT_TABLE: &str =
    "See https://www.consul.io/docs/internals/consensus.html#deployment-table";

pub(super) fn bootstrap(config: &mut Config, reader: &mut Reader<'_>) {
    let node = &mut config.node;
    let expect = node.bootstrap_expect;
    if node.bootstrap && !node.server {
        reader.error("bootstrap", "'bootstrap = true' requires 'server = true'");
    }
    if expect > 0 && !node.server {
        reader.error(
            "bootstrap_expect",
            "'bootstrap_expect > 0' requires 'server = true'",
        );
    }
    if expect == 1 {
        reader.warn("BootstrapExpect is set to 1; this is the same as Bootstrap mode.");
        node.bootstrap = true;
        node.bootstrap_expect = 0;
    } else if expect > 0 && config.dev_mode {
        reader.error(
            "bootstrap_expect",
            "'bootstrap_expect > 0' not allowed in dev mode",
        );
    } else if expect > 0 && node.bootstrap {
        reader.error(
            "bootstrap_expect",
            "'bootstrap_expect > 0' and 'bootstrap = true' are mutually exclusive",
        );
    }
    if !node.server {
        return;
    }
    if node.bootstrap {
        reader.warn("bootstrap = true: do not enable unless necessary");
    } else if expect == 2 {
        reader.warn(format!(
            "bootstrap_expect = 2: A cluster with 2 servers will provide no failure tolerance. \
             {DEPLOYMENT_TABLE}"
        ));
    } else if expect > 2 && expect.is_multiple_of(2) {
        reader.warn(format!(
            "bootstrap_expect is even number: A cluster with an even number of servers does not \
             achieve optimum fault tolerance. {DEPLOYMENT_TABLE}"
        ));
    }
    if !node.bootstrap && expect > 1 {
        reader.warn(format!("bootstrap_expect > 0: expecting {expect} servers"));
    }
}

pub(super) fn mesh(config: &Config, reader: &mut Reader<'_>) {
    const FEDERATION: &str = "connect.enable_mesh_gateway_wan_federation";
    let (node, join) = (&config.node, &config.join);
    if config.connect.mesh_gateway_wan_federation {
        let setting = format!("'{FEDERATION} = true'");
        if !config.connect.enabled {
            let message = format!("'{FEDERATION}=true' requires 'connect.enabled=true'");
            reader.error(FEDERATION, message);
        }
        if !node.server {
            reader.error(FEDERATION, format!("{setting} requires 'server = true'"));
        }
        if node.name.contains('/') {
            let message = format!("{setting} requires that 'node_name' not contain '/' characters");
            reader.error("node_name", message);
        }
        for (key, peers) in [
            ("start_join_wan", &join.start_wan),
            ("retry_join_wan", &join.retry_wan),
        ] {
            if !peers.is_empty() {
                reader.error(key, format!("'{key}' is incompatible with {setting}"));
            }
        }
    }
    if !join.primary_gateways.is_empty() {
        const KEY: &str = "primary_gateways";
        if !node.server {
            reader.error(KEY, "'primary_gateways' requires 'server = true'");
        }
        if node.primary_datacenter == node.datacenter {
            let message = "'primary_gateways' should only be configured in a secondary datacenter";
            reader.error(KEY, message);
        }
    }
    let provider = config.connect.ca_provider.as_str();
    if !matches!(provider, "" | "consul" | "vault" | "aws-pca") {
        reader.error(
            "connect.ca_provider",
            format!("{provider} is not a valid CA provider"),
        );
    }
}

pub(super) fn auto_config(config: &Config, reader: &mut Reader<'_>) {
    const KEY: &str = "auto_config.enabled";
    let (tls, server) = (&config.tls, config.node.server);
    if server && tls.auto_encrypt.tls {
        reader.error(
            "auto_encrypt.tls",
            "auto_encrypt.tls can only be used on a client.",
        );
    }
    if !server && tls.auto_encrypt.allow_tls {
        let message = "auto_encrypt.allow_tls can only be used on a server.";
        reader.error("auto_encrypt.allow_tls", message);
    }
    if tls.auto_encrypt.allow_tls && !tls.internal_rpc.verify_incoming {
        reader.warn(
            "if auto_encrypt.allow_tls is turned on, either verify_incoming or \
             verify_incoming_rpc should be enabled. It is necessary to turn it off during a \
             migration to TLS, but it should definitely be turned on afterwards.",
        );
    }
    if !tls.auto_config.enabled {
        return;
    }
    if tls.auto_encrypt.tls {
        let message = "both auto_encrypt.tls and auto_config.enabled cannot be set to true.";
        reader.error(KEY, message);
    }
    if !tls.internal_rpc.verify_outgoing {
        reader.error(
            KEY,
            "auto_config.enabled cannot be set without configuring TLS for server communications",
        );
    }
    if server {
        reader.error(
            KEY,
            "auto_config.enabled cannot be set to true for server agents.",
        );
    }
    let has_token = !tls.auto_config.intro_token.reveal().is_empty();
    match (has_token, tls.auto_config.intro_token_file.is_empty()) {
        (true, false) => reader.warn(
            "Both an intro token and intro token file are set. \
             The intro token will be used instead of the file",
        ),
        (false, true) => reader.error(
            KEY,
            "One of auto_config.intro_token, auto_config.intro_token_file or the \
             CONSUL_INTRO_TOKEN environment variable must be set to enable auto_config",
        ),
        _ => {}
    }
    if tls.auto_config.server_addresses.is_empty() {
        reader.error(
            KEY,
            "auto_config.enabled is set without providing a list of addresses",
        );
    }
}
