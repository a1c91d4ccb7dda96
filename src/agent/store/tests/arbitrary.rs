//! Commands over a small world, so that they meet: few nodes, services, checks and keys, some of
//! which differ in letter case only.

use proptest::prelude::*;

use crate::agent::store::{Command, KvCommand, KvVerb, PreparedQueryCommand, SessionCommand};
use crate::model::catalog::{DeregisterRequest, RegisterRequest};
use crate::model::check::{HealthCheck, SERF_HEALTH, Status};
use crate::model::duration::GoDuration;
use crate::model::kv::{Blob, Key, KvPair};
use crate::model::node::{Node, StringMap};
use crate::model::prepared_query::PreparedQuery;
use crate::model::service::{Connect, KIND_CONNECT_PROXY, NodeService, Proxy};
use crate::model::session::{DELETE, RELEASE, Session};
use crate::model::txn::{CheckTxnOp, KvTxnOp, NodeTxnOp, ServiceTxnOp, TxnOp};

pub(super) const NODES: &[&str] = &["n1", "N1", "n2", "n3"];
pub(super) const NODE_IDS: &[&str] = &["", "", "id-a", "id-b"];
/// UUIDs of nodes in transactions, which look at their form.
const NODE_UUIDS: &[&str] = &[
    "",
    "",
    "aaaaaaaa-0000-0000-0000-000000000000",
    "bbbbbbbb-0000-0000-0000-000000000000",
];
pub(super) const SERVICE_IDS: &[&str] = &["web", "WEB", "db-1", "\u{c9}t\u{e9}", "\u{e9}t\u{c9}"];
pub(super) const SERVICES: &[&str] = &["web", "Web", "db", "proxy"];
pub(super) const CHECKS: &[&str] = &["c1", "C1", "c2", SERF_HEALTH];
pub(super) const KEYS: &[&str] = &["a", "a/", "a/b", "a/b/c", "a/c", "ab", "b", ""];
/// Sessions that the key/value tests put into the state; the last one is unknown to it. Other tests create them.
pub(super) const SESSIONS: &[&str] = &[
    "11111111-1111-1111-1111-111111111111",
    "22222222-2222-2222-2222-222222222222",
    "33333333-3333-3333-3333-333333333333",
];

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_owned)
}

pub(super) fn key() -> impl Strategy<Value = Key> {
    prop::sample::select(KEYS).prop_map(Key::from)
}

fn status() -> impl Strategy<Value = Status> {
    prop::sample::select(vec![Status::Passing, Status::Warning, Status::Critical])
}

fn meta() -> impl Strategy<Value = Option<StringMap>> {
    prop::option::of(
        prop::bool::ANY.prop_map(|x| StringMap::from([("rack".to_owned(), x.to_string())])),
    )
}

fn service() -> impl Strategy<Value = NodeService> {
    (
        one_of(SERVICE_IDS),
        one_of(SERVICES),
        0..3_i64,
        0..4_u8,
        any::<bool>(),
    )
        .prop_map(|(id, service, port, kind, tagged)| NodeService {
            kind: if kind == 0 {
                KIND_CONNECT_PROXY.to_owned()
            } else {
                String::new()
            },
            proxy: Proxy {
                destination_service_name: if kind == 0 {
                    "web".to_owned()
                } else {
                    String::new()
                },
                ..Proxy::default()
            },
            connect: Connect {
                native: kind == 1,
                ..Connect::default()
            },
            tags: if tagged {
                vec!["v1".to_owned()]
            } else {
                Vec::new()
            },
            id,
            service,
            port,
            ..NodeService::default()
        })
}

fn check() -> impl Strategy<Value = HealthCheck> {
    (
        one_of(CHECKS),
        prop::option::of(one_of(SERVICE_IDS)),
        status(),
        any::<bool>(),
    )
        .prop_map(|(check_id, service_id, status, output)| HealthCheck {
            check_id,
            service_id: service_id.unwrap_or_default(),
            status,
            output: if output {
                "out".to_owned()
            } else {
                String::new()
            },
            ..HealthCheck::default()
        })
}

pub(super) fn registration() -> impl Strategy<Value = Command> {
    (
        (
            one_of(NODES),
            one_of(NODE_IDS),
            1..3_u8,
            meta(),
            any::<bool>(),
        ),
        prop::option::of(service()),
        prop::option::of(check()),
        prop::collection::vec(check(), 0..2),
    )
        .prop_map(
            |((node, id, address, node_meta, skip_node_update), service, check, checks)| {
                let named = |check: HealthCheck| HealthCheck {
                    node: node.clone(),
                    ..check
                };
                Command::Register(Box::new(RegisterRequest {
                    check: check.map(named),
                    checks: checks.into_iter().map(named).collect(),
                    id,
                    address: format!("10.0.0.{address}"),
                    node_meta,
                    service,
                    skip_node_update,
                    node: node.clone(),
                    ..RegisterRequest::default()
                }))
            },
        )
}

pub(super) fn deregistration() -> impl Strategy<Value = Command> {
    (one_of(NODES), one_of(SERVICE_IDS), one_of(CHECKS), 0..5_u8).prop_map(
        |(node, service, check, what)| {
            Command::Deregister(DeregisterRequest {
                node,
                service_id: if what < 2 { service } else { String::new() },
                check_id: if what < 4 { check } else { String::new() },
                ..DeregisterRequest::default()
            })
        },
    )
}

fn kv_verb() -> impl Strategy<Value = KvVerb> {
    prop::sample::select(vec![
        KvVerb::Set,
        KvVerb::Set,
        KvVerb::Cas,
        KvVerb::Delete,
        KvVerb::DeleteCas,
        KvVerb::DeleteTree,
        KvVerb::Lock,
        KvVerb::Unlock,
    ])
}

