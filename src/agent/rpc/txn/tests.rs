//! Which permissions operations need.

use super::*;
use crate::agent::store::Touched;
use crate::model::catalog::RegisterRequest;
use crate::model::check::HealthCheck;
use crate::model::kv::Key;
use crate::model::node::Node;
use crate::model::service::NodeService;
use crate::model::txn::{KvTxnOp, NodeTxnOp};

/// Node `n` with the instance `w` of `web`, its check `c` and the node's check `alive`.
fn state() -> State {
    let check = |id: &str, service: &str| HealthCheck {
        node: "n".to_owned(),
        check_id: id.to_owned(),
        service_id: service.to_owned(),
        ..HealthCheck::default()
    };
    let request = RegisterRequest {
        node: "n".to_owned(),
        address: "10.0.0.1".to_owned(),
        service: Some(NodeService {
            id: "w".to_owned(),
            service: "web".to_owned(),
            ..NodeService::default()
        }),
        checks: vec![check("c", "w"), check("alive", "")],
        ..RegisterRequest::default()
    };
    let mut state = State::default();
    let command = Command::Register(Box::new(request));
    let answer = state.apply(1, &command, &mut Touched::default());
    assert_eq!(answer, Response::Done);
    state
}

fn kv(verb: &str) -> TxnOp {
    TxnOp {
        kv: Some(KvTxnOp {
            verb: verb.to_owned(),
            key: Key::from("k"),
            ..KvTxnOp::default()
        }),
        ..TxnOp::default()
    }
}

fn node(verb: &str) -> TxnOp {
    let op = NodeTxnOp {
        verb: verb.to_owned(),
        node: Node {
            node: "n".to_owned(),
            ..Node::default()
        },
    };
    TxnOp {
        node: Some(Box::new(op)),
        ..TxnOp::default()
    }
}

fn service(verb: &str, id: &str, name: &str) -> TxnOp {
    let op = ServiceTxnOp {
        verb: verb.to_owned(),
        node: "n".to_owned(),
        service: NodeService {
            id: id.to_owned(),
            service: name.to_owned(),
            ..NodeService::default()
        },
    };
    TxnOp {
        service: Some(Box::new(op)),
        ..TxnOp::default()
    }
}

fn check(verb: &str, id: &str, service: &str) -> TxnOp {
    let op = CheckTxnOp {
        verb: verb.to_owned(),
        check: HealthCheck {
            node: "n".to_owned(),
            check_id: id.to_owned(),
            service_id: service.to_owned(),
            ..HealthCheck::default()
        },
    };
    TxnOp {
        check: Some(Box::new(op)),
        ..TxnOp::default()
    }
}

/// An operation, and what it needs: of what kind, with which name, and whether for reading.
type Case = (TxnOp, &'static [(Resource, &'static str, bool)]);

#[test]
fn every_operation_needs_the_permission_for_what_it_is_about() {
    use Resource::{Key, KeyPrefix, Node, Service};
    let state = state();
    let cases: &[Case] = &[
        (kv("set"), &[(Key, "k", false)]),
        (kv("get"), &[(Key, "k", true)]),
        (kv("delete-tree"), &[(KeyPrefix, "k", false)]),
        (kv("get-tree"), &[(KeyPrefix, "k", true)]),
        (node("get"), &[(Node, "n", true)]),
        (node("delete"), &[(Node, "n", false)]),
        (service("get", "w", ""), &[(Service, "web", true)]),
        (service("set", "new", "db"), &[(Service, "db", false)]),
        (service("set", "w", "web"), &[(Service, "web", false)]),
        // Another name does not open somebody else's instance.
        (
            service("delete", "W", "mine"),
            &[(Service, "mine", false), (Service, "web", false)],
        ),
        (check("get", "c", ""), &[(Service, "web", true)]),
        (check("get", "alive", ""), &[(Node, "n", true)]),
        (check("set", "new", ""), &[(Node, "n", false)]),
        (check("set", "new", "w"), &[(Service, "web", false)]),
        (
            check("set", "c", ""),
            &[(Service, "web", false), (Node, "n", false)],
        ),
        (TxnOp::default(), &[]),
    ];
    for (op, expected) in cases {
        let expected: Vec<Needed> = expected
            .iter()
            .map(|(resource, name, reads)| Needed::new(*resource, *name, *reads))
            .collect();
        assert_eq!(requirements(&state, op), expected, "{op:?}");
    }
}
