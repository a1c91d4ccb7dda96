//! The composition root: starts every room in order, and keeps the agent until it ends.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::agent::config::{Built, Config, DebugFacts, ListenAddr, debug_config};
use crate::agent::config_files::LoadError;
use crate::agent::dns::DnsServer;
use crate::agent::handles::{AgentControl, AgentFacts, SharedFacts};
use crate::agent::http::{Context, HttpMetrics, Listener, RenderCache, Router, Server, bind, v1};
use crate::agent::identity::{DataDir, PidFile};
use crate::agent::leader::Office;
use crate::agent::local::Local;
use crate::agent::machine::raise_file_limit;
use crate::agent::membership;
use crate::agent::raft::{Raft, Recovery};
use crate::agent::rpc::{ClusterSize, LeaderInbox, Rpc, RpcSettings};
use crate::agent::telemetry::Telemetry;
use crate::agent::telemetry::metrics::Metrics;
use crate::agent::user_events::UserEvents;
use crate::agent::watches::{AgentSource, Watches};
use crate::agent::{leader, settings};
use crate::model::agent::{REVISION, VERSION};

use super::banner;
use super::dns_backend::DnsBackend;
use super::founding::found;
use super::listening::{Listening, remote_exec};
use super::pools::{BoundPools, RunningPools};
use super::reserved;
use super::rpc_port::{Answering, RpcPort, follow_servers};
use super::run::{Background, Running, Signals};
use super::social::{Social, join_at_start};
pub use super::start_error::StartError;
use super::unserved;

/// Reads the configuration's sources again, for a reload.
pub type Reread = Box<dyn Fn() -> Result<Built, LoadError> + Send + Sync>;

/// What an agent starts from.
pub struct Start {
    /// The configuration and what is to be warned about.
    pub built: Built,
    /// The machine's name.
    pub hostname: String,
    /// Reads the sources again.
    pub reread: Reread,
}

/// Runs an agent until it leaves, is told to stop, or fails. Returns the process's exit code.
///
/// # Errors
/// When a room cannot be started; what was started is stopped again.
pub async fn run(start: Start) -> Result<u8, StartError> {
    let config = &start.built.config;
    let refused = unserved::refused(config);
    if !refused.is_empty() {
        return Err(StartError::Unsupported(refused.join("\n==> ")));
    }
    // From here on a signal waits for its answer instead of killing an agent that replays its log.
    let signals = Signals::listen().map_err(StartError::Signals)?;
    let telemetry = Telemetry::init(settings::telemetry(config, &start.hostname)?)?;
    telemetry.say("==> Starting Consul agent...");
    raise_file_limit();
    let outcome = match assemble(&start, &telemetry).await {
        Ok(running) => Ok(running.until_end(start, signals).await),
        Err(err) => Err(err),
    };
    telemetry.shutdown();
    outcome
}

/// Opens the data and the ports, starts raft on a server, then everything else.
async fn assemble(start: &Start, telemetry: &Telemetry) -> Result<Running, StartError> {
    let config = &start.built.config;
    let data = open_data(config)?;
    let node_id = node_id(config, data.as_ref())?;
    let dir = data.as_ref().map(DataDir::path);
    let encrypted = membership::encrypts(config, dir);
    banner::print(config, &node_id, encrypted, telemetry);
    for warning in start
        .built
        .warnings
        .iter()
        .chain(&unserved::warnings(config))
    {
        warn!(target: "agent", "{warning}");
    }
    let pools = membership::pools(config, &node_id, dir, telemetry.metrics())?;
    let background = Background::default();
    // Before anything is written: a second agent on the same address leaves no trace.
    let bound = BoundPools::bind(pools)?;
    let rpc_port = RpcPort::bind(config).await?;
    reserved::hold(config, &background.stop, &background.tasks).await?;
    let listeners = http_listeners(config)?;
    let raft = start_raft(config, &node_id, dir, telemetry.metrics()).await?;
    let rooms = match bound.start() {
        Ok(pools) => Rooms {
            raft,
            pools,
            background,
            data,
            node_id,
        },
        Err(err) => {
            end(raft.as_ref(), None, &background).await;
            return Err(err);
        }
    };
    let ports = Ports {
        http: listeners,
        rpc: rpc_port,
    };
    Box::pin(serve(config, telemetry, rooms, ports)).await
}

/// Ports that are taken and not served yet.
struct Ports {
    http: Vec<Box<dyn Listener>>,
    /// Servers only.
    rpc: Option<RpcPort>,
}

/// What is there before anything is served.
struct Rooms {
    /// Servers only.
    raft: Option<Raft>,
    pools: RunningPools,
    background: Background,
    data: Option<DataDir>,
    node_id: String,
}

/// Ends what was started before an error.
async fn end(raft: Option<&Raft>, pools: Option<RunningPools>, background: &Background) {
    background.end().await;
    if let Some(pools) = pools {
        pools.shutdown().await;
    }
    if let Some(raft) = raft
        && let Err(err) = raft.shutdown().await
    {
        error!(target: "agent.server", error = %err, "raft did not stop cleanly");
    }
}

