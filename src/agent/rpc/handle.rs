//! The handle through which all reads and writes go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore, mpsc};

use crate::agent::acl::Resolver;
use crate::agent::raft::{Raft, RestoreError, WriteError};
use crate::agent::store::{Command, Query, Response, State, WatchSet};
use crate::agent::telemetry::metrics::Metrics;
use crate::model::access::{Requirement, Resource};
use crate::model::coordinate::NodeCoordinate;

use super::blocking::Found;
use super::coordinates::COORDINATES;
use super::founding::Promises;
use super::metrics::RpcMetrics;
use super::options::{DEFAULT_QUERY_TIME, MAX_QUERY_TIME};
use super::{Consistency, LeaderInbox, QueryMeta, QueryOptions, RpcError, Server, WriteOptions};

/// What the room needs to know of the agent.
#[derive(Clone)]
pub struct RpcSettings {
    /// The agent's datacenter.
    pub datacenter: String,
    /// How long a request waits for a leader (`rpc_hold_timeout`).
    pub hold_timeout: Duration,
    /// How long a blocking query waits when it names no time.
    pub default_query_time: Duration,
    /// The longest time that a blocking query may ask for.
    pub max_query_time: Duration,
    /// Finds the authorizer of a token.
    pub resolver: Arc<dyn Resolver>,
}

impl RpcSettings {
    /// Consul's defaults for a datacenter.
    pub fn new(datacenter: &str, resolver: Arc<dyn Resolver>) -> Self {
        Self {
            datacenter: datacenter.to_owned(),
            hold_timeout: Duration::from_secs(7),
            default_query_time: DEFAULT_QUERY_TIME,
            max_query_time: MAX_QUERY_TIME,
            resolver,
        }
    }
}

/// Where requests go.
#[derive(Clone)]
enum Servers {
    /// This agent is a server: to its own consensus.
    Own(Raft),
    /// This agent is a client, and does not forward to servers yet: nowhere.
    Nobody,
}

/// Reads and writes of the replicated state, wherever the leader is. Cheap to clone.
#[derive(Clone)]
pub struct Rpc {
    servers: Servers,
    pub(super) settings: Arc<RpcSettings>,
    replaced: Arc<Notify>,
    metrics: RpcMetrics,
    /// A permit for the one restore at a time.
    restores: Arc<Semaphore>,
    /// Servers only: where coordinates wait for the leader's batch.
    pub(super) coordinates: Option<mpsc::Sender<NodeCoordinate>>,
    pub(super) promises: Arc<Promises>,
}

impl Rpc {
    /// The handle of a server, and what it takes in for the leader's duties.
    pub fn server(raft: Raft, settings: RpcSettings, metrics: &Metrics) -> (Self, LeaderInbox) {
        let (sender, coordinates) = mpsc::channel(COORDINATES);
        let rpc = Self {
            coordinates: Some(sender),
            ..Self::over(Servers::Own(raft), settings, metrics)
        };
        (rpc, LeaderInbox { coordinates })
    }

    /// The handle of a client agent: every request fails with [`RpcError::NoServers`], as it does on a Consul
    /// client that knows no server.
    pub fn client(settings: RpcSettings, metrics: &Metrics) -> Self {
        Self::over(Servers::Nobody, settings, metrics)
    }

    fn over(servers: Servers, settings: RpcSettings, metrics: &Metrics) -> Self {
        Self {
            servers,
            settings: Arc::new(settings),
            replaced: Arc::default(),
            metrics: RpcMetrics::new(metrics),
            restores: Arc::new(Semaphore::new(1)),
            coordinates: None,
            promises: Arc::default(),
        }
    }

    /// Tells which servers of this datacenter can be asked: called whenever gossip learns of a change.
    pub fn set_servers(&self, servers: Vec<Server>) {
        drop(servers);
    }

    /// Called when this server has left the pool: from now on it answers that there is no leader, so that whoever
    /// asks turns to another server.
    pub fn begin_leaving(&self) {}

    /// The agent's datacenter.
    pub fn datacenter(&self) -> &str {
        &self.settings.datacenter
    }

    /// The newest published state of this server, whatever the leader has: for reads that may be
    /// stale, such as DNS. `None` on a client.
    pub fn stale_state(&self) -> Option<Arc<State>> {
        self.raft().ok().map(Raft::state)
    }

    /// This server's consensus.
    pub(super) fn raft(&self) -> Result<&Raft, RpcError> {
        match &self.servers {
            Servers::Own(raft) => Ok(raft),
            Servers::Nobody => Err(RpcError::NoServers),
        }
    }

