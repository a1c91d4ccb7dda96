//! The topics of [`Config`](super::Config) that are plain reads of their keys.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reader::Reader;
use super::runtime::{
    AutopilotConfig, CheckConfig, ConnectConfig, DnsConfig, GossipConfig, GossipPool, HttpConfig,
    JoinConfig, LimitsConfig, LogConfig, NodeConfig, RaftConfig, RequestLimitMode, RequestLimits,
    SoaConfig, TelemetryConfig, UiConfig, UpkeepConfig,
};
use super::template;

/// Consul's raft timers before the multiplier: heartbeat, election, leader lease.
const RAFT_TIMERS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(1),
    Duration::from_millis(500),
];

/// The same in development mode.
const RAFT_TIMERS_DEV: [Duration; 3] = [
    Duration::from_millis(35),
    Duration::from_millis(52),
    Duration::from_millis(20),
];

/// Largest multiplier of the raft timers.
const MAX_RAFT_MULTIPLIER: i64 = 10;

pub(super) fn node(reader: &mut Reader<'_>, hostname: &str, dev_mode: bool) -> NodeConfig {
    let server = reader.flag("server");
    let datacenter = reader.text("datacenter").to_lowercase();
    let primary = reader.text("primary_datacenter").to_lowercase();
    let name = reader
        .optional_text("node_name")
        .filter(|name| !name.is_empty());
    NodeConfig {
        name: name.as_deref().unwrap_or(hostname).trim().to_owned(),
        id: reader.optional_text("node_id").filter(|id| !id.is_empty()),
        primary_datacenter: if primary.is_empty() {
            datacenter.clone()
        } else {
            primary
        },
        datacenter,
        data_dir: reader.text("data_dir").into(),
        meta: reader.map("node_meta"),
        server,
        bootstrap: reader.flag("bootstrap"),
        bootstrap_expect: reader.count("bootstrap_expect"),
        read_replica: reader.flag("read_replica"),
        protocol: reader.int("protocol"),
        leave_on_terminate: reader
            .optional_flag("leave_on_terminate")
            .unwrap_or(!server),
        skip_leave_on_interrupt: reader
            .optional_flag("skip_leave_on_interrupt")
            .unwrap_or(server),
        leave_drain_time: reader.duration("performance.leave_drain_time"),
        pid_file: reader
            .optional_text("pid_file")
            .filter(|path| !path.is_empty())
            .map(Into::into),
        disable_host_node_id: reader.flag("disable_host_node_id"),
        auto_reload_config: reader.flag("auto_reload_config"),
        enable_debug: reader.flag("enable_debug"),
        disable_remote_exec: reader.flag("disable_remote_exec"),
        disable_update_check: reader.flag("disable_update_check"),
        disable_anonymous_signature: reader.flag("disable_anonymous_signature"),
        disable_coordinates: reader.flag("disable_coordinates"),
        enable_central_service_config: reader.flag("enable_central_service_config"),
        session_ttl_min: reader.duration("session_ttl_min"),
        upkeep: upkeep(dev_mode),
    }
}

fn upkeep(dev_mode: bool) -> UpkeepConfig {
    let fast = |dev, usual| if dev_mode { dev } else { usual };
    UpkeepConfig {
        anti_entropy_interval: Duration::from_mins(1),
        check_deregister_interval_min: Duration::from_mins(1),
        check_reap_interval: Duration::from_secs(30),
        sync_coordinate_interval_min: Duration::from_secs(15),
        sync_coordinate_rate_target: 64.0,
        coordinate_update_batch_size: 128,
        coordinate_update_max_batches: 5,
        coordinate_update_period: fast(Duration::from_millis(100), Duration::from_secs(5)),
        server_health_interval: fast(Duration::from_millis(10), Duration::from_secs(2)),
    }
}

pub(super) fn join(reader: &mut Reader<'_>) -> JoinConfig {
    JoinConfig {
        start_lan: reader.peers("start_join"),
        start_wan: reader.peers("start_join_wan"),
        retry_lan: reader.peers("retry_join"),
        retry_wan: reader.peers("retry_join_wan"),
        retry_interval_lan: reader.duration("retry_interval"),
        retry_interval_wan: reader.duration("retry_interval_wan"),
        retry_max_lan: reader.bound("retry_max"),
        retry_max_wan: reader.bound("retry_max_wan"),
        rejoin_after_leave: reader.flag("rejoin_after_leave"),
        primary_gateways: reader.peers("primary_gateways"),
        primary_gateways_interval: reader.duration("primary_gateways_interval"),
    }
}