/// Consensus, on a server.
async fn start_raft(
    config: &Config,
    node_id: &str,
    dir: Option<&Path>,
    metrics: &Metrics,
) -> Result<Option<Raft>, StartError> {
    if !config.node.server {
        return Ok(None);
    }
    let dir = dir.map(Path::to_owned);
    let (raft, recovery) = Raft::start(settings::raft(config, node_id, dir, metrics)).await?;
    report(&recovery);
    Ok(Some(raft))
}

fn http_listeners(config: &Config) -> Result<Vec<Box<dyn Listener>>, StartError> {
    let (addresses, unix) = settings::http_listeners(config);
    let listeners = addresses.iter().map(|address| bind(address, &unix));
    Ok(listeners.collect::<Result<_, _>>()?)
}

/// Starts the rooms in the order in which they need each other, then joins. What was started is stopped again
/// when something fails.
async fn serve(
    config: &Config,
    telemetry: &Telemetry,
    rooms: Rooms,
    ports: Ports,
) -> Result<Running, StartError> {
    let served = match serve_rooms(config, telemetry, &rooms, ports).await {
        Ok(served) => served,
        Err(err) => {
            end(rooms.raft.as_ref(), Some(rooms.pools), &rooms.background).await;
            return Err(err);
        }
    };
    let (failures, exhausted) = mpsc::channel(1);
    let joined = join_at_start(config, &rooms.pools, telemetry).await;
    let mut running = Running {
        raft: rooms.raft,
        rpc: served.rpc,
        pools: rooms.pools,
        local: served.local,
        watches: served.watches,
        dns: served.dns,
        http: served.http,
        agent: served.agent,
        orders: served.orders,
        exhausted,
        background: rooms.background,
        data: rooms.data,
        pid: served.pid,
        telemetry: telemetry.clone(),
    };
    if let Err(err) = joined {
        running.shutdown().await;
        return Err(err);
    }
    running.retry_joins(config, &failures);
    running.watches.set(settings::watches(config)).await;
    telemetry.say("==> Consul agent running!");
    Ok(running)
}

/// The rooms that answer.
struct Served {
    rpc: Rpc,
    local: Local,
    watches: Watches<AgentSource>,
    dns: DnsServer,
    http: Server,
    agent: SharedFacts,
    orders: mpsc::Receiver<crate::agent::handles::Order>,
    pid: Option<PidFile>,
}

async fn serve_rooms(
    config: &Config,
    telemetry: &Telemetry,
    rooms: &Rooms,
    ports: Ports,
) -> Result<Served, StartError> {
    let Rooms {
        raft,
        pools,
        background,
        data,
        node_id,
    } = rooms;
    let (lan, wan) = (pools.lan().clone(), pools.wan().cloned());
    let listening = Listening::start(config, &lan, background);
    let members = lan.clone();
    let size: ClusterSize = Arc::new(move || members.members().len());
    let (rpc, inbox) = match raft {
        Some(raft) => {
            let (rpc, inbox) = begin_server(config, telemetry, rooms, raft, ports.rpc);
            (rpc, Some(inbox))
        }
        None => (begin_client(config, telemetry, Arc::clone(&size)), None),
    };
    background.spawn(follow_servers(lan.clone(), rpc.clone()));
    let backend = DnsBackend::new(rpc.clone());
    let dns = DnsServer::start(&config.addresses.dns, settings::dns(config)?, backend).await?;
    let dir = data.as_ref().map(DataDir::path);
    let mut local = settings::local(config, node_id, dir, size);
    local.check_tls = settings::check_tls(config)?;
    local.metrics = telemetry.metrics().clone();
    let local = Local::start(local, Arc::new(rpc.clone())).await?;
    let social = Social {
        config,
        pools,
        rpc: &rpc,
        local: &local,
    };
    social.begin(background);
    // After those who listen, so that they hear who leads.
    begin_leading(config, telemetry, rooms, &rpc, inbox);
    let (events, gossip_reports) = listening.receive(&local, remote_exec(config, &rpc), background);
    let (control, orders) = AgentControl::new();
    let watches = watches(config, &rpc, &events);
    let context = Context {
        rpc: rpc.clone(),
        raft: raft.clone(),
        local: local.clone(),
        lan,
        wan,
        events,
        gossip_reports,
        telemetry: telemetry.clone(),
        control,
        agent: shared_facts(config, node_id),
        facts: settings::facts(config)?,
        bodies: RenderCache::default(),
    };
    let agent = Arc::clone(&context.agent);
    let http = serve_http(config, ports.http, context)?;
    let pid = config.node.pid_file.as_deref();
    let pid = pid.map(PidFile::write).transpose()?;
    Ok(Served {
        rpc,
        local,
        watches,
        dns,
        http,
        agent,
        orders,
        pid,
    })
}

