//! The configuration, cut to what each room needs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::agent::acl::AllowAll;
use crate::agent::checks::runner::{AgentTlsFiles, CheckTls};
use crate::agent::config::{Config, ListenAddr};
use crate::agent::dns::{DnsSettings, RecursorStrategy, SoaTimes, Staleness};
use crate::agent::http::{
    BindAddress, Facts, ResponseHeaders, TransportSettings, UnixSocketSettings,
};
use crate::agent::leader::{CoordinateBatches, LeaderSettings};
use crate::agent::local::{
    ClusterSize, FileDefinitions, LocalSettings, NodeIdentity, SidecarPorts, StateSettings,
};
use crate::agent::membership::{PoolKind, RetryJoin};
use crate::agent::raft::RaftSettings;
use crate::agent::rpc::{MIN_SESSION_TTL, RaftTransport, RateLimit, RpcSettings};
use crate::agent::telemetry::metrics::{Filter, Metrics, Targets};
use crate::agent::telemetry::{
    Facility, FileSettings, Level, MetricsSettings, Output, SyslogSettings, TelemetrySettings,
};
use crate::model::agent::SelfConfig;
use crate::model::raft::AutopilotConfiguration;
use crate::model::watch::WatchDefinition;

use super::founding::Founder;
use super::start_error::StartError;

/// A configured value that a room does not take.
fn wrong(key: &'static str, reason: impl std::fmt::Display) -> StartError {
    StartError::Setting {
        key,
        reason: reason.to_string(),
    }
}

fn small(key: &'static str, value: u64) -> Result<usize, StartError> {
    usize::try_from(value).map_err(|err| wrong(key, err))
}

pub(super) fn telemetry(config: &Config, hostname: &str) -> Result<TelemetrySettings, StartError> {
    let log = &config.log;
    let file = (!log.file.is_empty()).then(|| {
        let mut file = FileSettings::new(log.file.clone());
        file.max_bytes = log.rotate_bytes;
        file.max_files = log.rotate_max_files;
        if !log.rotate_duration.is_zero() {
            file.max_age = log.rotate_duration;
        }
        file
    });
    let syslog = if log.syslog {
        let facility =
            Facility::parse(&log.syslog_facility).map_err(|e| wrong("syslog_facility", e))?;
        Some(SyslogSettings::new(facility))
    } else {
        None
    };
    Ok(TelemetrySettings {
        level: level(config)?,
        json: log.json,
        output: Output::Stdout,
        gated: true,
        file,
        syslog,
        zone: None,
        metrics: metrics(config, hostname)?,
    })
}

/// The configured log level.
pub(super) fn level(config: &Config) -> Result<Level, StartError> {
    Level::parse(&config.log.level).map_err(|err| StartError::LogLevel(err.0))
}

fn metrics(config: &Config, hostname: &str) -> Result<MetricsSettings, StartError> {
    let from = &config.telemetry;
    let rules: Vec<String> = from
        .allowed_prefixes
        .iter()
        .map(|prefix| format!("+{prefix}"))
        .chain(
            from.blocked_prefixes
                .iter()
                .map(|prefix| format!("-{prefix}")),
        )
        .collect();
    let set = |text: &String| (!text.is_empty()).then(|| text.clone());
    Ok(MetricsSettings {
        prefix: from.metrics_prefix.clone(),
        hostname: hostname.to_owned(),
        disable_hostname: from.disable_hostname,
        filter: Filter::parse(&rules, from.filter_default)
            .map_err(|err| wrong("telemetry.prefix_filter", err))?,
        prometheus_retention: from.prometheus_retention_time,
        targets: Targets {
            statsd: set(&from.statsd_addr),
            statsite: set(&from.statsite_addr),
            dogstatsd: set(&from.dogstatsd_addr),
            dogstatsd_tags: from.dogstatsd_tags.clone(),
        },
    })
}

pub(super) fn raft(
    config: &Config,
    node_id: &str,
    dir: Option<PathBuf>,
    metrics: &Metrics,
) -> RaftSettings {
    RaftSettings {
        dir,
        node_uuid: node_id.to_owned(),
        address: rpc_address(config).to_string(),
        raft_multiplier: config.raft.multiplier,
        bootstrap: bootstraps(config) && !joins_somebody(config),
        snapshot_threshold: config.raft.snapshot_threshold,
        trailing_logs: config.raft.trailing_logs,
        transport: Arc::new(RaftTransport::default()),
        clock: Arc::new(SystemTime::now),
        metrics: metrics.clone(),
    }
}

/// Whether this server forms a cluster of its own.
pub(super) fn bootstraps(config: &Config) -> bool {
    config.dev_mode || config.node.bootstrap || config.node.bootstrap_expect == 1
}

/// Whether this server is to join others: they may be in a cluster already.
fn joins_somebody(config: &Config) -> bool {
    !config.join.start_lan.is_empty() || !config.join.retry_lan.is_empty()
}