pub(super) fn gossip(reader: &mut Reader<'_>) -> GossipConfig {
    GossipConfig {
        lan: pool(
            reader,
            "gossip_lan",
            "reconnect_timeout",
            "serf_lan_allowed_cidrs",
        ),
        wan: pool(
            reader,
            "gossip_wan",
            "reconnect_timeout_wan",
            "serf_wan_allowed_cidrs",
        ),
        advertise_reconnect_timeout: reader.duration("advertise_reconnect_timeout"),
        encrypt: reader.secret("encrypt"),
        encrypt_verify_incoming: reader.flag("encrypt_verify_incoming"),
        encrypt_verify_outgoing: reader.flag("encrypt_verify_outgoing"),
        disable_keyring_file: reader.flag("disable_keyring_file"),
    }
}

fn pool(reader: &mut Reader<'_>, section: &str, reconnect: &str, cidrs: &str) -> GossipPool {
    let key = |name| format!("{section}.{name}");
    GossipPool {
        gossip_interval: reader.duration(&key("gossip_interval")),
        gossip_nodes: reader.count(&key("gossip_nodes")),
        probe_interval: reader.duration(&key("probe_interval")),
        probe_timeout: reader.duration(&key("probe_timeout")),
        suspicion_mult: reader.count(&key("suspicion_mult")),
        retransmit_mult: reader.count(&key("retransmit_mult")),
        reconnect_timeout: reader.duration(reconnect),
        allowed_cidrs: reader.is_set(cidrs).then(|| reader.networks(cidrs, cidrs)),
    }
}

pub(super) fn dns(reader: &mut Reader<'_>) -> DnsConfig {
    DnsConfig {
        domain: reader.text("domain"),
        alt_domain: reader.text("alt_domain"),
        allow_stale: reader.flag("dns_config.allow_stale"),
        max_stale: reader.duration("dns_config.max_stale"),
        node_ttl: reader.duration("dns_config.node_ttl"),
        service_ttl: service_ttl(reader),
        enable_truncate: reader.flag("dns_config.enable_truncate"),
        only_passing: reader.flag("dns_config.only_passing"),
        udp_answer_limit: reader.count("dns_config.udp_answer_limit"),
        a_record_limit: reader.count("dns_config.a_record_limit"),
        disable_compression: reader.flag("dns_config.disable_compression"),
        recursors: recursors(reader),
        recursor_timeout: reader.duration("dns_config.recursor_timeout"),
        recursor_random: recursor_random(reader),
        node_meta_txt: reader.flag("dns_config.enable_additional_node_meta_txt"),
        use_cache: reader.flag("dns_config.use_cache"),
        cache_max_age: reader.duration("dns_config.cache_max_age"),
        soa: SoaConfig {
            refresh: reader.count("dns_config.soa.refresh"),
            retry: reader.count("dns_config.soa.retry"),
            expire: reader.count("dns_config.soa.expire"),
            min_ttl: reader.count("dns_config.soa.min_ttl"),
        },
    }
}

fn service_ttl(reader: &mut Reader<'_>) -> BTreeMap<String, Duration> {
    const KEY: &str = "dns_config.service_ttl";
    let texts = reader.map(KEY).into_iter();
    texts
        .map(|(service, text)| {
            let ttl = reader.parse_duration(KEY, &format!("{KEY}[{service:?}]"), &text);
            (service, ttl)
        })
        .collect()
}

fn recursors(reader: &mut Reader<'_>) -> Vec<String> {
    const KEY: &str = "recursors";
    let mut recursors: Vec<String> = Vec::new();
    for text in reader.texts(KEY) {
        let expanded = match template::expand(&text, reader.interfaces) {
            Ok(expanded) => expanded,
            Err(error) => {
                reader.error(
                    KEY,
                    format!("Invalid DNS recursor template {text:?}: {error}"),
                );
                continue;
            }
        };
        for address in expanded.split_whitespace() {
            if address.starts_with("unix://") {
                reader.error(
                    KEY,
                    format!("DNS Recursors cannot be unix sockets: {address}"),
                );
            } else if matches!(address, "0.0.0.0" | "::" | "[::]") {
                reader.error(KEY, "DNS recursor address cannot be 0.0.0.0, :: or [::]");
            } else if !recursors.iter().any(|known| known == address) {
                recursors.push(address.to_owned());
            }
        }
    }
    recursors
}

fn recursor_random(reader: &mut Reader<'_>) -> bool {
    const KEY: &str = "dns_config.recursor_strategy";
    match reader.text(KEY).as_str() {
        "" | "sequential" => false,
        "random" => true,
        other => {
            reader.error(KEY, format!("{KEY}: invalid strategy: {other:?}"));
            false
        }
    }
}

