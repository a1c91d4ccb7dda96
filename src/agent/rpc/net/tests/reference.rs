//! Against a server of the reference: `CONSULCTL_TEST_CONSUL` names the program.

use std::net::SocketAddr;
use std::process::{Child, Command as Process, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, sleep};

use super::super::{CallError, Pool, SnapshotStreamError, open_snapshot_stream};
use super::support::{LONG, pool};
use crate::agent::rpc::wire::{
    Nothing, ReadOptions, RemoteQuery, SnapshotRequest, SnapshotVerb, catalog, coordinate,
    decode_answer, decode_response, encode, encode_command, encode_read, encode_write, health,
    internal, operator, session, status,
};
use crate::agent::rpc::{Consistency, QueryMeta, QueryOptions, WriteOptions};
use crate::agent::store::{
    AutopilotQuery, AutopilotUpdate, ChecksInState, ChecksOfNode, ChecksOfService, Command,
    CoordinatesOfNodes, KvCommand, KvGet, KvKeys, KvList, KvVerb, ListNodes, ListServices,
    NodeWithServices, Response, ServiceInstances, TxnRead,
};
use crate::model::catalog::{DeregisterRequest, RegisterRequest};
use crate::model::check::{HealthCheck, HealthCheckDefinition, Status};
use crate::model::coordinate::NodeCoordinate;
use crate::model::duration::GoDuration;
use crate::model::kv::{Blob, Key, KvPair};
use crate::model::service::{NodeService, ServiceAddress, Weights};
use crate::model::session::Session;
use crate::model::txn::{KvTxnOp, TxnOp, TxnResult};

const ADDRESS: &str = "127.0.64.20";
const NODE: &str = "reference";

/// A running server; killed on drop.
struct Reference {
    process: Child,
    address: SocketAddr,
    pool: Pool,
}

impl Drop for Reference {
    fn drop(&mut self) {
        // It ends by itself when it cannot be killed because it has ended.
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }
}

