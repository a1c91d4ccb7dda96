//! Connections to servers, and calls over them.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::link::{Link, LinkError};

/// How an agent talks to servers.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// The address from which connections come; `None` leaves it to the system.
    pub source: Option<IpAddr>,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Time without a call after which a connection is closed. Consul: 127 s on clients, 2 min on servers.
    pub idle_limit: Duration,
    /// Streams that are kept for the next calls, a connection. Consul: 32 on clients, 64 on servers.
    pub idle_streams: usize,
    /// Calls to one server at a time; further ones wait. Every blocking query is one.
    pub calls_per_server: usize,
    /// Largest reply, in bytes.
    pub reply_bytes: usize,
    /// Time between two pings.
    pub keepalive_interval: Duration,
    /// Time without progress after which writing fails.
    pub write_timeout: Duration,
}

impl PoolSettings {
    /// Those of a client agent.
    pub fn of_client() -> Self {
        Self {
            source: None,
            connect_timeout: Duration::from_secs(10),
            idle_limit: Duration::from_secs(127),
            idle_streams: 32,
            calls_per_server: 16_384,
            reply_bytes: 1 << 30,
            keepalive_interval: Duration::from_secs(30),
            write_timeout: Duration::from_secs(10),
        }
    }

    /// Those of a server.
    pub fn of_server() -> Self {
        Self {
            idle_limit: Duration::from_mins(2),
            idle_streams: 64,
            ..Self::of_client()
        }
    }
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no connection, for the reason in Go's words: nothing was sent, and every call may be tried again,
    /// elsewhere or later.
    #[error("{0}")]
    Refused(String),
    /// The connection broke, or the answer cannot be understood: the call may have been carried out. Reads may be
    /// tried again.
    #[error("connection to server {0} broke: {1}")]
    Broken(SocketAddr, String),
    /// The time was over: as for [`Self::Broken`].
    #[error("server {0} did not answer within {1:?}")]
    TimedOut(SocketAddr, Duration),
    /// The server's own error, in its words.
    #[error("{0}")]
    Application(String),
}

/// Connections to servers, one each, opened when needed. Cheap to clone.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Arc<PoolSettings>,
    places: Mutex<HashMap<SocketAddr, Arc<Place>>>,
}

/// Where the connection to one server stands; locked while it is opened, so that one is.
#[derive(Default)]
struct Place(tokio::sync::Mutex<Option<Arc<Link>>>);

impl Pool {
    /// A pool without connections.
    pub fn new(settings: PoolSettings) -> Self {
        Self {
            inner: Arc::new(Inner {
                settings: Arc::new(settings),
                places: Mutex::default(),
            }),
        }
    }

    /// Calls a method of a server and waits at most `limit` for the reply.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(
        &self,
        server: SocketAddr,
        method: &str,
        body: &[u8],
        limit: Duration,
    ) -> Result<Bytes, CallError> {
        let whole = self.attempt(server, method, body);
        timeout(limit, whole)
            .await
            .unwrap_or(Err(CallError::TimedOut(server, limit)))
    }

    /// Forgets a server that is none any more; calls under way are finished.
    pub fn forget(&self, server: SocketAddr) {
        self.places().remove(&server);
    }

    async fn attempt(
        &self,
        server: SocketAddr,
        method: &str,
        body: &[u8],
    ) -> Result<Bytes, CallError> {
        let place = Arc::clone(self.places().entry(server).or_default());
        loop {
            let (link, is_new) = match place.open().await {
                Some(link) => (link, false),
                None => (self.connect(&place, server).await?, true),
            };
            match link.call(method, body).await {
                Ok(reply) => return Ok(reply),
                Err(LinkError::Application(why)) => return Err(CallError::Application(why)),
                Err(LinkError::Broken(why)) => return Err(CallError::Broken(server, why)),
                Err(LinkError::Unsent(why)) if is_new => {
                    return Err(CallError::Refused(why));
                }
                // A kept connection ended unseen: nothing was sent over it, and a new one is tried.
                Err(LinkError::Unsent(_)) => link.close(),
            }
        }
    }

    /// The connection, opened if there is none. What another call opened meanwhile is taken.
    async fn connect(&self, place: &Place, server: SocketAddr) -> Result<Arc<Link>, CallError> {
        let deadline = tokio::time::Instant::now() + self.inner.settings.connect_timeout;
        let mut current = place.0.lock().await;
        if let Some(link) = current.as_ref().filter(|link| !link.is_closed()) {
            return Ok(Arc::clone(link));
        }
        *current = None;
        // What waited for another call's attempt has the rest of its own time.
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let link = Link::open(server, &self.inner.settings, left)
            .await
            .map_err(CallError::Refused)?;
        Ok(Arc::clone(current.insert(link)))
    }

    fn places(&self) -> std::sync::MutexGuard<'_, HashMap<SocketAddr, Arc<Place>>> {
        self.inner
            .places
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The connection, while it is open.
    async fn open(&self) -> Option<Arc<Link>> {
        let current = self.0.lock().await;
        current.as_ref().filter(|link| !link.is_closed()).cloned()
    }
}
