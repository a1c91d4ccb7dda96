//! What the configuration asks for and this version does not do. Pure.
//!
//! What protects is refused: an agent that ignored it would serve what it was told to guard. The rest is
//! said once, with its place, and the agent starts without it.

use crate::agent::config::{Config, RequestLimitMode};

/// The settings that keep the agent from starting, each with what to do.
pub(super) fn refused(config: &Config) -> Vec<String> {
    let https = !config.addresses.https.is_empty();
    let limits = config.limits.request_limits.mode == RequestLimitMode::Enforcing;
    let asked = [
        (
            config.acl.enabled,
            "acl",
            "ACLs: remove acl, or set acl.enabled = false",
        ),
        (https, "ports", "HTTPS: remove ports.https, or set it to -1"),
        (
            limits,
            "limits",
            "request limits: remove limits.request_limits, or use mode = disabled",
        ),
    ];
    said(config, &asked, "this version of consulctl cannot enforce")
}

/// The settings that have no effect.
pub(super) fn ignored(config: &Config) -> Vec<String> {
    let tls = &config.tls;
    let verifies = [&tls.internal_rpc, &tls.https, &tls.defaults]
        .iter()
        .any(|listener| listener.verify_incoming || listener.verify_outgoing);
    // Members that must be there at the start are an error of the start itself.
    let joins = [&config.join.retry_lan, &config.join.retry_wan];
    let asked = [
        (
            !config.gossip.encrypt.reveal().is_empty(),
            "encrypt",
            "encrypt (gossip encryption)",
        ),
        (verifies, "tls", "verify_incoming, verify_outgoing (TLS)"),
        (
            joins.iter().any(|list| !list.is_empty()),
            "retry_join",
            "joining other agents",
        ),
        (!config.watches.is_empty(), "watches", "watches"),
        (
            !config.config_entries.is_empty(),
            "config_entries",
            "config_entries",
        ),
        (
            config.ui.enabled && !config.dev_mode,
            "ui_config",
            "ui (there is no web interface)",
        ),
        (
            config.node.auto_reload_config,
            "auto_reload_config",
            "auto_reload_config",
        ),
    ];
    said(config, &asked, "this version of consulctl ignores")
}

fn said(config: &Config, asked: &[(bool, &str, &str)], verdict: &str) -> Vec<String> {
    let lines = asked.iter().filter(|(is_asked, ..)| *is_asked);
    lines
        .map(|(_, key, what)| match config.origin(key) {
            Some(origin) => format!("{verdict} {what} ({origin})"),
            None => format!("{verdict} {what}"),
        })
        .collect()
}
