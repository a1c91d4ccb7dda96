//! The handle through which all reads and writes go.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{Notify, Semaphore, mpsc, watch};

use crate::agent::acl::Resolver;
use crate::agent::raft::Raft;
use crate::agent::store::State;
use crate::agent::telemetry::metrics::Metrics;
use crate::model::access::Requirement;
use crate::model::coordinate::NodeCoordinate;
use crate::model::raft::AutopilotState;

use super::coordinates::COORDINATES;
use super::founding::Promises;
use super::kept::KeptAnswers;
use super::metrics::RpcMetrics;
use super::net::{Pool, PoolSettings};
use super::options::{DEFAULT_QUERY_TIME, MAX_QUERY_TIME};
use super::rate::Bucket;
use super::servers::ServerList;
use super::sessions::MIN_SESSION_TTL;
use super::{LeaderInbox, RateLimit, RpcError, Server, SessionClocks, rebalance};

/// Tells how many members the pool has.
pub type ClusterSize = Arc<dyn Fn() -> usize + Send + Sync>;

/// What the room needs to know of the agent.
#[derive(Clone)]
pub struct RpcSettings {
    /// The agent's datacenter.
    pub datacenter: String,
    /// The address from which the agent calls others; `None` leaves it to the system.
    pub source: Option<IpAddr>,
    /// How long a request waits for a leader (`rpc_hold_timeout`).
    pub hold_timeout: Duration,
    /// How long a blocking query waits when it names no time.
    pub default_query_time: Duration,
    /// The longest time that a blocking query may ask for.
    pub max_query_time: Duration,
    /// The shortest time to live of a session (`session_ttl_min`).
    pub session_ttl_min: Duration,
    /// Finds the authorizer of a token.
    pub resolver: Arc<dyn Resolver>,
    /// How many calls a client makes (`limits.rpc_rate`, `limits.rpc_max_burst`).
    pub rate: RateLimit,
    /// Members of the pool: clients of large clusters turn to other servers more rarely.
    pub cluster_size: ClusterSize,
}

impl RpcSettings {
    /// Consul's defaults for a datacenter.
    pub fn new(datacenter: &str, resolver: Arc<dyn Resolver>) -> Self {
        Self {
            datacenter: datacenter.to_owned(),
            source: None,
            hold_timeout: Duration::from_secs(7),
            default_query_time: DEFAULT_QUERY_TIME,
            max_query_time: MAX_QUERY_TIME,
            session_ttl_min: MIN_SESSION_TTL,
            resolver,
            rate: RateLimit::NONE,
            cluster_size: Arc::new(|| 1),
        }
    }
}

/// Reads and writes of the replicated state, wherever the leader is. Cheap to clone.
#[derive(Clone)]
pub struct Rpc {
    pub(super) shared: Arc<Shared>,
}

/// What the clones share.
pub(super) struct Shared {
    pub(super) settings: RpcSettings,
    /// This server's consensus; `None` on a client.
    pub(super) raft: Option<Raft>,
    /// Connections to servers.
    pub(super) pool: Pool,
    /// Who is asked next; written by [`Rpc::set_servers`] and by calls that failed.
    pub(super) list: Mutex<ServerList>,
    /// The servers as gossip knows them; published by [`Rpc::set_servers`].
    pub(super) known: watch::Sender<Arc<[Server]>>,
    /// Names of servers by UUID, of those that failed as well.
    pub(super) names: ArcSwap<BTreeMap<String, String>>,
    /// Set once, by [`Rpc::begin_leaving`].
    leaving: AtomicBool,
    pub(super) metrics: RpcMetrics,
    bucket: Option<Mutex<Bucket>>,
    started: Instant,
    replaced: Notify,
    /// A permit for the one restore at a time.
    pub(super) restores: Semaphore,
    /// Servers only: where coordinates wait for the leader's batch.
    pub(super) coordinates: Option<mpsc::Sender<NodeCoordinate>>,
    pub(super) promises: Promises,
    /// Times to live of sessions, while this server leads.
    pub(super) session_clocks: SessionClocks,
    /// Answers for `?cached`.
    pub(super) kept: KeptAnswers,
    /// What autopilot saw last, while this server leads.
    pub(super) autopilot: ArcSwapOption<AutopilotState>,
}

impl Rpc {
    /// The handle of a server, and what it takes in for the leader's duties.
    pub fn server(raft: Raft, settings: RpcSettings, metrics: &Metrics) -> (Self, LeaderInbox) {
        let (sender, coordinates) = mpsc::channel(COORDINATES);
        let pool = Pool::new(PoolSettings {
            source: settings.source,
            ..PoolSettings::of_server()
        });
        let shared = Shared {
            raft: Some(raft),
            coordinates: Some(sender),
            ..Shared::new(settings, pool, metrics)
        };
        let rpc = Self {
            shared: Arc::new(shared),
        };
        (rpc, LeaderInbox { coordinates })
    }

    /// The handle of a client agent. Must be called within a runtime: a task spreads the clients over the servers,
    /// for as long as there is a handle.
    pub fn client(settings: RpcSettings, metrics: &Metrics) -> Self {
        let started = Instant::now();
        let pool = Pool::new(PoolSettings {
            source: settings.source,
            ..PoolSettings::of_client()
        });
        let bucket = Bucket::new(settings.rate, Duration::ZERO).map(Mutex::new);
        let shared = Arc::new(Shared {
            bucket,
            started,
            ..Shared::new(settings, pool, metrics)
        });
        tokio::spawn(rebalance::run(Arc::downgrade(&shared)));
        Self { shared }
    }

