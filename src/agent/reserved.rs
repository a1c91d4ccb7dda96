//! The port of gRPC, held from the first day.
//!
//! An agent that takes its ports refuses a second one on the same address at once, as Consul does, and
//! monitoring finds what it expects. Nothing is served there yet: a connection is closed.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use crate::agent::config::{Config, ListenAddr};

/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a port cannot be held.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on tcp {address} for {purpose}: {source}; {hint}", hint = self.hint())]
pub struct ReserveError {
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

/// Opens the port of gRPC, and holds it until `stop`.
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
    for (address, purpose) in grpc {
        let listener = TcpListener::bind(address)
            .await
            .map_err(failed(address, purpose))?;
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

/// The error of a port that cannot be taken.
pub(super) fn failed(
    address: SocketAddr,
    purpose: &'static str,
) -> impl FnOnce(io::Error) -> ReserveError {
    move |source| ReserveError {
        address,
        purpose,
        source,
    }
}
