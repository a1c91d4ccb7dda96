mod arbitrary;
mod catalog_model;
mod kv_model;
mod laws;
mod prepared_queries;
mod registrations;
mod sessions;
mod sessions_model;
mod transactions;
mod txn_model;

use super::*;
use crate::model::catalog::{DeregisterRequest, RegisterRequest};
use crate::model::check::{HealthCheck, Status};
use crate::model::kv::{Blob, Key, KvPair};
use crate::model::service::NodeService;

/// A state with its log index, as a single server would drive it.
#[derive(Default)]
struct Log {
    state: State,
    index: u64,
    touched: Touched,
}

impl Log {
    fn apply(&mut self, command: &Command) -> Response {
        self.index += 1;
        self.touched.clear();
        self.state.apply(self.index, command, &mut self.touched)
    }

    fn kv(&mut self, verb: KvVerb, key: &str, value: &str, expected: u64) -> Response {
        let pair = KvPair {
            key: Key::from(key),
            value: Blob(value.to_owned().into()),
            modify_index: expected,
            ..KvPair::default()
        };
        self.apply(&Command::Kv(KvCommand { verb, pair }))
    }

    fn index_of(&self, query: &impl Query) -> u64 {
        query.run(&self.state, &mut WatchSet::default()).0
    }

    fn touches(&self, topic: &Topic) -> bool {
        self.touched.topics().any(|touched| touched == topic)
    }
}

fn registration(node: &str, service: &str, status: Status) -> Command {
    Command::Register(Box::new(RegisterRequest {
        node: node.to_owned(),
        address: "10.0.0.1".to_owned(),
        service: Some(NodeService {
            id: service.to_owned(),
            service: service.to_owned(),
            ..NodeService::default()
        }),
        check: Some(HealthCheck {
            node: node.to_owned(),
            check_id: format!("service:{service}"),
            service_id: service.to_owned(),
            status,
            ..HealthCheck::default()
        }),
        ..RegisterRequest::default()
    }))
}

fn instances(name: &str) -> ServiceInstances {
    ServiceInstances {
        service: name.to_owned(),
        with_checks: true,
        ..ServiceInstances::default()
    }
}

#[test]
fn cas_expects_the_index() {
    let mut log = Log::default();
    assert_eq!(log.kv(KvVerb::Cas, "a", "1", 0), Response::Bool(true));
    assert_eq!(log.kv(KvVerb::Cas, "a", "2", 0), Response::Bool(false));
    assert_eq!(log.kv(KvVerb::Cas, "a", "2", 1), Response::Bool(true));
    assert_eq!(log.kv(KvVerb::DeleteCas, "a", "", 1), Response::Bool(false));
    assert_eq!(log.kv(KvVerb::DeleteCas, "a", "", 3), Response::Bool(true));
}

#[test]
fn an_unchanged_value_keeps_its_index_and_wakes_nobody() {
    let mut log = Log::default();
    log.kv(KvVerb::Set, "a", "1", 0);
    log.kv(KvVerb::Set, "a", "1", 0);
    assert_eq!(log.state.kv(b"a").unwrap().modify_index, 1);
    assert!(log.touched.is_empty());
}

#[test]
fn deletions_never_move_an_index_back() {
    let mut log = Log::default();
    for key in ["a/1", "a/2", "b"] {
        log.kv(KvVerb::Set, key, "x", 0);
    }
    let list = KvList {
        prefix: Key::from("a/"),
    };
    assert_eq!(log.index_of(&list), 2);
    log.kv(KvVerb::Delete, "a/2", "", 0);
    assert_eq!(log.index_of(&list), 4);
    log.kv(KvVerb::DeleteTree, "a", "", 0);
    assert_eq!(
        log.index_of(&list),
        5,
        "the tombstone of a shorter prefix counts"
    );
    assert_eq!(
        log.index_of(&KvList {
            prefix: Key::from("b")
        }),
        3
    );
}

#[test]
fn keys_are_cut_at_the_separator() {
    let mut log = Log::default();
    for key in ["web/key1", "web/sub/a", "web/sub/b", "webx"] {
        log.kv(KvVerb::Set, key, "x", 0);
    }
    let query = KvKeys {
        prefix: Key::from("web/"),
        separator: b"/".to_vec(),
    };
    let (_, keys) = query.run(&log.state, &mut WatchSet::default());
    assert_eq!(keys, [Key::from("web/key1"), Key::from("web/sub/")]);
}

