//! The real endpoints over a development agent's rooms: consensus in memory, a pool of one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use bytes::Bytes;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::agent::acl::AllowAll;
use crate::agent::gossip::serf::AnyMember;
use crate::agent::gossip::wire::Key;
use crate::agent::gossip::{Gossip, GossipHandle, GossipSettings, serf, swim};
use crate::agent::gossip_report::GossipReports;
use crate::agent::handles::{AgentControl, AgentFacts};
use crate::agent::http::{
    BindAddress, Context, Facts, NoObserver, RenderCache, Router, Server, TransportSettings,
    UnixSocketSettings, bind, v1,
};
use crate::agent::local::{Local, LocalSettings, NodeIdentity};
use crate::agent::raft::{
    DEFAULT_SNAPSHOT_THRESHOLD, DEFAULT_TRAILING_LOGS, NoTransport, Raft, RaftSettings,
};
use crate::agent::rpc::dispatch::{Dispatcher, Events, SnapshotService};
use crate::agent::rpc::net::{BoxFuture, Handlers, Limits, Listener};
use crate::agent::rpc::{LeaderInbox, RaftService, Rpc, RpcSettings};
use crate::agent::telemetry::{Metrics, Output, Telemetry, TelemetrySettings};
use crate::agent::user_events::{OwnService, OwnServices, UserEvents};
use crate::model::agent::SelfConfig;

/// How long an election may take.
const LEADER_LIMIT: Duration = Duration::from_secs(10);
/// The agent's node UUID.
pub(super) const NODE_ID: &str = "11111111-2222-3333-4444-555555555555";

/// Starts the API of a leading server named `n1` in `dc1`.
pub(super) async fn start() -> (Server, SocketAddr) {
    start_with(None).await
}

/// The same with gossip that is encrypted, when there is a key.
pub(super) async fn start_with(key: Option<&Key>) -> (Server, SocketAddr) {
    let (raft, rpc, _inbox) = consensus("127.0.0.1:8300").await;
    serve(Box::pin(context(rpc, Some(raft), key)).await)
}

/// A leading server with its port 8300 on another one, and a client agent that knows it.
pub(super) struct Pair {
    /// The server's API.
    pub(super) server: SocketAddr,
    /// The client's API.
    pub(super) client: SocketAddr,
    /// The server's handle.
    pub(super) rpc: Rpc,
    /// What waits for the leader's duties.
    pub(super) inbox: LeaderInbox,
    _apis: [Server; 2],
}

/// Starts a server and a client.
pub(super) async fn start_pair() -> Pair {
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)));
    let listener = listener.await.unwrap();
    let port = listener.address().unwrap();
    let (raft, rpc, inbox) = consensus(&port.to_string()).await;
    let handlers = Handlers {
        calls: Arc::new(Dispatcher::new(rpc.clone(), Arc::new(NoEvents))),
        raft: Arc::new(RaftService::new(raft.clone(), NODE_ID.to_owned())),
        snapshots: Arc::new(SnapshotService::new(rpc.clone())),
    };
    let stop = CancellationToken::new();
    tokio::spawn(listener.serve(handlers, Limits::default(), stop));
    let settings = RpcSettings::new("dc1", Arc::new(AllowAll));
    let client = Rpc::client(settings, &Metrics::default());
    for known in [&rpc, &client] {
        known.set_servers(vec![crate::agent::rpc::Server {
            id: NODE_ID.to_owned(),
            name: "n1".to_owned(),
            address: port,
        }]);
    }
    let (server_api, server) = serve(Box::pin(context(rpc.clone(), Some(raft), None)).await);
    let (client_api, client) = serve(Box::pin(context(client, None, None)).await);
    Pair {
        server,
        client,
        rpc,
        inbox,
        _apis: [server_api, client_api],
    }
}

/// Starts the API of a client that knows no server.
pub(super) async fn start_lonely_client() -> (Server, SocketAddr) {
    let settings = RpcSettings::new("dc1", Arc::new(AllowAll));
    let client = Rpc::client(settings, &Metrics::default());
    serve(Box::pin(context(client, None, None)).await)
}

struct NoEvents;