/// How this server takes part in forming a cluster; `None` when it waits for nobody.
pub(super) fn founder(config: &Config, node_id: &str) -> Option<Founder> {
    let expect = config.node.bootstrap_expect;
    let alone = bootstraps(config);
    let waits = if alone {
        joins_somebody(config)
    } else {
        expect > 1
    };
    waits.then(|| Founder {
        id: node_id.to_owned(),
        address: rpc_address(config).to_string(),
        datacenter: config.node.datacenter.clone(),
        expect: if alone { 1 } else { expect },
    })
}

/// The address under which other servers reach this one.
pub(super) fn rpc_address(config: &Config) -> SocketAddr {
    let port = config.addresses.ports.server.unwrap_or(0);
    let fallback = SocketAddr::new(config.addresses.advertise_lan, port);
    config.addresses.rpc_advertise.unwrap_or(fallback)
}

pub(super) fn rpc(config: &Config) -> RpcSettings {
    RpcSettings {
        source: Some(config.addresses.bind).filter(|bind| !bind.is_unspecified()),
        hold_timeout: config.limits.rpc_hold_timeout,
        default_query_time: config.http.default_query_time,
        max_query_time: config.http.max_query_time,
        session_ttl_min: Some(config.node.session_ttl_min)
            .filter(|shortest| !shortest.is_zero())
            .unwrap_or(MIN_SESSION_TTL),
        rate: RateLimit {
            per_second: config.limits.rpc_rate,
            burst: config.limits.rpc_max_burst,
        },
        ..RpcSettings::new(&config.node.datacenter, Arc::new(AllowAll))
    }
}

pub(super) fn leader(config: &Config) -> LeaderSettings {
    let from = &config.raft.autopilot;
    let upkeep = &config.node.upkeep;
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    LeaderSettings {
        coordinates: CoordinateBatches {
            period: upkeep.coordinate_update_period,
            size: count(upkeep.coordinate_update_batch_size).max(1),
            max_batches: count(upkeep.coordinate_update_max_batches),
        },
        datacenter: config.node.datacenter.clone(),
        autopilot: AutopilotConfiguration {
            cleanup_dead_servers: from.cleanup_dead_servers,
            last_contact_threshold: from.last_contact_threshold.into(),
            max_trailing_logs: from.max_trailing_logs,
            min_quorum: from.min_quorum,
            server_stabilization_time: from.server_stabilization_time.into(),
            redundancy_zone_tag: from.redundancy_zone_tag.clone(),
            disable_upgrade_migration: from.disable_upgrade_migration,
            upgrade_version_tag: from.upgrade_version_tag.clone(),
            ..AutopilotConfiguration::default()
        },
    }
}

pub(super) fn dns(config: &Config) -> Result<DnsSettings, StartError> {
    let from = &config.dns;
    let recursors = from
        .recursors
        .iter()
        .map(|text| crate::agent::dns::parse_recursor(text))
        .collect::<Result<_, _>>()
        .map_err(|err| wrong("recursors", err))?;
    Ok(DnsSettings {
        datacenter: config.node.datacenter.clone(),
        node_name: config.node.name.clone(),
        domain: from.domain.clone(),
        alt_domain: from.alt_domain.clone(),
        only_passing: from.only_passing,
        enable_truncate: from.enable_truncate,
        disable_compression: from.disable_compression,
        enable_additional_node_meta_txt: from.node_meta_txt,
        udp_answer_limit: small("dns_config.udp_answer_limit", from.udp_answer_limit.into())?,
        a_record_limit: small("dns_config.a_record_limit", from.a_record_limit.into())?,
        node_ttl: from.node_ttl,
        service_ttl: from.service_ttl.clone(),
        soa: SoaTimes {
            refresh: from.soa.refresh,
            retry: from.soa.retry,
            expire: from.soa.expire,
            min_ttl: from.soa.min_ttl,
        },
        recursors,
        recursor_strategy: if from.recursor_random {
            RecursorStrategy::Random
        } else {
            RecursorStrategy::Sequential
        },
        recursor_timeout: from.recursor_timeout,
        translate_wan_addrs: config.addresses.translate_wan,
        staleness: Staleness {
            allowed: from.allow_stale,
            most: from.max_stale,
        },
    })
}

pub(super) fn facts(config: &Config) -> Result<Facts, StartError> {
    Ok(Facts {
        datacenter: config.node.datacenter.clone(),
        node_name: config.node.name.clone(),
        discovery_max_stale: config.http.discovery_max_stale,
        kv_max_value_size: small("limits.kv_max_value_size", config.limits.kv_max_value_size)?,
        txn_max_req_len: small("limits.txn_max_req_len", config.limits.txn_max_req_len)?.max(
            small("limits.kv_max_value_size", config.limits.kv_max_value_size)?,
        ),
        bootstrap: config.node.bootstrap,
        disable_coordinates: config.node.disable_coordinates,
        default_token: config.acl.tokens.default.reveal().to_owned(),
    })
}

