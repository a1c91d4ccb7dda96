//! The configuration that the agent runs with: merged, typed and validated.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::Value as Json;

use super::layer::{Layer, Origin};
use crate::model::check::CheckDefinition;
use crate::model::service::ServiceDefinition;
use crate::model::watch::WatchDefinition;

/// Everything the agent needs to know. One field a topic.
#[derive(Debug, Clone)]
pub struct Config {
    /// Development mode: state in memory, fast timers.
    pub dev_mode: bool,
    /// The node: name, place, role, how it leaves.
    pub node: NodeConfig,
    /// Where it listens and what it advertises.
    pub addresses: AddressConfig,
    /// Whom it joins.
    pub join: JoinConfig,
    /// Gossip timers, keys and admission.
    pub gossip: GossipConfig,
    /// The DNS interface.
    pub dns: DnsConfig,
    /// The HTTP interface.
    pub http: HttpConfig,
    /// The web UI.
    pub ui: UiConfig,
    /// Bounds on clients and requests.
    pub limits: LimitsConfig,
    /// Consensus: timers, snapshots, autopilot.
    pub raft: RaftConfig,
    /// Access control.
    pub acl: AclConfig,
    /// Certificates and verification.
    pub tls: TlsConfig,
    /// Logs.
    pub log: LogConfig,
    /// Metrics.
    pub telemetry: TelemetryConfig,
    /// Checks in general.
    pub check: CheckConfig,
    /// Service mesh.
    pub connect: ConnectConfig,
    /// Services defined in files.
    pub services: Vec<Sourced<ServiceDefinition>>,
    /// Checks of the node (or of a service, by `service_id`) defined in files.
    pub checks: Vec<Sourced<CheckDefinition>>,
    /// Watches defined in files.
    pub watches: Vec<Sourced<WatchDefinition>>,
    /// Configuration entries that a new cluster begins with.
    pub config_entries: Vec<Sourced<Json>>,
    /// The merged settings, for telling what a reload changes.
    pub(super) effective: Layer,
}

impl Config {
    /// Where a key, such as `data_dir`, was given; `None` for a default.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        let origin = &self.effective.get(key)?.origin;
        (*origin != Origin::Default).then_some(origin)
    }
}

/// A definition and the place where it stands.
#[derive(Clone, PartialEq)]
pub struct Sourced<T> {
    /// The definition.
    pub value: T,
    /// File and line.
    pub origin: Origin,
}

impl<T> fmt::Debug for Sourced<T> {
    /// Without the value, which may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sourced").field(&self.origin).finish()
    }
}

/// A text that must not be printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself; empty when none is configured.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "hidden" })
    }
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddr {
    /// An address and port.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The node: name, place, role, how it leaves.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// Name, unique in the cluster.
    pub name: String,
    /// The configured ID; without one the agent creates and keeps it.
    pub id: Option<String>,
    /// Datacenter, in lower case.
    pub datacenter: String,
    /// Datacenter that is authoritative for ACLs; the own one unless configured.
    pub primary_datacenter: String,
    /// Folder for state; empty in development mode unless configured.
    pub data_dir: PathBuf,
    /// Metadata, at most 64 pairs.
    pub meta: BTreeMap<String, String>,
    /// Whether the agent is a server.
    pub server: bool,
    /// Whether it may elect itself.
    pub bootstrap: bool,
    /// Servers to wait for before the first election; 0 if not waiting.
    pub bootstrap_expect: u32,
    /// Whether it takes no part in the quorum.
    pub read_replica: bool,
    /// Gossip protocol version.
    pub protocol: i64,
    /// Whether SIGTERM leaves the cluster; yes on clients unless configured.
    pub leave_on_terminate: bool,
    /// Whether SIGINT does not leave the cluster; yes on servers unless configured.
    pub skip_leave_on_interrupt: bool,
    /// How long a leaving server goes on answering.
    pub leave_drain_time: Duration,
    /// File for the process ID.
    pub pid_file: Option<PathBuf>,
    /// Whether the node ID is random rather than derived from the host.
    pub disable_host_node_id: bool,
    /// Whether files are watched and a change reloads.
    pub auto_reload_config: bool,
    /// Whether profiling endpoints answer.
    pub enable_debug: bool,
    /// Whether `exec` is refused.
    pub disable_remote_exec: bool,
    /// Whether update checks are refused; consulctl never makes any.
    pub disable_update_check: bool,
    /// Whether update checks are anonymous; consulctl never makes any.
    pub disable_anonymous_signature: bool,
    /// Whether network coordinates are off.
    pub disable_coordinates: bool,
    /// Whether central defaults are merged into service registrations.
    pub enable_central_service_config: bool,
    /// Shortest session TTL.
    pub session_ttl_min: Duration,
    /// Times of the agent's own upkeep.
    pub upkeep: UpkeepConfig,
}

