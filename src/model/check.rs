//! Health checks: as they are registered and as the catalog holds them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::duration::GoDuration;
use super::service::is_zero;

/// The check by which gossip tells whether a node is alive.
pub const SERF_HEALTH: &str = "serfHealth";
/// The name of [`SERF_HEALTH`].
pub const SERF_HEALTH_NAME: &str = "Serf Health Status";
/// Output of [`SERF_HEALTH`] while the node is alive.
pub const SERF_ALIVE_OUTPUT: &str = "Agent alive and reachable";
/// Output of [`SERF_HEALTH`] after the node failed.
pub const SERF_FAILED_OUTPUT: &str = "Agent not live or unreachable";
/// The check that puts a whole node into maintenance.
pub const NODE_MAINTENANCE: &str = "_node_maintenance";
/// Prefix of the checks that put one service into maintenance; the service's id follows.
pub const SERVICE_MAINTENANCE_PREFIX: &str = "_service_maintenance:";

/// The state of a check, from good to bad. An empty text means critical, as Consul defaults it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All is well.
    Passing,
    /// Working, with a concern.
    Warning,
    /// Not working; instances are left out of answers.
    #[default]
    Critical,
}

impl Status {
    /// The status as Consul writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// Reads a status; `None` when the text is none of the three.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "passing" => Some(Self::Passing),
            "warning" => Some(Self::Warning),
            "critical" => Some(Self::Critical),
            _ => None,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self::Critical);
        }
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "invalid check status {text:?}: must be passing, warning or critical"
            ))
        })
    }
}

/// What a check does, as the catalog shows it in `Definition`; only what is set is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HealthCheckDefinition {
    /// Time between two runs.
    #[serde(skip_serializing_if = "GoDuration::is_zero")]
    pub interval: GoDuration,
    /// Time after which a run counts as failed.
    #[serde(skip_serializing_if = "GoDuration::is_zero")]
    pub timeout: GoDuration,
    /// Time in critical after which the service is deregistered.
    #[serde(skip_serializing_if = "GoDuration::is_zero")]
    pub deregister_critical_service_after: GoDuration,
    /// URL of an HTTP check.
    #[serde(rename = "HTTP", skip_serializing_if = "String::is_empty")]
    pub http: String,
    /// Name for TLS verification.
    #[serde(rename = "TLSServerName", skip_serializing_if = "String::is_empty")]
    pub tls_server_name: String,
    /// Whether the certificate is not verified.
    #[serde(rename = "TLSSkipVerify", skip_serializing_if = "std::ops::Not::not")]
    pub tls_skip_verify: bool,
    /// Headers of an HTTP check.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub header: BTreeMap<String, Vec<String>>,
    /// Method of an HTTP check.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// Body of an HTTP check.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Address of a TCP check.
    #[serde(rename = "TCP", skip_serializing_if = "String::is_empty")]
    pub tcp: String,
    /// Largest output kept, in bytes.
    #[serde(skip_serializing_if = "is_zero")]
    pub output_max_size: i64,
    /// Arguments of a script check.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub script_args: Vec<String>,
    /// Container of a Docker check.
    #[serde(rename = "DockerContainerID", skip_serializing_if = "String::is_empty")]
    pub docker_container_id: String,
    /// Shell of a Docker check.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub shell: String,
    /// Address of an HTTP/2 ping check.
    #[serde(rename = "H2PING", skip_serializing_if = "String::is_empty")]
    pub h2ping: String,
    /// Address of a gRPC check.
    #[serde(rename = "GRPC", skip_serializing_if = "String::is_empty")]
    pub grpc: String,
    /// Whether the gRPC check uses TLS.
    #[serde(rename = "GRPCUseTLS", skip_serializing_if = "std::ops::Not::not")]
    pub grpc_use_tls: bool,
    /// Node of an alias check.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alias_node: String,
    /// Service of an alias check.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alias_service: String,
    /// Time to live of a TTL check.
    #[serde(rename = "TTL", skip_serializing_if = "GoDuration::is_zero")]
    pub ttl: GoDuration,
}

impl HealthCheckDefinition {
    /// The check's kind by what is set, as Consul derives it: `http`, `tcp`, `ttl`, …; or empty.
    pub fn kind(&self) -> &'static str {
        let set = [
            (!self.http.is_empty(), "http"),
            (!self.tcp.is_empty(), "tcp"),
            (!self.grpc.is_empty(), "grpc"),
            (
                !self.docker_container_id.is_empty() && !self.script_args.is_empty(),
                "docker",
            ),
            (!self.script_args.is_empty(), "script"),
            (
                !self.alias_node.is_empty() || !self.alias_service.is_empty(),
                "alias",
            ),
            (!self.h2ping.is_empty(), "h2ping"),
            (!self.ttl.is_zero(), "ttl"),
        ];
        set.iter()
            .find(|(is_set, _)| *is_set)
            .map_or("", |(_, kind)| kind)
    }
}

