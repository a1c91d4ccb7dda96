//! The composition root: starts every room in order, and keeps the agent until it ends.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::agent::config::{Built, Config, DebugFacts, ListenAddr, debug_config};
use crate::agent::config_files::LoadError;
use crate::agent::dns::DnsServer;
use crate::agent::gossip::GossipHandle;
use crate::agent::handles::{AgentControl, AgentFacts, SharedFacts};
use crate::agent::http::{Context, HttpMetrics, Listener, RenderCache, Router, Server, bind, v1};
use crate::agent::identity::{DataDir, PidFile};
use crate::agent::local::Local;
use crate::agent::machine::raise_file_limit;
use crate::agent::raft::{Raft, Recovery};
use crate::agent::rpc::Rpc;
use crate::agent::telemetry::Telemetry;
use crate::agent::{leader, settings};
use crate::model::agent::{REVISION, VERSION};

use super::banner;
use super::dns_backend::LocalCatalog;
use super::reserved;
use super::run::{Background, Running, Signals};
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
    if !config.node.server {
        return Err(StartError::ClientAgent);
    }
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

/// Opens the data and starts raft, then everything that needs it.
async fn assemble(start: &Start, telemetry: &Telemetry) -> Result<Running, StartError> {
    let config = &start.built.config;
    let data = open_data(config)?;
    let node_id = node_id(config, data.as_ref())?;
    banner::print(config, &node_id, telemetry);
    for warning in start
        .built
        .warnings
        .iter()
        .chain(&unserved::warnings(config))
    {
        warn!(target: "agent", "{warning}");
    }
    let background = Background {
        stop: CancellationToken::new(),
        tasks: TaskTracker::new(),
    };
    // Before anything is written: a second agent on the same address leaves no trace.
    reserved::hold(config, &background.stop, &background.tasks).await?;
    let dir = data.as_ref().map(|data| data.path().to_owned());
    let (raft, recovery) = Raft::start(settings::raft(config, &node_id, dir)).await?;
    report(config, &recovery);
    let rooms = Rooms {
        raft: raft.clone(),
        background: background.clone(),
        data,
        node_id,
    };
    match serve(config, telemetry, rooms).await {
        Ok(running) => Ok(running),
        Err(err) => {
            background.end().await;
            if let Err(err) = raft.shutdown().await {
                error!(target: "agent.server", error = %err, "raft did not stop cleanly");
            }
            Err(err)
        }
    }
}

/// What is there before anything is served.
struct Rooms {
    raft: Raft,
    background: Background,
    data: Option<DataDir>,
    node_id: String,
}

/// Starts the rooms in the order in which they need each other. Ports come first, so that nothing runs in
/// an agent that cannot be reached.
async fn serve(
    config: &Config,
    telemetry: &Telemetry,
    rooms: Rooms,
) -> Result<Running, StartError> {
    let Rooms {
        raft,
        background,
        data,
        node_id,
    } = rooms;
    let (addresses, unix) = settings::http_listeners(config);
    let listeners = addresses
        .iter()
        .map(|address| bind(address, &unix))
        .collect::<Result<Vec<_>, _>>()?;
    let lan = GossipHandle::detached(settings::lan_member(config, &node_id));
    let wan = settings::wan_member(config, &node_id).map(GossipHandle::detached);
    join("LAN", Some(&lan), &config.join.start_lan).await?;
    join("WAN", wan.as_ref(), &config.join.start_wan).await?;
    let rpc = Rpc::new(raft.clone(), settings::rpc(config), telemetry.metrics());
    let backend = LocalCatalog::new(rpc.clone());
    let dns = DnsServer::start(&config.addresses.dns, settings::dns(config)?, backend).await?;
    let leader_settings = settings::leader(config);
    let leading = leader::run(
        raft.clone(),
        rpc.clone(),
        lan.clone(),
        leader_settings,
        background.stop.clone(),
    );
    background.tasks.spawn(leading);
    let local = settings::local(config, &node_id, data.as_ref().map(DataDir::path));
    let local = Local::start(local, Arc::new(rpc.clone())).await?;
    let (control, orders) = AgentControl::new();
    let context = Context {
        rpc,
        raft: Some(raft.clone()),
        local: local.clone(),
        lan,
        wan,
        telemetry: telemetry.clone(),
        control,
        agent: shared_facts(config, &node_id),
        facts: settings::facts(config)?,
        bodies: RenderCache::default(),
    };
    let agent = Arc::clone(&context.agent);
    let http = serve_http(config, listeners, context)?;
    let pid = config
        .node
        .pid_file
        .as_deref()
        .map(PidFile::write)
        .transpose()?;
    telemetry.say("==> Consul agent running!");
    let telemetry = telemetry.clone();
    Ok(Running {
        raft,
        local,
        dns,
        http,
        agent,
        orders,
        background,
        data,
        pid,
        telemetry,
    })
}

/// Joins the members that must be reachable at the start: one of them is enough.
async fn join(
    pool: &'static str,
    members: Option<&GossipHandle>,
    addresses: &[String],
) -> Result<(), StartError> {
    let Some(members) = members else {
        return Ok(());
    };
    let mut failed = None;
    for address in addresses {
        match members.join(address).await {
            Ok(_) => return Ok(()),
            Err(source) => failed = Some(StartError::Join { pool, source }),
        }
    }
    failed.map_or(Ok(()), Err)
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
fn report(config: &Config, recovery: &Recovery) {
    info!(
        target: "agent.server.raft",
        snapshot_index = recovery.snapshot_index.unwrap_or(0),
        replayed_entries = recovery.replayed_entries,
        elapsed = ?recovery.elapsed,
        "recovered state: replayed log",
    );
    if !settings::bootstraps(config) && recovery.replayed_entries == 0 {
        error!(
            target: "agent.server",
            "no cluster to join: this version of consulctl serves single servers; start with -bootstrap or -bootstrap-expect=1",
        );
    }
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
