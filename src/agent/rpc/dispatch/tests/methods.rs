//! Every method, called as other agents call it.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::support::{LONG, NODE_ID, Server, options, pair, reading, write_options, writing};
use crate::agent::rpc::net::CallError;
use crate::agent::rpc::wire::config_entry::ResolveRequest;
use crate::agent::rpc::wire::operator::RemovePeerRequest;
use crate::agent::rpc::wire::session::SessionVerb;
use crate::agent::rpc::wire::{
    Nothing, ReadOptions, catalog, coordinate, decode_answer, decode_autopilot_state, decode_reply,
    encode, encode_command, health, internal, operator, session, status,
};
use crate::agent::rpc::{Consistency, QueryOptions};
use crate::agent::store::{
    AutopilotQuery, AutopilotUpdate, ChecksInState, ChecksOfNode, ChecksOfService, Command,
    CoordinatesOfNodes, KvGet, KvKeys, KvList, KvVerb, ListNodes, ListServices, NodeDump,
    NodeWithServices, Query as _, Response, ServiceDump, ServiceInstances, TxnRead,
};
use crate::model::catalog::{DeregisterRequest, RegisterRequest};
use crate::model::check::{HealthCheck, Status};
use crate::model::coordinate::{Coordinate, NodeCoordinate};
use crate::model::kv::{Blob, Key, KvPair};
use crate::model::raft::{AutopilotServer, AutopilotState, ServerStatus};
use crate::model::service::NodeService;
use crate::model::session::Session;
use crate::model::txn::{KvTxnOp, TxnOp, TxnResult};

fn get(key: &str) -> KvGet {
    KvGet {
        key: Key::from(key),
    }
}

#[tokio::test]
async fn keys() {
    let server = Server::start().await;
    server.set("a/b", "hello").await;
    let (meta, found) = server.read(get("a/b")).await;
    let found = found.unwrap();
    assert_eq!((found.flags, &found.value.0[..]), (7, &b"hello"[..]));
    assert_eq!((meta.index, meta.known_leader), (found.modify_index, true));
    for consistency in [Consistency::Stale, Consistency::Consistent] {
        let mut options = options();
        options.query.consistency = consistency;
        let (meta, again) = server.read_with(&options, get("a/b")).await.unwrap();
        assert_eq!(
            (again.as_ref(), meta.consistency),
            (Some(&found), consistency)
        );
    }
    let cas = |index| KvPair {
        modify_index: index,
        ..pair("a/b", "two")
    };
    let failed = server.kv(KvVerb::Cas, cas(1)).await;
    assert_eq!(failed, Ok(Response::Bool(false)));
    let swapped = server.kv(KvVerb::Cas, cas(found.modify_index)).await;
    assert_eq!(swapped, Ok(Response::Bool(true)));
    server.set("a/c/d", "").await;
    let list = KvList {
        prefix: Key::from("a/"),
    };
    assert_eq!(server.read(list).await.1.len(), 2);
    let keys = KvKeys {
        prefix: Key::from("a/"),
        separator: b"/".to_vec(),
    };
    let (_, keys) = server.read(keys).await;
    assert_eq!(keys, [Key::from("a/b"), Key::from("a/c/")]);
    let tree = server.kv(KvVerb::DeleteTree, pair("a/", "")).await;
    assert_eq!(tree, Ok(Response::Done));
    assert_eq!(server.read(get("a/b")).await.1, None);
    server.stop().await;
}

