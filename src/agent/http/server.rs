//! The API server: accept loops, connections, orderly stop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connections::{Connections, Order, Place, SWEEP_INTERVAL, Watched};
use super::listener::{ByteChannel, Listener, Peer};
use super::log::RequestObserver;
use super::router::Router;
use super::service::Shared;
use super::transport_settings::TransportSettings;

/// Most bytes of a request line with its headers.
pub const HEADER_BYTES_MAX: usize = 256 * 1024;
/// Most requests at a time on one HTTP/2 connection.
pub const HTTP2_STREAMS_MAX: u32 = 250;
/// Most refusals (429 to clients with too many connections) that are being sent at a time.
const REFUSALS_MAX: usize = 64;
/// How long a refusal may take.
const REFUSAL_TIMEOUT: Duration = Duration::from_millis(250);
/// The shortest and the longest pause after `accept` fails (no file descriptors left).
const ACCEPT_PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// What a client with too many connections is told, before its connection is closed.
const TOO_MANY_CONNECTIONS: &str = "HTTP/1.1 429 Too Many Requests\r\n\
    Content-Type: text/plain\r\n\
    Content-Length: 81\r\n\
    Connection: close\r\n\
    \r\n\
    Your IP is issuing too many concurrent connections, please rate limit your calls\n";

/// A running API server. Dropping it stops it at once; [`Server::shutdown`] does it orderly.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<String>,
    connections: Arc<Connections>,
    /// No new connections; long answers end.
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    /// Serves on `listeners` until shutdown. Must be called inside a tokio runtime.
    pub fn start<C: Send + Sync + 'static>(
        listeners: Vec<Box<dyn Listener>>,
        settings: TransportSettings,
        router: Router<C>,
        context: Arc<C>,
        observer: Arc<dyn RequestObserver>,
    ) -> Self {
        let closing = CancellationToken::new();
        let connections = Connections::new(settings.max_connections_per_client);
        let server = Self {
            addresses: listeners
                .iter()
                .map(|listener| listener.address())
                .collect(),
            connections: connections.clone(),
            closing: closing.clone(),
            tasks: TaskTracker::new(),
        };
        let shared = Arc::new(Shared {
            settings,
            router,
            context,
            observer,
            closing: Arc::new(closing.clone()),
        });
        for listener in listeners {
            let acceptor = Acceptor {
                shared: shared.clone(),
                connections: connections.clone(),
                builder: Arc::new(protocol()),
                refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
                tasks: server.tasks.clone(),
            };
            server.tasks.spawn(acceptor.run(listener));
        }
        server.tasks.spawn(sweep(connections, closing));
        server
    }

    /// Where it listens, in the order of the listeners.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Changes `limits.http_max_conns_per_client` for connections to come.
    pub fn set_max_connections_per_client(&self, limit: u32) {
        self.connections.set_per_client_max(limit);
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> usize {
        self.connections.open()
    }

    #[cfg(test)]
    pub(super) fn connections(&self) -> Arc<Connections> {
        self.connections.clone()
    }

    /// Stops accepting, lets running requests end for at most `patience`, then closes what is left.
    pub async fn shutdown(self, patience: Duration) {
        self.closing.cancel();
        self.connections.order(Order::Finish);
        self.tasks.close();
        if tokio::time::timeout(patience, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::debug!(target: "agent.http", left = self.connections.open(), "closing busy connections");
            self.connections.order(Order::Abort);
            self.tasks.wait().await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closing.cancel();
        self.connections.order(Order::Abort);
    }
}

async fn sweep(connections: Arc<Connections>, closing: CancellationToken) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while closing.run_until_cancelled(interval.tick()).await.is_some() {
        connections.sweep();
    }
}

/// HTTP/1 with Go's spelling of header names, and HTTP/2 for clients that start with it.
fn protocol() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Slow heads are the sweeper's: hyper's own timeout would also end idle keep-alive connections,
    // and costs a timer for every request. `pipeline_flush` stays off: with it hyper keeps an answer
    // back while the next request is half-sent, and its own 400s for ever.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .title_case_headers(true)
        .max_buf_size(HEADER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX);
    builder
}

/// Accepts on one listener.
struct Acceptor<C> {
    shared: Arc<Shared<C>>,
    connections: Arc<Connections>,
    builder: Arc<auto::Builder<TokioExecutor>>,
    refusals: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl<C: Send + Sync + 'static> Acceptor<C> {
    async fn run(self, listener: Box<dyn Listener>) {
        let mut pause = ACCEPT_PAUSE.0;
        let closing = self.shared.closing.clone();
        while let Some(accepted) = closing.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((channel, peer)) => {
                    pause = ACCEPT_PAUSE.0;
                    self.admit(channel, peer);
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(
                        target: "agent.http",
                        address = %listener.address(),
                        error = %error,
                        "failed to accept a connection, trying again"
                    );
                    closing.run_until_cancelled(tokio::time::sleep(pause)).await;
                    pause = (pause * 2).min(ACCEPT_PAUSE.1);
                }
            }
        }
    }

    fn admit(&self, channel: Box<dyn ByteChannel>, peer: Peer) {
        match self.connections.admit(peer.ip()) {
            Some(place) => {
                let serving = serve(
                    self.shared.clone(),
                    self.builder.clone(),
                    channel,
                    peer,
                    place,
                );
                self.tasks.spawn(serving);
            }
            // Past the bound of refusals the connection is closed without a word.
            None => {
                if let Ok(permit) = self.refusals.clone().try_acquire_owned() {
                    self.tasks.spawn(async move {
                        let _ = tokio::time::timeout(REFUSAL_TIMEOUT, refuse(channel)).await;
                        drop(permit);
                    });
                }
            }
        }
    }
}

/// Serves one connection until its end.
async fn serve<C: Send + Sync + 'static>(
    shared: Arc<Shared<C>>,
    builder: Arc<auto::Builder<TokioExecutor>>,
    channel: Box<dyn ByteChannel>,
    peer: Peer,
    place: Place,
) {
    let activity = place.activity.clone();
    let watched = TokioIo::new(Watched::new(channel, activity.clone()));
    let service = service_fn(|request: hyper::Request<Incoming>| {
        shared.clone().answer(peer, activity.begin(), request)
    });
    let mut connection = std::pin::pin!(builder.serve_connection(watched, service));
    loop {
        let order = tokio::select! {
            biased;
            // How a connection ends is the client's business: it went away, or sent no HTTP.
            _ = connection.as_mut() => return,
            order = place.activity.ordered() => order,
        };
        if order == Order::Abort {
            return;
        }
        connection.as_mut().graceful_shutdown();
    }
}

/// Says no, and waits for the client to hang up: closing with unread bytes would discard the answer.
async fn refuse(mut channel: Box<dyn ByteChannel>) -> io::Result<()> {
    channel.write_all(TOO_MANY_CONNECTIONS.as_bytes()).await?;
    channel.shutdown().await?;
    let mut ignored = [0; 1024];
    while channel.read(&mut ignored).await? > 0 {}
    Ok(())
}

/// Errors of `accept` that say nothing about the listener.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
