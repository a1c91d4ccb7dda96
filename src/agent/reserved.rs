//! The ports of gossip, RPC and gRPC, held from the first day.
//!
//! An agent that takes its ports refuses a second one on the same address at once, as Consul does, and
//! monitoring finds what it expects. Nothing is served there yet: a connection is closed, a datagram
//! is left unread.

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

/// Opens the ports and holds them until `stop`.
///
/// # Errors
/// When one is taken.
pub(super) async fn hold(
    config: &Config,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<(), ReserveError> {
    let from = &config.addresses;
    let gossip = [
        (from.serf_lan_bind, "LAN gossip"),
        (from.serf_wan_bind, "WAN gossip"),
    ];
    for (address, purpose) in gossip.into_iter().filter_map(|(a, p)| Some((a?, p))) {
        let socket = UdpSocket::bind(address)
            .await
            .map_err(failed("udp", address, purpose))?;
        let stop = stop.clone();
        tasks.spawn(async move {
            stop.cancelled().await;
            drop(socket);
        });
    }
    let grpc = from.grpc.iter().filter_map(|address| match address {
        ListenAddr::Tcp(address) => Some((*address, "gRPC")),
        ListenAddr::Unix(_) => None,
    });
    let rpc = from.rpc_bind.map(|address| (address, "RPC"));
    let streams = gossip
        .into_iter()
        .filter_map(|(a, p)| Some((a?, p)))
        .chain(rpc)
        .chain(grpc);
    for (address, purpose) in streams {
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
