//! Ports that are taken before anything is written.
//!
//! An agent that takes its ports refuses a second one on the same address at once, as Consul does, and leaves
//! no trace of it. Gossip's are held until gossip takes them itself. RPC and gRPC are held for good: nothing is
//! served there yet, connections are closed.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use crate::agent::config::{Config, ListenAddr};

/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a port cannot be held.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {network} {address} for {purpose}: {source}; {hint}", hint = self.hint())]
pub struct ReserveError {
    network: &'static str,
    address: SocketAddr,
    purpose: &'static str,
    #[source]
    source: io::Error,
}

impl ReserveError {
    fn hint(&self) -> &'static str {
        match self.source.kind() {
            io::ErrorKind::AddrInUse => {
                "is another agent running there? give each its own -bind and -client address"
            }
            io::ErrorKind::AddrNotAvailable => {
                "-bind and -client take addresses that this machine has"
            }
            io::ErrorKind::PermissionDenied => "ports below 1024 need more rights",
            _ => "-bind, -client and the ports decide where the agent listens",
        }
    }
}

/// Gossip's ports: dropping this frees them for gossip itself.
#[must_use]
pub(super) struct GossipPorts(
    #[expect(dead_code, reason = "the sockets hold their ports by being there")]
    Vec<(UdpSocket, TcpListener)>,
);

/// Opens the ports of gossip.
///
/// # Errors
/// When one is taken.
pub(super) async fn hold_gossip(config: &Config) -> Result<GossipPorts, ReserveError> {
    let from = &config.addresses;
    let wan = from.serf_wan_bind.filter(|_| config.node.server);
    let ports = [(from.serf_lan_bind, "LAN gossip"), (wan, "WAN gossip")];
    let mut held = Vec::new();
    for (address, purpose) in ports.into_iter().filter_map(|(a, p)| Some((a?, p))) {
        let datagrams = UdpSocket::bind(address)
            .await
            .map_err(failed("udp", address, purpose))?;
        let streams = TcpListener::bind(address)
            .await
            .map_err(failed("tcp", address, purpose))?;
        held.push((datagrams, streams));
    }
    Ok(GossipPorts(held))
}

/// Opens the ports of RPC (servers only) and gRPC, and holds them until `stop`.
///
/// # Errors
/// When one is taken.
pub(super) async fn hold(
    config: &Config,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<(), ReserveError> {
    let from = &config.addresses;
    let grpc = from.grpc.iter().filter_map(|address| match address {
        ListenAddr::Tcp(address) => Some((*address, "gRPC")),
        ListenAddr::Unix(_) => None,
    });
    let rpc = from.rpc_bind.filter(|_| config.node.server);
    for (address, purpose) in rpc.map(|address| (address, "RPC")).into_iter().chain(grpc) {
        let listener = TcpListener::bind(address)
            .await
            .map_err(failed("tcp", address, purpose))?;
        let closing = async move {
            loop {
                match listener.accept().await {
                    Ok((_, from)) => {
                        debug!(target: "agent", %from, purpose, "not served yet: closed");
                    }
                    // Out of descriptors, most likely: others must not starve because of this.
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                }
            }
        };
        tasks.spawn(stop.clone().run_until_cancelled_owned(closing));
    }
    Ok(())
}

fn failed(
    network: &'static str,
    address: SocketAddr,
    purpose: &'static str,
) -> impl FnOnce(io::Error) -> ReserveError {
    move |source| ReserveError {
        network,
        address,
        purpose,
        source,
    }
}