/// Times of the agent's own upkeep; not configurable.
#[derive(Debug, Clone)]
pub struct UpkeepConfig {
    /// Between two full syncs of the agent's services with the catalog.
    pub anti_entropy_interval: Duration,
    /// Shortest time after which a critical service may be removed.
    pub check_deregister_interval_min: Duration,
    /// Between two looks for critical services to remove.
    pub check_reap_interval: Duration,
    /// Shortest time between two coordinate updates.
    pub sync_coordinate_interval_min: Duration,
    /// Coordinate updates a second that the cluster aims at.
    pub sync_coordinate_rate_target: f64,
    /// Coordinate updates in one batch.
    pub coordinate_update_batch_size: u32,
    /// Batches of coordinate updates in one period.
    pub coordinate_update_max_batches: u32,
    /// Period of coordinate updates.
    pub coordinate_update_period: Duration,
    /// Between two health checks of the servers.
    pub server_health_interval: Duration,
}

/// Where the agent listens and what it advertises.
#[derive(Debug, Clone)]
pub struct AddressConfig {
    /// For cluster communication.
    pub bind: IpAddr,
    /// For clients, where an interface has no addresses of its own.
    pub client: Vec<IpAddr>,
    /// What other nodes of the datacenter use.
    pub advertise_lan: IpAddr,
    /// What other datacenters use.
    pub advertise_wan: IpAddr,
    /// Addresses of the node in the catalog: lan, wan, lan_ipv4, ….
    pub tagged: BTreeMap<String, String>,
    /// Whether answers to other datacenters use WAN addresses.
    pub translate_wan: bool,
    /// DNS, on UDP and TCP.
    pub dns: Vec<SocketAddr>,
    /// HTTP.
    pub http: Vec<ListenAddr>,
    /// HTTPS.
    pub https: Vec<ListenAddr>,
    /// gRPC.
    pub grpc: Vec<ListenAddr>,
    /// gRPC with TLS.
    pub grpc_tls: Vec<ListenAddr>,
    /// Requests between agents; `None` when switched off.
    pub rpc_bind: Option<SocketAddr>,
    /// The same, as advertised.
    pub rpc_advertise: Option<SocketAddr>,
    /// Gossip inside the datacenter.
    pub serf_lan_bind: Option<SocketAddr>,
    /// The same, as advertised.
    pub serf_lan_advertise: Option<SocketAddr>,
    /// Gossip between datacenters; `None` when switched off.
    pub serf_wan_bind: Option<SocketAddr>,
    /// The same, as advertised.
    pub serf_wan_advertise: Option<SocketAddr>,
    /// Ports, `None` when switched off.
    pub ports: PortConfig,
    /// Owner, group and mode of unix sockets.
    pub unix_sockets: UnixSocketConfig,
}

/// Ports; `None` is switched off, which Consul shows as -1.
#[derive(Debug, Clone, Default)]
pub struct PortConfig {
    /// DNS.
    pub dns: Option<u16>,
    /// HTTP.
    pub http: Option<u16>,
    /// HTTPS.
    pub https: Option<u16>,
    /// gRPC.
    pub grpc: Option<u16>,
    /// gRPC with TLS.
    pub grpc_tls: Option<u16>,
    /// Requests between agents.
    pub server: Option<u16>,
    /// Gossip inside the datacenter.
    pub serf_lan: Option<u16>,
    /// Gossip between datacenters.
    pub serf_wan: Option<u16>,
    /// Ports given to managed proxies, first and last.
    pub proxy: (Option<u16>, Option<u16>),
    /// Ports given to sidecars, first and last.
    pub sidecar: (Option<u16>, Option<u16>),
    /// Ports given to exposed checks, first and last.
    pub expose: (Option<u16>, Option<u16>),
}