impl Reference {
    /// Starts a server and waits until it leads; `None` where there is no program.
    async fn start() -> Option<Self> {
        let Ok(program) = std::env::var("CONSULCTL_TEST_CONSUL") else {
            eprintln!("skipped: CONSULCTL_TEST_CONSUL names no program");
            return None;
        };
        let process = Process::new(program)
            .args([
                "agent", "-dev", "-node", NODE, "-bind", ADDRESS, "-client", ADDRESS,
            ])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let reference = Self {
            process,
            address: format!("{ADDRESS}:8300").parse().unwrap(),
            pool: pool(),
        };
        let deadline = Instant::now() + LONG;
        loop {
            let nodes = reference.read(ListNodes::default()).await;
            if nodes.is_ok_and(|(_, nodes)| !nodes.is_empty()) {
                return Some(reference);
            }
            assert!(Instant::now() < deadline, "the reference does not lead");
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn call(&self, method: &str, body: &[u8]) -> Result<Vec<u8>, CallError> {
        let reply = self.pool.call(self.address, method, body, LONG).await?;
        Ok(reply.to_vec())
    }

    async fn read<Q: RemoteQuery>(&self, query: Q) -> Result<(QueryMeta, Q::Answer), CallError> {
        self.read_with(&options(), query).await
    }

    async fn read_with<Q: RemoteQuery>(
        &self,
        options: &ReadOptions,
        query: Q,
    ) -> Result<(QueryMeta, Q::Answer), CallError> {
        let body = query.encode_request(options).unwrap();
        let reply = self.call(query.method(), &body).await?;
        Ok(query.decode_reply(&reply).unwrap())
    }

    async fn write(&self, command: Command) -> Result<Response, CallError> {
        let call = encode_command(&write_options(), &command).unwrap().unwrap();
        let reply = self.call(call.method, &call.body).await?;
        Ok(decode_response(&command, &reply).unwrap())
    }

    async fn kv(&self, verb: KvVerb, pair: KvPair) -> Result<Response, CallError> {
        self.write(Command::Kv(KvCommand { verb, pair })).await
    }
}

fn options() -> ReadOptions {
    ReadOptions {
        query: QueryOptions {
            datacenter: "dc1".to_owned(),
            ..QueryOptions::default()
        },
        ..ReadOptions::default()
    }
}

fn write_options() -> WriteOptions {
    WriteOptions {
        datacenter: "dc1".to_owned(),
        ..WriteOptions::default()
    }
}

fn pair(key: &str, value: &str) -> KvPair {
    KvPair {
        key: Key::from(key),
        value: Blob(value.to_owned().into()),
        flags: 7,
        ..KvPair::default()
    }
}

#[tokio::test]
async fn a_server_of_the_reference_understands_and_is_understood() {
    let Some(reference) = Reference::start().await else {
        return;
    };
    status_of(&reference).await;
    keys(&reference).await;
    transactions(&reference).await;
    registrations(&reference).await;
    sessions(&reference).await;
    coordinates(&reference).await;
    operators(&reference).await;
    internals(&reference).await;
    blocking(&reference).await;
    snapshots(&reference).await;
    errors(&reference).await;
}

async fn status_of(reference: &Reference) {
    let nothing = encode(&Nothing {}).unwrap();
    reference.call(status::PING, &nothing).await.unwrap();
    let leader = reference.call(status::LEADER, &nothing).await.unwrap();
    let here = reference.address.to_string();
    assert_eq!(status::decode_leader(&leader).unwrap(), here);
    let peers = reference.call(status::PEERS, &nothing).await.unwrap();
    assert_eq!(status::decode_peers(&peers).unwrap(), [here]);
    let stats = reference.call(status::RAFT_STATS, &nothing).await.unwrap();
    let stats: status::RaftStatsReply = crate::agent::rpc::wire::decode_reply(&stats).unwrap();
    assert!(
        stats.last_index > 0 && stats.last_contact == "0",
        "{stats:?}"
    );
}

async fn keys(reference: &Reference) {
    let set = reference.kv(KvVerb::Set, pair("a/b", "hello")).await;
    assert_eq!(set, Ok(Response::Done));
    let get = || KvGet {
        key: Key::from("a/b"),
    };
    let (meta, found) = reference.read(get()).await.unwrap();
    let found = found.unwrap();
    assert_eq!((found.flags, &found.value.0[..]), (7, &b"hello"[..]));
    assert_eq!(meta.index, found.modify_index);
    for consistency in [Consistency::Stale, Consistency::Consistent] {
        let mut options = options();
        options.query.consistency = consistency;
        let (_, again) = reference.read_with(&options, get()).await.unwrap();
        assert_eq!(again.as_ref(), Some(&found));
    }
    let cas = |index| KvPair {
        modify_index: index,
        ..pair("a/b", "two")
    };
    let failed = reference.kv(KvVerb::Cas, cas(1)).await;
    assert_eq!(failed, Ok(Response::Bool(false)));
    let swapped = reference.kv(KvVerb::Cas, cas(found.modify_index)).await;
    assert_eq!(swapped, Ok(Response::Bool(true)));
    reference.kv(KvVerb::Set, pair("a/c/d", "")).await.unwrap();
    let list = KvList {
        prefix: Key::from("a/"),
    };
    assert_eq!(reference.read(list).await.unwrap().1.len(), 2);
    let keys = KvKeys {
        prefix: Key::from("a/"),
        separator: b"/".to_vec(),
    };
    let (_, keys) = reference.read(keys).await.unwrap();
    assert_eq!(keys, [Key::from("a/b"), Key::from("a/c/")]);
    reference
        .kv(KvVerb::DeleteTree, pair("a/", ""))
        .await
        .unwrap();
    assert_eq!(reference.read(get()).await.unwrap().1, None);
}

async fn transactions(reference: &Reference) {
    let op = |verb: &str, index| TxnOp {
        kv: Some(KvTxnOp {
            verb: verb.to_owned(),
            key: Key::from("t"),
            value: Blob("v".to_owned().into()),
            index,
            ..KvTxnOp::default()
        }),
        ..TxnOp::default()
    };
    let command = Command::Txn(vec![op("set", 0), op("get", 0)]);
    let Response::Txn(done) = reference.write(command).await.unwrap() else {
        panic!("no answer of a transaction");
    };
    let results = done.results.unwrap();
    assert!(matches!(&results[1], TxnResult::Kv(pair) if &pair.value.0[..] == b"v"));
    let read = TxnRead {
        ops: vec![op("get", 0), op("check-index", 1)],
    };
    let (_, failed) = reference.read(read).await.unwrap();
    assert_eq!(
        (failed.results, failed.errors.unwrap()[0].op_index),
        (None, 1)
    );
    catalog_transactions(reference).await;
    let (_, nodes) = reference.read(ListNodes::default()).await.unwrap();
    assert!(nodes.iter().any(|node| node.address == "10.9.9.9"));
}

/// Operations as in JSON.
fn ops(given: serde_json::Value) -> Vec<TxnOp> {
    serde_json::from_value(given).unwrap()
}

async fn catalog_transactions(reference: &Reference) {
    let check = serde_json::json!({
        "Node": "of-txn", "CheckID": "c", "Name": "c", "Status": "warning", "ServiceID": "w",
        "Definition": {"HTTP": "http://x", "Interval": "10s"},
    });
    let given = ops(serde_json::json!([
        {"Node": {"Verb": "set", "Node": {
            "Node": "of-txn", "Address": "10.9.9.9", "Datacenter": "dc1", "Meta": {"a": "b"},
        }}},
        {"Service": {"Verb": "set", "Node": "of-txn", "Service": {
            "ID": "w", "Service": "web", "Tags": ["t"], "Port": 80, "Weights": {"Passing": 2, "Warning": 1},
        }}},
        {"Check": {"Verb": "cas", "Check": check}},
    ]));
    let Response::Txn(done) = reference.write(Command::Txn(given)).await.unwrap() else {
        panic!("no answer of a transaction");
    };
    let get = || {
        ops(serde_json::json!([
            {"Node": {"Verb": "get", "Node": {"Node": "of-txn"}}},
            {"Service": {"Verb": "get", "Node": "of-txn", "Service": {"ID": "w"}}},
            {"Check": {"Verb": "get", "Check": {"Node": "of-txn", "CheckID": "c"}}},
        ]))
    };
    let (_, found) = reference.read(TxnRead { ops: get() }).await.unwrap();
    assert_eq!((done.errors, &found.errors), (None, &None));
    let results = found.results.unwrap();
    assert_eq!(done.results.unwrap(), results);
    let TxnResult::Node(node) = &results[0] else {
        panic!("{results:?}");
    };
    assert_eq!((&*node.address, &*node.datacenter), ("10.9.9.9", "dc1"));
    let TxnResult::Service(service) = &results[1] else {
        panic!("{results:?}");
    };
    assert_eq!(
        (service.port, &service.tags[..]),
        (80, &["t".to_owned()][..])
    );
    assert_eq!(service.weights.passing, 2);
    let TxnResult::Check(check) = &results[2] else {
        panic!("{results:?}");
    };
    assert_eq!(check.definition.interval, GoDuration::from_secs(10));
    assert_eq!(
        (&*check.service_name, check.status),
        ("web", Status::Warning)
    );
    let gone = ops(serde_json::json!([
        {"Check": {"Verb": "delete-cas", "Check": {
            "Node": "of-txn", "CheckID": "c", "ModifyIndex": check.modify_index,
        }}},
        {"Service": {"Verb": "delete", "Node": "of-txn", "Service": {"ID": "w", "Service": "web"}}},
    ]));
    reference.write(Command::Txn(gone)).await.unwrap();
    let (_, found) = reference.read(TxnRead { ops: get() }).await.unwrap();
    let places: Vec<_> = found.errors.unwrap().iter().map(|e| e.op_index).collect();
    assert_eq!(places, [1, 2]);
}

fn registration() -> RegisterRequest {
    let check = |id: &str, service: &str, status| HealthCheck {
        check_id: id.to_owned(),
        name: id.to_owned(),
        service_id: service.to_owned(),
        status,
        definition: HealthCheckDefinition {
            tcp: "a:1".to_owned(),
            interval: GoDuration::from_secs(10),
            header: [("X".to_owned(), vec!["y".to_owned()])].into(),
            ..HealthCheckDefinition::default()
        },
        ..HealthCheck::default()
    };
    RegisterRequest {
        node: "ext".to_owned(),
        address: "10.0.0.9".to_owned(),
        node_meta: Some([("rack".to_owned(), "r1".to_owned())].into()),
        service: Some(NodeService {
            id: "web1".to_owned(),
            service: "web".to_owned(),
            tags: vec!["a".to_owned(), "b".to_owned()],
            port: 80,
            meta: Some([("k".to_owned(), "v".to_owned())].into()),
            tagged_addresses: Some(
                [(
                    "lan".to_owned(),
                    ServiceAddress {
                        address: "1.2.3.4".to_owned(),
                        port: 5,
                    },
                )]
                .into(),
            ),
            weights: Weights {
                passing: 3,
                warning: 2,
            },
            ..NodeService::default()
        }),
        check: Some(check("node", "", Status::Passing)),
        checks: vec![check("web", "web1", Status::Warning)],
        ..RegisterRequest::default()
    }
}

async fn registrations(reference: &Reference) {
    let request = registration();
    let sent = request.service.clone().unwrap();
    let done = reference.write(Command::Register(Box::new(request))).await;
    assert_eq!(done, Ok(Response::Done));
    let near = ListNodes {
        node_meta: vec![("rack".to_owned(), "r1".to_owned())],
        near: Some(NODE.to_owned()),
    };
    assert_eq!(reference.read(near).await.unwrap().1.len(), 1);
    let (_, mut services) = reference.read(ListServices::default()).await.unwrap();
    // The reference gives tags in any order.
    for tags in services.values_mut() {
        tags.sort();
    }
    assert_eq!(services["web"], ["a", "b"]);
    assert!(services["consul"].is_empty());
    let node = |node: &str| NodeWithServices {
        node: node.to_owned(),
    };
    let (_, found) = reference.read(node("ext")).await.unwrap();
    let service = &found.unwrap().1[0];
    assert!(service.is_same(&sent), "{service:?}");
    assert_eq!(reference.read(node("nobody")).await.unwrap().1, None);
    let instances = |tags: &[&str], passing_only| ServiceInstances {
        service: "web".to_owned(),
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
        passing_only,
        ..ServiceInstances::default()
    };
    let (_, found) = reference.read(instances(&["a", "b"], false)).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].status, found[0].checks.len()),
        (Status::Warning, 2)
    );
    let interval = found[0].checks[0].definition.interval;
    assert_eq!(interval, GoDuration::from_secs(10));
    assert!(
        reference
            .read(instances(&["c"], false))
            .await
            .unwrap()
            .1
            .is_empty()
    );
    assert!(
        reference
            .read(instances(&[], true))
            .await
            .unwrap()
            .1
            .is_empty()
    );
    let query = instances(&[], false);
    let body = catalog::encode_service_nodes(&options(), &query).unwrap();
    let reply = reference.call(catalog::SERVICE_NODES, &body).await.unwrap();
    let (_, rows): (_, catalog::ServiceNodesReply) = decode_answer(&reply).unwrap();
    let ours = catalog::ServiceNodesReply::new(&found);
    assert_eq!(rows, ours);
    checks(reference).await;
    let gone = DeregisterRequest {
        node: "ext".to_owned(),
        ..DeregisterRequest::default()
    };
    reference.write(Command::Deregister(gone)).await.unwrap();
    assert_eq!(reference.read(node("ext")).await.unwrap().1, None);
}

