//! Transactions on nodes, services and checks: results, texts, and what earlier builds wrote.

use serde_json::{Value, json};

use super::Log;
use crate::agent::store::*;
use crate::model::kv::{Key, KvPair};
use crate::model::txn::{KvTxnOp, TxnOp, TxnResponse};

fn ops(given: &Value) -> Vec<TxnOp> {
    serde_json::from_value(given.clone()).unwrap()
}

impl Log {
    /// Runs operations as a leader does: checked, then applied.
    fn txn(&mut self, given: &Value) -> TxnResponse {
        let mut ops = ops(given);
        let errors = vet_txn(&mut ops);
        if !errors.is_empty() {
            return TxnResponse::refused(errors);
        }
        match self.apply(&Command::Txn(ops)) {
            Response::Txn(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    /// The text with which the last operation fails, or the results in JSON.
    fn run(&mut self, given: &Value) -> Result<Value, String> {
        let answer = self.txn(given);
        match answer.errors {
            Some(errors) => Err(errors.last().unwrap().what.clone()),
            None => Ok(serde_json::to_value(answer.results.unwrap()).unwrap()),
        }
    }
}

const ID: &str = "11111111-1111-1111-1111-111111111111";

/// Node `n` (1) with the instance `w` of `web` (2) and its check `c` (3).
fn small_world() -> Log {
    let mut log = Log::default();
    for op in [
        json!({"Node": {"Verb": "set", "Node": {"Node": "n", "ID": ID, "Address": "10.0.0.1"}}}),
        json!({"Service": {"Verb": "set", "Node": "n", "Service": {"ID": "w", "Service": "web", "Tags": ["t"]}}}),
        json!({"Check": {"Verb": "set", "Check": {"Node": "n", "CheckID": "c", "ServiceID": "w"}}}),
    ] {
        log.run(&json!([op])).unwrap();
    }
    log
}

#[test]
fn what_was_written_is_shown() {
    let mut log = small_world();
    let found = log
        .run(&json!([
            {"Node": {"Verb": "get", "Node": {"ID": ID, "Node": "whoever"}}},
            {"Node": {"Verb": "get", "Node": {"Node": "N"}}},
            {"Service": {"Verb": "get", "Node": "N", "Service": {"ID": "W"}}},
            {"Check": {"Verb": "get", "Check": {"Node": "n", "CheckID": "C"}}},
        ]))
        .unwrap();
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0]["Node"]["ModifyIndex"], 1);
    assert_eq!(found[2]["Service"]["CreateIndex"], 2);
    assert_eq!(found[3]["Check"]["ServiceName"], "web");
    assert_eq!(found[3]["Check"]["ServiceTags"], json!(["t"]));
    assert_eq!(found[3]["Check"]["Status"], "critical");
}

#[test]
fn operations_see_those_before_them() {
    let mut log = Log::default();
    let found = log
        .run(&json!([
            {"Node": {"Verb": "set", "Node": {"Node": "n", "Address": "a"}}},
            {"Node": {"Verb": "set", "Node": {"Node": "n", "Address": "b"}}},
            {"Service": {"Verb": "set", "Node": "n", "Service": {"Service": "web"}}},
            {"Check": {"Verb": "set", "Check": {"Node": "n", "Name": "c", "ServiceID": "web"}}},
            {"Service": {"Verb": "delete", "Node": "n", "Service": {"Service": "web"}}},
        ]))
        .unwrap();
    assert_eq!(found.as_array().unwrap().len(), 4);
    assert_eq!(found[0]["Node"]["Address"], "a");
    assert_eq!(found[1]["Node"]["Address"], "b");
    assert_eq!(log.state.checks().count(), 0);
}

#[test]
fn indexes_decide() {
    let mut log = small_world();
    let node = |verb: &str, index| json!([{"Node": {"Verb": verb, "Node": {"Node": "n", "ModifyIndex": index}}}]);
    let service = |verb: &str, index| json!([{"Service": {"Verb": verb, "Node": "n", "Service": {"ID": "w", "Service": "web", "ModifyIndex": index}}}]);
    let check = |verb: &str, index| json!([{"Check": {"Verb": verb, "Check": {"Node": "n", "CheckID": "c", "ModifyIndex": index}}}]);
    for index in [0, 9] {
        for (verb, doing) in [("cas", "set"), ("delete-cas", "delete")] {
            let stale = |what: &str| Err(format!("failed to {doing} {what}, index is stale"));
            assert_eq!(log.run(&node(verb, index)), stale("node \"n\""));
            let text = "service \"w\" on node \"n\"";
            assert_eq!(log.run(&service(verb, index)), stale(text));
            let text = "check \"c\" on node \"n\"";
            assert_eq!(log.run(&check(verb, index)), stale(text));
        }
    }
    log.run(&check("delete-cas", 3)).unwrap();
    log.run(&check("cas", 0)).unwrap();
    log.run(&service("delete-cas", 2)).unwrap();
    log.run(&service("cas", 0)).unwrap();
    log.run(&node("cas", 1)).unwrap();
    let current = log.state.node("n").unwrap().modify_index;
    log.run(&node("delete-cas", current)).unwrap();
    assert_eq!(log.state.nodes().count(), 0);
    log.run(&node("cas", 0)).unwrap();
}

#[test]
fn refusals_of_nodes_have_the_words_that_clients_know() {
    let mut log = small_world();
    for (op, text) in [
        (
            json!({"Node": {"Verb": "set", "Node": {}}}),
            "Must provide node",
        ),
        (
            json!({"Node": {"Verb": "delete", "Node": {"ID": ID}}}),
            "Must provide node",
        ),
        (
            json!({"Node": {"Verb": "set", "Node": {"Node": "x", "ID": "odd"}}}),
            "Bad node ID: uuid string is wrong length",
        ),
        (
            json!({"Node": {"Verb": "get", "Node": {"Node": "n", "ID": "odd"}}}),
            "node lookup by ID failed, wrong UUID: uuid string is wrong length for 'odd'",
        ),
        (
            json!({"Node": {"Verb": "get", "Node": {"Node": "x"}}}),
            "node \"x\" doesn't exist",
        ),
        (
            json!({"Node": {"Verb": "lock", "Node": {"Node": "x"}}}),
            "unknown Node verb \"lock\"",
        ),
    ] {
        assert_eq!(log.run(&json!([op])), Err(text.to_owned()), "{op}");
    }
}

#[test]
fn refusals_of_services_have_the_words_that_clients_know() {
    let mut log = small_world();
    for (op, text) in [
        (
            json!({"Service": {"Verb": "delete", "Node": "n", "Service": {"ID": "w"}}}),
            "Must provide service name with ID",
        ),
        (
            json!({"Service": {"Verb": "set", "Node": "n", "Service": {}}}),
            "failed inserting service: object missing primary index",
        ),
        (
            json!({"Service": {"Verb": "set", "Node": "x", "Service": {"Service": "web"}}}),
            "Missing node registration",
        ),
        (
            json!({"Service": {"Verb": "set", "Node": "n", "Service": {"Service": "a", "Address": "::"}}}),
            "Invalid service address",
        ),
        (
            json!({"Service": {"Verb": "get", "Node": "n", "Service": {"ID": "x"}}}),
            "service \"x\" on node \"n\" doesn't exist",
        ),
        (
            json!({"Service": {"Verb": "zip", "Node": "n", "Service": {"Service": "a"}}}),
            "unknown Service verb \"zip\"",
        ),
    ] {
        assert_eq!(log.run(&json!([op])), Err(text.to_owned()), "{op}");
    }
}

#[test]
fn refusals_of_checks_have_the_words_that_clients_know() {
    let mut log = small_world();
    for (op, text) in [
        (
            json!({"Check": {"Verb": "set", "Check": {"Node": "n"}}}),
            "failed inserting check: object missing primary index",
        ),
        (
            json!({"Check": {"Verb": "set", "Check": {"CheckID": "x"}}}),
            "Missing node registration",
        ),
        (
            json!({"Check": {"Verb": "set", "Check": {"Node": "n", "CheckID": "x", "ServiceID": "x"}}}),
            "Missing service registration",
        ),
        // The reference forgets this one, and answers that it is done.
        (
            json!({"Check": {"Verb": "cas", "Check": {"Node": "x", "CheckID": "x"}}}),
            "Missing node registration",
        ),
        (
            json!({"Check": {"Verb": "get", "Check": {"Node": "n", "CheckID": "x"}}}),
            "check \"x\" on node \"n\" doesn't exist",
        ),
        (
            json!({"Check": {"Verb": "zip", "Check": {}}}),
            "unknown Check verb \"zip\"",
        ),
    ] {
        assert_eq!(log.run(&json!([op])), Err(text.to_owned()), "{op}");
    }
}

#[test]
fn a_name_that_is_taken_is_refused_with_the_address_of_who_wants_it() {
    let mut log = small_world();
    let alive = json!({"Check": {"Verb": "set", "Check": {"Node": "n", "CheckID": "serfHealth", "Status": "passing"}}});
    log.run(&json!([alive])).unwrap();
    let other = "22222222-2222-2222-2222-222222222222";
    let set = |name: &str| json!([{"Node": {"Verb": "set", "Node": {"Node": name, "ID": other, "Address": "10.0.0.2"}}}]);
    let taken = format!("Node name n is reserved by node {ID} with name n (10.0.0.1)");
    let text = format!("Error while renaming Node ID: {other:?}: {taken}");
    assert_eq!(log.run(&set("n")), Err(text));
    log.run(&set("m")).unwrap();
    let text = format!("Error while renaming Node ID: {other:?} (10.0.0.2): {taken}");
    assert_eq!(log.run(&set("n")), Err(text));
}

#[test]
fn what_is_wrong_is_told_of_every_operation() {
    let mut log = small_world();
    let places = |answer: TxnResponse| -> Vec<usize> {
        let errors = answer.errors.unwrap();
        errors.iter().map(|error| error.op_index).collect()
    };
    // Before anything runs.
    let answer = log.txn(&json!([
        {"KV": {"Verb": "set"}},
        {"Node": {"Verb": "get", "Node": {"Node": "x"}}},
        {"Node": {"Verb": "set", "Node": {}}},
        {"Service": {"Verb": "get", "Node": "n", "Service": {"ID": "x"}}},
        {"Service": {"Verb": "set", "Node": "n", "Service": {"ID": "x"}}},
    ]));
    assert_eq!(places(answer), [0, 2, 4]);
    let answer = log.txn(&json!([
        {"KV": {"Verb": "set", "Key": "k"}},
        {"Node": {"Verb": "get", "Node": {"Node": "x"}}},
        {"Node": {"Verb": "set", "Node": {"Node": "y", "Address": "a"}}},
        {"Check": {"Verb": "get", "Check": {"Node": "n", "CheckID": "x"}}},
    ]));
    assert_eq!(places(answer), [1, 3]);
    assert!(log.state.node("y").is_none() && log.state.kv(b"k").is_none());
}

#[test]
fn the_first_of_several_counts() {
    let mut log = small_world();
    let found = log
        .run(&json!([{
            "Node": {"Verb": "get", "Node": {"Node": "n"}},
            "KV": {"Verb": "set", "Key": "k", "Value": "eA=="},
            "Check": {"Verb": "delete", "Check": {"Node": "n", "CheckID": "c"}},
        }]))
        .unwrap();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["KV"]["Key"], "k");
    assert_eq!(log.state.checks().count(), 1);
}