/// Owner, group and mode of unix sockets; empty leaves the default.
#[derive(Debug, Clone, Default)]
pub struct UnixSocketConfig {
    /// User name or number.
    pub user: String,
    /// Group name or number.
    pub group: String,
    /// Mode in octal.
    pub mode: String,
}

/// Whom the agent joins.
#[derive(Debug, Clone)]
pub struct JoinConfig {
    /// Once, at start.
    pub start_lan: Vec<String>,
    /// Once, at start, in other datacenters.
    pub start_wan: Vec<String>,
    /// Until it works.
    pub retry_lan: Vec<String>,
    /// Until it works, in other datacenters.
    pub retry_wan: Vec<String>,
    /// Between two attempts.
    pub retry_interval_lan: Duration,
    /// Between two attempts in other datacenters.
    pub retry_interval_wan: Duration,
    /// Attempts; 0 for no limit.
    pub retry_max_lan: u32,
    /// Attempts in other datacenters; 0 for no limit.
    pub retry_max_wan: u32,
    /// Whether a node that left joins again on restart.
    pub rejoin_after_leave: bool,
    /// Mesh gateways of the primary datacenter.
    pub primary_gateways: Vec<String>,
    /// Between two attempts to reach them.
    pub primary_gateways_interval: Duration,
}

/// Gossip timers, keys and admission.
#[derive(Debug, Clone)]
pub struct GossipConfig {
    /// Inside the datacenter.
    pub lan: GossipPool,
    /// Between datacenters.
    pub wan: GossipPool,
    /// How long others shall remember this client when it fails; zero leaves it to them.
    pub advertise_reconnect_timeout: Duration,
    /// The key as configured, base64; empty for none.
    pub encrypt: Secret,
    /// Whether unencrypted gossip is refused.
    pub encrypt_verify_incoming: bool,
    /// Whether only encrypted gossip is sent.
    pub encrypt_verify_outgoing: bool,
    /// Whether the keyring is kept in memory only.
    pub disable_keyring_file: bool,
}

/// One gossip pool.
#[derive(Debug, Clone)]
pub struct GossipPool {
    /// Between two gossip rounds.
    pub gossip_interval: Duration,
    /// Peers a round.
    pub gossip_nodes: u32,
    /// Between two probes.
    pub probe_interval: Duration,
    /// Time for an answer to a probe.
    pub probe_timeout: Duration,
    /// Multiplier of the time that a suspect has to refute.
    pub suspicion_mult: u32,
    /// Multiplier of the number of times a message is passed on.
    pub retransmit_mult: u32,
    /// Time after which a failed node is forgotten; zero for the default of 72 h.
    pub reconnect_timeout: Duration,
    /// Networks whose nodes are admitted; `None` admits all.
    pub allowed_cidrs: Option<Vec<IpNet>>,
}

/// The DNS interface.
#[derive(Debug, Clone)]
pub struct DnsConfig {
    /// Domain as configured, with or without a final dot.
    pub domain: String,
    /// Second domain, empty for none.
    pub alt_domain: String,
    /// Whether any server may answer.
    pub allow_stale: bool,
    /// How stale an answer may be.
    pub max_stale: Duration,
    /// TTL of node answers.
    pub node_ttl: Duration,
    /// TTL of service answers by name; `*` and prefixes with `*` match several.
    pub service_ttl: BTreeMap<String, Duration>,
    /// Whether a truncated answer says so.
    pub enable_truncate: bool,
    /// Whether warning instances are left out.
    pub only_passing: bool,
    /// Most answers in UDP, 0 for no limit.
    pub udp_answer_limit: u32,
    /// Most A and AAAA records, 0 for no limit.
    pub a_record_limit: u32,
    /// Whether names are not compressed.
    pub disable_compression: bool,
    /// Servers for other domains.
    pub recursors: Vec<String>,
    /// Time for a recursor to answer.
    pub recursor_timeout: Duration,
    /// Whether recursors are asked in random order.
    pub recursor_random: bool,
    /// Whether node metadata is answered in TXT records.
    pub node_meta_txt: bool,
    /// Whether answers come from the agent's cache.
    pub use_cache: bool,
    /// How old a cached answer may be.
    pub cache_max_age: Duration,
    /// Start of authority.
    pub soa: SoaConfig,
}

