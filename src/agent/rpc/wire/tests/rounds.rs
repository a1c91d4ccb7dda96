//! What the recording does not have: refusals, and values that only our servers send.

use std::sync::Arc;

use super::super::{
    DialectError, RemoteQuery, SnapshotRequest, SnapshotVerb, WriteCall, config_entry,
    decode_command, decode_response, decode_snapshot_reply, encode, encode_answer, encode_command,
    encode_response, encode_snapshot_reply, session,
};
use super::tree::Tree;
use crate::agent::rpc::{Consistency, QueryMeta, QueryOptions, WriteOptions};
use crate::agent::store::{
    Asker, AutopilotUpdate, Command, KvCommand, KvGet, KvVerb, ListServices, PreparedQueryCommand,
    PreparedQueryExecute, PreparedQueryExplain, Response, TxnRead,
};
use crate::model::check::HealthCheck;
use crate::model::coordinate::NodeCoordinate;
use crate::model::kv::{Blob, Key, KvPair};
use crate::model::node::Node;
use crate::model::prepared_query::PreparedQuery;
use crate::model::raft::AutopilotConfiguration;
use crate::model::service::NodeService;
use crate::model::txn::{KvTxnOp, TxnError, TxnOp, TxnResponse, TxnResult};

fn meta() -> QueryMeta {
    QueryMeta {
        index: 77,
        known_leader: true,
        last_contact_ms: 25,
        consistency: Consistency::Stale,
        generation: 3,
    }
}

fn options() -> WriteOptions {
    WriteOptions {
        datacenter: "dc1".to_owned(),
        token: "secret".to_owned(),
    }
}