async fn checks(reference: &Reference) {
    let of_node = ChecksOfNode {
        node: "ext".to_owned(),
    };
    assert_eq!(reference.read(of_node).await.unwrap().1.len(), 2);
    let of_service = ChecksOfService {
        service: "web".to_owned(),
        ..ChecksOfService::default()
    };
    let (_, found) = reference.read(of_service).await.unwrap();
    assert_eq!(found[0].service_tags, ["a", "b"]);
    let any = ChecksInState::default();
    assert_eq!(reference.read(any).await.unwrap().1.len(), 3);
    let warning = ChecksInState {
        status: Some(Status::Warning),
        ..ChecksInState::default()
    };
    assert_eq!(reference.read(warning).await.unwrap().1.len(), 1);
    let filtered = ReadOptions {
        filter: "Name == \"node\"".to_owned(),
        ..options()
    };
    let any = ChecksInState::default();
    let (_, found) = reference.read_with(&filtered, any).await.unwrap();
    assert_eq!(found.len(), 1);
}

async fn sessions(reference: &Reference) {
    let wanted = Session {
        node: NODE.to_owned(),
        name: "s".to_owned(),
        ttl: "30s".to_owned(),
        lock_delay: GoDuration::from_secs(1),
        node_checks: vec!["serfHealth".to_owned()],
        ..Session::default()
    };
    let body = session::encode_apply(&write_options(), session::SessionVerb::Create, &wanted);
    let id = reference
        .call(session::APPLY, &body.unwrap())
        .await
        .unwrap();
    let id: String = crate::agent::rpc::wire::decode_reply(&id).unwrap();
    let specific = session::encode_specific(&options(), &id).unwrap();
    for method in [session::GET, session::RENEW, session::LIST] {
        let reply = reference.call(method, &specific).await.unwrap();
        let (_, found) = session::decode_sessions(&reply).unwrap();
        assert_eq!((found.len(), &found[0].id), (1, &id), "{method}");
        assert_eq!(found[0].lock_delay, wanted.lock_delay);
        assert_eq!(found[0].node_checks, wanted.node_checks);
    }
    let node = catalog::NodeRequest {
        node: NODE.to_owned(),
    };
    let body = encode_read(&options(), &node).unwrap();
    let reply = reference.call(session::NODE_SESSIONS, &body).await.unwrap();
    assert_eq!(session::decode_sessions(&reply).unwrap().1.len(), 1);
    let locking = KvPair {
        session: id.clone(),
        ..pair("lock", "1")
    };
    let locked = reference.kv(KvVerb::Lock, locking.clone()).await;
    assert_eq!(locked, Ok(Response::Bool(true)));
    let unlocked = reference.kv(KvVerb::Unlock, locking).await;
    assert_eq!(unlocked, Ok(Response::Bool(true)));
    let ended = Session {
        id,
        ..Session::default()
    };
    let body = session::encode_apply(&write_options(), session::SessionVerb::Destroy, &ended);
    reference
        .call(session::APPLY, &body.unwrap())
        .await
        .unwrap();
    let reply = reference.call(session::GET, &specific).await.unwrap();
    assert!(session::decode_sessions(&reply).unwrap().1.is_empty());
}

