//! Every open connection: how many a client has, and which ones have been quiet for too long.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use super::listener::ByteChannel;

/// A client that has started to send a request head must finish it within this time.
pub const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection without a request is kept this long. Longer than the keep-alive of common HTTP
/// clients, so that it is the client who closes first.
pub const KEEP_ALIVE_IDLE: Duration = Duration::from_mins(5);
/// How often quiet connections are looked for; also the resolution of the two times above.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// All connections of all listeners of one API server.
#[derive(Debug)]
pub struct Connections {
    per_client_max: AtomicU32,
    table: Mutex<Table>,
    /// Sweeps so far: a clock that costs nothing to read.
    ticks: Arc<AtomicU32>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    /// The order that new connections get at once.
    order: Order,
    open: HashMap<u64, Arc<Activity>>,
    by_client: HashMap<IpAddr, u32>,
}

/// What a connection's task is told; a later order replaces an earlier one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Go on.
    #[default]
    Serve,
    /// End after the running requests.
    Finish,
    /// End now.
    Abort,
}

/// What the sweeper knows of a connection. The connection's own task writes, the sweeper reads. All
/// orders come through here, so that serving a request takes no lock that connections share.
#[derive(Debug)]
pub(super) struct Activity {
    ticks: Arc<AtomicU32>,
    /// Tick of the last byte sent, of the first byte of a request head, or of the end of a request.
    since: AtomicU32,
    /// Requests that are being answered.
    requests: AtomicU32,
    /// 1 when the first byte of a request head has arrived and its request has not begun.
    head: AtomicU32,
    /// 1 for HTTP/2, where bytes between requests are no request head (pings, window updates).
    multiplexed: AtomicU32,
    order: AtomicU8,
    ordered: Notify,
}

impl Activity {
    fn new(ticks: Arc<AtomicU32>, order: Order) -> Self {
        let now = ticks.load(Ordering::Relaxed);
        let activity = Self {
            ticks,
            since: AtomicU32::new(now),
            requests: AtomicU32::new(0),
            head: AtomicU32::new(0),
            multiplexed: AtomicU32::new(0),
            order: AtomicU8::new(Order::Serve as u8),
            ordered: Notify::new(),
        };
        activity.give(order);
        activity
    }

    fn give(&self, order: Order) {
        if order > Order::Serve {
            self.order.fetch_max(order as u8, Ordering::Relaxed);
            self.ordered.notify_one();
        }
    }

    fn touch(&self) {
        self.since
            .store(self.ticks.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    fn received(&self) {
        if self.requests.load(Ordering::Relaxed) > 0 {
            return;
        }
        if self.multiplexed.load(Ordering::Relaxed) == 1
            || self.head.swap(1, Ordering::Relaxed) == 0
        {
            self.touch();
        }
    }

    fn multiplex(&self) {
        self.multiplexed.store(1, Ordering::Relaxed);
        self.head.store(0, Ordering::Relaxed);
    }

    /// A request begins; it ends when the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> RequestGuard {
        self.head.store(0, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        RequestGuard(self.clone())
    }

    /// Waits for an order.
    pub(super) async fn ordered(&self) -> Order {
        self.ordered.notified().await;
        if self.order.load(Ordering::Relaxed) == Order::Abort as u8 {
            Order::Abort
        } else {
            Order::Finish
        }
    }

    fn is_overdue(&self, now: u32) -> bool {
        if self.requests.load(Ordering::Relaxed) > 0 {
            return false;
        }
        let limit = if self.head.load(Ordering::Relaxed) == 1 {
            HEADER_READ_TIMEOUT
        } else {
            KEEP_ALIVE_IDLE
        };
        let quiet = now.saturating_sub(self.since.load(Ordering::Relaxed));
        SWEEP_INTERVAL.saturating_mul(quiet) > limit
    }
}

/// Keeps a connection from counting as idle.
#[derive(Debug)]
pub(super) struct RequestGuard(Arc<Activity>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.touch();
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A place in the table; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
    client: Option<IpAddr>,
    pub(super) activity: Arc<Activity>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.connections.lock();
        table.open.remove(&self.number);
        if let Some(client) = self.client
            && let Some(count) = table.by_client.get_mut(&client)
        {
            *count -= 1;
            if *count == 0 {
                table.by_client.remove(&client);
            }
        }
    }
}

impl Connections {
    /// `per_client_max` is `limits.http_max_conns_per_client`; 0 means no limit.
    pub fn new(per_client_max: u32) -> Arc<Self> {
        Arc::new(Self {
            per_client_max: AtomicU32::new(per_client_max),
            table: Mutex::default(),
            ticks: Arc::new(AtomicU32::new(0)),
        })
    }

    /// Takes a place for a connection, or `None` when its client has too many. Connections without an
    /// address (unix sockets) are not counted.
    pub(super) fn admit(self: &Arc<Self>, client: Option<IpAddr>) -> Option<Place> {
        let mut table = self.lock();
        if let Some(client) = client {
            let limit = self.per_client_max.load(Ordering::Relaxed);
            let count = table.by_client.entry(client).or_insert(0);
            if limit > 0 && *count >= limit {
                return None;
            }
            *count += 1;
        }
        let number = table.next;
        table.next += 1;
        let activity = Arc::new(Activity::new(self.ticks.clone(), table.order));
        table.open.insert(number, activity.clone());
        drop(table);
        Some(Place {
            connections: self.clone(),
            number,
            client,
            activity,
        })
    }

