//! The DNS server: sockets, tasks, reload and shutdown.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::datagram::{Datagrams, Peer};
use super::respond::{Backend, Shared, Step, Worker};
use super::settings::{DnsSettings, Rules, SettingsError};
use super::truncate::Transport;

/// Largest datagram.
const MAX_DATAGRAM_BYTES: usize = 65_535;
/// Datagrams that are read in a row before other tasks get a turn.
const UDP_BATCH: usize = 64;
/// Tasks that read one UDP socket, at most; one for two processors is enough.
const MAX_UDP_READERS: usize = 4;
/// TCP connections at a time; the next one is closed at once.
const MAX_TCP_CONNECTIONS: usize = 512;
/// How long a TCP connection may be silent.
const TCP_IDLE: Duration = Duration::from_secs(8);
/// How long a client may take to send what it announced, or to take the answer.
const TCP_STALL: Duration = Duration::from_secs(2);
/// Pause after the network stack refused to hand over a datagram or connection.
const ERROR_PAUSE: Duration = Duration::from_millis(20);
/// Tries to find a port that is free for both UDP and TCP, when any port will do.
const PORT_TRIES: usize = 16;

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// An address cannot be listened on.
    #[error("listen on {address} ({network}): {source}{}", hint(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// `udp` or `tcp`.
        network: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// What to do about an address that cannot be listened on.
fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            " (another process listens there: stop it, or choose another port with -dns-port)"
        }
        io::ErrorKind::AddrNotAvailable => {
            " (this machine has no such address: check -client and addresses.dns)"
        }
        io::ErrorKind::PermissionDenied => " (not permitted: ports below 1024 need more rights)",
        _ => "",
    }
}

/// A running server. Dropping it stops it; [`DnsServer::shutdown`] also waits.
pub struct DnsServer {
    addresses: Vec<SocketAddr>,
    reload: Box<dyn Fn(Rules) + Send + Sync>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl DnsServer {
    /// Listens on every address over UDP and TCP. Port 0 stands for any port that is free for both.
    pub async fn start<B: Backend>(
        addresses: &[SocketAddr],
        settings: DnsSettings,
        backend: B,
    ) -> Result<Self, DnsError> {
        let shared = Arc::new(Shared::new(Rules::new(settings)?, backend));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let mut bound = Vec::with_capacity(addresses.len());
        let mut sockets = Vec::with_capacity(addresses.len());
        for address in addresses {
            let (udp, tcp) = bind(*address).await?;
            bound.push(udp.local_addr().map_err(|e| listen(*address, "udp", e))?);
            sockets.push((udp, tcp));
        }
        for (udp, tcp) in sockets {
            let udp = Arc::new(udp);
            for _ in 0..udp_readers() {
                let reader = {
                    let (shared, udp) = (Arc::clone(&shared), Arc::clone(&udp));
                    read_datagrams(shared, udp, tasks.clone(), stop.clone())
                };
                tasks.spawn(stop.clone().run_until_cancelled_owned(reader));
            }
            let acceptor = accept(Arc::clone(&shared), tcp, tasks.clone(), stop.clone());
            tasks.spawn(stop.clone().run_until_cancelled_owned(acceptor));
        }
        for address in &bound {
            tracing::info!(target: "agent", %address, network = "udp", "Started DNS server");
            tracing::info!(target: "agent", %address, network = "tcp", "Started DNS server");
        }
        Ok(Self {
            addresses: bound,
            reload: Box::new(move |rules| shared.rules.store(Arc::new(rules))),
            stop,
            tasks,
        })
    }

    /// Where it listens, in the order in which the addresses were given.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Uses other settings from the next question on.
    pub fn reload(&self, rules: Rules) {
        (self.reload)(rules);
    }

    /// Stops listening, and waits until no question is being answered any more.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn listen(address: SocketAddr, network: &'static str, source: io::Error) -> DnsError {
    DnsError::Listen {
        address,
        network,
        source,
    }
}

fn udp_readers() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (processors / 2).clamp(1, MAX_UDP_READERS)
}