/// Numbers of the SOA record, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoaConfig {
    /// Refresh.
    pub refresh: u32,
    /// Retry.
    pub retry: u32,
    /// Expire.
    pub expire: u32,
    /// TTL of negative answers.
    pub min_ttl: u32,
}

/// The HTTP interface.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Path prefixes that are refused.
    pub block_endpoints: Vec<String>,
    /// Headers added to every answer.
    pub response_headers: BTreeMap<String, String>,
    /// Networks from which writes are allowed; empty allows all.
    pub allow_write_from: Vec<IpNet>,
    /// Whether answers may come from the agent's cache.
    pub use_cache: bool,
    /// Most bytes of headers in a request; 0 for the default.
    pub max_header_bytes: u64,
    /// Time that a blocking query waits when the client does not say.
    pub default_query_time: Duration,
    /// Most time that a client may let a blocking query wait.
    pub max_query_time: Duration,
    /// How stale answers of discovery endpoints may be; zero switches it off.
    pub discovery_max_stale: Duration,
    /// Whether unprintable characters in paths are accepted.
    pub disable_unprintable_char_filter: bool,
    /// Fetches of one cache entry in a burst.
    pub cache_fetch_max_burst: u32,
    /// Fetches of one cache entry a second.
    pub cache_fetch_rate: f64,
}

/// The web UI.
#[derive(Debug, Clone)]
pub struct UiConfig {
    /// Whether it is served.
    pub enabled: bool,
    /// Folder with its files, empty for the built-in.
    pub dir: String,
    /// Path, with a slash at both ends.
    pub content_path: String,
    /// Name of the metrics provider.
    pub metrics_provider: String,
    /// Its files.
    pub metrics_provider_files: Vec<String>,
    /// Its options, a JSON object or empty.
    pub metrics_provider_options_json: String,
    /// Where metrics are fetched.
    pub metrics_proxy_base_url: String,
    /// Paths that may be fetched there.
    pub metrics_proxy_path_allowlist: Vec<String>,
    /// Links to dashboards by kind.
    pub dashboard_url_templates: BTreeMap<String, String>,
}

/// Bounds on clients and requests.
#[derive(Debug, Clone)]
pub struct LimitsConfig {
    /// HTTP connections from one address; 0 for no limit.
    pub http_max_conns_per_client: u32,
    /// Time for a TLS handshake over HTTPS.
    pub https_handshake_timeout: Duration,
    /// Time for the first bytes of a connection between agents.
    pub rpc_handshake_timeout: Duration,
    /// Time for an answer to a request between agents.
    pub rpc_client_timeout: Duration,
    /// Connections between agents from one address; 0 for no limit.
    pub rpc_max_conns_per_client: u32,
    /// Requests a second to servers; negative for no limit.
    pub rpc_rate: f64,
    /// Requests in a burst.
    pub rpc_max_burst: u32,
    /// Time that a request waits for a leader.
    pub rpc_hold_timeout: Duration,
    /// Largest KV value, in bytes.
    pub kv_max_value_size: u64,
    /// Largest transaction, in bytes.
    pub txn_max_req_len: u64,
    /// Limits on reads and writes at servers.
    pub request_limits: RequestLimits,
}

/// Limits on reads and writes at servers.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestLimits {
    /// What happens past the limit.
    pub mode: RequestLimitMode,
    /// Reads a second; negative for no limit.
    pub read_rate: f64,
    /// Writes a second; negative for no limit.
    pub write_rate: f64,
}

