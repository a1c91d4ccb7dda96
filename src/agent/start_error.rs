//! Why an agent does not start.

use crate::agent::dns::{DnsError, SettingsError};
use crate::agent::gossip::GossipStartError;
use crate::agent::http::BindError;
use crate::agent::identity::IdentityError;
use crate::agent::local::LocalError;
use crate::agent::membership::{JoinErrors, KeyError};
use crate::agent::raft;
use crate::agent::telemetry::{TelemetryError, VALID_LEVELS};

use super::reserved::ReserveError;

/// Why the agent did not start. Every text says what was wrong and, where known, where.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A configured value is not taken.
    #[error("invalid value for {key}: {reason}")]
    Setting {
        /// The key.
        key: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// No such log level. The text is Consul's.
    #[error("Invalid log level: {0}. Valid log levels are: [{valid}]", valid = VALID_LEVELS.join(" "))]
    LogLevel(String),
    /// Members named by `-join` cannot be joined; only `-retry-join` may wait for them.
    #[error("{pool} join failed: {source}use {hint} to start without them", hint = retry_flag(pool))]
    Join {
        /// `LAN` or `WAN`.
        pool: &'static str,
        /// Why each address failed, one a line.
        #[source]
        source: JoinErrors,
    },
    /// Something that this agent is not made for.
    #[error("{0}")]
    Refused(&'static str),
    /// The gossip key.
    #[error("Failed to configure keyring: {0}")]
    Key(#[from] KeyError),
    /// A pool.
    #[error("Failed to start {pool} Serf: {source}")]
    Gossip {
        /// `LAN` or `WAN`.
        pool: &'static str,
        /// What was wrong.
        #[source]
        source: GossipStartError,
    },
    /// Settings that protect and are not supported: starting without them would be worse.
    #[error("{0}")]
    Unsupported(String),
    /// The data folder.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Log or metrics.
    #[error("Failed to setup logging: {0}")]
    Telemetry(#[from] TelemetryError),
    /// Consensus.
    #[error("Failed to start raft: {0}")]
    Raft(#[from] raft::StartError),
    /// A port of gossip.
    #[error(transparent)]
    GossipPort(#[from] crate::agent::gossip::BindError),
    /// A port of RPC or gRPC.
    #[error(transparent)]
    Reserve(#[from] ReserveError),
    /// The API.
    #[error("Failed to start HTTP server: {0}")]
    Http(#[from] BindError),
    /// DNS.
    #[error("Failed to start DNS server: {0}")]
    Dns(#[from] DnsError),
    /// Services and checks.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// DNS settings.
    #[error("Failed to configure DNS: {0}")]
    DnsSettings(#[from] SettingsError),
    /// The signals.
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] std::io::Error),
}

/// The flag that waits for members of a pool.
fn retry_flag(pool: &str) -> &'static str {
    if pool == "WAN" {
        "-retry-join-wan"
    } else {
        "-retry-join"
    }
}
