//! Registrations and transactions that Consul refuses or takes in a way of its own.

use super::*;
use crate::model::check::SERF_HEALTH;
use crate::model::txn::{KvTxnOp, TxnOp};

const ONE: &str = "40e4a748-2192-161a-0510-9bf59fe950b5";
const OTHER: &str = "40e4a748-2192-161a-0510-9bf59fe950b6";

fn node(name: &str, id: &str) -> RegisterRequest {
    RegisterRequest {
        node: name.to_owned(),
        id: id.to_owned(),
        address: "10.0.0.1".to_owned(),
        ..RegisterRequest::default()
    }
}

fn put(log: &mut Log, request: RegisterRequest) -> Response {
    log.apply(&Command::Register(Box::new(request)))
}

#[test]
fn a_name_is_taken_over_unless_gossip_sees_its_holder() {
    for (serf, taken_over) in [
        (None, true),
        (Some(Status::Critical), true),
        (Some(Status::Passing), false),
    ] {
        let mut log = Log::default();
        let check = serf.map(|status| HealthCheck {
            node: "a".to_owned(),
            check_id: SERF_HEALTH.to_owned(),
            status,
            ..HealthCheck::default()
        });
        let holder = RegisterRequest {
            check,
            ..node("a", ONE)
        };
        put(&mut log, holder);
        put(&mut log, node("a", OTHER));
        let id = if taken_over { OTHER } else { ONE };
        assert_eq!(log.state.node("a").unwrap().id, id, "{serf:?}");
    }
}

#[test]
fn a_name_in_another_case_renames_the_node() {
    let mut log = Log::default();
    put(&mut log, node("a", ""));
    put(&mut log, node("A", ""));
    let names: Vec<_> = log.state.nodes().map(|node| node.node.as_str()).collect();
    assert_eq!(names, ["A"]);
}

#[test]
fn services_and_checks_need_ids() {
    let mut log = Log::default();
    let service = RegisterRequest {
        service: Some(NodeService::default()),
        ..node("a", "")
    };
    assert_eq!(
        put(&mut log, service),
        Response::Refused(
            "failed inserting service: failed inserting service: object missing primary index"
                .to_owned()
        )
    );
    let check = RegisterRequest {
        check: Some(HealthCheck {
            node: "a".to_owned(),
            ..HealthCheck::default()
        }),
        ..node("a", "")
    };
    let text = "failed inserting check: failed inserting check: object missing primary index on node \"a\"";
    assert_eq!(put(&mut log, check), Response::Refused(text.to_owned()));
}

#[test]
fn metadata_must_have_the_value_that_is_asked_for() {
    let mut log = Log::default();
    let meta = [("env".to_owned(), "prod".to_owned())].into();
    let request = RegisterRequest {
        node_meta: Some(meta),
        ..node("a", "")
    };
    put(&mut log, request);
    for (value, found) in [("prod", 1), ("", 0), ("dev", 0)] {
        let query = ListNodes {
            node_meta: vec![("env".to_owned(), value.to_owned())],
            near: None,
        };
        let (_, nodes) = query.run(&log.state, &mut WatchSet::default());
        assert_eq!(nodes.len(), found, "env:{value}");
    }
}

#[test]
fn transactions_need_keys_and_pass_over_what_says_nothing() {
    let mut log = Log::default();
    let op = |verb: &str, key: &str| TxnOp {
        kv: Some(KvTxnOp {
            verb: verb.to_owned(),
            key: Key::from(key),
            ..KvTxnOp::default()
        }),
        ..TxnOp::default()
    };
    let mut run = |op: TxnOp| match log.apply(&Command::Txn(vec![op])) {
        Response::Txn(answer) => answer.errors.map(|errors| errors[0].what.clone()),
        other => panic!("{other:?}"),
    };
    for verb in ["set", "get-tree", ""] {
        assert_eq!(run(op(verb, "")).as_deref(), Some("Must provide key"));
    }
    assert_eq!(run(op("unlock", "a")).as_deref(), Some("missing session"));
    assert_eq!(run(TxnOp::default()), None);
}