#[test]
fn services_may_be_given_as_agents_show_them() {
    let given = json!([{"Service": {"Verb": "set", "Node": "n", "Service": {
        "ID": "w", "Service": "web", "ContentHash": "abc", "Datacenter": "dc1", "Kind": "connect-proxy",
        "Proxy": {"DestinationServiceName": "db"}, "Connect": {"Native": true}, "CreateIndex": 1,
        "TaggedAddresses": {"lan": {"Address": "a", "Port": 1}},
    }}}]);
    let ops: Vec<TxnOp> =
        crate::model::decode::from_json_slice(given.to_string().as_bytes()).unwrap();
    let service = &ops[0].service.as_ref().unwrap().service;
    assert_eq!(service.proxy.destination_service_name, "db");
    assert!(service.connect.native && service.tagged_addresses.is_some());
    let mut unknown = given;
    unknown[0]["Service"]["Service"]["Shape"] = json!(1);
    let refused =
        crate::model::decode::from_json_slice::<Vec<TxnOp>>(unknown.to_string().as_bytes());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "json: unknown field \"Shape\""
    );
}

/// Commands as earlier builds wrote them: with what clients gave, which nobody ran.
#[derive(serde::Serialize)]
enum Earlier {
    Txn(Vec<Value>),
}

#[test]
fn the_log_keeps_operations_and_reads_those_of_earlier_builds() {
    let given = ops(&json!([
        {"Node": {"Verb": "set", "Node": {"Node": "n", "Meta": {"a": "b"}, "ModifyIndex": 3}}},
        {"Service": {"Verb": "cas", "Node": "n", "Service": {"ID": "w", "Service": "web", "Tags": ["t"],
            "Weights": {"Passing": 3, "Warning": 2}, "Proxy": {"Config": {"x": 1.5}}}}},
        {"Check": {"Verb": "set", "Check": {"Node": "n", "CheckID": "c", "Status": "warning",
            "Definition": {"Interval": "10s", "Header": {"a": ["b"]}}}}},
        {"KV": {"Verb": "set", "Key": "k", "Value": "eA=="}},
    ]));
    let command = Command::Txn(given.clone());
    let bytes = rmp_serde::to_vec_named(&command).unwrap();
    assert_eq!(rmp_serde::from_slice::<Command>(&bytes).unwrap(), command);

    let read = |ops: Value| {
        let Value::Array(ops) = ops else {
            panic!("no list")
        };
        let bytes = rmp_serde::to_vec_named(&Earlier::Txn(ops)).unwrap();
        match rmp_serde::from_slice::<Command>(&bytes).unwrap() {
            Command::Txn(ops) => ops,
            other => panic!("{other:?}"),
        }
    };
    let check = json!([{"Check": {"Verb": "set", "Check": {"Node": "n", "CheckID": "c", "Status": "warning",
        "Definition": {"Interval": "10s", "Header": {"a": ["b"]}}}}}]);
    assert_eq!(read(check), given[2..3]);
    let nonsense = json!([{"Node": {"Verb": 5}}, {"Service": "x"}, {"Check": [1]}, {"Node": null}]);
    assert_eq!(read(nonsense), vec![TxnOp::default(); 4]);
}