/// What happens past a request limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestLimitMode {
    /// Nothing is counted.
    Disabled,
    /// It is logged.
    Permissive,
    /// Requests are refused.
    Enforcing,
}

/// Consensus: timers, snapshots, autopilot.
#[derive(Debug, Clone)]
pub struct RaftConfig {
    /// Protocol version, always 3.
    pub protocol: i64,
    /// By how much all timers are stretched, 1 to 10.
    pub multiplier: u32,
    /// Without a heartbeat for this long a follower becomes candidate, multiplier applied.
    pub heartbeat_timeout: Duration,
    /// Without a leader for this long a candidate votes again, multiplier applied.
    pub election_timeout: Duration,
    /// Without a quorum for this long a leader steps down, multiplier applied.
    pub leader_lease_timeout: Duration,
    /// Entries between two snapshots.
    pub snapshot_threshold: u64,
    /// Between two looks whether to take a snapshot.
    pub snapshot_interval: Duration,
    /// Entries kept behind a snapshot.
    pub trailing_logs: u64,
    /// How a new cluster is looked after.
    pub autopilot: AutopilotConfig,
}

/// Autopilot's settings in a new cluster.
#[derive(Debug, Clone)]
pub struct AutopilotConfig {
    /// Whether failed servers are removed when another joins.
    pub cleanup_dead_servers: bool,
    /// Longest silence of a healthy server.
    pub last_contact_threshold: Duration,
    /// Most entries that a healthy server lags.
    pub max_trailing_logs: u64,
    /// Fewest servers to keep.
    pub min_quorum: u64,
    /// Time that a new server must be healthy before it votes.
    pub server_stabilization_time: Duration,
    /// Enterprise: node metadata key of a redundancy zone.
    pub redundancy_zone_tag: String,
    /// Enterprise: no migration while upgrading.
    pub disable_upgrade_migration: bool,
    /// Enterprise: node metadata key of the version.
    pub upgrade_version_tag: String,
}

/// Access control.
#[derive(Debug, Clone)]
pub struct AclConfig {
    /// Whether tokens are checked.
    pub enabled: bool,
    /// What a request without a rule may do: `allow` or `deny`.
    pub default_policy: String,
    /// What happens while the primary cannot be reached: `allow`, `deny`, `extend-cache`,
    /// `async-cache`.
    pub down_policy: String,
    /// How long tokens are cached.
    pub token_ttl: Duration,
    /// How long policies are cached.
    pub policy_ttl: Duration,
    /// How long roles are cached.
    pub role_ttl: Duration,
    /// Whether listing keys needs a permission of its own.
    pub enable_key_list_policy: bool,
    /// Whether tokens set through the API are kept.
    pub enable_token_persistence: bool,
    /// Whether tokens are copied from the primary datacenter.
    pub enable_token_replication: bool,
    /// The agent's tokens.
    pub tokens: AclTokens,
}

/// The agent's tokens; empty when not configured.
#[derive(Debug, Clone, Default)]
pub struct AclTokens {
    /// First management token of a new cluster.
    pub initial_management: Secret,
    /// Token for the agent when servers cannot be reached.
    pub agent_recovery: Secret,
    /// Token of requests that bring none.
    pub default: Secret,
    /// Token of the agent itself.
    pub agent: Secret,
    /// Token for replication.
    pub replication: Secret,
    /// Token for DNS.
    pub dns: Secret,
    /// Token for services that files define.
    pub config_file_service_registration: Secret,
}

/// Certificates and verification.
#[derive(Debug, Clone)]
pub struct TlsConfig {
    /// What listeners use unless they say otherwise.
    pub defaults: TlsListener,
    /// Between agents.
    pub internal_rpc: TlsListener,
    /// HTTPS.
    pub https: TlsListener,
    /// gRPC.
    pub grpc: TlsListener,
    /// Name in certificates, if it is not the node's.
    pub server_name: String,
    /// Whether HTTP checks present the agent's certificate.
    pub enable_agent_tls_for_checks: bool,
    /// Accepted and without effect.
    pub prefer_server_cipher_suites: bool,
    /// Automatic certificates for clients.
    pub auto_encrypt: AutoEncryptConfig,
    /// Automatic configuration of clients.
    pub auto_config: AutoConfig,
}