/// No watch runs yet, but all of them could.
fn watches(config: &Config, rpc: &Rpc, events: &UserEvents) -> Watches<AgentSource> {
    Watches::new(AgentSource {
        rpc: rpc.clone(),
        events: events.clone(),
        default_token: config.acl.tokens.default.reveal().to_owned(),
    })
}

/// Requests of a client agent go to its servers.
fn begin_client(config: &Config, telemetry: &Telemetry, cluster_size: ClusterSize) -> Rpc {
    let settings = RpcSettings {
        cluster_size,
        ..settings::rpc(config)
    };
    Rpc::client(settings, telemetry.metrics())
}

/// What only a server has: answers to other agents, and a cluster to form.
fn begin_server(
    config: &Config,
    telemetry: &Telemetry,
    rooms: &Rooms,
    raft: &Raft,
    port: Option<RpcPort>,
) -> (Rpc, LeaderInbox) {
    let Rooms {
        pools,
        background,
        node_id,
        ..
    } = rooms;
    let lan = pools.lan();
    let (rpc, inbox) = Rpc::server(raft.clone(), settings::rpc(config), telemetry.metrics());
    if let Some(port) = port {
        let answering = Answering {
            raft,
            rpc: &rpc,
            lan,
            wan: pools.wan(),
            node_id,
        };
        port.serve(&answering, background);
    }
    if let Some(founder) = settings::founder(config, node_id) {
        background.spawn_social(found(raft.clone(), rpc.clone(), lan.clone(), founder));
    }
    (rpc, inbox)
}

/// A leader's duties, whenever this server leads.
fn begin_leading(
    config: &Config,
    telemetry: &Telemetry,
    rooms: &Rooms,
    rpc: &Rpc,
    inbox: Option<LeaderInbox>,
) {
    let (Some(raft), Some(inbox)) = (&rooms.raft, inbox) else {
        return;
    };
    let background = &rooms.background;
    let office = Office {
        raft: raft.clone(),
        rpc: rpc.clone(),
        lan: rooms.pools.lan().clone(),
        wan: rooms.pools.wan().cloned(),
        metrics: telemetry.metrics().clone(),
    };
    let stop = background.stop.clone();
    let leading = leader::run(office, settings::leader(config), inbox, stop);
    background.tasks.spawn(leading);
}

fn serve_http(
    config: &Config,
    listeners: Vec<Box<dyn Listener>>,
    context: Context,
) -> Result<Server, StartError> {
    for address in &config.addresses.http {
        let network = if matches!(address, ListenAddr::Tcp(_)) {
            "tcp"
        } else {
            "unix"
        };
        info!(target: "agent", %address, network, "Started HTTP server");
    }
    let router = Router::new(v1::routes());
    let metrics = HttpMetrics::new(context.telemetry.metrics(), router.routes());
    Ok(Server::start(
        listeners,
        settings::transport(config)?,
        router,
        Arc::new(context),
        Arc::new(metrics),
    ))
}

fn open_data(config: &Config) -> Result<Option<DataDir>, StartError> {
    if config.dev_mode {
        return Ok(None);
    }
    Ok(Some(DataDir::open(&config.node.data_dir)?))
}

fn node_id(config: &Config, data: Option<&DataDir>) -> Result<String, StartError> {
    let configured = config.node.id.as_deref();
    Ok(match (data, configured) {
        (Some(data), configured) => data.node_id(configured)?,
        (None, Some(id)) => id.to_lowercase(),
        (None, None) => Uuid::new_v4().to_string(),
    })
}

/// What was found on disk is said before anything else, so that a restart can be judged.
fn report(recovery: &Recovery) {
    info!(
        target: "agent.server.raft",
        snapshot_index = recovery.snapshot_index.unwrap_or(0),
        replayed_entries = recovery.replayed_entries,
        elapsed = ?recovery.elapsed,
        "recovered state: replayed log",
    );
}

fn shared_facts(config: &Config, node_id: &str) -> SharedFacts {
    Arc::new(AgentFacts {
        config: settings::self_config(config, node_id),
        debug_config: ArcSwap::from_pointee(debug_config(config, &debug_facts(node_id))),
        meta: ArcSwap::from_pointee(node_meta(config)),
        always_pretty: config.dev_mode,
    })
}

/// What `DebugConfig` shows besides the configuration.
pub(super) fn debug_facts(node_id: &str) -> DebugFacts {
    DebugFacts {
        node_id: node_id.to_owned(),
        version: VERSION.to_owned(),
        revision: REVISION.to_owned(),
        ..DebugFacts::default()
    }
}

/// The node's metadata with what Consul adds.
pub(super) fn node_meta(config: &Config) -> crate::model::node::StringMap {
    let mut meta = config.node.meta.clone();
    meta.insert("consul-network-segment".to_owned(), String::new());
    meta
}