#[test]
fn results_are_bounded() {
    const KEYS: usize = 9000;
    let mut log = Log::default();
    for n in 0..KEYS {
        let pair = KvPair {
            key: Key::from(&*format!("k/{n}")),
            ..KvPair::default()
        };
        log.apply(&Command::Kv(KvCommand {
            verb: KvVerb::Set,
            pair,
        }));
    }
    let tree = |verb: &str| TxnOp {
        kv: Some(KvTxnOp {
            verb: verb.to_owned(),
            key: Key::from("k/"),
            ..KvTxnOp::default()
        }),
        ..TxnOp::default()
    };
    let trees = |count| std::iter::repeat_with(|| tree("get-tree")).take(count);
    let few: Vec<TxnOp> = trees(2).collect();
    let Response::Txn(answer) = log.apply(&Command::Txn(few)) else {
        panic!("no transaction")
    };
    assert_eq!(answer.results.map(|it| it.len()), Some(2 * KEYS));
    let many: Vec<TxnOp> = trees(127).chain([tree("delete-tree")]).collect();
    let Response::Txn(answer) = log.apply(&Command::Txn(many)) else {
        panic!("no transaction")
    };
    let errors = answer.errors.unwrap();
    assert_eq!((errors.len(), errors[0].op_index), (1, (1 << 20) / KEYS));
    assert!(errors[0].what.contains("more than 1048576 results"));
    assert_eq!(log.state.kv_prefix(b"k/").count(), KEYS);
}