/// A check as the catalog holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HealthCheck {
    /// The node's name.
    pub node: String,
    /// Unique on the node.
    #[serde(rename = "CheckID")]
    pub check_id: String,
    /// The name that people see.
    pub name: String,
    /// The current state.
    pub status: Status,
    /// Free text of the registration.
    pub notes: String,
    /// Output of the last run.
    pub output: String,
    /// The service instance that the check belongs to; empty for checks of the node.
    #[serde(rename = "ServiceID")]
    pub service_id: String,
    /// The name of that service.
    pub service_name: String,
    /// The tags of that service.
    pub service_tags: Vec<String>,
    /// The check's kind: `http`, `ttl`, …
    #[serde(rename = "Type")]
    pub kind: String,
    /// Port under which a proxy exposes the check; 0 when it does not.
    pub exposed_port: i64,
    /// What the check does.
    pub definition: HealthCheckDefinition,
    /// Raft index of the creation.
    pub create_index: u64,
    /// Raft index of the last change.
    pub modify_index: u64,
}

impl HealthCheck {
    /// Whether both describe the same check in the same state, whatever their indexes.
    pub fn is_same(&self, other: &Self) -> bool {
        self.node == other.node
            && self.check_id == other.check_id
            && self.name == other.name
            && self.status == other.status
            && self.notes == other.notes
            && self.output == other.output
            && self.service_id == other.service_id
            && self.service_name == other.service_name
            && self.service_tags == other.service_tags
            && self.definition == other.definition
    }
}

/// A registration: the body of `/v1/agent/check/register` and a `check` block in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CheckDefinition {
    /// Unique on the agent; the name when empty.
    #[serde(rename = "ID", skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Another spelling of `ID`, inside service registrations.
    #[serde(rename = "CheckID", skip_serializing_if = "String::is_empty")]
    pub check_id: String,
    /// The name that people see.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Free text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// The service instance that the check belongs to.
    #[serde(rename = "ServiceID", skip_serializing_if = "String::is_empty")]
    pub service_id: String,
    /// The ACL token with which the check is synced.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// The state before the first run, as given; empty means critical.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Arguments of a script check.
    #[serde(alias = "Args", skip_serializing_if = "Vec::is_empty")]
    pub script_args: Vec<String>,
    /// URL of an HTTP check.
    #[serde(rename = "HTTP", skip_serializing_if = "String::is_empty")]
    pub http: String,
    /// Headers of an HTTP check.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub header: BTreeMap<String, Vec<String>>,
    /// Method of an HTTP check; GET when empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// Body of an HTTP check.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Whether redirects are not followed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disable_redirects: bool,
    /// Address (`host:port`) of a TCP check.
    #[serde(rename = "TCP", skip_serializing_if = "String::is_empty")]
    pub tcp: String,
    /// Whether the TCP check completes a TLS handshake.
    #[serde(rename = "TCPUseTLS", skip_serializing_if = "std::ops::Not::not")]
    pub tcp_use_tls: bool,
    /// Address of a UDP check.
    #[serde(rename = "UDP", skip_serializing_if = "String::is_empty")]
    pub udp: String,
    /// Time between two runs.
    #[serde(skip_serializing_if = "GoDuration::is_zero")]
    pub interval: GoDuration,
    /// Time after which a run counts as failed.
    #[serde(skip_serializing_if = "GoDuration::is_zero")]
    pub timeout: GoDuration,
    /// Time to live of a TTL check.
    #[serde(rename = "TTL", skip_serializing_if = "GoDuration::is_zero")]
    pub ttl: GoDuration,
    /// Node of an alias check.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alias_node: String,
    /// Service of an alias check.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alias_service: String,
    /// Container of a Docker check.
    #[serde(rename = "DockerContainerID", skip_serializing_if = "String::is_empty")]
    pub docker_container_id: String,
    /// Shell of a Docker check.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub shell: String,
    /// Address of a gRPC check.
    #[serde(rename = "GRPC", skip_serializing_if = "String::is_empty")]
    pub grpc: String,
    /// Whether the gRPC check uses TLS.
    #[serde(rename = "GRPCUseTLS", skip_serializing_if = "std::ops::Not::not")]
    pub grpc_use_tls: bool,
    /// Address of an HTTP/2 ping check.
    #[serde(rename = "H2PING", skip_serializing_if = "String::is_empty")]
    pub h2ping: String,
    /// Whether the HTTP/2 ping check uses TLS; yes when absent.
    #[serde(rename = "H2PingUseTLS", skip_serializing_if = "Option::is_none")]
    pub h2ping_use_tls: Option<bool>,
    /// Unit of an OS service check.
    #[serde(rename = "OSService", skip_serializing_if = "String::is_empty")]
    pub os_service: String,
    /// Name for TLS verification.
    #[serde(rename = "TLSServerName", skip_serializing_if = "String::is_empty")]
    pub tls_server_name: String,
    /// Whether the certificate is not verified.
    #[serde(rename = "TLSSkipVerify", skip_serializing_if = "std::ops::Not::not")]
    pub tls_skip_verify: bool,
    /// Successes in a row before the check turns passing.
    #[serde(skip_serializing_if = "is_zero")]
    pub success_before_passing: i64,
    /// Failures in a row before the check turns warning.
    #[serde(skip_serializing_if = "is_zero")]
    pub failures_before_warning: i64,
    /// Failures in a row before the check turns critical.
    #[serde(skip_serializing_if = "is_zero")]
    pub failures_before_critical: i64,
    /// Time in critical after which the service is deregistered.
    #[serde(skip_serializing_if = "GoDuration::is_zero")]
    pub deregister_critical_service_after: GoDuration,
    /// Largest output kept, in bytes; the agent's setting when 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub output_max_size: i64,
}