#[test]
fn a_transaction_is_all_or_nothing() {
    use crate::model::txn::{KvTxnOp, TxnOp};
    let op = |verb: &str, key: &str| TxnOp {
        kv: Some(KvTxnOp {
            verb: verb.to_owned(),
            key: Key::from(key),
            ..KvTxnOp::default()
        }),
        ..TxnOp::default()
    };
    let mut log = Log::default();
    let Response::Txn(answer) = log.apply(&Command::Txn(vec![op("set", "a"), op("get", "none")]))
    else {
        panic!("a transaction answers as one");
    };
    assert_eq!(answer.errors.unwrap()[0].what, "key \"none\" doesn't exist");
    assert!(log.state.kv(b"a").is_none());
    assert!(log.touched.is_empty());
}

#[test]
fn a_service_index_follows_its_checks_and_nodes() {
    let mut log = Log::default();
    log.apply(&registration("n1", "web", Status::Passing));
    log.apply(&registration("n2", "db", Status::Passing));
    assert_eq!(log.index_of(&instances("web")), 1);
    log.apply(&registration("n1", "web", Status::Critical));
    assert_eq!(log.index_of(&instances("web")), 3);
    assert!(log.touches(&Topic::Service("web".into())));
    assert!(!log.touches(&Topic::Service("db".into())));
    assert_eq!(
        log.state.instances("WEB").unwrap()[0].status,
        Status::Critical
    );
}

#[test]
fn an_extinct_service_has_the_index_of_its_extinction() {
    let mut log = Log::default();
    log.apply(&registration("n1", "web", Status::Passing));
    log.apply(&Command::Deregister(DeregisterRequest {
        node: "n1".to_owned(),
        service_id: "web".to_owned(),
        ..DeregisterRequest::default()
    }));
    assert_eq!(log.index_of(&instances("web")), 2);
    assert!(log.state.instances("web").is_none());
    assert_eq!(log.state.checks().count(), 0);
}

#[test]
fn registering_the_same_again_changes_nothing() {
    let mut log = Log::default();
    log.apply(&registration("n1", "web", Status::Passing));
    log.apply(&registration("n1", "web", Status::Passing));
    assert!(log.touched.is_empty());
    assert_eq!(log.state.node("N1").unwrap().modify_index, 1);
}

#[test]
fn a_check_of_an_unknown_service_is_refused_as_a_whole() {
    let mut log = Log::default();
    let Command::Register(mut request) = registration("n1", "web", Status::Passing) else {
        unreachable!("a registration is one");
    };
    request.service = None;
    let refused = log.apply(&Command::Register(request));
    let reason = "failed inserting check: Missing service registration on node \"n1\"";
    assert_eq!(refused, Response::Refused(reason.to_owned()));
    assert!(
        log.state.node("n1").is_none(),
        "the node was not registered either"
    );
}

#[test]
fn a_snapshot_restores_the_same_state() {
    let mut log = Log::default();
    log.apply(&registration("n1", "web", Status::Warning));
    log.kv(KvVerb::Set, "a", "1", 0);
    log.kv(KvVerb::Delete, "a", "", 0);
    log.kv(KvVerb::Set, "b", "\u{0}", 0);
    let bytes = log.state.to_snapshot();
    let restored = State::from_snapshot(&bytes).unwrap();
    assert_eq!(restored.to_snapshot(), bytes);
    assert_eq!(restored.instances("web"), log.state.instances("web"));
}

#[test]
fn indexes_go_on_above_a_restored_archive() {
    let mut old = Log::default();
    for n in 0..10 {
        old.kv(KvVerb::Set, "a", &n.to_string(), 0);
    }
    let mut log = Log::default();
    log.apply(&Command::Restore(old.state.to_snapshot()));
    assert!(log.touched.is_everything());
    log.kv(KvVerb::Set, "b", "x", 0);
    assert!(log.state.kv(b"b").unwrap().modify_index > 10);
    let before = log.state.to_snapshot();
    let refused = log.apply(&Command::Restore(b"nonsense".to_vec()));
    assert!(matches!(refused, Response::Refused(_)));
    assert_eq!(
        State::from_snapshot(&before).unwrap().kvs.len(),
        log.state.kvs.len()
    );
}