async fn coordinates(reference: &Reference) {
    let ours = NodeCoordinate {
        node: NODE.to_owned(),
        ..NodeCoordinate::default()
    };
    let done = reference.write(Command::Coordinates(vec![ours])).await;
    assert_eq!(done, Ok(Response::Done));
    let nobody = CoordinatesOfNodes {
        node: Some("nobody".to_owned()),
    };
    assert!(reference.read(nobody).await.unwrap().1.is_empty());
    let all = CoordinatesOfNodes { node: None };
    let (_, found) = reference.read(all).await.unwrap();
    assert!(found.iter().all(|found| found.coord.vec.len() == 8));
    let nothing = encode(&Nothing {}).unwrap();
    let maps = reference
        .call(coordinate::LIST_DATACENTERS, &nothing)
        .await
        .unwrap();
    let maps = coordinate::decode_datacenters(&maps).unwrap();
    assert_eq!(
        (maps[0].datacenter.as_str(), maps[0].area_id.as_str()),
        ("dc1", "wan")
    );
    assert_eq!(maps[0].coordinates[0].coord.vec.len(), 8);
}

async fn operators(reference: &Reference) {
    let nothing = encode_read(&options(), &Nothing {}).unwrap();
    let found = reference
        .call(operator::RAFT_GET_CONFIGURATION, &nothing)
        .await
        .unwrap();
    let servers = operator::decode_raft_configuration(&found).unwrap().servers;
    assert!(servers[0].leader && servers[0].voter && servers[0].node == NODE);
    let (_, configuration) = reference.read(AutopilotQuery).await.unwrap();
    assert_eq!(configuration.max_trailing_logs, 250);
    let update = |cas| {
        let mut configuration = (*configuration).clone();
        configuration.max_trailing_logs = 300;
        reference.write(Command::Autopilot(AutopilotUpdate { configuration, cas }))
    };
    assert_eq!(update(Some(1)).await, Ok(Response::Bool(false)));
    let index = Some(configuration.modify_index);
    assert_eq!(update(index).await, Ok(Response::Bool(true)));
    assert_eq!(update(None).await, Ok(Response::Done));
    let (_, changed) = reference.read(AutopilotQuery).await.unwrap();
    assert_eq!(changed.max_trailing_logs, 300);
    // Autopilot looks every two seconds.
    let deadline = Instant::now() + LONG;
    loop {
        let found = reference
            .call(operator::SERVER_HEALTH, &nothing)
            .await
            .unwrap();
        let health = operator::decode_health(&found).unwrap();
        if let Some(server) = health.servers.first() {
            assert_eq!((server.serf_status.as_str(), server.voter), ("alive", true));
            assert!(server.stable_since.ends_with('Z'), "{server:?}");
            break;
        }
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(50)).await;
    }
    let nobody = operator::RemovePeerRequest {
        address: "10.1.1.1:8300".to_owned(),
        id: "nobody".to_owned(),
    };
    let body = encode_write(&write_options(), &nobody).unwrap();
    for method in [
        operator::RAFT_REMOVE_PEER_BY_ADDRESS,
        operator::RAFT_REMOVE_PEER_BY_ID,
    ] {
        let refused = reference.call(method, &body).await;
        let text = refused.unwrap_err().to_string();
        assert!(
            text.ends_with("was not found in the Raft configuration"),
            "{text}"
        );
    }
}