pub(super) fn kv() -> impl Strategy<Value = Command> {
    let session = prop::option::of(one_of(SESSIONS));
    (kv_verb(), key(), 0..3_u8, 0..2_u64, 0..12_u64, session).prop_map(
        |(verb, key, value, flags, modify_index, session)| {
            Command::Kv(KvCommand {
                verb,
                pair: KvPair {
                    key,
                    value: Blob(vec![value; usize::from(value)].into()),
                    flags,
                    modify_index,
                    session: session.unwrap_or_default(),
                    ..KvPair::default()
                },
            })
        },
    )
}

fn kv_op() -> impl Strategy<Value = TxnOp> {
    let verb = one_of(&[
        "set",
        "set",
        "cas",
        "lock",
        "unlock",
        "get",
        "get-tree",
        "delete",
        "delete-tree",
        "delete-cas",
        "check-index",
        "check-session",
        "check-not-exists",
        "nonsense",
    ]);
    (verb, key(), 0..3_u8, 0..12_u64, one_of(SESSIONS)).prop_map(
        |(verb, key, value, index, session)| TxnOp {
            kv: Some(KvTxnOp {
                verb,
                key,
                value: Blob(vec![value].into()),
                index,
                session,
                ..KvTxnOp::default()
            }),
            ..TxnOp::default()
        },
    )
}

/// A verb of operations on the catalog, and the index that they expect.
fn catalog_verb() -> impl Strategy<Value = (String, u64)> {
    let verb = one_of(&[
        "set",
        "set",
        "set",
        "cas",
        "get",
        "delete",
        "delete-cas",
        "nonsense",
    ]);
    (verb, prop_oneof![Just(0), 1..12_u64])
}

fn node_op() -> impl Strategy<Value = TxnOp> {
    (catalog_verb(), one_of(NODES), one_of(NODE_UUIDS), meta()).prop_map(
        |((verb, modify_index), node, id, meta)| TxnOp {
            node: Some(Box::new(NodeTxnOp {
                verb,
                node: Node {
                    id,
                    node,
                    address: "10.0.0.1".to_owned(),
                    meta,
                    modify_index,
                    ..Node::default()
                },
            })),
            ..TxnOp::default()
        },
    )
}

fn service_op() -> impl Strategy<Value = TxnOp> {
    (catalog_verb(), one_of(NODES), service()).prop_map(|((verb, modify_index), node, service)| {
        TxnOp {
            service: Some(Box::new(ServiceTxnOp {
                verb,
                node,
                service: NodeService {
                    modify_index,
                    ..service
                },
            })),
            ..TxnOp::default()
        }
    })
}

fn check_op() -> impl Strategy<Value = TxnOp> {
    (catalog_verb(), one_of(NODES), check()).prop_map(|((verb, modify_index), node, check)| TxnOp {
        check: Some(Box::new(CheckTxnOp {
            verb,
            check: HealthCheck {
                node,
                modify_index,
                ..check
            },
        })),
        ..TxnOp::default()
    })
}

pub(super) fn txn_op() -> impl Strategy<Value = TxnOp> {
    prop_oneof![
        8 => kv_op(),
        6 => node_op(),
        6 => service_op(),
        6 => check_op(),
        1 => Just(TxnOp::default()),
    ]
}

pub(super) fn txn() -> impl Strategy<Value = Command> {
    prop::collection::vec(txn_op(), 0..4).prop_map(Command::Txn)
}

pub(super) fn session() -> impl Strategy<Value = Command> {
    let destroy = one_of(SESSIONS).prop_map(|id| SessionCommand::Destroy { id });
    let checks = prop::collection::vec(one_of(CHECKS), 0..2);
    let create = (
        one_of(SESSIONS),
        one_of(NODES),
        checks,
        any::<bool>(),
        0..3_i64,
    )
        .prop_map(|(id, node, node_checks, deletes, delay)| {
            let behavior = if deletes { DELETE } else { RELEASE };
            SessionCommand::Create(Box::new(Session {
                id,
                node,
                node_checks,
                behavior: behavior.to_owned(),
                lock_delay: GoDuration::from_secs(delay * 40),
                ..Session::default()
            }))
        });
    prop_oneof![3 => create, 1 => destroy].prop_map(Command::Session)
}

pub(super) fn prepared_query() -> impl Strategy<Value = Command> {
    let id = (0..3_u8).prop_map(|n| format!("{n:0>8}-0000-0000-0000-000000000000"));
    let name = one_of(&["a", "A", "b", "ab", ""]);
    let kind = one_of(&["", "", "name_prefix_match", "nonsense"]);
    let service = one_of(&["web", "${name.suffix}", "${x.y}"]);
    (id, name, kind, service, 0..4_u8).prop_map(|(id, name, kind, service, verb)| {
        if verb == 0 {
            return Command::PreparedQuery(PreparedQueryCommand::Delete { id });
        }
        let mut query = PreparedQuery {
            id,
            name,
            ..PreparedQuery::default()
        };
        query.template.r#type = kind;
        query.service.service = service;
        Command::PreparedQuery(PreparedQueryCommand::Set(Box::new(query)))
    })
}

pub(super) fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        6 => registration(),
        3 => deregistration(),
        6 => kv(),
        2 => txn(),
        4 => session(),
        3 => prepared_query(),
    ]
}

pub(super) fn commands() -> impl Strategy<Value = Vec<Command>> {
    prop::collection::vec(command(), 1..40)
}
