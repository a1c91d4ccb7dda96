//! The one table of configuration keys. Everything that must know which keys exist reads it: the
//! decoder, its "did you mean", the flags and the reload rules.

/// What a key holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// A string in Go's duration notation, such as `5m`.
    Duration,
    /// An integer.
    Int,
    /// An integer that cannot be negative.
    Uint,
    /// A number.
    Float,
    /// A boolean.
    Bool,
    /// A list of strings; later sources append.
    Texts,
    /// An object of strings; later sources overlay.
    TextMap,
    /// An object of lists of strings.
    TextListMap,
    /// An object that only its reader understands; later sources overlay.
    Any,
    /// A list of such objects; later sources append.
    AnyList,
    /// A section with keys of its own.
    Section(&'static [Key]),
    /// A list of objects with known keys; later sources append.
    SectionList(&'static [Key]),
    /// Objects with known keys, by name.
    SectionMap(&'static [Key]),
    /// A service definition inside another, whose keys cannot refer to themselves in this table.
    Sidecar,
    /// One object that joins the list which the other key names.
    Single(&'static str, &'static [Key]),
}

/// A key and what it holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// Name in configuration files; upper and lower case are the same.
    pub(super) name: &'static str,
    /// Another spelling that Consul accepts.
    pub(super) alias: Option<&'static str>,
    pub(super) kind: Kind,
}

impl Key {
    const fn or(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// Whether a name in a file means this key.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
            || self
                .alias
                .is_some_and(|alias| alias.eq_ignore_ascii_case(name))
    }
}

const fn key(name: &'static str, kind: Kind) -> Key {
    Key {
        name,
        alias: None,
        kind,
    }
}

/// `keys! { Text: "a", "b"; Int: "c"; }`: keys grouped by what they hold.
macro_rules! keys {
    ($($kind:expr => $($name:literal),+;)*) => {
        &[$($(key($name, $kind),)+)*]
    };
}

use Kind::{
    Any, AnyList, Bool, Duration, Float, Int, Section, SectionList, SectionMap, Sidecar, Single,
    Text, TextListMap, TextMap, Texts, Uint,
};

/// Keys at the top of a file.
pub(super) const ROOT: &[Key] = keys! {
    // The node and its place.
    Text => "datacenter", "primary_datacenter", "data_dir", "node_name", "node_id", "domain",
        "alt_domain", "pid_file", "segment", "partition", "license_path";
    TextMap => "node_meta", "tagged_addresses";
    Bool => "server", "bootstrap", "leave_on_terminate", "skip_leave_on_interrupt",
        "rejoin_after_leave", "read_replica", "non_voting_server", "disable_host_node_id",
        "auto_reload_config", "enable_debug", "disable_update_check",
        "disable_anonymous_signature", "disable_remote_exec", "disable_coordinates",
        "disable_http_unprintable_char_filter", "disable_kv_key_validation",
        "enable_agent_tls_for_checks", "enable_central_service_config", "translate_wan_addrs",
        "use_streaming_backend";
    Int => "bootstrap_expect", "protocol", "raft_protocol";
    Section(LOCALITY) => "locality";
    // Addresses and ports.
    Text => "bind_addr", "client_addr", "advertise_addr", "advertise_addr_ipv4",
        "advertise_addr_ipv6", "advertise_addr_wan", "advertise_addr_wan_ipv4",
        "advertise_addr_wan_ipv6", "serf_lan", "serf_wan";
    Section(ADDRESSES) => "addresses";
    Section(PORTS) => "ports";
    Section(UNIX_SOCKETS) => "unix_sockets";
    SectionList(SEGMENT) => "segments";
    // Joining and gossip.
    Texts => "retry_join", "retry_join_wan", "start_join", "start_join_wan", "primary_gateways",
        "serf_lan_allowed_cidrs", "serf_wan_allowed_cidrs";
    Duration => "retry_interval", "retry_interval_wan", "primary_gateways_interval",
        "reconnect_timeout", "reconnect_timeout_wan", "advertise_reconnect_timeout";
    Int => "retry_max", "retry_max_wan";
    Text => "encrypt";
    Bool => "encrypt_verify_incoming", "encrypt_verify_outgoing", "disable_keyring_file";
    Section(GOSSIP) => "gossip_lan", "gossip_wan";
    // DNS, HTTP, limits.
    Texts => "recursors";
    Section(DNS) => "dns_config";
    Section(HTTP) => "http_config";
    Section(UI) => "ui_config";
    Section(LIMITS) => "limits";
    Section(RPC) => "rpc";
    Section(CACHE) => "cache";
    Section(XDS) => "xds";
    Duration => "default_query_time", "max_query_time", "discovery_max_stale", "session_ttl_min",
        "server_rejoin_age_max";
    // Raft.
    Section(PERFORMANCE) => "performance";
    Section(AUTOPILOT) => "autopilot";
    Int => "raft_snapshot_threshold", "raft_trailing_logs";
    Duration => "raft_snapshot_interval";
    Section(RAFT_LOGSTORE) => "raft_logstore";
    Any => "raft_boltdb";
    // Logs and metrics.
    Text => "log_level", "log_file", "syslog_facility";
    Bool => "log_json", "enable_syslog";
    Int => "log_rotate_bytes", "log_rotate_max_files";
    Duration => "log_rotate_duration";
    Section(TELEMETRY) => "telemetry";
    // Security.
    Section(ACL) => "acl";
    Section(TLS) => "tls";
    Section(AUTO_ENCRYPT) => "auto_encrypt";
    Section(AUTO_CONFIG) => "auto_config";
    Text => "ca_file", "ca_path", "cert_file", "key_file", "server_name", "tls_min_version",
        "tls_cipher_suites";
    Bool => "verify_incoming", "verify_incoming_rpc", "verify_incoming_https", "verify_outgoing",
        "verify_server_hostname", "tls_prefer_server_cipher_suites";
    Text => "default_intention_policy";
    // Services, checks, watches, mesh.
    Single("services", SERVICE) => "service";
    SectionList(SERVICE) => "services";
    Single("checks", CHECK) => "check";
    SectionList(CHECK) => "checks";
    AnyList => "watches";
    Bool => "enable_script_checks", "enable_local_script_checks", "discard_check_output";
    Int => "check_output_max_size";
    Duration => "check_update_interval";
    Section(CONFIG_ENTRIES) => "config_entries";
    Section(CONNECT) => "connect";
    Section(ENABLED) => "peering";
    // Belongs to tools that share the folder, or to Consul Enterprise.
    Any => "snapshot_agent", "audit", "cloud", "reporting";
    Texts => "experiments";
    // Older spellings, see `deprecated.rs`.
    Text => "acl_datacenter", "acl_default_policy", "acl_down_policy", "acl_token",
        "acl_agent_token", "acl_master_token", "acl_agent_master_token", "acl_replication_token",
        "ui_dir", "ui_content_path", "recursor", "statsd_addr", "statsite_addr",
        "statsite_prefix", "dogstatsd_addr";
    Duration => "acl_ttl";
    Bool => "acl_enable_key_list_policy", "acl_enforce_version_8", "enable_acl_replication", "ui";
    Texts => "dogstatsd_tags";
    TextMap => "http_api_response_headers";
};

const LOCALITY: &[Key] = keys! { Text => "region", "zone"; };

const ADDRESSES: &[Key] = keys! { Text => "dns", "http", "https", "grpc", "grpc_tls"; };

const PORTS: &[Key] = keys! {
    Int => "dns", "http", "https", "grpc", "grpc_tls", "serf_lan", "serf_wan", "server",
        "proxy_min_port", "proxy_max_port", "sidecar_min_port", "sidecar_max_port",
        "expose_min_port", "expose_max_port";
};

const UNIX_SOCKETS: &[Key] = keys! { Text => "user", "group", "mode"; };

const SEGMENT: &[Key] = keys! {
    Text => "name", "bind", "advertise";
    Int => "port";
    Bool => "rpc_listener";
};

const GOSSIP: &[Key] = keys! {
    Int => "gossip_nodes", "suspicion_mult", "retransmit_mult";
    Duration => "gossip_interval", "probe_interval", "probe_timeout";
};

const DNS: &[Key] = keys! {
    Bool => "allow_stale", "disable_compression", "enable_truncate", "only_passing", "use_cache",
        "enable_additional_node_meta_txt", "prefer_namespace";
    Int => "a_record_limit", "udp_answer_limit";
    Duration => "max_stale", "node_ttl", "recursor_timeout", "cache_max_age";
    Text => "recursor_strategy";
    TextMap => "service_ttl";
    Section(SOA) => "soa";
};

const SOA: &[Key] = keys! { Uint => "refresh", "retry", "expire", "min_ttl"; };

const HTTP: &[Key] = keys! {
    Texts => "block_endpoints", "allow_write_http_from";
    TextMap => "response_headers";
    Bool => "use_cache";
    Int => "max_header_bytes";
    Duration => "read_timeout", "read_header_timeout", "write_timeout", "idle_timeout";
};

const UI: &[Key] = keys! {
    Bool => "enabled";
    Text => "dir", "content_path", "metrics_provider", "metrics_provider_options_json";
    Texts => "metrics_provider_files";
    TextMap => "dashboard_url_templates";
    Section(UI_METRICS_PROXY) => "metrics_proxy";
};

const UI_METRICS_PROXY: &[Key] = keys! {
    Text => "base_url";
    Texts => "path_allowlist";
    SectionList(HEADER) => "add_headers";
};

const HEADER: &[Key] = keys! { Text => "name", "value"; };

const LIMITS: &[Key] = keys! {
    Int => "http_max_conns_per_client", "rpc_max_burst", "rpc_max_conns_per_client";
    Duration => "https_handshake_timeout", "rpc_handshake_timeout", "rpc_client_timeout";
    Float => "rpc_rate";
    Uint => "kv_max_value_size", "txn_max_req_len";
    Section(REQUEST_LIMITS) => "request_limits";
};

const REQUEST_LIMITS: &[Key] = keys! {
    Text => "mode";
    Float => "read_rate", "write_rate";
};

const RPC: &[Key] = keys! { Bool => "enable_streaming"; };

const CACHE: &[Key] = keys! {
    Int => "entry_fetch_max_burst";
    Float => "entry_fetch_rate";
};

const XDS: &[Key] = keys! { Float => "update_max_per_second"; };

const PERFORMANCE: &[Key] = keys! {
    Int => "raft_multiplier";
    Duration => "leave_drain_time", "rpc_hold_timeout", "grpc_keepalive_interval",
        "grpc_keepalive_timeout";
};

const AUTOPILOT: &[Key] = keys! {
    Bool => "cleanup_dead_servers", "disable_upgrade_migration";
    Duration => "last_contact_threshold", "server_stabilization_time";
    Int => "max_trailing_logs";
    Uint => "min_quorum";
    Text => "redundancy_zone_tag", "upgrade_version_tag";
};

const RAFT_LOGSTORE: &[Key] = keys! {
    Text => "backend";
    Bool => "disable_log_cache";
    Any => "verification", "boltdb", "wal";
};

const TELEMETRY: &[Key] = keys! {
    Bool => "disable_hostname", "enable_host_metrics", "filter_default", "disable_compat_1.9",
        "disable_per_tenancy_usage_metrics", "retry_failed_connection";
    Text => "metrics_prefix", "dogstatsd_addr", "statsd_address", "statsite_address",
        "circonus_api_app", "circonus_api_token", "circonus_api_url", "circonus_broker_id",
        "circonus_broker_select_tag", "circonus_check_display_name",
        "circonus_check_force_metric_activation", "circonus_check_id",
        "circonus_check_instance_id", "circonus_check_search_tag", "circonus_check_tags",
        "circonus_submission_interval", "circonus_submission_url";
    Texts => "dogstatsd_tags", "prefix_filter";
    Duration => "prometheus_retention_time";
};

const ACL: &[Key] = keys! {
    Bool => "enabled", "enable_key_list_policy", "enable_token_persistence",
        "enable_token_replication", "msp_disable_bootstrap";
    Text => "default_policy", "down_policy";
    Duration => "policy_ttl", "role_ttl", "token_ttl", "disabled_ttl";
    Section(TOKENS) => "tokens";
};

const TOKENS: &[Key] = keys! {
    Text => "initial_management", "agent_recovery", "default", "agent", "replication", "dns",
        "config_file_service_registration", "master", "agent_master";
    AnyList => "managed_service_provider";
};

const TLS: &[Key] = keys! {
    Section(TLS_LISTENER) => "defaults", "internal_rpc", "https", "grpc";
};

const TLS_LISTENER: &[Key] = keys! {
    Text => "ca_file", "ca_path", "cert_file", "key_file", "tls_min_version",
        "tls_cipher_suites";
    Bool => "verify_incoming", "verify_outgoing", "verify_server_hostname", "use_auto_cert";
};

const AUTO_ENCRYPT: &[Key] = keys! {
    Bool => "tls", "allow_tls";
    Texts => "dns_san", "ip_san";
};

const AUTO_CONFIG: &[Key] = keys! {
    Bool => "enabled";
    Text => "intro_token", "intro_token_file";
    Texts => "server_addresses", "dns_sans", "ip_sans";
    Any => "authorization";
};

const CONFIG_ENTRIES: &[Key] = keys! { AnyList => "bootstrap"; };

const CONNECT: &[Key] = keys! {
    Bool => "enabled", "enable_mesh_gateway_wan_federation", "enable_serverless_plugin";
    Text => "ca_provider";
    Any => "ca_config";
};

const ENABLED: &[Key] = keys! { Bool => "enabled"; };

/// Keys of a service definition.
pub(super) const SERVICE: &[Key] = keys! {
    Text => "id", "name", "address", "token", "kind", "namespace", "partition", "socket_path";
    Texts => "tags";
    TextMap => "meta";
    Int => "port";
    Bool => "enable_tag_override";
    SectionMap(SERVICE_ADDRESS) => "tagged_addresses";
    SectionList(SERVICE_PORT) => "ports";
    Section(WEIGHTS) => "weights";
    Section(CHECK) => "check";
    SectionList(CHECK) => "checks";
    Section(PROXY) => "proxy";
    Section(SERVICE_CONNECT) => "connect";
    Section(LOCALITY) => "locality";
};

const SERVICE_ADDRESS: &[Key] = keys! { Text => "address"; Int => "port"; };

const SERVICE_PORT: &[Key] = keys! { Text => "name"; Int => "port"; Bool => "default"; };

const WEIGHTS: &[Key] = keys! { Int => "passing", "warning"; };

const SERVICE_CONNECT: &[Key] = keys! {
    Bool => "native";
    Sidecar => "sidecar_service";
};

const PROXY: &[Key] = keys! {
    Text => "destination_service_name", "destination_service_id", "local_service_address",
        "local_service_socket_path", "mode";
    Int => "local_service_port";
    Any => "config", "envoy_extensions";
    SectionList(UPSTREAM) => "upstreams";
    Section(MESH_GATEWAY) => "mesh_gateway";
    Section(EXPOSE) => "expose";
    Section(TRANSPARENT_PROXY) => "transparent_proxy";
};

const UPSTREAM: &[Key] = keys! {
    Text => "destination_type", "destination_namespace", "destination_partition",
        "destination_peer", "destination_name", "datacenter", "local_bind_address",
        "local_bind_socket_path", "local_bind_socket_mode";
    Int => "local_bind_port";
    Any => "config";
    Section(MESH_GATEWAY) => "mesh_gateway";
};

const MESH_GATEWAY: &[Key] = keys! { Text => "mode"; };

const EXPOSE: &[Key] = keys! {
    Bool => "checks";
    Int => "port";
    SectionList(EXPOSE_PATH) => "paths";
};

const EXPOSE_PATH: &[Key] = keys! {
    Int => "listener_port", "local_path_port";
    Text => "path", "protocol";
};

const TRANSPARENT_PROXY: &[Key] = keys! {
    Int => "outbound_listener_port";
    Bool => "dialed_directly";
};

/// Keys of a check definition.
pub(super) const CHECK: &[Key] = &[
    key("id", Text),
    key("name", Text),
    key("notes", Text),
    key("service_id", Text).or("serviceid"),
    key("token", Text),
    key("status", Text),
    key("namespace", Text),
    key("partition", Text),
    key("args", Texts).or("scriptargs"),
    key("http", Text),
    key("header", TextListMap),
    key("method", Text),
    key("body", Text),
    key("disable_redirects", Bool),
    key("output_max_size", Int),
    key("tcp", Text),
    key("tcp_use_tls", Bool),
    key("udp", Text),
    key("interval", Duration),
    key("docker_container_id", Text).or("dockercontainerid"),
    key("shell", Text),
    key("grpc", Text),
    key("grpc_use_tls", Bool),
    key("h2ping", Text),
    key("h2ping_use_tls", Bool),
    key("os_service", Text),
    key("tls_server_name", Text),
    key("tls_skip_verify", Bool).or("tlsskipverify"),
    key("alias_node", Text),
    key("alias_service", Text),
    key("timeout", Duration),
    key("ttl", Duration),
    key("success_before_passing", Int),
    key("failures_before_warning", Int),
    key("failures_before_critical", Int),
    key("deregister_critical_service_after", Duration).or("deregistercriticalserviceafter"),
];

/// Whether a dotted path, such as `ports.http`, names a key.
#[cfg(test)]
pub(super) fn contains(path: &str) -> bool {
    let mut keys = ROOT;
    let mut parts = path.split('.').peekable();
    while let Some(part) = parts.next() {
        let Some(found) = keys.iter().find(|key| key.name == part) else {
            return false;
        };
        match found.kind {
            Section(inner) => keys = inner,
            _ => return parts.peek().is_none(),
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_are_unique(keys: &[Key], depth: usize) {
        let mut names: Vec<_> = keys
            .iter()
            .flat_map(|key| [Some(key.name), key.alias])
            .flatten()
            .collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "a name stands twice in {names:?}");
        for key in keys {
            if let (Section(inner) | SectionList(inner), true) = (key.kind, depth < 4) {
                names_are_unique(inner, depth + 1);
            }
        }
    }

    #[test]
    fn no_key_stands_twice() {
        names_are_unique(ROOT, 0);
    }

    #[test]
    fn every_flag_sets_a_known_key() {
        use crate::agent::config::AgentFlags;
        let keys: Vec<_> = AgentFlags::keys().collect();
        assert!(keys.len() > 50);
        for key in keys {
            assert!(contains(key), "{key}");
        }
    }
}