async fn bind(address: SocketAddr) -> Result<(Datagrams, TcpListener), DnsError> {
    let mut tries = if address.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let udp = Datagrams::bind(address).map_err(|e| listen(address, "udp", e))?;
        let bound = udp.local_addr().map_err(|e| listen(address, "udp", e))?;
        match TcpListener::bind(bound).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(_) if tries > 0 => {}
            Err(error) => return Err(listen(bound, "tcp", error)),
        }
    }
}

/// Answers datagrams until it is cancelled. What has to wait for others becomes a task.
async fn read_datagrams<B: Backend>(
    shared: Arc<Shared<B>>,
    socket: Arc<Datagrams>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let mut worker = Worker::new();
    let mut packet = vec![0; MAX_DATAGRAM_BYTES];
    loop {
        if socket.readable().await.is_err() {
            tokio::time::sleep(ERROR_PAUSE).await;
            continue;
        }
        for _ in 0..UDP_BATCH {
            let (length, peer) = match socket.try_receive(&mut packet) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    tracing::warn!(target: "agent.dns", %error, "failed to read a datagram");
                    tokio::time::sleep(ERROR_PAUSE).await;
                    break;
                }
            };
            match worker.respond(&shared, &packet[..length], peer.client, Transport::Udp) {
                Step::Drop => {}
                Step::Send(reply) => send(&socket, reply, peer).await,
                Step::Wait => {
                    let (shared, socket) = (Arc::clone(&shared), Arc::clone(&socket));
                    let packet = packet[..length].to_vec();
                    tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
                        let reply =
                            Worker::respond_slowly(&shared, &packet, peer.client, Transport::Udp)
                                .await;
                        if let Some(reply) = reply {
                            send(&socket, &reply, peer).await;
                        }
                    }));
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

async fn send(socket: &Datagrams, reply: &[u8], peer: Peer) {
    if let Err(error) = socket.send(reply, peer).await {
        let client = peer.client;
        tracing::warn!(target: "agent.dns", %error, %client, "failed to respond");
    }
}

/// Serves connections until it is cancelled.
async fn accept<B: Backend>(
    shared: Arc<Shared<B>>,
    listener: TcpListener,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(MAX_TCP_CONNECTIONS));
    loop {
        let (stream, client) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(target: "agent.dns", %error, "failed to accept a connection");
                tokio::time::sleep(ERROR_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let shared = Arc::clone(&shared);
        tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
            if let Err(error) = serve(&shared, stream, client).await {
                tracing::debug!(target: "agent.dns", %error, %client, "connection closed");
            }
            drop(place);
        }));
    }
}

/// Answers the questions of a connection one after the other (RFC 7766).
async fn serve<B: Backend>(
    shared: &Shared<B>,
    mut stream: TcpStream,
    client: SocketAddr,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut worker = Worker::new();
    let mut packet = Vec::new();
    let mut framed = Vec::new();
    loop {
        let length = match within(TCP_IDLE, stream.read_u16()).await {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        packet.resize(usize::from(length), 0);
        within(TCP_STALL, stream.read_exact(&mut packet)).await?;
        framed.clear();
        framed.extend_from_slice(&[0, 0]);
        match worker.respond(shared, &packet, client, Transport::Tcp) {
            Step::Drop => continue,
            Step::Send(reply) => framed.extend_from_slice(reply),
            Step::Wait => {
                let reply = Worker::respond_slowly(shared, &packet, client, Transport::Tcp).await;
                let Some(reply) = reply else { continue };
                framed.extend_from_slice(&reply);
            }
        }
        let length = u16::try_from(framed.len() - 2).map_err(io::Error::other)?;
        framed[..2].copy_from_slice(&length.to_be_bytes());
        within(TCP_STALL, stream.write_all(&framed)).await?;
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
