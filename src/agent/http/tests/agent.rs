//! The real endpoints over a development agent's rooms: consensus in memory, a pool of one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use serde_json::Value;

use crate::agent::acl::AllowAll;
use crate::agent::gossip::GossipHandle;
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
use crate::agent::rpc::{Rpc, RpcSettings};
use crate::agent::telemetry::{Metrics, Output, Telemetry, TelemetrySettings};
use crate::agent::user_events::UserEvents;
use crate::model::agent::SelfConfig;
use crate::model::member::Member;
use crate::model::node::StringMap;

/// The agent's node UUID.
pub(super) const NODE_ID: &str = "11111111-2222-3333-4444-555555555555";

/// Starts the API of a leading server named `n1` in `dc1`.
pub(super) async fn start() -> (Server, SocketAddr) {
    let listener = bind(
        &BindAddress::Tcp(([127, 0, 0, 1], 0).into()),
        &UnixSocketSettings::default(),
    )
    .unwrap();
    let address = listener.tcp_address().unwrap();
    let context = Arc::new(Box::pin(context()).await);
    let server = Server::start(
        vec![listener],
        TransportSettings::default(),
        Router::new(v1::routes()),
        context,
        Arc::new(NoObserver),
    );
    (server, address)
}

async fn context() -> Context {
    let (raft, _) = Raft::start(RaftSettings {
        dir: None,
        node_uuid: NODE_ID.to_owned(),
        address: "127.0.0.1:8300".to_owned(),
        raft_multiplier: 1,
        bootstrap: true,
        snapshot_threshold: DEFAULT_SNAPSHOT_THRESHOLD,
        trailing_logs: DEFAULT_TRAILING_LOGS,
        transport: Arc::new(NoTransport),
        clock: Arc::new(SystemTime::now),
    })
    .await
    .unwrap();
    let rpc_settings = RpcSettings::new("dc1", Arc::new(AllowAll));
    let rpc = Rpc::new(raft.clone(), rpc_settings, &Metrics::default());
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
    let lan = pool("n1");
    let (events, _) = UserEvents::new(lan.clone(), "n1");
    let (gossip_reports, asking) = GossipReports::new(lan.clone());
    tokio::spawn(asking.run());
    Context {
        rpc,
        local,
        raft: Some(raft),
        lan,
        events,
        gossip_reports,
        wan: Some(pool("n1.dc1")),
        telemetry: Telemetry::init(quiet).unwrap(),
        control: AgentControl::new().0,
        agent: Arc::new(AgentFacts {
            config: SelfConfig {
                server: true,
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

fn pool(name: &str) -> GossipHandle {
    let tags = [("id", NODE_ID), ("build", "1.10.0:")];
    GossipHandle::detached(Member {
        name: name.to_owned(),
        addr: "127.0.0.1".to_owned(),
        port: 8301,
        status: 1,
        tags: tags
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into_iter()
            .collect::<StringMap>(),
        ..Member::default()
    })
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