/// TLS of one listener.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsListener {
    /// File of certificate authorities.
    pub ca_file: String,
    /// Folder of certificate authorities.
    pub ca_path: String,
    /// Certificate.
    pub cert_file: String,
    /// Its key.
    pub key_file: String,
    /// Oldest version: `tls10`, `tls11`, `tls12`, `tls13`.
    pub min_version: String,
    /// Cipher suites; empty for the default.
    pub cipher_suites: Vec<String>,
    /// Whether peers need a certificate.
    pub verify_incoming: bool,
    /// Whether connections out use TLS.
    pub verify_outgoing: bool,
    /// Whether servers must be named `server.<dc>.<domain>`.
    pub verify_server_hostname: bool,
}

/// Automatic certificates for clients.
#[derive(Debug, Clone)]
pub struct AutoEncryptConfig {
    /// On clients: ask for them.
    pub tls: bool,
    /// On servers: give them.
    pub allow_tls: bool,
    /// Names in them.
    pub dns_san: Vec<String>,
    /// Addresses in them.
    pub ip_san: Vec<IpAddr>,
}

/// Automatic configuration of clients.
#[derive(Debug, Clone)]
pub struct AutoConfig {
    /// Whether the agent asks for it.
    pub enabled: bool,
    /// Token to introduce itself with.
    pub intro_token: Secret,
    /// File of that token.
    pub intro_token_file: String,
    /// Servers to ask.
    pub server_addresses: Vec<String>,
    /// Names in its certificate.
    pub dns_sans: Vec<String>,
    /// Addresses in its certificate.
    pub ip_sans: Vec<IpAddr>,
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Least level: TRACE, DEBUG, INFO, WARN or ERR.
    pub level: String,
    /// Whether lines are JSON.
    pub json: bool,
    /// File or folder; empty for none.
    pub file: String,
    /// Size at which a new file begins; 0 for no limit.
    pub rotate_bytes: u64,
    /// Age at which a new file begins; zero for the default of 24 h.
    pub rotate_duration: Duration,
    /// Old files to keep: 0 keeps all, -1 none.
    pub rotate_max_files: i64,
    /// Whether lines go to syslog.
    pub syslog: bool,
    /// Its facility.
    pub syslog_facility: String,
}

/// Metrics.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// Whether gauges are without the host's name.
    pub disable_hostname: bool,
    /// First part of every name.
    pub metrics_prefix: String,
    /// Whether metrics without a filter are kept.
    pub filter_default: bool,
    /// Prefixes that are kept.
    pub allowed_prefixes: Vec<String>,
    /// Prefixes that are dropped.
    pub blocked_prefixes: Vec<String>,
    /// How long Prometheus metrics are kept; zero switches them off.
    pub prometheus_retention_time: Duration,
    /// statsd, empty for none.
    pub statsd_addr: String,
    /// statsite, empty for none.
    pub statsite_addr: String,
    /// DogStatsD, empty for none.
    pub dogstatsd_addr: String,
    /// Its tags.
    pub dogstatsd_tags: Vec<String>,
}

/// Checks in general.
#[derive(Debug, Clone)]
pub struct CheckConfig {
    /// Most output that is kept, in bytes.
    pub output_max_size: u64,
    /// How long a change of output alone may wait before it is synced.
    pub update_interval: Duration,
    /// Whether output is dropped.
    pub discard_output: bool,
    /// Whether scripts may be defined in files.
    pub enable_local_scripts: bool,
    /// Whether scripts may be defined over HTTP.
    pub enable_remote_scripts: bool,
}

/// Service mesh.
#[derive(Debug, Clone)]
pub struct ConnectConfig {
    /// Whether it is on.
    pub enabled: bool,
    /// Certificate authority; empty for the built-in.
    pub ca_provider: String,
    /// Its settings.
    pub ca_config: Json,
    /// Whether datacenters talk through mesh gateways.
    pub mesh_gateway_wan_federation: bool,
}