#[tokio::test]
async fn blocking_queries_wait_for_their_change_or_their_time() {
    let server = Server::start().await;
    server.set("watched", "before").await;
    let (meta, _) = server.read(get("watched")).await;
    let waiting = |index, max_wait| ReadOptions {
        query: QueryOptions {
            min_index: index,
            max_wait,
            ..options().query
        },
        ..options()
    };
    let begun = Instant::now();
    let short = Duration::from_millis(100);
    let late = server
        .read_with(&waiting(meta.index, short), get("watched"))
        .await;
    assert_eq!(late.unwrap().0.index, meta.index);
    assert!(begun.elapsed() >= short);
    let waiting = waiting(meta.index, LONG);
    let (found, ()) = tokio::join!(
        server.read_with(&waiting, get("watched")),
        // Another stream of the same connection.
        server.set("watched", "after")
    );
    let (later, found) = found.unwrap();
    assert!(later.index > meta.index);
    assert_eq!(&found.unwrap().value.0[..], b"after");
    server.stop().await;
}

fn op(verb: &str) -> TxnOp {
    TxnOp {
        kv: Some(KvTxnOp {
            verb: verb.to_owned(),
            key: Key::from("t"),
            value: Blob("v".to_owned().into()),
            ..KvTxnOp::default()
        }),
        ..TxnOp::default()
    }
}

#[tokio::test]
async fn transactions() {
    let server = Server::start().await;
    let apply = async |ops: Vec<TxnOp>| match server.write(Command::Txn(ops)).await.unwrap() {
        Response::Txn(answer) => answer,
        other => panic!("{other:?}"),
    };
    let done = apply(vec![op("set"), op("get")]).await;
    let results = done.results.unwrap();
    let value = |result: &TxnResult| match result {
        TxnResult::Kv(pair) => (pair.value.0.clone(), pair.modify_index),
        other => panic!("{other:?}"),
    };
    assert_eq!(&value(&results[1]).0[..], b"v");
    let index = server.read(get("t")).await.0.index;
    // What reads only leaves no trace in the log.
    let read = apply(vec![op("get")]).await;
    assert_eq!(value(&read.results.unwrap()[0]).1, index);
    let unknown = apply(vec![op("zip")]).await;
    assert_eq!(unknown.errors.unwrap()[0].what, "unknown KV verb \"zip\"");
    let empty = apply(vec![op("set"), TxnOp::default()]).await;
    let error = &empty.errors.unwrap()[0];
    assert_eq!(
        (error.op_index, error.what.as_str()),
        (1, "no operation specified")
    );
    let read = |ops| server.read(TxnRead { ops });
    let (meta, found) = read(vec![op("get")]).await;
    assert!(meta.known_leader && found.errors.is_none());
    // A transaction that must not write does not pretend that it has.
    let (_, refused) = read(vec![op("get"), op("delete"), op("set")]).await;
    let places: Vec<_> = refused.errors.unwrap().iter().map(|e| e.op_index).collect();
    assert_eq!((refused.results, &places[..]), (None, &[1, 2][..]));
    assert!(server.read(get("t")).await.1.is_some());
    server.stop().await;
}

fn registration() -> RegisterRequest {
    let check = |id: &str, service: &str, status| HealthCheck {
        check_id: id.to_owned(),
        name: id.to_owned(),
        service_id: service.to_owned(),
        status,
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
            ..NodeService::default()
        }),
        check: Some(check("node", "", Status::Passing)),
        checks: vec![check("web", "web1", Status::Warning)],
        ..RegisterRequest::default()
    }
}

async fn registered() -> Server {
    let server = Server::start().await;
    let done = server
        .write(Command::Register(Box::new(registration())))
        .await;
    assert_eq!(done, Ok(Response::Done));
    server
}

fn filtered(filter: &str) -> ReadOptions {
    ReadOptions {
        filter: filter.to_owned(),
        ..options()
    }
}

fn web() -> ServiceInstances {
    ServiceInstances {
        service: "web".to_owned(),
        ..ServiceInstances::default()
    }
}

fn node(name: &str) -> NodeWithServices {
    NodeWithServices {
        node: name.to_owned(),
    }
}