    /// Tells which servers of this datacenter can be asked: called whenever gossip learns of a change.
    pub fn set_servers(&self, servers: Vec<Server>) {
        let shared = &self.shared;
        let gone = {
            let mut list = shared.list();
            list.set(&servers, &mut rand::rng())
        };
        shared.known.send_if_modified(|known| {
            let changed = **known != *servers;
            if changed {
                *known = servers.into();
            }
            changed
        });
        for address in gone {
            shared.pool.forget(address);
        }
    }

    /// Tells the names of servers by UUID, of those that cannot be asked as well.
    pub fn set_names(&self, names: BTreeMap<String, String>) {
        self.shared.names.store(Arc::new(names));
    }

    /// The names of servers by UUID: those that can be asked, and those that gossip still remembers.
    pub(super) fn names(&self) -> BTreeMap<String, String> {
        let mut names = BTreeMap::clone(&self.shared.names.load());
        let servers = self.servers();
        names.extend(servers.iter().map(|s| (s.id.clone(), s.name.clone())));
        names
    }

    /// The servers of this datacenter as gossip knows them.
    pub fn servers(&self) -> Arc<[Server]> {
        Arc::clone(&self.shared.known.borrow())
    }

    /// Called when this server has left the pool: from now on it answers that there is no leader, so that whoever
    /// asks turns to another server.
    pub fn begin_leaving(&self) {
        self.shared.leaving.store(true, Ordering::Relaxed);
    }

    /// The agent's datacenter.
    pub fn datacenter(&self) -> &str {
        &self.shared.settings.datacenter
    }

    /// The newest published state of this server, whatever the leader has: for reads that may be
    /// stale, such as DNS. `None` on a client.
    pub fn stale_state(&self) -> Option<Arc<State>> {
        self.shared.raft.as_ref().map(Raft::state)
    }

    /// This server's consensus.
    pub(super) fn raft(&self) -> Result<&Raft, RpcError> {
        self.shared.raft.as_ref().ok_or(RpcError::NoServers)
    }

    /// Resolves when the whole state was replaced by a restored snapshot.
    pub async fn replaced(&self) {
        self.shared.replaced.notified().await;
    }

    pub(super) fn note_replaced(&self) {
        self.shared.replaced.notify_one();
    }

    /// The clocks of sessions: the leader's duty starts and stops them.
    pub fn session_clocks(&self) -> &SessionClocks {
        &self.shared.session_clocks
    }

    /// Counts a read of a service's instances.
    pub fn count_service_query(&self, service: &str) {
        self.shared.metrics.service_query(service);
    }

    /// Checks that requests for a datacenter can be answered: that it is this one.
    ///
    /// # Errors
    /// For every other datacenter: federation is a later capability.
    pub fn route(&self, datacenter: &str) -> Result<(), RpcError> {
        if datacenter.is_empty() || datacenter == self.datacenter() {
            return Ok(());
        }
        let unknown = RpcError::NoPathToDatacenter;
        if self.shared.raft.is_some() {
            return Err(unknown);
        }
        // A client's servers say so.
        if self.shared.list().first().is_none() {
            return Err(RpcError::NoServers);
        }
        Err(RpcError::Remote(unknown.to_string()))
    }

    /// A refusal that the leader would have spoken, or with `stale` any server, where this agent found the reason
    /// itself: with the mark of the hop that the question would have made. Where nobody could have been asked, it is
    /// that.
    pub fn as_told(&self, refusal: String, stale: bool) -> RpcError {
        let Some(raft) = &self.shared.raft else {
            let alone = self.shared.list().first().is_none();
            return if alone {
                RpcError::NoServers
            } else {
                RpcError::Remote(refusal)
            };
        };
        let now = raft.leadership();
        let now = now.borrow();
        if stale || now.is_leader() {
            RpcError::Refused(refusal)
        } else if now.leader.is_none() {
            RpcError::NoLeader
        } else {
            RpcError::Remote(refusal)
        }
    }

    /// Checks that a token gives a permission.
    ///
    /// # Errors
    /// When it does not, or is not known.
    pub fn authorize(&self, token: &str, requirement: &Requirement<'_>) -> Result<(), RpcError> {
        let authorizer = self.shared.settings.resolver.resolve(token)?;
        if authorizer.allows(requirement) {
            Ok(())
        } else {
            Err(RpcError::PermissionDenied)
        }
    }
}

impl Shared {
    fn new(settings: RpcSettings, pool: Pool, metrics: &Metrics) -> Self {
        Self {
            settings,
            raft: None,
            pool,
            list: Mutex::default(),
            known: watch::Sender::default(),
            names: ArcSwap::default(),
            leaving: AtomicBool::new(false),
            metrics: RpcMetrics::new(metrics),
            bucket: None,
            started: Instant::now(),
            replaced: Notify::new(),
            restores: Semaphore::new(1),
            coordinates: None,
            promises: Promises::default(),
            session_clocks: SessionClocks::default(),
            kept: KeptAnswers::default(),
            autopilot: ArcSwapOption::empty(),
        }
    }

    pub(super) fn list(&self) -> std::sync::MutexGuard<'_, ServerList> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// Counts one more call of a client against its limit.
    pub(super) fn admit_call(&self) -> Result<(), RpcError> {
        self.metrics.client_calls.incr();
        let Some(bucket) = &self.bucket else {
            return Ok(());
        };
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        if bucket.take(self.started.elapsed()) {
            Ok(())
        } else {
            self.metrics.client_exceeded.incr();
            Err(RpcError::RateLimited)
        }
    }
}
