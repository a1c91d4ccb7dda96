//! Timings and bounds of the failure detector: section 7.1 of the wire format.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use crate::agent::gossip::wire::{NodeName, Versions};

/// How a pool gossips. Names and defaults are memberlist's.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Bound of a stream's connecting, writing and reading.
    pub tcp_timeout: Duration,
    /// Members asked to probe for us.
    pub indirect_checks: usize,
    /// Times `ceil(log10(n + 1))`: how often a message is sent.
    pub retransmit_mult: u32,
    /// Times `log10(n)` times the probe interval: the shortest suspicion.
    pub suspicion_mult: u32,
    /// The longest suspicion, in shortest ones.
    pub suspicion_max_timeout_mult: u32,
    /// Between two exchanges of the whole state, in small pools; zero switches them off.
    pub push_pull_interval: Duration,
    /// Between two probes.
    pub probe_interval: Duration,
    /// How long a direct answer may take.
    pub probe_timeout: Duration,
    /// The health score's bound; 1 switches the score off.
    pub awareness_max_multiplier: u32,
    /// Between two rounds of gossip.
    pub gossip_interval: Duration,
    /// Members told in one round.
    pub gossip_nodes: usize,
    /// How long the dead are still told.
    pub gossip_to_the_dead_time: Duration,
    /// How long a dead member's name is kept from other addresses; zero keeps it for good.
    pub dead_node_reclaim_time: Duration,
    /// Largest packet before compression and encryption are counted in, in bytes.
    pub udp_buffer_size: usize,
    /// Bytes of each packet that encryption and label take; see `wire::Security::overhead`.
    pub packet_overhead: usize,
    /// Whether a stream ping is tried when datagrams get no answer.
    pub tcp_pings: bool,
    /// Networks that members may have addresses in; `None` for any.
    pub allowed: Option<Vec<ipnet::IpNet>>,
}

impl Config {
    /// Consul's LAN pool.
    pub fn lan() -> Self {
        Self {
            tcp_timeout: Duration::from_secs(10),
            indirect_checks: 3,
            retransmit_mult: 4,
            suspicion_mult: 4,
            suspicion_max_timeout_mult: 6,
            push_pull_interval: Duration::from_secs(30),
            probe_interval: Duration::from_secs(1),
            probe_timeout: Duration::from_millis(500),
            awareness_max_multiplier: 8,
            gossip_interval: Duration::from_millis(200),
            gossip_nodes: 3,
            gossip_to_the_dead_time: Duration::from_secs(30),
            dead_node_reclaim_time: Duration::from_secs(30),
            udp_buffer_size: 1400,
            packet_overhead: 0,
            tcp_pings: true,
            allowed: None,
        }
    }

    /// Consul's WAN pool.
    pub fn wan() -> Self {
        Self {
            tcp_timeout: Duration::from_secs(30),
            suspicion_mult: 6,
            push_pull_interval: Duration::from_mins(1),
            probe_interval: Duration::from_secs(5),
            probe_timeout: Duration::from_secs(3),
            gossip_interval: Duration::from_millis(500),
            gossip_to_the_dead_time: Duration::from_mins(1),
            ..Self::lan()
        }
    }

    /// Whether a member may have this address.
    pub fn allows(&self, address: IpAddr) -> bool {
        self.allowed
            .as_ref()
            .is_none_or(|networks| networks.iter().any(|network| network.contains(&address)))
    }
}

/// What a member says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalNode {
    pub name: NodeName,
    /// The address that is advertised.
    pub address: SocketAddr,
    /// At most `META_MAX` bytes.
    pub meta: Bytes,
    pub versions: Versions,
}
