//! A server that leads alone, its port, and a pool that calls it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::agent::acl::AllowAll;
use crate::agent::raft::{
    DEFAULT_SNAPSHOT_THRESHOLD, DEFAULT_TRAILING_LOGS, NoTransport, Raft, RaftSettings,
};
use crate::agent::rpc::dispatch::{Dispatcher, Events, Federation, SnapshotService, WriteLimits};
use crate::agent::rpc::net::{
    BoxFuture, CallError, Handlers, Limits, Listener, Pool, PoolSettings,
};
use crate::agent::rpc::wire::coordinate::DatacenterMap;
use crate::agent::rpc::wire::{
    ReadOptions, RemoteQuery, decode_response, encode_command, encode_read, encode_write,
};
use crate::agent::rpc::{
    LeaderInbox, QueryMeta, QueryOptions, RaftService, Rpc, RpcSettings, WriteOptions,
};
use crate::agent::store::{Command, KvCommand, KvVerb, Response};
use crate::agent::telemetry::Metrics;
use crate::model::kv::{Blob, Key, KvPair};

/// Longer than anything here takes.
pub(super) const LONG: Duration = Duration::from_secs(20);
/// The server's UUID.
pub(super) const NODE_ID: &str = "11111111-2222-3333-4444-555555555555";

/// Remembers what was fired.
#[derive(Default)]
pub(super) struct Fired(pub(super) Mutex<Vec<(String, Bytes)>>);

impl Events for Fired {
    fn fire(&self, name: String, payload: Bytes) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            if payload.len() > 512 {
                return Err("user event exceeds limit".to_owned());
            }
            self.0.lock().unwrap().push((name, payload));
            Ok(())
        })
    }
}

/// Two datacenters.
struct Two;

impl Federation for Two {
    fn datacenters(&self) -> Vec<String> {
        vec!["dc1".to_owned(), "dc2".to_owned()]
    }

    fn coordinates(&self) -> BoxFuture<'_, Result<Vec<DatacenterMap>, String>> {
        let map = DatacenterMap {
            datacenter: "dc2".to_owned(),
            area_id: "wan".to_owned(),
            coordinates: Vec::new(),
        };
        Box::pin(std::future::ready(Ok(vec![map])))
    }
}

/// A running server.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) rpc: Rpc,
    pub(super) pool: Pool,
    pub(super) fired: Arc<Fired>,
    pub(super) inbox: LeaderInbox,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub(super) async fn with(limits: Limits) -> Self {
        let listener = Listener::bind("127.0.54.1:0".parse().unwrap())
            .await
            .unwrap();
        let address = listener.address().unwrap();
        let (raft, _) = Raft::start(RaftSettings {
            dir: None,
            node_uuid: NODE_ID.to_owned(),
            address: address.to_string(),
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
        let settings = RpcSettings::new("dc1", Arc::new(AllowAll));
        let (rpc, inbox) = Rpc::server(raft.clone(), settings, &Metrics::default());
        let fired = Arc::new(Fired::default());
        let writes = WriteLimits {
            value_bytes: 1000,
            txn_bytes: 10_000,
        };
        let dispatcher = Dispatcher::new(rpc.clone(), Arc::clone(&fired) as Arc<dyn Events>)
            .with_limits(writes)
            .with_federation(Arc::new(Two));
        let handlers = Handlers {
            calls: Arc::new(dispatcher),
            raft: Arc::new(RaftService::new(raft, NODE_ID.to_owned())),
            snapshots: Arc::new(SnapshotService::new(rpc.clone())),
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(listener.serve(handlers, limits, stop.clone()));
        let pool = Pool::new(PoolSettings::of_client());
        let server = Self {
            address,
            rpc,
            pool,
            fired,
            inbox,
            stop,
            task,
        };
        // Whatever waits for the leader, has one from here on.
        server.set("first", "").await;
        server
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(LONG, self.task)
            .await
            .unwrap()
            .unwrap();
    }

    pub(super) async fn call(&self, method: &str, body: &[u8]) -> Result<Bytes, CallError> {
        self.pool.call(self.address, method, body, LONG).await
    }

    /// The error's text that a call is answered with.
    pub(super) async fn refusal(&self, method: &str, body: &[u8]) -> String {
        match self.call(method, body).await {
            Err(CallError::Application(text)) => text,
            other => panic!("{method}: {other:?}"),
        }
    }

    pub(super) async fn read<Q: RemoteQuery>(&self, query: Q) -> (QueryMeta, Q::Answer) {
        self.read_with(&options(), query).await.unwrap()
    }

    pub(super) async fn read_with<Q: RemoteQuery>(
        &self,
        options: &ReadOptions,
        query: Q,
    ) -> Result<(QueryMeta, Q::Answer), CallError> {
        let body = query.encode_request(options).unwrap();
        let reply = self.call(query.method(), &body).await?;
        Ok(query.decode_reply(&reply).unwrap())
    }

    pub(super) async fn write(&self, command: Command) -> Result<Response, CallError> {
        let call = encode_command(&write_options(), &command).unwrap().unwrap();
        let reply = self.call(call.method, &call.body).await?;
        Ok(decode_response(&command, &reply).unwrap())
    }

    pub(super) async fn kv(&self, verb: KvVerb, pair: KvPair) -> Result<Response, CallError> {
        self.write(Command::Kv(KvCommand { verb, pair })).await
    }

    pub(super) async fn set(&self, key: &str, value: &str) {
        let done = self.kv(KvVerb::Set, pair(key, value)).await;
        assert_eq!(done, Ok(Response::Done));
    }

    /// That raft has not lost its leader, and writes.
    pub(super) async fn assert_still_leads(&self) {
        assert!(self.rpc.raft().unwrap().is_leader());
        self.set("still", "here").await;
    }

    /// That others are served, within a moment.
    pub(super) async fn assert_alive(&self) {
        let begun = tokio::time::Instant::now();
        let pool = Pool::new(PoolSettings::of_client());
        let leader = pool
            .call(self.address, "Status.Leader", b"\x80", LONG)
            .await;
        assert_eq!(
            leader.unwrap(),
            crate::agent::rpc::wire::encode(&self.address.to_string()).unwrap()
        );
        let taken = begun.elapsed();
        assert!(taken < Duration::from_secs(5), "{taken:?}");
    }
}

pub(super) fn options() -> ReadOptions {
    ReadOptions {
        query: QueryOptions {
            datacenter: "dc1".to_owned(),
            ..QueryOptions::default()
        },
        ..ReadOptions::default()
    }
}

pub(super) fn write_options() -> WriteOptions {
    WriteOptions {
        datacenter: "dc1".to_owned(),
        ..WriteOptions::default()
    }
}

/// A read's request.
pub(super) fn reading(fields: &impl Serialize) -> Vec<u8> {
    encode_read(&options(), fields).unwrap()
}

/// A write's request.
pub(super) fn writing(fields: &impl Serialize) -> Vec<u8> {
    encode_write(&write_options(), fields).unwrap()
}

pub(super) fn pair(key: &str, value: &str) -> KvPair {
    KvPair {
        key: Key::from(key),
        value: Blob(value.to_owned().into()),
        flags: 7,
        ..KvPair::default()
    }
}
