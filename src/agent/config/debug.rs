//! The whole configuration as `/v1/agent/self` shows it in `DebugConfig`: Consul's names, secrets
//! hidden.

use std::fmt::Display;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::debug_definitions::{check, service};
use super::runtime::{Config, GossipPool};
use crate::model::duration::GoDuration;

/// What `DebugConfig` shows and the configuration does not know.
#[derive(Debug, Clone, Default)]
pub struct DebugFacts {
    /// The node's ID, configured or not.
    pub node_id: String,
    /// Version, such as `1.10.0`.
    pub version: String,
    /// What comes after the version, such as `dev`.
    pub version_prerelease: String,
    /// Revision of the sources.
    pub revision: String,
}

/// The value of `DebugConfig`, keys sorted.
pub fn debug_config(config: &Config, facts: &DebugFacts) -> Json {
    let parts = [
        acl(config),
        addresses(config),
        auto_config(config),
        autopilot(config),
        bounds(config),
        connect(config),
        constants(config, facts),
        definitions(config),
        dns(config),
        gossip(config),
        http(config),
        join(config),
        log(config),
        node(config, facts),
        ports(config),
        raft(config),
        switches(config),
        telemetry(config),
        tls(config),
    ];
    let mut object = Map::new();
    for part in parts {
        if let Json::Object(part) = part {
            object.extend(part);
        }
    }
    object.sort_keys();
    let mut whole = Json::Object(object);
    hide_secrets(&mut whole);
    whole
}

/// Ends of names of what must not be shown.
const SECRET_NAMES: [&str; 6] = ["token", "tokens", "key", "keyfile", "secret", "secretid"];

