//! What is refused, in Consul's words, and never enters the log.

use serde_json::json;

use super::support::{Server, options, pair, reading, write_options, writing};
use crate::agent::rpc::net::CallError;
use crate::agent::rpc::wire::{Nothing, encode_command, encode_read, internal};
use crate::agent::store::{Command, KvCommand, KvVerb, ListNodes, Query as _};
use crate::model::coordinate::{Coordinate, NodeCoordinate};
use crate::model::kv::KvPair;

async fn assert_refused(server: &Server, calls: Vec<(&str, Vec<u8>, &str)>) {
    let before = server.rpc.raft().unwrap().stats().last_log_index;
    for (method, body, text) in calls {
        let refusal = server.refusal(method, &body).await;
        assert!(refusal.starts_with(text), "{method}: {refusal}");
    }
    let after = server.rpc.raft().unwrap().stats().last_log_index;
    assert_eq!(after, before, "something was written");
}

fn kv(verb: KvVerb, pair: KvPair) -> Vec<u8> {
    let command = Command::Kv(KvCommand { verb, pair });
    let call = encode_command(&write_options(), &command).unwrap();
    call.unwrap().body
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of refusals")]
async fn writes_that_http_refuses() {
    let server = Server::start().await;
    let large = "x".repeat(1001);
    let ops = |count: usize| {
        let op = json!({"KV": {"Verb": "set", "DirEnt": {"Key": "a"}}});
        json!({"Ops": vec![op; count]})
    };
    let coordinate = |node: &str, numbers: usize| {
        let update = NodeCoordinate {
            node: node.to_owned(),
            coord: Coordinate {
                vec: vec![0.0; numbers],
                ..Coordinate::default()
            },
            ..NodeCoordinate::default()
        };
        let command = Command::Coordinates(vec![update]);
        let call = encode_command(&write_options(), &command).unwrap();
        call.unwrap().body
    };
    let calls = vec![
        (
            "KVS.Apply",
            kv(KvVerb::Set, pair("", "")),
            "Must provide key",
        ),
        (
            "KVS.Apply",
            kv(KvVerb::Set, pair("k", &large)),
            "Value for key \"k\" is too large (1001 > 1000 bytes)",
        ),
        (
            "KVS.Apply",
            writing(&json!({"Op": "zip", "DirEnt": {"Key": "k"}})),
            "Invalid KVS operation 'zip'",
        ),
        (
            "Txn.Apply",
            writing(&ops(129)),
            "Transaction contains too many operations (129 > 128)",
        ),
        (
            "Txn.Apply",
            writing(
                &json!({"Ops": [{"KV": {"Verb": "set", "DirEnt": {"Key": "a", "Value": large}}}]}),
            ),
            "Value for key \"a\" is too large (1001 > 1000 bytes)",
        ),
        ("Catalog.Register", writing(&json!({})), "Must provide node"),
        (
            "Catalog.Register",
            writing(&json!({"Node": "n"})),
            "Must provide address if SkipNodeUpdate is not set",
        ),
        (
            "Catalog.Register",
            writing(&json!({"Node": "n", "Address": "10.0.0.1", "ID": "odd"})),
            "Bad node ID: uuid string is wrong length",
        ),
        (
            "Catalog.Register",
            writing(&json!({"Node": "n", "Address": "10.0.0.1", "Service": {"ID": "a"}})),
            "Must provide service name with ID",
        ),
        (
            "Catalog.Deregister",
            writing(&json!({})),
            "Must provide node",
        ),
        (
            "Coordinate.Update",
            coordinate("n", 7),
            "incompatible coordinate",
        ),
        (
            "Coordinate.Update",
            coordinate(&"n".repeat(1025), 8),
            "Must provide node",
        ),
        (
            "Coordinate.Update",
            writing(&json!({"Node": "n"})),
            "invalid coordinate",
        ),
        (
            "Session.Apply",
            writing(&json!({"Op": "create"})),
            "Must provide Node",
        ),
        (
            "PreparedQuery.Apply",
            writing(&json!({"Op": "create", "Query": {"Name": "n".repeat(1025)}})),
            "Invalid prepared query: Name is too long (limit: 1024 bytes)",
        ),
    ];
    assert_refused(&server, calls).await;
    server.stop().await;
}

#[tokio::test]
async fn reads_without_what_they_need() {
    let server = Server::start().await;
    let nothing = || reading(&Nothing {});
    let calls = vec![
        ("Catalog.NodeServices", nothing(), "Must provide node"),
        (
            "Catalog.ServiceNodes",
            nothing(),
            "Must provide service name",
        ),
        (
            "Health.ServiceNodes",
            nothing(),
            "Must provide service name",
        ),
    ];
    assert_refused(&server, calls).await;
    server.stop().await;
}

#[tokio::test]
async fn other_datacenters_have_no_path() {
    let server = Server::start().await;
    let mut elsewhere = options();
    "dc9".clone_into(&mut elsewhere.query.datacenter);
    let body = || {
        encode_read(
            &elsewhere,
            &json!({"Node": "n", "Address": "1.1.1.1", "Key": "k"}),
        )
        .unwrap()
    };
    let methods = [
        ListNodes::METHOD,
        "KVS.Get",
        "Catalog.Register",
        "Catalog.Deregister",
        internal::EVENT_FIRE,
        "Session.List",
        "Operator.RaftGetConfiguration",
    ];
    let calls = methods.map(|method| (method, body(), "No path to datacenter"));
    assert_refused(&server, calls.into()).await;
    server.stop().await;
}

#[tokio::test]
async fn what_is_switched_off_says_so() {
    let server = Server::start().await;
    let nothing = || reading(&Nothing {});
    let connect = "Connect must be enabled in order to use this endpoint";
    let acl = "ACL support disabled";
    let calls = [
        ("ConnectCA.Roots", connect),
        ("ConnectCA.ConfigurationGet", connect),
        ("ConnectCA.Sign", connect),
        ("DiscoveryChain.Get", connect),
        ("ACL.TokenRead", acl),
        ("ACL.PolicyList", acl),
        ("ACL.Bootstrap", acl),
        ("ACL.GetPolicy", "ACL not found"),
        (
            "PreparedQuery.Get",
            "failed prepared query lookup: index error: UUID must be 36 characters",
        ),
        ("PreparedQuery.Execute", "Query not found"),
        ("Intention.Get", "Intention not found"),
        (
            "Internal.KeyringOperation",
            "keyring operations must run against a server node",
        ),
        ("PreparedQuery.Apply", "Unknown prepared query operation: "),
        ("Intention.Apply", "Intentions are not supported"),
        (
            "ConfigEntry.Apply",
            "Configuration entries are not supported",
        ),
    ];
    let calls = calls.map(|(method, text)| (method, nothing(), text));
    assert_refused(&server, calls.into()).await;
    server.stop().await;
}

#[tokio::test]
async fn unknown_methods_are_named_and_the_next_call_works() {
    let server = Server::start().await;
    for (method, text) in [
        ("KVS.Nope", "rpc: can't find method KVS.Nope"),
        ("ACL.Nope", "rpc: can't find method ACL.Nope"),
        ("Nope.Nope", "rpc: can't find service Nope.Nope"),
        (
            "AutoEncrypt.Sign",
            "rpc: can't find service AutoEncrypt.Sign",
        ),
        ("Odd", "rpc: service/method request ill-formed: Odd"),
        ("", "rpc: service/method request ill-formed: "),
    ] {
        assert_eq!(server.refusal(method, b"\x80").await, text);
    }
    let body = reading(&json!({"Key": ["no", "text"]}));
    let refusal = server.refusal("KVS.Get", &body).await;
    assert!(refusal.starts_with("rpc: cannot decode"), "{refusal}");
    let elsewhere = server.call("Status.Ping", b"\x80").await;
    assert!(!matches!(elsewhere, Err(CallError::Broken(..))));
    server.stop().await;
}
