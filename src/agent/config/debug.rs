//! The whole configuration as `/v1/agent/self` shows it in `DebugConfig`: Consul's names, secrets
//! hidden.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::debug_definitions::{check, service};
use super::debug_network::{addresses, dns, gossip, http, join, ports, telemetry, tls};
use super::runtime::Config;
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
        "Watches": config.watches.iter().map(|_| json!({})).collect::<Vec<_>>(),
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
