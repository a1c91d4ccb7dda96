//! Tokens, certificates and what is verified.

use super::reader::Reader;
use super::runtime::{
    AclConfig, AclTokens, AutoConfig, AutoEncryptConfig, Secret, TlsConfig, TlsListener,
};

/// TLS versions in the spellings of Consul up to 1.11 and from 1.12.
const TLS_VERSIONS: &[(&str, &str)] = &[
    ("", "tls12"),
    ("tls10", "tls10"),
    ("tls11", "tls11"),
    ("tls12", "tls12"),
    ("tls13", "tls13"),
    ("TLS_AUTO", "tls12"),
    ("TLSv1_0", "tls10"),
    ("TLSv1_1", "tls11"),
    ("TLSv1_2", "tls12"),
    ("TLSv1_3", "tls13"),
];

pub(super) fn acl(reader: &mut Reader<'_>) -> AclConfig {
    AclConfig {
        enabled: reader.flag("acl.enabled"),
        default_policy: one_of(reader, "acl.default_policy", &["allow", "deny"]),
        down_policy: one_of(
            reader,
            "acl.down_policy",
            &["allow", "deny", "extend-cache", "async-cache"],
        ),
        token_ttl: reader.duration("acl.token_ttl"),
        policy_ttl: reader.duration("acl.policy_ttl"),
        role_ttl: reader.duration("acl.role_ttl"),
        enable_key_list_policy: reader.flag("acl.enable_key_list_policy"),
        enable_token_persistence: reader.flag("acl.enable_token_persistence"),
        enable_token_replication: reader.flag("acl.enable_token_replication"),
        tokens: AclTokens {
            initial_management: reader.secret("acl.tokens.initial_management"),
            agent_recovery: reader.secret("acl.tokens.agent_recovery"),
            default: reader.secret("acl.tokens.default"),
            agent: reader.secret("acl.tokens.agent"),
            replication: reader.secret("acl.tokens.replication"),
            dns: reader.secret("acl.tokens.dns"),
            config_file_service_registration: reader
                .secret("acl.tokens.config_file_service_registration"),
        },
    }
}

/// A word of a fixed set. Consul refuses others only once ACLs are on.
fn one_of(reader: &mut Reader<'_>, key: &str, words: &[&str]) -> String {
    let word = reader.text(key);
    if reader.flag("acl.enabled") && !words.contains(&word.as_str()) {
        let name = key.trim_start_matches("acl.").replace('_', " ");
        let list = words.join(", ");
        reader.error(
            key,
            format!("Unsupported ACL {name}: {word}. Must be one of {list}"),
        );
    }
    word
}

pub(super) fn tls(reader: &mut Reader<'_>, intro_token: Option<&str>) -> TlsConfig {
    refuse_misplaced(reader);
    let defaults = listener(reader, "tls.defaults", &TlsListener::default());
    let mut internal_rpc = listener(reader, "tls.internal_rpc", &defaults);
    // Verifying the name alone is documented to imply TLS; without it the name would go unverified.
    internal_rpc.verify_outgoing |= internal_rpc.verify_server_hostname;
    TlsConfig {
        internal_rpc,
        https: listener(reader, "tls.https", &defaults),
        grpc: listener(reader, "tls.grpc", &defaults),
        defaults,
        server_name: reader.text("server_name"),
        enable_agent_tls_for_checks: reader.flag("enable_agent_tls_for_checks"),
        prefer_server_cipher_suites: reader.flag("tls_prefer_server_cipher_suites"),
        auto_encrypt: AutoEncryptConfig {
            tls: reader.flag("auto_encrypt.tls"),
            allow_tls: reader.flag("auto_encrypt.allow_tls"),
            dns_san: reader.texts("auto_encrypt.dns_san"),
            ip_san: reader.ips_or_warn("auto_encrypt.ip_san"),
        },
        auto_config: auto_config(reader, intro_token),
    }
}

fn refuse_misplaced(reader: &mut Reader<'_>) {
    let misplaced: [(&[&str], &str); 3] = [
        (
            &["tls.grpc.verify_outgoing"],
            "verify_outgoing is not valid in the tls.grpc stanza",
        ),
        (
            &[
                "tls.defaults.verify_server_hostname",
                "tls.grpc.verify_server_hostname",
                "tls.https.verify_server_hostname",
            ],
            "verify_server_hostname is only valid in the tls.internal_rpc stanza",
        ),
        (
            &[
                "tls.defaults.use_auto_cert",
                "tls.https.use_auto_cert",
                "tls.internal_rpc.use_auto_cert",
            ],
            "use_auto_cert is only valid in the tls.grpc stanza",
        ),
    ];
    for (keys, message) in misplaced {
        for key in keys {
            if reader.is_set(key) {
                reader.error(key, message);
            }
        }
    }
}

fn listener(reader: &mut Reader<'_>, section: &str, defaults: &TlsListener) -> TlsListener {
    let key = |name| format!("{section}.{name}");
    let text = |reader: &Reader<'_>, name, default: &str| {
        reader
            .optional_text(&key(name))
            .unwrap_or_else(|| default.to_owned())
    };
    let flag =
        |reader: &Reader<'_>, name, default| reader.optional_flag(&key(name)).unwrap_or(default);
    TlsListener {
        ca_file: text(reader, "ca_file", &defaults.ca_file),
        ca_path: text(reader, "ca_path", &defaults.ca_path),
        cert_file: text(reader, "cert_file", &defaults.cert_file),
        key_file: text(reader, "key_file", &defaults.key_file),
        min_version: min_version(reader, &key("tls_min_version"), &defaults.min_version),
        cipher_suites: match reader.optional_text(&key("tls_cipher_suites")) {
            Some(list) => list
                .split(',')
                .map(str::trim)
                .filter(|it| !it.is_empty())
                .map(Into::into)
                .collect(),
            None => defaults.cipher_suites.clone(),
        },
        verify_incoming: flag(reader, "verify_incoming", defaults.verify_incoming),
        // gRPC is never dialled, so that it has nothing to verify there.
        verify_outgoing: section != "tls.grpc"
            && flag(reader, "verify_outgoing", defaults.verify_outgoing),
        verify_server_hostname: flag(reader, "verify_server_hostname", false),
    }
}

fn min_version(reader: &mut Reader<'_>, key: &str, default: &str) -> String {
    let Some(given) = reader.optional_text(key) else {
        return default.to_owned();
    };
    let known = TLS_VERSIONS.iter().find(|(spelling, _)| *spelling == given);
    if let Some((_, version)) = known {
        return (*version).to_owned();
    }
    reader.error(key, format!("{key}: invalid TLS version: {given}"));
    default.to_owned()
}

fn auto_config(reader: &mut Reader<'_>, intro_token: Option<&str>) -> AutoConfig {
    let mut token = reader.secret("auto_config.intro_token");
    if let Some(from_env) = intro_token.filter(|token| !token.is_empty()) {
        if !token.reveal().is_empty() {
            reader.warn(
                "Both auto_config.intro_token and the CONSUL_INTRO_TOKEN environment variable \
                 are set. Using the value from the environment variable",
            );
        }
        token = Secret::new(from_env.to_owned());
    }
    AutoConfig {
        enabled: reader.flag("auto_config.enabled"),
        intro_token: token,
        intro_token_file: reader.text("auto_config.intro_token_file"),
        server_addresses: reader.peers("auto_config.server_addresses"),
        dns_sans: reader.texts("auto_config.dns_sans"),
        ip_sans: reader.ips_or_warn("auto_config.ip_sans"),
    }
}