/// The request of `KVS.Apply`, well-formed or not.
#[derive(serde::Serialize)]
#[serde(rename_all = "PascalCase")]
struct Apply<'a> {
    op: &'a str,
    dir_ent: KvPair,
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, DialectError>) -> String {
    match outcome {
        Err(DialectError::Refused(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_key_that_is_no_text_comes_through() {
    let key = Key::from(&b"\xff\x00/\xfe"[..]);
    let query = KvGet { key: key.clone() };
    let read_options = super::super::ReadOptions {
        query: QueryOptions {
            token: "t".to_owned(),
            ..QueryOptions::default()
        },
        ..super::super::ReadOptions::default()
    };
    let request = query.encode_request(&read_options).unwrap();
    let (options, again) = KvGet::decode_request(&request).unwrap();
    assert_eq!(
        (options.query.token.as_str(), again.key),
        ("t", key.clone())
    );
    let pair = KvPair {
        key,
        value: Blob(vec![0, 200].into()),
        flags: u64::MAX,
        ..KvPair::default()
    };
    let reply = KvGet::encode_reply(&meta(), Some(pair.clone().into())).unwrap();
    let (got, answer) = query.decode_reply(&reply).unwrap();
    assert_eq!((got, answer.as_deref()), (meta(), Some(&pair)));
}

#[test]
fn nothing_is_nil_and_services_without_tags_are_not() {
    let reply = KvGet::encode_reply(&meta(), None).unwrap();
    let entries = b"\xa7Entries\xc0";
    assert!(reply.windows(entries.len()).any(|part| part == entries));
    let services = [("web".to_owned(), Vec::new())].into();
    let reply = ListServices::encode_reply(&meta(), services).unwrap();
    let web = b"\xa3web\x90";
    assert!(reply.windows(web.len()).any(|part| part == web));
}

#[test]
fn commands_that_only_leaders_make_are_not_sent() {
    for command in [
        Command::Barrier,
        Command::ReapTombstones { index: 1 },
        Command::Restore(Vec::new()),
        Command::Coordinates(Vec::new()),
    ] {
        assert_eq!(encode_command(&options(), &command), Ok(None));
    }
    let no_write = decode_command("KVS.Get", b"\x80").unwrap();
    assert!(no_write.is_none());
}

#[test]
fn conditions_travel() {
    let update = AutopilotUpdate {
        configuration: AutopilotConfiguration::default(),
        cas: Some(9),
    };
    let command = Command::Autopilot(update);
    let WriteCall { method, body } = encode_command(&options(), &command).unwrap().unwrap();
    let (got, again) = decode_command(method, &body).unwrap().unwrap();
    assert_eq!(got.token, "secret");
    let Command::Autopilot(again) = again else {
        panic!("{again:?}");
    };
    assert_eq!(again.cas, Some(9));
    let kept = encode_response(method, Response::Bool(true)).unwrap();
    assert_eq!(decode_response(&command, &kept), Ok(Response::Bool(true)));
    let set = Command::Kv(KvCommand {
        verb: KvVerb::Set,
        pair: KvPair::default(),
    });
    let done = encode_response("KVS.Apply", Response::Done).unwrap();
    assert_eq!(done, b"\xc2");
    assert_eq!(decode_response(&set, &done), Ok(Response::Done));
    let refused = Response::Refused("invalid session".to_owned());
    assert_eq!(
        refusal(encode_response("KVS.Apply", refused)),
        "invalid session"
    );
}

#[test]
fn what_the_reference_refuses_is_refused_in_its_words() {
    let kv = |op: &str, key: &str| {
        let pair = KvPair {
            key: Key::from(key),
            ..KvPair::default()
        };
        let body = encode(&Apply { op, dir_ent: pair }).unwrap();
        decode_command("KVS.Apply", &body)
    };
    assert_eq!(refusal(kv("bogus", "z")), "Invalid KVS operation 'bogus'");
    assert_eq!(refusal(kv("set", "")), "Must provide key");
    assert!(kv("delete-tree", "").is_ok());
    let coordinate = |change: fn(&mut NodeCoordinate)| {
        let mut coordinate = NodeCoordinate::default();
        change(&mut coordinate);
        let command = Command::Coordinates(vec![coordinate]);
        let call = encode_command(&options(), &command).unwrap().unwrap();
        decode_command(call.method, &call.body)
    };
    assert!(coordinate(|_| {}).is_ok());
    assert_eq!(
        refusal(coordinate(|c| c.coord.vec.truncate(3))),
        "incompatible coordinate"
    );
    assert_eq!(
        refusal(coordinate(|c| c.coord.error = f64::NAN)),
        "invalid coordinate"
    );
    // Without a coordinate: the reference's server ends over it.
    let none = decode_command("Coordinate.Update", b"\x81\xa4Node\xa1a");
    assert_eq!(refusal(none), "invalid coordinate");
    let apply = |bytes: &[u8]| refusal(session::decode_apply(bytes));
    assert_eq!(apply(b"\x81\xa2Op\xa1x"), "Invalid Session operation 'x'");
    assert_eq!(apply(b"\x81\xa2Op\xa7destroy"), "Must provide ID");
    assert_eq!(apply(b"\x81\xa2Op\xa6create"), "Must provide Node");
}

#[test]
fn transactions_fail_and_succeed_apart() {
    let op = TxnOp {
        kv: Some(KvTxnOp {
            verb: "check-index".to_owned(),
            key: Key::from("k"),
            index: 4,
            ..KvTxnOp::default()
        }),
        ..TxnOp::default()
    };
    let query = TxnRead { ops: vec![op] };
    let request = query
        .encode_request(&super::super::ReadOptions::default())
        .unwrap();
    let (_, again) = TxnRead::decode_request(&request).unwrap();
    assert_eq!(again.ops, query.ops);
    for response in [
        TxnResponse {
            results: Some(Vec::new()),
            errors: None,
        },
        TxnResponse {
            results: None,
            errors: Some(vec![TxnError {
                op_index: 1,
                what: "no".to_owned(),
            }]),
        },
    ] {
        let reply = TxnRead::encode_reply(&meta(), response.clone()).unwrap();
        assert_eq!(query.decode_reply(&reply).unwrap().1, response);
    }
}

#[test]
fn operations_on_nodes_services_and_checks_keep_what_was_given() {
    let given = serde_json::json!([
        {"Check": {"Verb": "set", "Check": {
            "Node": "n", "CheckID": "c", "Status": "passing", "Definition": {"Interval": "10s"},
        }}},
        {"Node": {"Verb": "cas", "Node": {"Node": "n", "Address": "a", "Meta": {"k": "v"}, "ModifyIndex": 7}}},
        {"Service": {"Verb": "delete-cas", "Node": "n", "Service": {
            "ID": "w", "Service": "web", "Tags": ["t"], "ModifyIndex": 8,
        }}},
    ]);
    let ops: Vec<TxnOp> = serde_json::from_value(given).unwrap();
    let command = Command::Txn(ops);
    let call = encode_command(&options(), &command).unwrap().unwrap();
    // Go wants a number.
    let interval = b"\xa8Interval\xcf\x00\x00\x00\x02\x54\x0b\xe4\x00";
    assert!(
        call.body
            .windows(interval.len())
            .any(|part| part == interval)
    );
    let (_, again) = decode_command(call.method, &call.body).unwrap().unwrap();
    assert_eq!(again, command);
}

#[test]
fn results_of_every_kind_travel() {
    let response = TxnResponse {
        results: Some(vec![
            TxnResult::Kv(KvPair {
                key: Key::from("k"),
                ..KvPair::default()
            }),
            TxnResult::Node(Arc::new(Node {
                node: "n".to_owned(),
                ..Node::default()
            })),
            TxnResult::Service(Arc::new(NodeService {
                id: "s".to_owned(),
                ..NodeService::default()
            })),
            TxnResult::Check(Arc::new(HealthCheck {
                check_id: "c".to_owned(),
                ..HealthCheck::default()
            })),
        ]),
        errors: None,
    };
    let query = TxnRead { ops: Vec::new() };
    let reply = TxnRead::encode_reply(&meta(), response.clone()).unwrap();
    let (read, again) = query.decode_reply(&reply).unwrap();
    assert_eq!(again, response);
    // Clients of the reference print it, and its servers send none.
    assert_eq!((read.index, read.known_leader), (0, true));
    assert_eq!(read.consistency, Consistency::Default);
    let nothing = b"\x81\xa7Results\x91\x80";
    assert!(query.decode_reply(nothing).is_err(), "a result of nothing");
}

#[test]
fn snapshot_streams_have_headers() {
    let request = SnapshotRequest {
        datacenter: "dc1".to_owned(),
        token: "t".to_owned(),
        allow_stale: true,
        verb: SnapshotVerb::Restore,
    };
    let bytes = request.encode().unwrap();
    assert_eq!(SnapshotRequest::decode(&bytes), Ok(request));
    let unknown = SnapshotRequest::decode(b"\x81\xa2Op\x07");
    assert_eq!(refusal(unknown), "unrecognized snapshot op 7");
    let reply = encode_snapshot_reply(Ok(&meta())).unwrap();
    assert_eq!(decode_snapshot_reply(&reply), Ok(Ok(meta())));
    let reply = encode_snapshot_reply(Err("No cluster leader")).unwrap();
    let failed = decode_snapshot_reply(&reply).unwrap();
    assert_eq!(failed, Err("No cluster leader".to_owned()));
}

#[test]
fn nothing_is_configured() {
    let reply = config_entry::encode_unconfigured(&meta()).unwrap();
    let Tree::Raw(inner) = Tree::read(&reply) else {
        panic!("no bytes");
    };
    let nothing = encode_answer(&meta(), &super::super::Nothing {}).unwrap();
    assert_eq!(Tree::read(&inner), Tree::read(&nothing));
}

#[test]
fn prepared_queries_are_changed_by_their_id() {
    let set = |id: &str| {
        let query = PreparedQuery {
            id: id.to_owned(),
            name: "q".to_owned(),
            ..PreparedQuery::default()
        };
        Command::PreparedQuery(PreparedQueryCommand::Set(Box::new(query)))
    };
    let delete = Command::PreparedQuery(PreparedQueryCommand::Delete { id: "i".to_owned() });
    for (command, op) in [
        (set(""), "create"),
        (set("i"), "update"),
        (delete, "delete"),
    ] {
        let call = encode_command(&options(), &command).unwrap().unwrap();
        assert_eq!(call.method, "PreparedQuery.Apply");
        // The raw strings of the old msgpack.
        let field = [
            b"\xa2Op",
            &[0xa0 | u8::try_from(op.len()).unwrap()][..],
            op.as_bytes(),
        ];
        let field = field.concat();
        assert!(call.body.windows(field.len()).any(|part| part == field));
        let (_, again) = decode_command(call.method, &call.body).unwrap().unwrap();
        assert_eq!(again, command);
        let reply = encode_response(call.method, Response::Id("i".to_owned())).unwrap();
        assert_eq!(reply, b"\xa1i");
        let response = decode_response(&command, &reply).unwrap();
        assert_eq!(response, Response::Id("i".to_owned()));
    }
}

#[test]
fn the_asker_of_a_prepared_query_travels_in_consuls_fields() {
    let query = PreparedQueryExecute {
        id_or_name: "q".to_owned(),
        asker: Asker {
            limit: 3,
            connect: true,
            near: "_ip".to_owned(),
            ip: "10.0.0.1".to_owned(),
            agent: "n1".to_owned(),
            seed: 7,
        },
    };
    let body = encode(&query.to_request("dc1").unwrap()).unwrap();
    let golden = b"\x85\xa5Agent\x84\xaaDatacenter\xa3dc1\xa2Ip\xa0\xa4Node\xa2n1\xa7Segment\xa0\
\xa7Connect\xc3\xa5Limit\x03\xadQueryIDOrName\xa1q\
\xa6Source\x84\xaaDatacenter\xa3dc1\xa2Ip\xa810.0.0.1\xa4Node\xa3_ip\xa7Segment\xa0";
    assert_eq!(body, golden);
    let (_, again) = PreparedQueryExecute::decode_request(&body).unwrap();
    let asker = Asker {
        seed: 0,
        ..query.asker
    };
    assert_eq!((again.id_or_name.as_str(), again.asker), ("q", asker));
    let (_, explain) = PreparedQueryExplain::decode_request(&body).unwrap();
    assert_eq!(explain.id_or_name, "q");
}