    /// Changes the limit for connections to come; 0 means no limit.
    pub fn set_per_client_max(&self, limit: u32) {
        self.per_client_max.store(limit, Ordering::Relaxed);
    }

    /// Gives an order to every connection, those to come included.
    pub(super) fn order(&self, order: Order) {
        let mut table = self.lock();
        table.order = table.order.max(order);
        for activity in table.open.values() {
            activity.give(order);
        }
    }

    /// How many have begun to send a request head.
    #[cfg(test)]
    pub(super) fn half_sent(&self) -> usize {
        let table = self.lock();
        let activities = table.open.values();
        activities
            .filter(|activity| activity.head.load(Ordering::Relaxed) == 1)
            .count()
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.lock().open.len()
    }

    /// Advances the clock by one [`SWEEP_INTERVAL`] and gives up the connections that are overdue.
    pub fn sweep(&self) {
        let now = self.ticks.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        for activity in self.lock().open.values() {
            if activity.is_overdue(now) {
                activity.give(Order::Abort);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A byte channel that reports its activity.
pub(super) struct Watched {
    inner: Box<dyn ByteChannel>,
    activity: Arc<Activity>,
    started: bool,
}

/// How an HTTP/2 connection begins; no HTTP/1 method does.
const HTTP2_START: &[u8] = b"PRI ";

impl Watched {
    pub(super) fn new(inner: Box<dyn ByteChannel>, activity: Arc<Activity>) -> Self {
        Self {
            inner,
            activity,
            started: false,
        }
    }

    fn sent(&self, result: &Poll<io::Result<usize>>) {
        if matches!(result, Poll::Ready(Ok(count)) if *count > 0) {
            self.activity.touch();
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.received();
            if !std::mem::replace(&mut self.started, true)
                && buf.filled()[before..].starts_with(HTTP2_START)
            {
                self.activity.multiplex();
            }
        }
        result
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, data);
        self.sent(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, data);
        self.sent(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn sweeps(connections: &Connections, time: Duration) {
        for _ in 0..time.as_secs() / SWEEP_INTERVAL.as_secs() {
            connections.sweep();
        }
    }

    fn is_expired(place: &Place) -> bool {
        place.activity.order.load(Ordering::Relaxed) == Order::Abort as u8
    }

    #[test]
    fn a_client_has_a_limit_and_gives_places_back() {
        let connections = Connections::new(2);
        let first = connections.admit(Some(CLIENT)).unwrap();
        let _second = connections.admit(Some(CLIENT)).unwrap();
        assert!(connections.admit(Some(CLIENT)).is_none());
        assert!(connections.admit(Some([127, 0, 0, 2].into())).is_some());
        assert!(connections.admit(None).is_some());
        drop(first);
        assert!(connections.admit(Some(CLIENT)).is_some());
        assert_eq!(connections.open(), 1);
        assert_eq!(connections.lock().by_client.len(), 1);
    }

    #[test]
    fn idle_and_half_sent_have_different_patience() {
        let connections = Connections::new(0);
        let idle = connections.admit(Some(CLIENT)).unwrap();
        let half_sent = connections.admit(Some(CLIENT)).unwrap();
        let busy = connections.admit(Some(CLIENT)).unwrap();
        half_sent.activity.received();
        busy.activity.received();
        let guard = busy.activity.begin();
        sweeps(&connections, HEADER_READ_TIMEOUT);
        assert!(!is_expired(&half_sent));
        connections.sweep();
        assert!(is_expired(&half_sent));
        assert!(!is_expired(&idle));
        sweeps(&connections, KEEP_ALIVE_IDLE);
        assert!(is_expired(&idle));
        assert!(!is_expired(&busy));
        drop(guard);
        sweeps(&connections, KEEP_ALIVE_IDLE);
        assert!(!is_expired(&busy));
        connections.sweep();
        assert!(is_expired(&busy));
    }

    #[tokio::test]
    async fn orders_reach_old_and_new_connections() {
        let connections = Connections::new(0);
        let old = connections.admit(Some(CLIENT)).unwrap();
        connections.order(Order::Finish);
        let new = connections.admit(Some(CLIENT)).unwrap();
        assert_eq!(old.activity.ordered().await, Order::Finish);
        assert_eq!(new.activity.ordered().await, Order::Finish);
        connections.order(Order::Abort);
        assert_eq!(new.activity.ordered().await, Order::Abort);
    }

    #[test]
    fn dripping_bytes_do_not_prolong_a_head() {
        let connections = Connections::new(0);
        let slow = connections.admit(Some(CLIENT)).unwrap();
        for _ in 0..=HEADER_READ_TIMEOUT.as_secs() {
            slow.activity.received();
            connections.sweep();
        }
        assert!(is_expired(&slow));
    }
}