/// Hides every text whose name says that it is a token, a key or a secret.
fn hide_secrets(value: &mut Json) {
    match value {
        Json::Object(object) => {
            for (name, value) in object {
                let name = name.to_ascii_lowercase().replace('_', "");
                let is_secret = SECRET_NAMES.iter().any(|end| name.ends_with(end));
                match value {
                    Json::String(text) if is_secret => "hidden".clone_into(text),
                    value => hide_secrets(value),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(hide_secrets),
        _ => {}
    }
}

/// A duration as Go writes it.
pub(super) fn go(duration: Duration) -> String {
    GoDuration::from(duration).to_string()
}

fn urls<T: Display>(scheme: &str, addresses: impl IntoIterator<Item = T>) -> Vec<String> {
    addresses
        .into_iter()
        .map(|address| format!("{scheme}://{address}"))
        .collect()
}

fn listeners(addresses: &[super::ListenAddr]) -> Vec<String> {
    let url = |address: &super::ListenAddr| match address {
        super::ListenAddr::Tcp(socket) => format!("tcp://{socket}"),
        super::ListenAddr::Unix(path) => format!("unix://{}", path.display()),
    };
    addresses.iter().map(url).collect()
}

fn acl(config: &Config) -> Json {
    let acl = &config.acl;
    json!({
        "ACLAgentMasterToken": acl.tokens.agent_recovery.reveal(),
        "ACLAgentToken": acl.tokens.agent.reveal(),
        "ACLDatacenter": config.node.primary_datacenter,
        "ACLDefaultPolicy": acl.default_policy,
        "ACLDisabledTTL": "2m0s",
        "ACLDownPolicy": acl.down_policy,
        "ACLEnableKeyListPolicy": acl.enable_key_list_policy,
        "ACLEnableTokenPersistence": acl.enable_token_persistence,
        "ACLMasterToken": acl.tokens.initial_management.reveal(),
        "ACLPolicyTTL": go(acl.policy_ttl),
        "ACLReplicationToken": acl.tokens.replication.reveal(),
        "ACLRoleTTL": go(acl.role_ttl),
        "ACLToken": acl.tokens.default.reveal(),
        "ACLTokenReplication": acl.enable_token_replication,
        "ACLTokenTTL": go(acl.token_ttl),
        "ACLsEnabled": acl.enabled,
    })
}

fn addresses(config: &Config) -> Json {
    let addresses = &config.addresses;
    let one = |socket: Option<std::net::SocketAddr>| {
        socket.map_or_else(String::new, |socket| format!("tcp://{socket}"))
    };
    let mut dns = urls("tcp", &addresses.dns);
    dns.extend(urls("udp", &addresses.dns));
    json!({
        "AdvertiseAddrLAN": addresses.advertise_lan.to_string(),
        "AdvertiseAddrWAN": addresses.advertise_wan.to_string(),
        "BindAddr": addresses.bind.to_string(),
        "ClientAddrs": addresses.client,
        "DNSAddrs": dns,
        "GRPCAddrs": listeners(&addresses.grpc),
        "HTTPAddrs": listeners(&addresses.http),
        "HTTPSAddrs": listeners(&addresses.https),
        "RPCAdvertiseAddr": one(addresses.rpc_advertise),
        "RPCBindAddr": one(addresses.rpc_bind),
        "SerfAdvertiseAddrLAN": one(addresses.serf_lan_advertise),
        "SerfAdvertiseAddrWAN": one(addresses.serf_wan_advertise),
        "SerfBindAddrLAN": one(addresses.serf_lan_bind),
        "SerfBindAddrWAN": one(addresses.serf_wan_bind),
        "TaggedAddresses": addresses.tagged,
        "TranslateWANAddrs": addresses.translate_wan,
        "UnixSocketGroup": addresses.unix_sockets.group,
        "UnixSocketMode": addresses.unix_sockets.mode,
        "UnixSocketUser": addresses.unix_sockets.user,
    })
}

fn ports(config: &Config) -> Json {
    let ports = &config.addresses.ports;
    let port = |port: Option<u16>| port.map_or(-1, i64::from);
    json!({
        "ConnectSidecarMaxPort": port(ports.sidecar.1),
        "ConnectSidecarMinPort": port(ports.sidecar.0),
        "DNSPort": port(ports.dns),
        "ExposeMaxPort": port(ports.expose.1),
        "ExposeMinPort": port(ports.expose.0),
        "GRPCPort": port(ports.grpc),
        "HTTPPort": port(ports.http),
        "HTTPSPort": port(ports.https),
        "SerfPortLAN": port(ports.serf_lan),
        "SerfPortWAN": port(ports.serf_wan),
        "ServerPort": port(ports.server),
    })
}

fn auto_config(config: &Config) -> Json {
    let (auto, encrypt) = (&config.tls.auto_config, &config.tls.auto_encrypt);
    json!({
        "AutoConfig": {
            "Authorizer": authorizer(),
            "DNSSANs": auto.dns_sans,
            "Enabled": auto.enabled,
            "IPSANs": auto.ip_sans,
            "IntroToken": auto.intro_token.reveal(),
            "IntroTokenFile": auto.intro_token_file,
            "ServerAddresses": auto.server_addresses,
        },
        "AutoEncryptAllowTLS": encrypt.allow_tls,
        "AutoEncryptDNSSAN": encrypt.dns_san,
        "AutoEncryptIPSAN": encrypt.ip_san,
        "AutoEncryptTLS": encrypt.tls,
    })
}

/// Consul's authorizer of automatic configuration, which this agent does not offer, as it looks
/// switched off.
fn authorizer() -> Json {
    json!({
        "AllowReuse": false,
        "AuthMethod": {
            "ACLAuthMethodEnterpriseFields": {},
            "Config": {
                "BoundAudiences": null,
                "BoundIssuer": "",
                "ClaimMappings": null,
                "ClockSkewLeeway": 0,
                "ExpirationLeeway": 0,
                "JWKSCACert": "",
                "JWKSURL": "",
                "JWTSupportedAlgs": null,
                "JWTValidationPubKeys": null,
                "ListClaimMappings": null,
                "NotBeforeLeeway": 0,
                "OIDCDiscoveryCACert": "",
                "OIDCDiscoveryURL": "",
            },
            "Description": "",
            "DisplayName": "",
            "EnterpriseMeta": {},
            "MaxTokenTTL": "0s",
            "Name": "Auto Config Authorizer",
            "RaftIndex": { "CreateIndex": 0, "ModifyIndex": 0 },
            "TokenLocality": "",
            "Type": "jwt",
        },
        "ClaimAssertions": [],
        "Enabled": false,
    })
}

fn autopilot(config: &Config) -> Json {
    let autopilot = &config.raft.autopilot;
    json!({
        "AutopilotCleanupDeadServers": autopilot.cleanup_dead_servers,
        "AutopilotDisableUpgradeMigration": autopilot.disable_upgrade_migration,
        "AutopilotLastContactThreshold": go(autopilot.last_contact_threshold),
        "AutopilotMaxTrailingLogs": autopilot.max_trailing_logs,
        "AutopilotMinQuorum": autopilot.min_quorum,
        "AutopilotRedundancyZoneTag": autopilot.redundancy_zone_tag,
        "AutopilotServerStabilizationTime": go(autopilot.server_stabilization_time),
        "AutopilotUpgradeVersionTag": autopilot.upgrade_version_tag,
    })
}

fn bounds(config: &Config) -> Json {
    let limits = &config.limits;
    json!({
        "CheckOutputMaxSize": config.check.output_max_size,
        "CheckUpdateInterval": go(config.check.update_interval),
        "DefaultQueryTime": go(config.http.default_query_time),
        "DiscoveryMaxStale": go(config.http.discovery_max_stale),
        "HTTPMaxConnsPerClient": limits.http_max_conns_per_client,
        "HTTPSHandshakeTimeout": go(limits.https_handshake_timeout),
        "KVMaxValueSize": limits.kv_max_value_size,
        "LeaveDrainTime": go(config.node.leave_drain_time),
        "MaxQueryTime": go(config.http.max_query_time),
        "RPCHandshakeTimeout": go(limits.rpc_handshake_timeout),
        "RPCHoldTimeout": go(limits.rpc_hold_timeout),
        "RPCMaxBurst": limits.rpc_max_burst,
        "RPCMaxConnsPerClient": limits.rpc_max_conns_per_client,
        "RPCRateLimit": limits.rpc_rate,
        "SessionTTLMin": go(config.node.session_ttl_min),
        "TxnMaxReqLen": limits.txn_max_req_len,
    })
}

fn connect(config: &Config) -> Json {
    let connect = &config.connect;
    let ca_config = if connect.ca_config.is_null() {
        json!({})
    } else {
        connect.ca_config.clone()
    };
    json!({
        "ConnectCAConfig": ca_config,
        "ConnectCAProvider": connect.ca_provider,
        "ConnectEnabled": connect.enabled,
        "ConnectMeshGatewayWANFederationEnabled": connect.mesh_gateway_wan_federation,
        "ConnectTestCALeafRootChangeSpread": "0s",
    })
}

/// What cannot be configured.
fn constants(config: &Config, facts: &DebugFacts) -> Json {
    let upkeep = &config.node.upkeep;
    json!({
        "AEInterval": go(upkeep.anti_entropy_interval),
        "CheckDeregisterIntervalMin": go(upkeep.check_deregister_interval_min),
        "CheckReapInterval": go(upkeep.check_reap_interval),
        "ConsulCoordinateUpdateBatchSize": upkeep.coordinate_update_batch_size,
        "ConsulCoordinateUpdateMaxBatches": upkeep.coordinate_update_max_batches,
        "ConsulCoordinateUpdatePeriod": go(upkeep.coordinate_update_period),
        "ConsulServerHealthInterval": go(upkeep.server_health_interval),
        "EnterpriseRuntimeConfig": {},
        "Revision": facts.revision,
        "SegmentLimit": 64,
        "SegmentName": "",
        "SegmentNameLimit": 64,
        "Segments": [],
        "SyncCoordinateIntervalMin": go(upkeep.sync_coordinate_interval_min),
        "SyncCoordinateRateTarget": 64,
        "Version": facts.version,
        "VersionPrerelease": facts.version_prerelease,
    })
}

fn definitions(config: &Config) -> Json {
    json!({
        "Checks": config.checks.iter().map(|it| check(&it.value)).collect::<Vec<_>>(),
        "ConfigEntryBootstrap": config.config_entries.iter().map(|it| &it.value).collect::<Vec<_>>(),
        "Services": config.services.iter().map(|it| service(&it.value)).collect::<Vec<_>>(),
        "Watches": config.watches.iter().map(|it| &it.value).collect::<Vec<_>>(),
    })
}

fn dns(config: &Config) -> Json {
    let dns = &config.dns;
    let ttls = dns
        .service_ttl
        .iter()
        .map(|(name, ttl)| (name.clone(), Json::from(go(*ttl))));
    json!({
        "DNSARecordLimit": dns.a_record_limit,
        "DNSAllowStale": dns.allow_stale,
        "DNSAltDomain": dns.alt_domain,
        "DNSCacheMaxAge": go(dns.cache_max_age),
        "DNSDisableCompression": dns.disable_compression,
        "DNSDomain": dns.domain,
        "DNSEnableTruncate": dns.enable_truncate,
        "DNSMaxStale": go(dns.max_stale),
        "DNSNodeMetaTXT": dns.node_meta_txt,
        "DNSNodeTTL": go(dns.node_ttl),
        "DNSOnlyPassing": dns.only_passing,
        "DNSRecursorTimeout": go(dns.recursor_timeout),
        "DNSRecursors": dns.recursors,
        "DNSSOA": {
            "Expire": dns.soa.expire,
            "Minttl": dns.soa.min_ttl,
            "Refresh": dns.soa.refresh,
            "Retry": dns.soa.retry,
        },
        "DNSServiceTTL": ttls.collect::<Map<_, _>>(),
        "DNSUDPAnswerLimit": dns.udp_answer_limit,
        "DNSUseCache": dns.use_cache,
    })
}

fn gossip(config: &Config) -> Json {
    let gossip = &config.gossip;
    let mut object = Map::new();
    for (name, pool) in [("LAN", &gossip.lan), ("WAN", &gossip.wan)] {
        object.extend(gossip_pool(name, pool));
    }
    object.insert("EncryptKey".into(), gossip.encrypt.reveal().into());
    object.insert(
        "EncryptVerifyIncoming".into(),
        gossip.encrypt_verify_incoming.into(),
    );
    object.insert(
        "EncryptVerifyOutgoing".into(),
        gossip.encrypt_verify_outgoing.into(),
    );
    object.insert(
        "DisableKeyringFile".into(),
        gossip.disable_keyring_file.into(),
    );
    Json::Object(object)
}

fn gossip_pool(name: &str, pool: &GossipPool) -> Vec<(String, Json)> {
    let cidrs: Vec<_> = pool
        .allowed_cidrs
        .iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    vec![
        (
            format!("Gossip{name}GossipInterval"),
            go(pool.gossip_interval).into(),
        ),
        (format!("Gossip{name}GossipNodes"), pool.gossip_nodes.into()),
        (
            format!("Gossip{name}ProbeInterval"),
            go(pool.probe_interval).into(),
        ),
        (
            format!("Gossip{name}ProbeTimeout"),
            go(pool.probe_timeout).into(),
        ),
        (
            format!("Gossip{name}RetransmitMult"),
            pool.retransmit_mult.into(),
        ),
        (
            format!("Gossip{name}SuspicionMult"),
            pool.suspicion_mult.into(),
        ),
        (
            format!("ReconnectTimeout{name}"),
            go(pool.reconnect_timeout).into(),
        ),
        (format!("SerfAllowedCIDRs{name}"), cidrs.into()),
    ]
}

fn http(config: &Config) -> Json {
    let (http, ui) = (&config.http, &config.ui);
    let networks: Vec<_> = http
        .allow_write_from
        .iter()
        .map(ToString::to_string)
        .collect();
    json!({
        "AllowWriteHTTPFrom": networks,
        "Cache": {
            "EntryFetchMaxBurst": http.cache_fetch_max_burst,
            "EntryFetchRate": http.cache_fetch_rate,
        },
        "DisableHTTPUnprintableCharFilter": http.disable_unprintable_char_filter,
        "EnableUI": ui.enabled,
        "HTTPBlockEndpoints": http.block_endpoints,
        "HTTPResponseHeaders": http.response_headers,
        "HTTPUseCache": http.use_cache,
        "UIContentPath": ui.content_path,
        "UIDir": ui.dir,
    })
}

fn join(config: &Config) -> Json {
    let join = &config.join;
    json!({
        "PrimaryGateways": join.primary_gateways,
        "PrimaryGatewaysInterval": go(join.primary_gateways_interval),
        "RejoinAfterLeave": join.rejoin_after_leave,
        "RetryJoinIntervalLAN": go(join.retry_interval_lan),
        "RetryJoinIntervalWAN": go(join.retry_interval_wan),
        "RetryJoinLAN": join.retry_lan,
        "RetryJoinMaxAttemptsLAN": join.retry_max_lan,
        "RetryJoinMaxAttemptsWAN": join.retry_max_wan,
        "RetryJoinWAN": join.retry_wan,
        "StartJoinAddrsLAN": join.start_lan,
        "StartJoinAddrsWAN": join.start_wan,
    })
}

fn log(config: &Config) -> Json {
    let log = &config.log;
    json!({
        "Logging": {
            "EnableSyslog": log.syslog,
            "LogFilePath": log.file,
            "LogJSON": log.json,
            "LogLevel": log.level,
            "LogRotateBytes": log.rotate_bytes,
            "LogRotateDuration": go(log.rotate_duration),
            "LogRotateMaxFiles": log.rotate_max_files,
            "Name": "",
            "SyslogFacility": log.syslog_facility,
        },
    })
}

fn node(config: &Config, facts: &DebugFacts) -> Json {
    let node = &config.node;
    json!({
        "Bootstrap": node.bootstrap,
        "BootstrapExpect": node.bootstrap_expect,
        "DataDir": node.data_dir,
        "Datacenter": node.datacenter,
        "DevMode": config.dev_mode,
        "LeaveOnTerm": node.leave_on_terminate,
        "NodeID": facts.node_id,
        "NodeMeta": node.meta,
        "NodeName": node.name,
        "NonVotingServer": node.read_replica,
        "PidFile": node.pid_file.as_deref().unwrap_or_else(|| "".as_ref()),
        "PrimaryDatacenter": node.primary_datacenter,
        "RPCProtocol": node.protocol,
        "ServerMode": node.server,
        "SkipLeaveOnInt": node.skip_leave_on_interrupt,
    })
}

fn raft(config: &Config) -> Json {
    let raft = &config.raft;
    json!({
        "ConsulRaftElectionTimeout": go(raft.election_timeout),
        "ConsulRaftHeartbeatTimeout": go(raft.heartbeat_timeout),
        "ConsulRaftLeaderLeaseTimeout": go(raft.leader_lease_timeout),
        "RaftProtocol": raft.protocol,
        "RaftSnapshotInterval": go(raft.snapshot_interval),
        "RaftSnapshotThreshold": raft.snapshot_threshold,
        "RaftTrailingLogs": raft.trailing_logs,
    })
}

fn switches(config: &Config) -> Json {
    let (node, check) = (&config.node, &config.check);
    json!({
        "DisableAnonymousSignature": node.disable_anonymous_signature,
        "DisableCoordinates": node.disable_coordinates,
        "DisableHostNodeID": node.disable_host_node_id,
        "DisableRemoteExec": node.disable_remote_exec,
        "DisableUpdateCheck": node.disable_update_check,
        "DiscardCheckOutput": check.discard_output,
        "EnableAgentTLSForChecks": config.tls.enable_agent_tls_for_checks,
        "EnableCentralServiceConfig": node.enable_central_service_config,
        "EnableDebug": node.enable_debug,
        "EnableLocalScriptChecks": check.enable_local_scripts,
        "EnableRemoteScriptChecks": check.enable_remote_scripts,
    })
}

fn telemetry(config: &Config) -> Json {
    let telemetry = &config.telemetry;
    let mut object = json!({
        "AllowedPrefixes": telemetry.allowed_prefixes,
        "BlockedPrefixes": telemetry.blocked_prefixes,
        "Disable": false,
        "DisableHostname": telemetry.disable_hostname,
        "DogstatsdAddr": telemetry.dogstatsd_addr,
        "DogstatsdTags": telemetry.dogstatsd_tags,
        "FilterDefault": telemetry.filter_default,
        "MetricsPrefix": telemetry.metrics_prefix,
        "PrometheusRetentionTime": go(telemetry.prometheus_retention_time),
        "StatsdAddr": telemetry.statsd_addr,
        "StatsiteAddr": telemetry.statsite_addr,
    });
    // Consul's only closed sink; consulctl has none, so that these are always empty.
    let circonus = [
        "APIApp",
        "APIToken",
        "APIURL",
        "BrokerID",
        "BrokerSelectTag",
        "CheckDisplayName",
        "CheckForceMetricActivation",
        "CheckID",
        "CheckInstanceID",
        "CheckSearchTag",
        "CheckTags",
        "SubmissionInterval",
        "SubmissionURL",
    ];
    for name in circonus {
        object[format!("Circonus{name}")] = Json::from("");
    }
    object.sort_all_objects();
    json!({ "Telemetry": object })
}

fn tls(config: &Config) -> Json {
    let tls = &config.tls;
    json!({
        "CAFile": tls.defaults.ca_file,
        "CAPath": tls.defaults.ca_path,
        "CertFile": tls.defaults.cert_file,
        "KeyFile": tls.defaults.key_file,
        "ServerName": tls.server_name,
        "TLSCipherSuites": tls.defaults.cipher_suites,
        "TLSMinVersion": tls.defaults.min_version,
        "TLSPreferServerCipherSuites": tls.prefer_server_cipher_suites,
        "VerifyIncoming": tls.defaults.verify_incoming,
        "VerifyIncomingHTTPS": tls.https.verify_incoming,
        "VerifyIncomingRPC": tls.internal_rpc.verify_incoming,
        "VerifyOutgoing": tls.defaults.verify_outgoing,
        "VerifyServerHostname": tls.internal_rpc.verify_server_hostname,
    })
}