    /// Writes a command: returns once it is durable and applied.
    ///
    /// # Errors
    /// When no leader is found in time, the token lacks the permission, or the command is refused.
    pub async fn write(
        &self,
        options: &WriteOptions,
        requirement: &Requirement<'_>,
        command: Command,
    ) -> Result<Response, RpcError> {
        self.route(&options.datacenter)?;
        self.authorize(&options.token, requirement)?;
        self.metrics.request.incr();
        let (time, began) = (self.metrics.time_of(&command), Instant::now());
        let raft = self.raft()?;
        let applied = raft.write(command, self.settings.hold_timeout).await;
        if let Some(time) = time {
            time.record_duration(began.elapsed());
        }
        let applied = applied.inspect_err(|_| self.metrics.failed.incr())?;
        match applied.response {
            Response::Refused(reason) => Err(RpcError::Refused(reason)),
            response => Ok(response),
        }
    }

    /// Runs a read as its options want it, waiting for a newer index where they ask for one.
    ///
    /// # Errors
    /// When no leader is found in time, it cannot prove its leadership, or the token lacks the
    /// permission.
    pub async fn query<Q: Query>(
        &self,
        options: &QueryOptions,
        query: &Q,
    ) -> Result<(Q::Answer, QueryMeta), RpcError> {
        self.route(&options.datacenter)?;
        self.authorize(&options.token, &query.requirement())?;
        self.metrics.query.incr();
        let raft = self.raft()?;
        self.ready(raft, options.consistency).await?;
        let found = if options.min_index == 0 {
            Found::read(&raft.state(), query, &mut WatchSet::default())
        } else {
            self.metrics.blocking.incr();
            self.blocking(raft, options, query).await?
        };
        let meta = QueryMeta {
            index: found.index,
            known_leader: raft.knows_leader(),
            last_contact_ms: last_contact_ms(raft),
            consistency: options.consistency,
            generation: found.generation,
        };
        Ok((found.answer, meta))
    }

    /// Replaces the whole state by an operator's archive. One at a time: each takes memory several
    /// times its size.
    ///
    /// # Errors
    /// As [`Self::write`]; a damaged archive is refused before anything is written.
    pub async fn restore(&self, options: &WriteOptions, archive: Vec<u8>) -> Result<(), RpcError> {
        self.route(&options.datacenter)?;
        let requirement = Requirement::write(Resource::Operator, &[]);
        self.authorize(&options.token, &requirement)?;
        let Ok(_permit) = self.restores.try_acquire() else {
            return Err(RpcError::Refused(
                "another restore is under way: try again".to_owned(),
            ));
        };
        let restored = self
            .raft()?
            .restore_archive(archive, self.settings.hold_timeout)
            .await;
        restored.map_err(|err| match err {
            RestoreError::Write(err) => err.into(),
            other => RpcError::Refused(other.to_string()),
        })?;
        self.replaced.notify_one();
        Ok(())
    }

    /// Resolves when the whole state was replaced by a restored snapshot.
    pub async fn replaced(&self) {
        self.replaced.notified().await;
    }

    /// Counts a read of a service's instances.
    pub fn count_service_query(&self, service: &str) {
        self.metrics.service_query(service);
    }

    /// Checks that the datacenter is this one, and that there is a server for it.
    ///
    /// # Errors
    /// For every other datacenter: federation is a later capability. Always on a client, whatever the datacenter:
    /// its servers would know the way.
    pub fn route(&self, datacenter: &str) -> Result<(), RpcError> {
        self.raft()?;
        if datacenter.is_empty() || datacenter == self.settings.datacenter {
            Ok(())
        } else {
            Err(RpcError::NoPathToDatacenter)
        }
    }

    /// Checks that a token gives a permission.
    ///
    /// # Errors
    /// When it does not, or is not known.
    pub fn authorize(&self, token: &str, requirement: &Requirement<'_>) -> Result<(), RpcError> {
        if self.settings.resolver.resolve(token)?.allows(requirement) {
            Ok(())
        } else {
            Err(RpcError::PermissionDenied)
        }
    }

    /// Waits until this server may answer with this consistency.
    pub(super) async fn ready(
        &self,
        raft: &Raft,
        consistency: Consistency,
    ) -> Result<(), RpcError> {
        match consistency {
            Consistency::Stale => Ok(()),
            Consistency::Default => Ok(raft.verify_lease(self.settings.hold_timeout).await?),
            Consistency::Consistent => Ok(raft.verify_leader(self.settings.hold_timeout).await?),
        }
    }
}

fn last_contact_ms(raft: &Raft) -> u64 {
    let since = raft.last_contact().unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl From<WriteError> for RpcError {
    fn from(err: WriteError) -> Self {
        match err {
            // Forwarding comes with clusters; a server alone never has another leader.
            WriteError::NoLeader | WriteError::NotLeader(_) => Self::NoLeader,
            WriteError::Refused(reason) => Self::Refused(reason),
            failed @ (WriteError::LeadershipLost | WriteError::Stopped(_)) => {
                Self::Raft(failed.to_string())
            }
        }
    }
}