pub(super) fn http(reader: &mut Reader<'_>) -> HttpConfig {
    HttpConfig {
        block_endpoints: reader.texts("http_config.block_endpoints"),
        response_headers: reader.map("http_config.response_headers"),
        allow_write_from: reader
            .networks("http_config.allow_write_http_from", "allow_write_http_from"),
        use_cache: reader.flag("http_config.use_cache"),
        max_header_bytes: reader.size("http_config.max_header_bytes"),
        default_query_time: reader.duration("default_query_time"),
        max_query_time: reader.duration("max_query_time"),
        discovery_max_stale: reader.duration("discovery_max_stale"),
        disable_unprintable_char_filter: reader.flag("disable_http_unprintable_char_filter"),
        cache_fetch_max_burst: reader.count("cache.entry_fetch_max_burst"),
        cache_fetch_rate: reader
            .optional_float("cache.entry_fetch_rate")
            .unwrap_or(f64::MAX),
    }
}

pub(super) fn ui(reader: &Reader<'_>) -> UiConfig {
    let path = reader.text("ui_config.content_path");
    let path = path.trim_matches('/');
    let proxy_paths = reader.texts("ui_config.metrics_proxy.path_allowlist");
    let provider = reader.text("ui_config.metrics_provider");
    let needs_paths = provider == "prometheus" && proxy_paths.is_empty();
    UiConfig {
        enabled: reader.flag("ui_config.enabled"),
        dir: reader.text("ui_config.dir"),
        content_path: if path.is_empty() {
            "/ui/".to_owned()
        } else {
            format!("/{path}/")
        },
        metrics_provider: provider,
        metrics_provider_files: reader.texts("ui_config.metrics_provider_files"),
        metrics_provider_options_json: reader.text("ui_config.metrics_provider_options_json"),
        metrics_proxy_base_url: reader.text("ui_config.metrics_proxy.base_url"),
        metrics_proxy_path_allowlist: if needs_paths {
            vec!["/api/v1/query".to_owned(), "/api/v1/query_range".to_owned()]
        } else {
            proxy_paths
        },
        dashboard_url_templates: reader.map("ui_config.dashboard_url_templates"),
    }
}

pub(super) fn limits(reader: &mut Reader<'_>) -> LimitsConfig {
    LimitsConfig {
        http_max_conns_per_client: reader.bound("limits.http_max_conns_per_client"),
        https_handshake_timeout: reader.duration("limits.https_handshake_timeout"),
        rpc_handshake_timeout: reader.duration("limits.rpc_handshake_timeout"),
        rpc_client_timeout: reader.duration("limits.rpc_client_timeout"),
        rpc_max_conns_per_client: reader.bound("limits.rpc_max_conns_per_client"),
        rpc_rate: reader.float("limits.rpc_rate"),
        rpc_max_burst: reader.count("limits.rpc_max_burst"),
        rpc_hold_timeout: reader.duration("performance.rpc_hold_timeout"),
        kv_max_value_size: reader.size("limits.kv_max_value_size"),
        txn_max_req_len: reader.size("limits.txn_max_req_len"),
        request_limits: RequestLimits {
            mode: request_limit_mode(reader),
            read_rate: reader.float("limits.request_limits.read_rate"),
            write_rate: reader.float("limits.request_limits.write_rate"),
        },
    }
}

fn request_limit_mode(reader: &mut Reader<'_>) -> RequestLimitMode {
    const KEY: &str = "limits.request_limits.mode";
    match reader.text(KEY).as_str() {
        "disabled" => RequestLimitMode::Disabled,
        "permissive" => RequestLimitMode::Permissive,
        "enforcing" => RequestLimitMode::Enforcing,
        other => {
            let message =
                format!("{KEY}: unknown mode {other:?}. Must be disabled, permissive or enforcing");
            reader.error(KEY, message);
            RequestLimitMode::Disabled
        }
    }
}