#[tokio::test]
async fn nodes_and_services() {
    let server = registered().await;
    assert_eq!(server.read(ListNodes::default()).await.1.len(), 1);
    let (_, services) = server.read(ListServices::default()).await;
    assert_eq!(services["web"], ["a", "b"]);
    let (_, found) = server.read(node("ext")).await;
    assert_eq!(found.unwrap().1[0].id, "web1");
    assert_eq!(server.read(node("nobody")).await.1, None);
    let request = reading(&catalog::NodeRequest {
        node: "ext".to_owned(),
    });
    let reply = server.call(catalog::NODE_SERVICES, &request).await.unwrap();
    let (_, by_id): (_, serde_json::Value) = decode_answer(&reply).unwrap();
    assert_eq!(by_id["NodeServices"]["Services"]["web1"]["Port"], 80);
    let query = web();
    let body = catalog::encode_service_nodes(&options(), &query).unwrap();
    let reply = server.call(catalog::SERVICE_NODES, &body).await.unwrap();
    let (_, rows): (_, catalog::ServiceNodesReply) = decode_answer(&reply).unwrap();
    assert_eq!(rows.service_nodes[0].service_port, 80);
    let (_, instances) = server.read(web()).await;
    assert_eq!((instances.len(), instances[0].status), (1, Status::Warning));
    let datacenters = server
        .call(catalog::LIST_DATACENTERS, b"\x80")
        .await
        .unwrap();
    let datacenters: Vec<String> = decode_reply(&datacenters).unwrap();
    assert_eq!(datacenters, ["dc1", "dc2"]);
    let gone = DeregisterRequest {
        node: "ext".to_owned(),
        ..DeregisterRequest::default()
    };
    let done = server.write(Command::Deregister(gone)).await;
    assert_eq!(done, Ok(Response::Done));
    assert_eq!(server.read(node("ext")).await.1, None);
    server.stop().await;
}