impl Events for NoEvents {
    fn fire(&self, _: String, _: Bytes) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn serve(context: Context) -> (Server, SocketAddr) {
    let listener = bind(
        &BindAddress::Tcp(([127, 0, 0, 1], 0).into()),
        &UnixSocketSettings::default(),
    )
    .unwrap();
    let address = listener.tcp_address().unwrap();
    let server = Server::start(
        vec![listener],
        TransportSettings::default(),
        Router::new(v1::routes()),
        Arc::new(context),
        Arc::new(NoObserver),
    );
    (server, address)
}

/// The consensus of a server that leads alone, in memory, and its handle.
async fn consensus(address: &str) -> (Raft, Rpc, LeaderInbox) {
    let (raft, _) = Raft::start(RaftSettings {
        dir: None,
        node_uuid: NODE_ID.to_owned(),
        address: address.to_owned(),
        raft_multiplier: 1,
        bootstrap: true,
        snapshot_threshold: DEFAULT_SNAPSHOT_THRESHOLD,
        trailing_logs: DEFAULT_TRAILING_LOGS,
        transport: Arc::new(NoTransport),
        clock: Arc::new(SystemTime::now),
        metrics: crate::agent::telemetry::metrics::Metrics::default(),
    })
    .await
    .unwrap();
    raft.wait_for_leader(LEADER_LIMIT).await.unwrap();
    let settings = RpcSettings::new("dc1", Arc::new(AllowAll));
    let (rpc, inbox) = Rpc::server(raft.clone(), settings, &Metrics::default());
    (raft, rpc, inbox)
}

/// The rooms of an agent: a server's with its consensus, a client's without.
async fn context(rpc: Rpc, raft: Option<Raft>, key: Option<&Key>) -> Context {
    let is_server = raft.is_some();
    let quiet = TelemetrySettings {
        output: Output::Nowhere,
        ..TelemetrySettings::default()
    };
    let identity = NodeIdentity {
        id: NODE_ID.to_owned(),
        name: "n1".to_owned(),
        datacenter: "dc1".to_owned(),
        address: "127.0.0.1".to_owned(),
        ..NodeIdentity::default()
    };
    let local = Local::start(LocalSettings::new(identity), Arc::new(rpc.clone()))
        .await
        .unwrap();
    let lan = pool("lan", "n1", key);
    let (events, receiver) = UserEvents::new(lan.clone(), "n1");
    tokio::spawn(receiver.run(OneService));
    let (gossip_reports, asking, answering) = GossipReports::new(lan.clone());
    tokio::spawn(answering.run());
    tokio::spawn(asking.run());
    Context {
        rpc,
        local,
        raft,
        lan,
        events,
        gossip_reports,
        wan: is_server.then(|| pool("wan", "n1.dc1", key)),
        telemetry: Telemetry::init(quiet).unwrap(),
        control: AgentControl::new().0,
        agent: Arc::new(AgentFacts {
            config: SelfConfig {
                server: is_server,
                ..SelfConfig::default()
            },
            debug_config: ArcSwap::from_pointee(Value::Null),
            meta: ArcSwap::default(),
            always_pretty: false,
        }),
        facts: facts(),
        bodies: RenderCache::default(),
    }
}

/// A real pool of one on a free port. It ends with the test's runtime.
pub(super) fn pool(pool: &'static str, name: &str, key: Option<&Key>) -> GossipHandle {
    let tags = [
        ("id", NODE_ID),
        ("build", "1.10.0:"),
        ("role", "consul"),
        ("dc", "dc1"),
        ("port", "8300"),
        ("vsn", "2"),
    ];
    let bind = SocketAddr::from(([127, 0, 0, 1], 0));
    let (gossip, handle) = Gossip::start(GossipSettings {
        pool,
        log_prefix: "agent.server",
        name: name.to_owned(),
        bind,
        advertise: bind,
        tags: tags
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into_iter()
            .collect(),
        default_port: 8301,
        swim: swim::Config::lan(),
        serf: serf::Config::default(),
        key: key.cloned(),
        keyring_file: None,
        verify_incoming: true,
        verify_outgoing: true,
        snapshot_file: None,
        rejoin_after_leave: false,
        policy: Box::new(AnyMember),
        metrics: Metrics::default(),
    })
    .unwrap();
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(gossip);
    });
    handle
}

struct OneService;

impl OwnServices for OneService {
    fn own_services(&self) -> Vec<OwnService> {
        vec![OwnService {
            id: "web-1".to_owned(),
            tags: vec!["v1".to_owned()],
        }]
    }
}

fn facts() -> Facts {
    Facts {
        datacenter: "dc1".to_owned(),
        node_name: "n1".to_owned(),
        discovery_max_stale: Duration::ZERO,
        kv_max_value_size: 512 * 1024,
        txn_max_req_len: 512 * 1024,
        bootstrap: true,
        disable_coordinates: false,
        default_token: String::new(),
    }
}
