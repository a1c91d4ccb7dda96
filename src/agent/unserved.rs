//! What is configured but not served by this version. Pure.
//!
//! What protects is refused: an agent that ignored it would serve what it was told to guard. The rest is
//! said at the start, so that nobody relies on it.

use crate::agent::config::{Config, RequestLimitMode};

/// One line for each setting that is taken and has no effect, with what follows from that.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let tls = [
        &config.tls.internal_rpc,
        &config.tls.https,
        &config.tls.grpc,
    ];
    let facts = [
        (
            tls.iter()
                .any(|it| it.verify_incoming || it.verify_outgoing),
            "tls: certificates are neither shown nor verified",
        ),
        (
            config.tls.auto_encrypt.tls || config.tls.auto_encrypt.allow_tls,
            "auto_encrypt: certificates are not handed out",
        ),
        (
            config.tls.auto_config.enabled,
            "auto_config: configuration is not handed out",
        ),
        (
            !config.join.primary_gateways.is_empty(),
            "primary_gateways: other datacenters are not reached through mesh gateways",
        ),
        (
            !config.config_entries.is_empty(),
            "config_entries: centralized configuration is not stored",
        ),
        (
            config.node.auto_reload_config,
            "auto_reload_config: files are not watched; `consulctl reload` reads them again",
        ),
    ];
    said(&facts)
}

/// One line for each setting that protects and cannot be kept; the agent must not start with any.
pub(super) fn refused(config: &Config) -> Vec<String> {
    let limits = config.limits.request_limits.mode == RequestLimitMode::Enforcing;
    said(&[
        (
            config.acl.enabled,
            "acl: requests would be allowed whatever their token; remove acl, or set enabled = false",
        ),
        (
            !config.addresses.https.is_empty(),
            "ports.https: nothing would listen there; remove it, or set it to -1",
        ),
        (
            limits,
            "limits.request_limits: requests would not be limited; set mode = \"disabled\"",
        ),
    ])
}

fn said(facts: &[(bool, &str)]) -> Vec<String> {
    facts
        .iter()
        .filter(|(configured, _)| *configured)
        .map(|(_, text)| format!("not available in this version of consulctl: {text}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::config::{AgentFlags, Facts, Sources, build};

    fn config(hcl: &str) -> Config {
        let flags = AgentFlags {
            dev: Some(true),
            hcl: vec![hcl.to_owned()],
            ..AgentFlags::default()
        };
        let facts = Facts {
            hostname: "host1".to_owned(),
            interfaces: Vec::new(),
            intro_token: None,
        };
        let sources = Sources {
            flags,
            files: Vec::new(),
        };
        build(&sources, &facts).unwrap().config
    }

    #[test]
    fn what_has_no_effect_is_said() {
        assert_eq!(warnings(&config("")), Vec::<String>::new());
        let [line] = warnings(&config("auto_reload_config = true"))
            .try_into()
            .unwrap();
        assert!(line.contains(": auto_reload_config: "), "{line}");
    }

    #[test]
    fn what_protects_is_refused() {
        assert_eq!(refused(&config("")), Vec::<String>::new());
        for (hcl, key) in [
            ("acl { enabled = true }", "acl"),
            ("ports { https = 8501 }", "ports.https"),
            (
                "limits { request_limits { mode = \"enforcing\" } }",
                "limits.request_limits",
            ),
        ] {
            let [line] = refused(&config(hcl)).try_into().unwrap();
            assert!(line.contains(&format!(": {key}: ")), "{line}");
        }
    }
}
