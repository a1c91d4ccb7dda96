//! A pool's beginning and end.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rand::RngExt as _;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Level;

use super::arrivals::ARRIVALS;
use super::driver::{Clock, Driver, State};
use super::handle::{EVENTS, GossipHandle, Published, REQUESTS};
use super::inbound::{INBOUND_PUSH_PULLS, INBOUND_STREAMS, Inbound};
use super::keyring_file::{self, KeyringFileError};
use super::log::Log;
use super::meters::Meters;
use super::notices::Notices;
use super::roster::Roster;
use super::serf::{Options, Remembered, RequestError, Serf};
use super::settings::GossipSettings;
use super::snapshot_file::{Snapshot, SnapshotFileError};
use super::sockets::{BindError, Sockets, bind, canonical};
use super::streams::{Ends, LARGE_STREAMS};
use super::wire::{Keyring, Security};

/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Why a pool does not start.
#[derive(Debug, thiserror::Error)]
pub enum GossipStartError {
    /// The port.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The keyring's file.
    #[error(transparent)]
    Keyring(#[from] KeyringFileError),
    /// The snapshot's file.
    #[error(transparent)]
    Snapshot(#[from] SnapshotFileError),
    /// What this member says of itself is too much.
    #[error(transparent)]
    Refused(#[from] RequestError),
}

/// A pool whose port is open, and that does nothing yet: peers that connect wait.
pub struct BoundGossip {
    settings: GossipSettings,
    sockets: Sockets,
}

impl BoundGossip {
    /// Reads the keyring and the snapshot, and runs the pool. Members of the snapshot are joined in the
    /// background. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a file cannot be read, or the tags are too large.
    pub fn start(self) -> Result<(Gossip, GossipHandle), GossipStartError> {
        let Self { settings, sockets } = self;
        let keyring = open_keyring(&settings)?;
        let snapshot = match &settings.snapshot_file {
            Some(path) => Some(Snapshot::open(path, settings.rejoin_after_leave)?),
            None => None,
        };
        run(settings, sockets, keyring, snapshot)
    }
}

/// A running pool. Dropping it ends the pool at once, as a crash would; see [`Gossip::shutdown`].
#[derive(Debug)]
pub struct Gossip {
    stop: CancellationToken,
    tasks: TaskTracker,
    driver: Option<JoinHandle<()>>,
}

impl Gossip {
    /// Opens the port, and writes nothing. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub fn bind(settings: GossipSettings) -> Result<BoundGossip, BindError> {
        let sockets = bind(settings.bind, settings.pool)?;
        Ok(BoundGossip { settings, sockets })
    }

    /// [`Self::bind`] and [`BoundGossip::start`] at once.
    ///
    /// # Errors
    /// When the port cannot be opened, a file cannot be read, or the tags are too large.
    pub fn start(settings: GossipSettings) -> Result<(Self, GossipHandle), GossipStartError> {
        Self::bind(settings)?.start()
    }

    /// Ends the pool: nothing is told to the others (see [`GossipHandle::leave`] for that), files are
    /// written to the end.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Some(driver) = self.driver.take()
            && let Err(error) = driver.await
        {
            tracing::error!(target: "agent", %error, "gossip did not stop cleanly");
        }
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Gossip {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn open_keyring(settings: &GossipSettings) -> Result<Option<Arc<Keyring>>, KeyringFileError> {
    let opened = keyring_file::open(settings.keyring_file.as_deref(), settings.key.as_ref())?;
    if opened.key_ignored {
        let keyring = settings.pool.to_uppercase();
        let text = "keyring doesn't include key provided with -encrypt, using keyring";
        tracing::warn!(target: "agent", %keyring, "{text}");
    }
    Ok(opened.keyring.map(Arc::new))
}

/// Puts the parts together and lets them run.
fn run(
    settings: GossipSettings,
    sockets: Sockets,
    keyring: Option<Arc<Keyring>>,
    snapshot: Option<Snapshot>,
) -> Result<(Gossip, GossipHandle), GossipStartError> {
    let log = Log::new(settings.log_prefix, settings.pool);
    let meters = Meters::new(&settings.metrics);
    let name: Arc<str> = Arc::from(settings.name.as_str());
    let (default_port, keyring_file) = (settings.default_port, settings.keyring_file.clone());
    let limit = settings.swim.tcp_timeout;
    let resolves = settings.serf.resolve_name_conflicts;
    let security = security(&settings, keyring);
    let clock = Clock::start();
    let options = options(settings, sockets.address, &security, log, snapshot.as_ref());
    let serf = Serf::new(options, clock.now())?;
    let (requests, asked) = mpsc::channel(REQUESTS);
    let (arrive, arrivals) = mpsc::channel(ARRIVALS);
    let (events, _) = broadcast::channel(EVENTS);
    let (changed, changes) = watch::channel(0);
    let published = Arc::new(Published::default());
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let inbound = Arc::new(Inbound {
        log,
        security: ArcSwap::from_pointee(security),
        large: Arc::new(Semaphore::new(LARGE_STREAMS)),
        push_pulls: Arc::new(Semaphore::new(INBOUND_PUSH_PULLS)),
        arrive: arrive.clone(),
        limit,
        accepted: meters.tcp_accept.clone(),
        sent: meters.tcp_sent.clone(),
    });
    listen(sockets.streams, &inbound, &tasks, &stop);
    let mut driver = Driver {
        serf,
        clock,
        log,
        notices: Notices::new(log, Arc::clone(&name), resolves),
        meters,
        datagrams: sockets.datagrams,
        streams: inbound,
        large: Arc::new(Semaphore::new(LARGE_STREAMS)),
        requests: asked,
        arrivals,
        arrive,
        roster: Roster::default(),
        published: Arc::clone(&published),
        changes: changed,
        events: events.clone(),
        snapshot,
        keyring_file,
        default_port,
        tasks: tasks.clone(),
        stop: stop.clone(),
        state: State::default(),
    };
    driver.begin();
    let driver = Some(tokio::spawn(driver.run()));
    let handle = GossipHandle {
        name,
        published,
        requests,
        events,
        changes,
        stop: stop.clone(),
    };
    let gossip = Gossip {
        stop,
        tasks,
        driver,
    };
    Ok((gossip, handle))
}

/// How what is sent is sealed, and what is received opened.
fn security(settings: &GossipSettings, keyring: Option<Arc<Keyring>>) -> Security {
    Security {
        keyring,
        verify_incoming: settings.verify_incoming,
        verify_outgoing: settings.verify_outgoing,
        ..Security::default()
    }
}

/// What the state machine starts from.
fn options(
    settings: GossipSettings,
    bound: SocketAddr,
    security: &Security,
    log: Log,
    snapshot: Option<&Snapshot>,
) -> Options {
    let mut swim = settings.swim;
    swim.packet_overhead = security.overhead();
    let mut address = settings.advertise;
    if address.port() == 0 {
        address.set_port(bound.port());
    }
    let remembered = snapshot.map(Snapshot::remembered);
    let unrecognized = remembered.map_or(0, Remembered::unrecognized);
    if unrecognized > 0 {
        log.serf(
            Level::WARN,
            format_args!("Unrecognized snapshot lines: {unrecognized}"),
        );
    }
    Options {
        swim,
        serf: settings.serf,
        name: settings.name.as_str().into(),
        address: canonical(address),
        tags: settings.tags,
        seed: rand::rng().random(),
        policy: settings.policy,
        keyring: security.keyring.clone(),
        restored: remembered.map(Remembered::restored).unwrap_or_default(),
    }
}

/// Takes connections until the pool ends.
fn listen(
    listener: TcpListener,
    inbound: &Arc<Inbound>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let accepting = accept(listener, Arc::clone(inbound), tasks.clone(), stop.clone());
    tasks.spawn(stop.clone().run_until_cancelled_owned(accepting));
}

async fn accept(
    listener: TcpListener,
    inbound: Arc<Inbound>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(INBOUND_STREAMS));
    loop {
        let accepted = listener.accept().await;
        let connected = accepted.and_then(|(stream, from)| {
            let ends = Ends {
                local: canonical(stream.local_addr()?),
                remote: canonical(from),
            };
            Ok((stream, ends))
        });
        let (mut stream, ends) = match connected {
            Ok(connected) => connected,
            Err(error) => {
                inbound.log.memberlist(
                    Level::ERROR,
                    format_args!("Error accepting TCP connection: {error}"),
                );
                // Out of descriptors, most likely: others must not starve because of this.
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        inbound.accepted.incr();
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            inbound.log.memberlist(
                Level::ERROR,
                format_args!("Too many streams from peers, closing from={}", ends.remote),
            );
            continue;
        };
        let inbound = Arc::clone(&inbound);
        let serving = async move {
            inbound.serve(&mut stream, ends).await;
            drop(place);
        };
        tasks.spawn(stop.clone().run_until_cancelled_owned(serving));
    }
}
