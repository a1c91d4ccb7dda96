//! Who may do what, and how connections are protected.

use std::net::IpAddr;
use std::time::Duration;

use super::Secret;

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
