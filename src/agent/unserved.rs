//! What is configured but not served by this version: said at the start, so that nobody relies on it.

use crate::agent::config::Config;

/// One line for each setting that is taken and has no effect, with what follows from that.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let tls = [
        &config.tls.internal_rpc,
        &config.tls.https,
        &config.tls.grpc,
    ];
    let join = &config.join;
    let facts = [
        (
            config.acl.enabled,
            "acl: access control lists are not enforced: every request is allowed, whatever its token",
        ),
        (
            !config.gossip.encrypt.reveal().is_empty(),
            "encrypt: gossip is not served: the key is not used",
        ),
        (
            tls.iter()
                .any(|it| it.verify_incoming || it.verify_outgoing),
            "tls: certificates are neither shown nor verified",
        ),
        (
            !config.addresses.https.is_empty(),
            "ports.https: HTTPS is not served: nothing listens there",
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
            !config.watches.is_empty(),
            "watches: no handler is run; `consulctl watch` runs one",
        ),
        (
            !config.config_entries.is_empty(),
            "config_entries: centralized configuration is not stored",
        ),
        (
            !(join.retry_lan.is_empty() && join.retry_wan.is_empty()),
            "retry_join: other agents cannot be joined: this one stays alone",
        ),
        (
            config.node.auto_reload_config,
            "auto_reload_config: files are not watched; `consulctl reload` reads them again",
        ),
    ];
    facts
        .into_iter()
        .filter(|(configured, _)| *configured)
        .map(|(_, text)| format!("not available in this version of consulctl: {text}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::config::{AgentFlags, Facts, Sources, build};

    fn said(hcl: &str) -> Vec<String> {
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
        warnings(&build(&sources, &facts).unwrap().config)
    }

    #[test]
    fn what_has_no_effect_is_said() {
        assert_eq!(said(""), Vec::<String>::new());
        for (hcl, key) in [
            ("acl { enabled = true }", "acl"),
            ("ports { https = 8501 }", "ports.https"),
            (
                "watches = [{ type = \"key\" key = \"k\" args = [\"true\"] }]",
                "watches",
            ),
            ("retry_join = [\"10.0.0.1\"]", "retry_join"),
        ] {
            let [line] = said(hcl).try_into().unwrap();
            assert!(line.contains(&format!(": {key}: ")), "{line}");
        }
    }
}