async fn internals(reference: &Reference) {
    let node = catalog::NodeRequest {
        node: NODE.to_owned(),
    };
    let body = encode_read(&options(), &node).unwrap();
    let reply = reference.call(internal::NODE_INFO, &body).await.unwrap();
    let (_, info): (_, internal::DumpReply) = decode_answer(&reply).unwrap();
    assert_eq!(
        (info.dump[0].node.as_str(), info.dump[0].services.len()),
        (NODE, 1)
    );
    assert_eq!(info.dump[0].checks[0].check_id, "serfHealth");
    let nothing = encode_read(&options(), &Nothing {}).unwrap();
    let reply = reference.call(internal::NODE_DUMP, &nothing).await.unwrap();
    let (_, dump): (_, internal::DumpReply) = decode_answer(&reply).unwrap();
    assert!(dump.dump.iter().any(|info| info.node == NODE));
    let reply = reference
        .call(internal::SERVICE_DUMP, &nothing)
        .await
        .unwrap();
    let (_, dump): (_, health::InstancesReply) = decode_answer(&reply).unwrap();
    let instances = dump.into_instances();
    assert!(
        instances
            .iter()
            .any(|found| found.service.service == "consul")
    );
    let event = internal::EventFireRequest {
        name: "deploy".to_owned(),
        payload: b"\x80".to_vec().into(),
    };
    let body = encode_read(&options(), &event).unwrap();
    reference.call(internal::EVENT_FIRE, &body).await.unwrap();
    let listing = internal::KeyringRequest {
        operation: "list".to_owned(),
        ..internal::KeyringRequest::default()
    };
    let body = encode_read(&options(), &listing).unwrap();
    let reply = reference
        .call(internal::KEYRING_OPERATION, &body)
        .await
        .unwrap();
    let (_, keyring): (_, internal::KeyringReply) = decode_answer(&reply).unwrap();
    assert_eq!(keyring.responses.len(), 2);
    assert!(keyring.responses[0].error.contains("reported failure"));
}