#[tokio::test]
async fn checks_and_dumps() {
    let server = registered().await;
    let of_node = ChecksOfNode {
        node: "ext".to_owned(),
    };
    assert_eq!(server.read(of_node).await.1.len(), 2);
    let of_service = ChecksOfService {
        service: "web".to_owned(),
        ..ChecksOfService::default()
    };
    assert_eq!(server.read(of_service).await.1[0].check_id, "web");
    assert_eq!(server.read(ChecksInState::default()).await.1.len(), 2);
    let warning = ChecksInState {
        status: Some(Status::Warning),
        ..ChecksInState::default()
    };
    assert_eq!(server.read(warning).await.1.len(), 1);
    // A state that does not exist has no checks.
    let reply = server
        .call(ChecksInState::METHOD, &reading(&json!({"State": "odd"})))
        .await;
    let (_, none): (_, serde_json::Value) = decode_answer(&reply.unwrap()).unwrap();
    assert_eq!(none["HealthChecks"], serde_json::Value::Null);
    let one = NodeDump {
        node: Some("ext".to_owned()),
    };
    let (_, dump) = server.read(one).await;
    assert_eq!((dump[0].services.len(), dump[0].checks.len()), (1, 2));
    assert_eq!(server.read(NodeDump::default()).await.1.len(), 1);
    assert_eq!(server.read(ServiceDump::default()).await.1.len(), 1);
    let proxies = ServiceDump {
        kind: Some("connect-proxy".to_owned()),
    };
    assert!(server.read(proxies).await.1.is_empty());
    // Nobody is behind an ingress gateway.
    let ingress = reading(&json!({"ServiceName": "web", "Ingress": true}));
    let reply = server.call(health::SERVICE_NODES, &ingress).await.unwrap();
    let (_, behind): (_, health::InstancesReply) = decode_answer(&reply).unwrap();
    assert!(behind.into_instances().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn rows_are_filtered_by_the_server() {
    let server = registered().await;
    for (filter, kept) in [("Meta.rack == r1", 1), ("Meta.rack == r2", 0)] {
        let read = server
            .read_with(&filtered(filter), ListNodes::default())
            .await;
        assert_eq!(read.unwrap().1.len(), kept, "{filter}");
    }
    for (filter, kept) in [("Service.Port == 80", 1), ("Service.Port == 81", 0)] {
        let read = server.read_with(&filtered(filter), web()).await;
        assert_eq!(read.unwrap().1.len(), kept, "{filter}");
        let read = server
            .read_with(&filtered(filter), ServiceDump::default())
            .await;
        assert_eq!(read.unwrap().1.len(), kept, "{filter}");
    }
    for (filter, kept) in [("ServicePort == 80", 1), ("ServicePort == 81", 0)] {
        let body = catalog::encode_service_nodes(&filtered(filter), &web()).unwrap();
        let reply = server.call(catalog::SERVICE_NODES, &body).await.unwrap();
        let (_, rows): (_, catalog::ServiceNodesReply) = decode_answer(&reply).unwrap();
        assert_eq!(rows.service_nodes.len(), kept, "{filter}");
    }
    for (filter, kept) in [("Port == 80", 1), ("Port == 81", 0)] {
        let read = server.read_with(&filtered(filter), node("ext")).await;
        assert_eq!(read.unwrap().1.unwrap().1.len(), kept, "{filter}");
    }
    let of_web = filtered("Name == web");
    let read = server.read_with(&of_web, ChecksInState::default());
    assert_eq!(read.await.unwrap().1.len(), 1);
    for (filter, kept) in [("Services.ID == web1", 1), ("Services is empty", 0)] {
        let read = server
            .read_with(&filtered(filter), NodeDump::default())
            .await;
        let read = read.map(|(_, rows)| rows.len());
        assert_eq!(read, Ok(kept), "{filter}");
    }
    let bad = server
        .read_with(&filtered("foo == bar"), ListNodes::default())
        .await;
    let text = "Failed to create boolean expression evaluator: Selector \"foo\" is not valid";
    assert_eq!(bad.unwrap_err(), CallError::Application(text.to_owned()));
    server.stop().await;
}

#[tokio::test]
async fn coordinates() {
    let mut server = registered().await;
    let update = NodeCoordinate {
        node: "ext".to_owned(),
        coord: Coordinate {
            vec: vec![0.5; 8],
            ..Coordinate::default()
        },
        ..NodeCoordinate::default()
    };
    let done = server
        .write(Command::Coordinates(vec![update.clone()]))
        .await;
    assert_eq!(done, Ok(Response::Done));
    assert_eq!(server.inbox.coordinates.recv().await, Some(update));
    let all = CoordinatesOfNodes { node: None };
    assert!(server.read(all).await.1.is_empty());
    let one = CoordinatesOfNodes {
        node: Some("ext".to_owned()),
    };
    assert!(server.read(one).await.1.is_empty());
    let maps = server
        .call(coordinate::LIST_DATACENTERS, b"\x80")
        .await
        .unwrap();
    let maps = coordinate::decode_datacenters(&maps).unwrap();
    assert_eq!(maps[0].datacenter, "dc2");
    server.stop().await;
}

#[tokio::test]
async fn the_servers_own_state() {
    let server = Server::start().await;
    server.call(status::PING, b"\x80").await.unwrap();
    let leader = server.call(status::LEADER, b"\x80").await.unwrap();
    let here = server.address.to_string();
    assert_eq!(status::decode_leader(&leader).unwrap(), here);
    let peers = server.call(status::PEERS, b"\x80").await.unwrap();
    assert_eq!(status::decode_peers(&peers).unwrap(), [here]);
    let stats = server.call(status::RAFT_STATS, b"\x80").await.unwrap();
    let stats: status::RaftStatsReply = decode_reply(&stats).unwrap();
    assert!(stats.last_index > 0 && stats.last_term > 0);
    assert_eq!(stats.last_contact, "0");
    server.stop().await;
}

#[tokio::test]
async fn operators_calls() {
    let server = Server::start().await;
    let nothing = reading(&Nothing {});
    let found = server
        .call(operator::RAFT_GET_CONFIGURATION, &nothing)
        .await;
    let servers = operator::decode_raft_configuration(&found.unwrap())
        .unwrap()
        .servers;
    assert_eq!(
        (servers[0].id.as_str(), servers[0].leader, servers[0].voter),
        (NODE_ID, true, true)
    );
    let (_, configuration) = server.read(AutopilotQuery).await;
    let update = |cas| {
        let mut configuration = (*configuration).clone();
        configuration.max_trailing_logs = 300;
        server.write(Command::Autopilot(AutopilotUpdate { configuration, cas }))
    };
    assert_eq!(update(Some(99)).await, Ok(Response::Bool(false)));
    assert_eq!(update(None).await, Ok(Response::Done));
    assert_eq!(server.read(AutopilotQuery).await.1.max_trailing_logs, 300);
    let well = AutopilotServer {
        id: NODE_ID.to_owned(),
        node_status: "alive".to_owned(),
        healthy: true,
        status: ServerStatus::Leader,
        stable_since: "2026-11-20T15:20:43Z".to_owned(),
        ..AutopilotServer::default()
    };
    let state = AutopilotState {
        healthy: true,
        servers: [(NODE_ID.to_owned(), well)].into(),
        ..AutopilotState::default()
    };
    server.rpc.report_autopilot(Some(state.clone()));
    let found = server
        .call(operator::AUTOPILOT_STATE, &nothing)
        .await
        .unwrap();
    assert_eq!(decode_autopilot_state(&found), Ok(state));
    let found = server
        .call(operator::SERVER_HEALTH, &nothing)
        .await
        .unwrap();
    let health = operator::decode_health(&found).unwrap();
    let first = &health.servers[0];
    assert!(health.healthy && first.leader && first.voter);
    assert_eq!(
        (first.serf_status.as_str(), first.stable_since.as_str()),
        ("alive", "2026-11-20T15:20:43Z")
    );
    let nobody = writing(&RemovePeerRequest {
        address: "10.1.1.1:8300".to_owned(),
        id: "nobody".to_owned(),
    });
    for (method, text) in [
        (operator::RAFT_REMOVE_PEER_BY_ID, "id \"nobody\""),
        (
            operator::RAFT_REMOVE_PEER_BY_ADDRESS,
            "address \"10.1.1.1:8300\"",
        ),
    ] {
        let refusal = server.refusal(method, &nobody).await;
        assert_eq!(
            refusal,
            format!("{text} was not found in the Raft configuration")
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn events_are_fired_for_others() {
    let server = Server::start().await;
    let event = |payload: &[u8]| {
        reading(&internal::EventFireRequest {
            name: "deploy".to_owned(),
            payload: payload.to_vec().into(),
        })
    };
    let reply = server
        .call(internal::EVENT_FIRE, &event(b"\x80"))
        .await
        .unwrap();
    let (meta, Nothing {}) = decode_answer(&reply).unwrap();
    assert!(meta.known_leader);
    let fired = server.fired.0.lock().unwrap().clone();
    assert_eq!(fired, [("deploy".to_owned(), (&b"\x80"[..]).into())]);
    let refusal = server
        .refusal(internal::EVENT_FIRE, &event(&[0; 513]))
        .await;
    assert_eq!(refusal, "user event exceeds limit");
    server.stop().await;
}

#[tokio::test]
async fn sessions_are_created_found_and_ended() {
    let server = Server::start().await;
    let id = "8ec41d6a-01fc-379d-6512-53b9b27c1545";
    let specific = session::encode_specific(&options(), id).unwrap();
    for method in [
        session::GET,
        session::RENEW,
        session::LIST,
        session::NODE_SESSIONS,
    ] {
        let reply = server.call(method, &specific).await.unwrap();
        let (meta, found) = session::decode_sessions(&reply).unwrap();
        assert!(meta.known_leader && found.is_empty(), "{method}");
    }
    let apply =
        |verb, session: &Session| session::encode_apply(&write_options(), verb, session).unwrap();
    let session = Session {
        id: id.to_owned(),
        node: "n".to_owned(),
        ..Session::default()
    };
    let destroyed = server
        .call(session::APPLY, &apply(SessionVerb::Destroy, &session))
        .await;
    assert_eq!(destroyed.unwrap(), encode("").unwrap());
    let refusal = server
        .refusal(session::APPLY, &apply(SessionVerb::Create, &session))
        .await;
    assert_eq!(refusal, "Missing node registration");
    let node = RegisterRequest {
        node: "n".to_owned(),
        address: "10.0.0.1".to_owned(),
        ..RegisterRequest::default()
    };
    let registration = Command::Register(Box::new(node));
    let call = encode_command(&write_options(), &registration)
        .unwrap()
        .unwrap();
    server.call(call.method, &call.body).await.unwrap();
    let created = server
        .call(session::APPLY, &apply(SessionVerb::Create, &session))
        .await
        .unwrap();
    let created: String = decode_reply(&created).unwrap();
    assert_ne!(created, id, "the leader chooses the id");
    let specific = session::encode_specific(&options(), &created).unwrap();
    for method in [session::GET, session::RENEW, session::LIST] {
        let reply = server.call(method, &specific).await.unwrap();
        let (meta, found) = session::decode_sessions(&reply).unwrap();
        assert!(meta.known_leader && meta.index > 1, "{method}");
        let found: Vec<(&str, &str)> = (found.iter())
            .map(|session| (&*session.id, &*session.behavior))
            .collect();
        assert_eq!(found, [(&*created, "release")], "{method}");
    }
    let odd = session::encode_specific(&options(), "odd").unwrap();
    let refusal = server.refusal(session::GET, &odd).await;
    assert_eq!(
        refusal,
        "failed session lookup: index error: UUID must be 36 characters"
    );
    server.stop().await;
}

#[tokio::test]
async fn what_nobody_uses_is_empty() {
    let server = Server::start().await;
    let service = reading(&ResolveRequest {
        name: "web".to_owned(),
        ..ResolveRequest::default()
    });
    // Recorded from a fresh server of the reference, but for the index and the consistency.
    let shape = async |method: &str, body: &[u8]| {
        let reply = server.call(method, body).await.unwrap();
        let (_, rest): (_, serde_json::Value) = decode_answer(&reply).unwrap();
        rest
    };
    for (method, field) in [
        ("PreparedQuery.List", "Queries"),
        ("Catalog.GatewayServices", "Services"),
        ("Internal.GatewayServiceDump", "Dump"),
        ("FederationState.List", "States"),
    ] {
        let reply = shape(method, &service).await;
        assert!(reply[field].is_null() && reply["Index"].is_u64(), "{reply}");
    }
    let reply = shape("Intention.List", &service).await;
    assert_eq!(reply["Intentions"], json!([]));
    let sources = reading(&json!({"Match": {"Type": "source", "Entries": [{"Name": "a"}, {}]}}));
    let reply = shape("Intention.Match", &sources).await;
    assert_eq!(reply["Matches"], json!([null, null]));
    let allowed = server.call("Intention.Check", &service).await.unwrap();
    assert_eq!(&allowed[..], b"\x81\xa7Allowed\xc3");
    for (method, begins) in [
        ("ConfigEntry.Get", &b"\xa0\x84"[..]),
        ("ConfigEntry.List", b"\x00\xa0\x86"),
        ("ConfigEntry.ListAll", b"\x00\x84"),
        ("ConfigEntry.ResolveServiceConfig", b"\x89"),
    ] {
        let reply = server.call(method, &service).await.unwrap();
        let inner: serde_bytes::ByteBuf = decode_reply(&reply).unwrap();
        assert!(inner.starts_with(begins), "{method}: {inner:?}");
    }
    let reply = server
        .call("ACL.ReplicationStatus", &service)
        .await
        .unwrap();
    assert!(reply.starts_with(b"\x89\xa7Enabled\xc2"), "{reply:?}");
    server.stop().await;
}