pub(super) fn raft(reader: &mut Reader<'_>, dev_mode: bool) -> RaftConfig {
    const KEY: &str = "performance.raft_multiplier";
    let multiplier = reader.int(KEY);
    if !(1..=MAX_RAFT_MULTIPLIER).contains(&multiplier) {
        let message =
            format!("{KEY} cannot be {multiplier}. Must be between 1 and {MAX_RAFT_MULTIPLIER}");
        reader.error(KEY, message);
    }
    let multiplier = u32::try_from(multiplier.clamp(1, MAX_RAFT_MULTIPLIER)).unwrap_or(1);
    let timers = if dev_mode {
        RAFT_TIMERS_DEV
    } else {
        RAFT_TIMERS
    };
    let [heartbeat_timeout, election_timeout, leader_lease_timeout] =
        timers.map(|timer| timer * multiplier);
    RaftConfig {
        protocol: reader.int("raft_protocol"),
        multiplier,
        heartbeat_timeout,
        election_timeout,
        leader_lease_timeout,
        snapshot_threshold: reader.size("raft_snapshot_threshold"),
        snapshot_interval: reader.duration("raft_snapshot_interval"),
        trailing_logs: reader.size("raft_trailing_logs"),
        autopilot: AutopilotConfig {
            cleanup_dead_servers: reader.flag("autopilot.cleanup_dead_servers"),
            last_contact_threshold: reader.duration("autopilot.last_contact_threshold"),
            max_trailing_logs: reader.size("autopilot.max_trailing_logs"),
            min_quorum: reader.size("autopilot.min_quorum"),
            server_stabilization_time: reader.duration("autopilot.server_stabilization_time"),
            redundancy_zone_tag: reader.text("autopilot.redundancy_zone_tag"),
            disable_upgrade_migration: reader.flag("autopilot.disable_upgrade_migration"),
            upgrade_version_tag: reader.text("autopilot.upgrade_version_tag"),
        },
    }
}

pub(super) fn log(reader: &mut Reader<'_>) -> LogConfig {
    LogConfig {
        level: reader.text("log_level").to_uppercase(),
        json: reader.flag("log_json"),
        file: reader.text("log_file"),
        rotate_bytes: reader.bound("log_rotate_bytes").into(),
        rotate_duration: reader.duration("log_rotate_duration"),
        rotate_max_files: reader.int("log_rotate_max_files"),
        syslog: reader.flag("enable_syslog"),
        syslog_facility: reader.text("syslog_facility"),
    }
}

pub(super) fn telemetry(reader: &mut Reader<'_>) -> TelemetryConfig {
    let (mut allowed_prefixes, mut blocked_prefixes) = (Vec::new(), Vec::new());
    for rule in reader.texts("telemetry.prefix_filter") {
        if let Some(prefix) = rule.strip_prefix('+') {
            allowed_prefixes.push(prefix.to_owned());
        } else if let Some(prefix) = rule.strip_prefix('-') {
            blocked_prefixes.push(prefix.to_owned());
        } else if rule.is_empty() {
            reader.warn("Cannot have empty filter rule in prefix_filter");
        } else {
            reader.warn(format!(
                "Filter rule must begin with either '+' or '-': {rule:?}"
            ));
        }
    }
    TelemetryConfig {
        disable_hostname: reader.flag("telemetry.disable_hostname"),
        metrics_prefix: reader.text("telemetry.metrics_prefix"),
        filter_default: reader.flag("telemetry.filter_default"),
        allowed_prefixes,
        blocked_prefixes,
        prometheus_retention_time: reader.duration("telemetry.prometheus_retention_time"),
        statsd_addr: reader.text("telemetry.statsd_address"),
        statsite_addr: reader.text("telemetry.statsite_address"),
        dogstatsd_addr: reader.text("telemetry.dogstatsd_addr"),
        dogstatsd_tags: reader.texts("telemetry.dogstatsd_tags"),
    }
}

pub(super) fn check(reader: &mut Reader<'_>) -> CheckConfig {
    const SIZE: &str = "check_output_max_size";
    if reader.int(SIZE) < 1 {
        reader.error(
            SIZE,
            "check_output_max_size must be positive, to discard check output \
             use the discard_check_output flag",
        );
    }
    let enable_remote_scripts = reader.flag("enable_script_checks");
    CheckConfig {
        output_max_size: u64::try_from(reader.int(SIZE)).unwrap_or(0),
        update_interval: reader.duration("check_update_interval"),
        discard_output: reader.flag("discard_check_output"),
        enable_local_scripts: reader
            .optional_flag("enable_local_script_checks")
            .unwrap_or(enable_remote_scripts),
        enable_remote_scripts,
    }
}

pub(super) fn connect(reader: &Reader<'_>) -> ConnectConfig {
    // Certificates and configuration for clients come from the mesh's authority.
    let implied = reader.flag("auto_encrypt.allow_tls") || reader.flag("auto_config.enabled");
    ConnectConfig {
        enabled: reader.flag("connect.enabled") || implied,
        ca_provider: reader.text("connect.ca_provider"),
        ca_config: reader.json("connect.ca_config"),
        mesh_gateway_wan_federation: reader.flag("connect.enable_mesh_gateway_wan_federation"),
    }
}