async fn blocking(reference: &Reference) {
    let get = || KvGet {
        key: Key::from("watched"),
    };
    let (meta, _) = reference.read(get()).await.unwrap();
    let mut waiting = options();
    waiting.query.min_index = meta.index;
    waiting.query.max_wait = Duration::from_millis(100);
    let begun = Instant::now();
    let (late, _) = reference.read_with(&waiting, get()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(100));
    waiting.query.min_index = late.index;
    waiting.query.max_wait = LONG;
    let (found, ()) = tokio::join!(reference.read_with(&waiting, get()), async {
        // Another stream of the same connection.
        reference
            .kv(KvVerb::Set, pair("watched", "now"))
            .await
            .unwrap();
    });
    let (meta, found) = found.unwrap();
    assert!(meta.index > late.index);
    assert_eq!(&found.unwrap().value.0[..], b"now");
}

async fn snapshots(reference: &Reference) {
    let request = SnapshotRequest {
        datacenter: "dc1".to_owned(),
        ..SnapshotRequest::default()
    };
    let (meta, mut stream) = open_snapshot_stream(reference.address, None, &request, None)
        .await
        .unwrap();
    assert!(meta.known_leader, "{meta:?}");
    let mut archive = Vec::new();
    stream.read_to_end(&mut archive).await.unwrap();
    assert!(archive.starts_with(b"\x1f\x8b"), "{} bytes", archive.len());
    let restore = SnapshotRequest {
        verb: SnapshotVerb::Restore,
        ..request.clone()
    };
    let mut whole = &archive[..];
    open_snapshot_stream(reference.address, None, &restore, Some(&mut whole))
        .await
        .unwrap();
    let mut half = &archive[..archive.len() / 2];
    let refused = open_snapshot_stream(reference.address, None, &restore, Some(&mut half)).await;
    assert!(
        matches!(refused, Err(SnapshotStreamError::Refused(_))),
        "{refused:?}"
    );
    let elsewhere = SnapshotRequest::default();
    let lost = open_snapshot_stream(reference.address, None, &elsewhere, None).await;
    assert_eq!(lost.unwrap_err().to_string(), "No path to datacenter");
}

async fn errors(reference: &Reference) {
    let unknown = reference.call("Nope.Nope", b"\x80").await;
    let text = "rpc: can't find service Nope.Nope".to_owned();
    assert_eq!(unknown, Err(CallError::Application(text)));
    let elsewhere = ReadOptions::default();
    let lost = reference.read_with(&elsewhere, ListNodes::default()).await;
    let text = "No path to datacenter".to_owned();
    assert_eq!(lost.unwrap_err(), CallError::Application(text));
    let empty = reference.kv(KvVerb::Set, pair("", "")).await;
    let text = "Must provide key".to_owned();
    assert_eq!(empty, Err(CallError::Application(text)));
}
