//! The listener: who may connect, and what the first byte selects (section 14.1 of the wire format).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::budget::Budget;
use super::calls::{Calls, TARGET, accept_pause};
use super::clients::Clients;
use super::handlers::{Handlers, RaftFrames, SnapshotStreams};
use super::limits::Limits;
use super::{raft_server, session};

/// First byte: one stream of calls.
const SINGLE: u8 = 0;
/// First byte: raft's frames.
pub(super) const RAFT: u8 = 1;
/// First byte: multiplexed streams of calls.
pub(super) const MULTIPLEXED: u8 = 4;
/// First byte: a snapshot stream.
pub(super) const SNAPSHOT: u8 = 5;

/// A bound port.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
}

/// What all connections share.
struct Served {
    calls: Calls,
    raft: Arc<dyn RaftFrames>,
    snapshots: Arc<dyn SnapshotStreams>,
    streams: Arc<Semaphore>,
    snapshot_streams: Semaphore,
    raft_budget: Budget,
}

impl Listener {
    /// Takes the port.
    ///
    /// # Errors
    /// When it is taken, or not this machine's.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address)
            .await
            .map(|socket| Self { socket })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves connections until `stop`, then closes them and waits for their tasks.
    pub async fn serve(self, handlers: Handlers, limits: Limits, stop: CancellationToken) {
        let clients = Clients::new(limits.connections_per_client, limits.connections);
        let served = Arc::new(Served {
            streams: Arc::new(Semaphore::new(limits.streams)),
            snapshot_streams: Semaphore::new(limits.snapshot_streams),
            raft_budget: Budget::new(limits.raft_bytes),
            raft: handlers.raft,
            snapshots: handlers.snapshots,
            calls: Calls {
                dispatch: handlers.calls,
                budget: Budget::new(limits.buffered_bytes),
                replies: Budget::new(limits.reply_bytes),
                limits: Arc::new(limits),
            },
        });
        let tasks = TaskTracker::new();
        while let Some(accepted) = stop.run_until_cancelled(self.socket.accept()).await {
            let (stream, from) = match accepted {
                Ok(accepted) => accepted,
                Err(why) => {
                    debug!(target: TARGET, %why, "cannot accept a connection");
                    accept_pause().await;
                    continue;
                }
            };
            let Some(counted) = clients.admit(from.ip()) else {
                debug!(target: TARGET, %from, "too many connections: closed");
                continue;
            };
            let (served, stop) = (Arc::clone(&served), stop.clone());
            tasks.spawn(async move {
                let only_raft = counted.is_reserved();
                stop.run_until_cancelled(served.connection(stream, from, only_raft))
                    .await;
                drop(counted);
            });
        }
        tasks.close();
        tasks.wait().await;
    }
}

impl Served {
    async fn connection(&self, mut stream: TcpStream, from: SocketAddr, only_raft: bool) {
        let limits = &self.calls.limits;
        let handshake = timeout(limits.handshake_timeout, stream.read_u8());
        let Ok(Ok(first)) = handshake.await else {
            return;
        };
        if only_raft && first != RAFT {
            debug!(target: TARGET, %from, "too many connections: closed");
            return;
        }
        if stream.set_nodelay(true).is_err() {
            return;
        }
        match first {
            SINGLE => {
                let idle = Some(limits.idle_timeout);
                self.calls.serve(stream, from, idle).await;
            }
            RAFT => raft_server::serve(stream, from, &self.raft, &self.raft_budget, limits).await,
            MULTIPLEXED => session::serve(stream, from, &self.calls, &self.streams).await,
            SNAPSHOT => {
                let Ok(_permit) = self.snapshot_streams.try_acquire() else {
                    debug!(target: TARGET, %from, "too many snapshot streams: closed");
                    return;
                };
                self.snapshots.serve(from, Box::new(stream)).await;
            }
            unserved => {
                debug!(target: TARGET, %from, first = unserved, "protocol is not served: closed");
            }
        }
    }
}
