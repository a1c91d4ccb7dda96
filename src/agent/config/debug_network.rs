//! The parts of `DebugConfig` that say how the agent talks to others.

use std::fmt::Display;

use serde_json::{Map, Value as Json, json};

use super::debug::go;
use super::runtime::{Config, GossipPool, ListenAddr};

fn listeners(addresses: &[ListenAddr]) -> Vec<String> {
    let url = |address: &ListenAddr| match address {
        ListenAddr::Tcp(socket) => format!("tcp://{socket}"),
        ListenAddr::Unix(path) => format!("unix://{}", path.display()),
    };
    addresses.iter().map(url).collect()
}

fn urls<T: Display>(scheme: &str, addresses: impl IntoIterator<Item = T>) -> Vec<String> {
    addresses
        .into_iter()
        .map(|address| format!("{scheme}://{address}"))
        .collect()
}

pub(super) fn addresses(config: &Config) -> Json {
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

pub(super) fn ports(config: &Config) -> Json {
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

pub(super) fn dns(config: &Config) -> Json {
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

pub(super) fn gossip(config: &Config) -> Json {
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

pub(super) fn http(config: &Config) -> Json {
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

pub(super) fn join(config: &Config) -> Json {
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

pub(super) fn telemetry(config: &Config) -> Json {
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

pub(super) fn tls(config: &Config) -> Json {
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