pub(super) fn transport(config: &Config) -> Result<TransportSettings, StartError> {
    Ok(TransportSettings {
        always_pretty: config.dev_mode,
        response_headers: ResponseHeaders::parse(&config.http.response_headers)
            .map_err(|err| wrong("http_config.response_headers", err))?,
        block_endpoints: config.http.block_endpoints.clone(),
        allow_write_http_from: config.http.allow_write_from.clone(),
        allow_unprintable: config.http.disable_unprintable_char_filter,
        max_connections_per_client: config.limits.http_max_conns_per_client,
    })
}

pub(super) fn local(
    config: &Config,
    node_id: &str,
    data_dir: Option<&Path>,
    cluster_size: ClusterSize,
) -> LocalSettings {
    let check = &config.check;
    let (low, high) = config.addresses.ports.sidecar;
    LocalSettings {
        state: StateSettings {
            sidecar_ports: SidecarPorts {
                min: low.unwrap_or(0),
                max: high.unwrap_or(0),
            },
            local_script_checks: check.enable_local_scripts,
            remote_script_checks: check.enable_remote_scripts,
            discard_check_output: check.discard_output,
            defer_output: !check.update_interval.is_zero(),
        },
        data_dir: data_dir.map(Path::to_owned),
        definitions: definitions(config),
        cluster_size,
        check_update_interval: check.update_interval,
        check_output_max_size: usize::try_from(check.output_max_size).unwrap_or(usize::MAX),
        ..LocalSettings::new(NodeIdentity {
            id: node_id.to_owned(),
            name: config.node.name.clone(),
            datacenter: config.node.datacenter.clone(),
            address: config.addresses.advertise_lan.to_string(),
            tagged_addresses: config.addresses.tagged.clone(),
            meta: super::start::node_meta(config),
        })
    }
}

/// The TLS of checks: the agent's own with `enable_agent_tls_for_checks`, the system's otherwise.
pub(super) fn check_tls(config: &Config) -> Result<CheckTls, StartError> {
    let tls = &config.tls;
    if !tls.enable_agent_tls_for_checks {
        return Ok(CheckTls::default());
    }
    let names = [&tls.server_name, &config.node.name];
    let server_name = names.into_iter().find(|name| !name.is_empty());
    let files = AgentTlsFiles {
        ca_file: &tls.internal_rpc.ca_file,
        ca_path: &tls.internal_rpc.ca_path,
        cert_file: &tls.internal_rpc.cert_file,
        key_file: &tls.internal_rpc.key_file,
        server_name: server_name.map_or("", String::as_str),
    };
    CheckTls::read(files).map_err(|err| wrong("enable_agent_tls_for_checks", err))
}

/// The services and checks of the configuration.
pub(super) fn definitions(config: &Config) -> FileDefinitions {
    FileDefinitions {
        services: config
            .services
            .iter()
            .map(|found| found.value.clone())
            .collect(),
        checks: config
            .checks
            .iter()
            .map(|found| found.value.clone())
            .collect(),
    }
}

/// The watches of the configuration.
pub(super) fn watches(config: &Config) -> impl Iterator<Item = WatchDefinition> {
    config.watches.iter().map(|found| found.value.clone())
}

/// Whom to join until it works, for each pool that exists.
pub(super) fn retry_joins(config: &Config) -> Vec<RetryJoin> {
    let join = &config.join;
    let lan = RetryJoin {
        pool: PoolKind::Lan,
        addresses: join.retry_lan.clone(),
        interval: join.retry_interval_lan,
        max: join.retry_max_lan,
    };
    let wan = RetryJoin {
        pool: PoolKind::Wan,
        addresses: join.retry_wan.clone(),
        interval: join.retry_interval_wan,
        max: join.retry_max_wan,
    };
    [lan, wan]
        .into_iter()
        .filter(|retry| !retry.addresses.is_empty())
        .collect()
}

/// Where the API listens, and who owns its unix sockets.
pub(super) fn http_listeners(config: &Config) -> (Vec<BindAddress>, UnixSocketSettings) {
    let addresses = config
        .addresses
        .http
        .iter()
        .map(|address| match address {
            ListenAddr::Tcp(address) => BindAddress::Tcp(*address),
            ListenAddr::Unix(path) => BindAddress::Unix(path.clone()),
        })
        .collect();
    let from = &config.addresses.unix_sockets;
    let unix = UnixSocketSettings {
        user: from.user.clone(),
        group: from.group.clone(),
        mode: from.mode.clone(),
    };
    (addresses, unix)
}

pub(super) fn self_config(config: &Config, node_id: &str) -> SelfConfig {
    SelfConfig {
        datacenter: config.node.datacenter.clone(),
        primary_datacenter: config.node.primary_datacenter.clone(),
        node_name: config.node.name.clone(),
        node_id: node_id.to_owned(),
        revision: crate::model::agent::REVISION.to_owned(),
        server: config.node.server,
        version: crate::model::agent::VERSION.to_owned(),
    }
}

/// How long a stopping agent waits for requests that are being answered.
pub(super) const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
