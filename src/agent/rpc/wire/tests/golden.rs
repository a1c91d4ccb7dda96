//! What a client agent of the reference asked and its server answered, recorded: read, written again, and found the
//! same.

use super::super::*;
use super::tree::Tree;
use crate::agent::rpc::Consistency;
use crate::agent::store::{
    AutopilotQuery, ChecksInState, ChecksOfNode, ChecksOfService, Command, CoordinatesOfNodes,
    KvGet, KvKeys, KvList, KvVerb, ListNodes, ListServices, NodeWithServices, Response,
    ServiceInstances, TxnRead,
};
use crate::model::check::Status;

/// Fields that say how the reference's own agent works (its cache), or that mean nothing without others.
const NOT_OURS: &[&str] = &[
    "UseCache",
    "Ip",
    "ConsistencyLevel",
    "LocallyRegisteredAsSidecar",
];

pub(super) struct Call {
    pub(super) method: String,
    pub(super) request: Vec<u8>,
    pub(super) reply: Vec<u8>,
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The recorded calls.
pub(super) fn calls() -> Vec<Call> {
    let file = include_str!("../../../../../tests/golden/rpc/client.txt");
    let mut calls = Vec::new();
    for block in file.split("\n\n").skip(1) {
        let mut lines = block.lines();
        let (method, _) = lines.next().unwrap().split_once(' ').unwrap();
        let mut after = |mark: &str| {
            let line = lines.next().unwrap();
            bytes_of(line.strip_prefix(mark).unwrap().trim())
        };
        calls.push(Call {
            method: method.to_owned(),
            request: after(">"),
            reply: after("<"),
        });
    }
    calls
}

fn find(method: &str, at: usize) -> Call {
    let mut of_method = calls().into_iter().filter(|call| call.method == method);
    of_method.nth(at).unwrap()
}

/// A request and a reply after having been read and written.
pub(super) type Again = Result<(Vec<u8>, Vec<u8>), DialectError>;

fn read<Q: RemoteQuery>(call: &Call) -> Again {
    let (options, query) = Q::decode_request(&call.request)?;
    let (meta, answer) = query.decode_reply(&call.reply)?;
    Ok((
        query.encode_request(&options)?,
        Q::encode_reply(&meta, answer)?,
    ))
}

fn write(call: &Call) -> Again {
    let (options, command) = decode_command(&call.method, &call.request)?.unwrap();
    let again = encode_command(&options, &command)?.unwrap();
    assert_eq!(again.method, call.method);
    let response = decode_response(&command, &call.reply)?;
    Ok((again.body, encode_response(&call.method, response)?))
}

fn with_meta<Q, A>(call: &Call) -> Again
where
    Q: serde::Serialize + serde::de::DeserializeOwned,
    A: serde::Serialize + serde::de::DeserializeOwned,
{
    let (options, request): (_, Q) = decode_read(&call.request)?;
    let (meta, reply): (_, A) = decode_answer(&call.reply)?;
    Ok((
        encode_read(&options, &request)?,
        encode_answer(&meta, &reply)?,
    ))
}

/// The same request, and the reply read and written by `again`.
fn plain(call: &Call, again: impl FnOnce(&[u8]) -> Result<Vec<u8>, DialectError>) -> Again {
    Ok((call.request.clone(), again(&call.reply)?))
}

fn sessions(call: &Call) -> Again {
    let request = if call.method == session::APPLY {
        let (options, verb, applied) = session::decode_apply(&call.request)?;
        return plain_request(call, session::encode_apply(&options, verb, &applied)?);
    } else if [session::GET, session::RENEW].contains(&call.method.as_str()) {
        let (options, id) = session::decode_specific(&call.request)?;
        session::encode_specific(&options, &id)?
    } else {
        let (options, node): (_, catalog::NodeRequest) = decode_read(&call.request)?;
        encode_read(&options, &node)?
    };
    let (meta, found) = session::decode_sessions(&call.reply)?;
    Ok((request, session::encode_sessions(&meta, &found)?))
}

fn plain_request(call: &Call, request: Vec<u8>) -> Again {
    let id: String = decode_reply(&call.reply)?;
    Ok((request, encode(&id)?))
}

fn service_nodes(call: &Call) -> Again {
    let (options, query) = catalog::decode_service_nodes(&call.request)?;
    let catalog::ServiceNodesCall::Service(query) = query else {
        panic!("not of a service: {query:?}");
    };
    let (meta, reply): (_, catalog::ServiceNodesReply) = decode_answer(&call.reply)?;
    Ok((
        catalog::encode_service_nodes(&options, &query)?,
        encode_answer(&meta, &reply)?,
    ))
}

/// Whether [`again`] has a reader for a method.
pub(super) fn is_read(method: &str) -> bool {
    calls().iter().any(|call| call.method == method)
}

pub(super) fn again(call: &Call) -> Again {
    match call.method.as_str() {
        "Catalog.ListNodes" => read::<ListNodes>(call),
        "Catalog.ListServices" => read::<ListServices>(call),
        "Catalog.NodeServiceList" => read::<NodeWithServices>(call),
        "Catalog.ServiceNodes" => service_nodes(call),
        "Catalog.ListDatacenters" | "Status.Peers" => {
            plain(call, |reply| encode(&decode_reply::<Vec<String>>(reply)?))
        }
        "Status.Leader" => plain(call, |reply| {
            status::encode_leader(&status::decode_leader(reply)?)
        }),
        "Catalog.NodeServices" => Ok((call.request.clone(), call.reply.clone())),
        "Health.ChecksInState" => read::<ChecksInState>(call),
        "Health.NodeChecks" => read::<ChecksOfNode>(call),
        "Health.ServiceChecks" => read::<ChecksOfService>(call),
        "Health.ServiceNodes" => read::<ServiceInstances>(call),
        "KVS.Get" => read::<KvGet>(call),
        "KVS.List" => read::<KvList>(call),
        "KVS.ListKeys" => read::<KvKeys>(call),
        "Txn.Read" => read::<TxnRead>(call),
        "Coordinate.ListNodes" | "Coordinate.Node" => read::<CoordinatesOfNodes>(call),
        "Coordinate.ListDatacenters" => plain(call, |reply| {
            coordinate::encode_datacenters(&coordinate::decode_datacenters(reply)?)
        }),
        method if method.starts_with("Session.") => sessions(call),
        "Internal.NodeInfo" => with_meta::<catalog::NodeRequest, internal::DumpReply>(call),
        "Internal.NodeDump" => with_meta::<health::DumpRequest, internal::DumpReply>(call),
        "Internal.ServiceDump" => {
            with_meta::<internal::ServiceDumpRequest, health::InstancesReply>(call)
        }
        "Internal.EventFire" => with_meta::<internal::EventFireRequest, Nothing>(call),
        "Operator.RaftGetConfiguration" => plain(call, |reply| {
            operator::encode_raft_configuration(&operator::decode_raft_configuration(reply)?)
        }),
        "Operator.ServerHealth" => plain(call, |reply| {
            operator::encode_health(&operator::decode_health(reply)?)
        }),
        "Operator.AutopilotGetConfiguration" => read::<AutopilotQuery>(call),
        _ => write(call),
    }
}

#[test]
fn what_the_reference_sends_is_read_and_written_the_same() {
    let calls = calls();
    assert_eq!(calls.len(), 54);
    for (at, call) in calls.iter().enumerate() {
        let (request, reply) = again(call).unwrap_or_else(|why| panic!("{}: {why}", call.method));
        let mut not_ours = NOT_OURS.to_vec();
        // The order that nobody asks for; a time in whole seconds and in UTC.
        if call.method.starts_with("Catalog") || call.method.starts_with("Health") {
            not_ours.push("Source");
        }
        not_ours.push("StableSince");
        let [theirs, ours] = [&call.request, &request].map(|b| Tree::read(b).without(&not_ours));
        assert_eq!(ours, theirs, "request {at}: {}", call.method);
        let [theirs, ours] = [&call.reply, &reply].map(|b| Tree::read(b).without(&not_ours));
        assert_eq!(ours, theirs, "reply {at}: {}", call.method);
    }
}

#[test]
fn methods_have_their_names() {
    let node = Some("n".to_owned());
    assert_eq!(CoordinatesOfNodes { node }.method(), "Coordinate.Node");
    assert_eq!(
        CoordinatesOfNodes { node: None }.method(),
        "Coordinate.ListNodes"
    );
    let node = String::new();
    assert_eq!(
        NodeWithServices { node }.method(),
        "Catalog.NodeServiceList"
    );
}

#[test]
fn options_are_understood() {
    let (options, query) =
        ListNodes::decode_request(&find("Catalog.ListNodes", 0).request).unwrap();
    assert_eq!(query.near.as_deref(), Some("c2"));
    assert_eq!(query.node_meta, [("a".to_owned(), "b".to_owned())]);
    assert_eq!(options.query.datacenter, "dc1");
    let levels = [0, 1, 2].map(|at| {
        let (options, _) = KvGet::decode_request(&find("KVS.Get", at).request).unwrap();
        options.query.consistency
    });
    let expected = [
        Consistency::Default,
        Consistency::Consistent,
        Consistency::Stale,
    ];
    assert_eq!(levels, expected);
    let (options, _) = KvGet::decode_request(&find("KVS.Get", 3).request).unwrap();
    assert_eq!(options.query.min_index, 5);
    assert_eq!(options.query.max_wait.as_secs(), 1);
    let request = find("Catalog.NodeServiceList", 0).request;
    let (options, _) = NodeWithServices::decode_request(&request).unwrap();
    assert_eq!(options.max_stale.as_secs(), 2);
    let filtered = find("Health.ServiceNodes", 2).request;
    let (options, _) = ServiceInstances::decode_request(&filtered).unwrap();
    assert_eq!(options.filter, "Service.Port==80");
}

#[test]
fn instances_are_asked_for_by_tags_and_come_with_their_state() {
    let call = find("Health.ServiceNodes", 0);
    let (_, query) = ServiceInstances::decode_request(&call.request).unwrap();
    assert_eq!(
        (query.service.as_str(), &query.tags[..]),
        ("web", &["a".to_owned(), "b".to_owned()][..])
    );
    let (meta, found) = query.decode_reply(&call.reply).unwrap();
    assert!(meta.index > 0 && meta.known_leader);
    assert!(!found.is_empty());
    assert!(
        found
            .iter()
            .all(|instance| instance.service.tags.contains(&"b".to_owned()))
    );
    let passing = ServiceInstances {
        passing_only: true,
        ..query
    };
    let (_, kept) = passing.decode_reply(&call.reply).unwrap();
    assert!(
        kept.iter()
            .all(|instance| instance.status == Status::Passing)
    );
    let (_, query) =
        ServiceInstances::decode_request(&find("Health.ServiceNodes", 1).request).unwrap();
    assert!(query.connect && query.tags.is_empty());
}

#[test]
fn writes_are_understood() {
    let verbs = [
        KvVerb::Set,
        KvVerb::Cas,
        KvVerb::Delete,
        KvVerb::DeleteTree,
        KvVerb::Lock,
        KvVerb::Unlock,
    ];
    for (at, verb) in verbs.into_iter().enumerate() {
        let call = find("KVS.Apply", at);
        let (_, command) = decode_command(&call.method, &call.request)
            .unwrap()
            .unwrap();
        let Command::Kv(kv) = &command else {
            panic!("{command:?}");
        };
        assert_eq!(kv.verb, verb);
        // The reference answers false to a write without a condition.
        let response = decode_response(&command, &call.reply).unwrap();
        let expected = match verb {
            KvVerb::Set | KvVerb::Delete | KvVerb::DeleteTree => Response::Done,
            KvVerb::Cas => Response::Bool(false),
            _ => Response::Bool(true),
        };
        assert_eq!(response, expected, "{verb:?}");
    }
    let call = find("Catalog.Register", 1);
    let (options, command) = decode_command(&call.method, &call.request)
        .unwrap()
        .unwrap();
    let Command::Register(request) = command else {
        panic!("{command:?}");
    };
    assert_eq!(options.datacenter, "dc1");
    assert!(request.skip_node_update);
    let service = request.service.unwrap();
    assert_eq!((service.id.as_str(), service.weights.passing), ("web9", 3));
    assert_eq!(request.check.unwrap().status, Status::Critical);
    let call = find("Catalog.Register", 4);
    let (_, command) = decode_command(&call.method, &call.request)
        .unwrap()
        .unwrap();
    let Command::Register(request) = command else {
        panic!("{command:?}");
    };
    let definition = request.check.unwrap().definition;
    assert_eq!(
        (definition.tcp.as_str(), definition.interval.to_string()),
        ("a:1", "10s".to_owned())
    );
}

#[test]
fn servers_and_their_health_are_understood() {
    let health = operator::decode_health(&find("Operator.ServerHealth", 0).reply).unwrap();
    let server = &health.servers[0];
    assert_eq!(
        (server.serf_status.as_str(), server.stable_since.len()),
        ("alive", 20)
    );
    assert!(health.healthy && server.leader && server.voter);
    let found = find("Operator.RaftGetConfiguration", 0).reply;
    let configuration = operator::decode_raft_configuration(&found).unwrap();
    assert_eq!(configuration.servers[0].protocol_version, "3");
}

#[test]
fn a_nodes_services_have_two_forms() {
    let call = find("Catalog.NodeServiceList", 0);
    let list = find("Catalog.NodeServices", 0);
    let (_, query) = NodeWithServices::decode_request(&list.request).unwrap();
    let (meta, answer) = query.decode_reply(&call.reply).unwrap();
    let by_id = catalog::encode_node_services(&meta, answer.as_ref()).unwrap();
    let Tree::Map(fields) = Tree::read(&by_id) else {
        panic!("no map");
    };
    assert!(fields.contains_key("Index"));
    let nothing = catalog::encode_node_services(&meta, None).unwrap();
    let Tree::Map(fields) = Tree::read(&nothing) else {
        panic!("no map");
    };
    assert!(!fields.contains_key("NodeServices"));
}
