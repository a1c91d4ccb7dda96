//! What a pool starts from.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::serf::{self, Policy};
use super::swim;
use super::wire::{Key, Tags};
use crate::agent::telemetry::metrics::Metrics;

/// What a pool starts from.
pub struct GossipSettings {
    /// `lan` or `wan`: in log targets.
    pub pool: &'static str,
    /// `agent.server` or `agent.client`: what log targets begin with.
    pub log_prefix: &'static str,
    /// This member's name in the pool.
    pub name: String,
    /// Where datagrams and streams are received.
    pub bind: SocketAddr,
    /// What others are told; port 0 means the port that was bound.
    pub advertise: SocketAddr,
    /// What this member says of itself.
    pub tags: Tags,
    /// The port of join addresses that name none.
    pub default_port: u16,
    /// Timings of the failure detector; `packet_overhead` is set by the driver.
    pub swim: swim::Config,
    /// Timings of serf.
    pub serf: serf::Config,
    /// The key that encrypts unless there is a keyring file; `None` gossips in clear text.
    pub key: Option<Key>,
    /// Where the keyring is kept; `None` keeps it in memory. An existing file wins over `key`.
    pub keyring_file: Option<PathBuf>,
    /// Whether packets and streams that are not encrypted are refused.
    pub verify_incoming: bool,
    /// Whether what is sent is encrypted.
    pub verify_outgoing: bool,
    /// Where members are remembered for a restart; `None` forgets them.
    pub snapshot_file: Option<PathBuf>,
    /// Whether the remembered members are joined even though this member had left.
    pub rejoin_after_leave: bool,
    /// The application's rules.
    pub policy: Box<dyn Policy>,
    /// Where memberlist's and serf's metrics go.
    pub metrics: Metrics,
}
