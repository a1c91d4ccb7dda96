//! Requests that nobody should send: every method answers or refuses them, and the server stays as it was.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};

use super::support::Server;
use crate::agent::rpc::net::CallError;
use crate::agent::rpc::wire::{Nothing, ReadOptions, Scan, decode_read, golden_calls};

/// Every method that has an answer other than that it is not known.
const METHODS: &[&str] = &[
    "ACL.GetPolicy",
    "ACL.ReplicationStatus",
    "ACL.TokenRead",
    "Catalog.Deregister",
    "Catalog.GatewayServices",
    "Catalog.ListDatacenters",
    "Catalog.ListNodes",
    "Catalog.ListServices",
    "Catalog.NodeServiceList",
    "Catalog.NodeServices",
    "Catalog.Register",
    "Catalog.ServiceNodes",
    "ConfigEntry.Apply",
    "ConfigEntry.Delete",
    "ConfigEntry.Get",
    "ConfigEntry.List",
    "ConfigEntry.ListAll",
    "ConfigEntry.ResolveServiceConfig",
    "ConnectCA.Roots",
    "ConnectCA.Sign",
    "Coordinate.ListDatacenters",
    "Coordinate.ListNodes",
    "Coordinate.Node",
    "Coordinate.Update",
    "DiscoveryChain.Get",
    "FederationState.Get",
    "FederationState.List",
    "FederationState.ListMeshGateways",
    "Health.ChecksInState",
    "Health.NodeChecks",
    "Health.ServiceChecks",
    "Health.ServiceNodes",
    "Intention.Apply",
    "Intention.Check",
    "Intention.Get",
    "Intention.List",
    "Intention.Match",
    "Internal.EventFire",
    "Internal.GatewayServiceDump",
    "Internal.KeyringOperation",
    "Internal.NodeDump",
    "Internal.NodeInfo",
    "Internal.ServiceDump",
    "KVS.Apply",
    "KVS.Get",
    "KVS.List",
    "KVS.ListKeys",
    "Operator.AutopilotGetConfiguration",
    "Operator.AutopilotSetConfiguration",
    "Operator.AutopilotState",
    "Operator.RaftGetConfiguration",
    "Operator.RaftRemovePeerByAddress",
    "Operator.RaftRemovePeerByID",
    "Operator.ServerHealth",
    "PreparedQuery.Execute",
    "PreparedQuery.Get",
    "PreparedQuery.List",
    "Session.Apply",
    "Session.Get",
    "Session.List",
    "Session.NodeSessions",
    "Session.Renew",
    "Status.Leader",
    "Status.Peers",
    "Status.Ping",
    "Status.RaftStats",
    "Txn.Apply",
    "Txn.Read",
];

/// A well-formed value, of types that nobody asked for.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(vec![0xc0]),
        Just(vec![0xc2]),
        Just(vec![0xc3]),
        any::<u8>().prop_map(|n| vec![0xcc, n]),
        any::<i64>().prop_map(|n| [&[0xd3][..], &n.to_be_bytes()].concat()),
        any::<f64>().prop_map(|n| [&[0xcb][..], &n.to_be_bytes()].concat()),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| raw(&bytes)),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(|items| {
                let head = [0x90 | u8::try_from(items.len()).unwrap()];
                [&head[..], &items.concat()].concat()
            }),
            proptest::collection::vec((name(), inner), 0..8).prop_map(|fields| map(&fields)),
        ]
    })
}

/// A field that some request has.
fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "Address",
        "AllowStale",
        "CAS",
        "Check",
        "Checks",
        "Config",
        "Coord",
        "DirEnt",
        "Filter",
        "ID",
        "Key",
        "KV",
        "Match",
        "Entries",
        "Name",
        "Node",
        "NodeMetaFilters",
        "Op",
        "Ops",
        "Payload",
        "Prefix",
        "RequireConsistent",
        "Seperator",
        "Service",
        "ServiceName",
        "ServiceTags",
        "Session",
        "Source",
        "State",
        "Tags",
        "Token",
        "Value",
        "Vec",
        "Verb",
        "TagFilter",
        "Weights",
        "TaggedAddresses",
        "Definition",
        "Proxy",
    ])
}

fn raw(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0xda][..], &len, bytes].concat()
}

fn map(fields: &[(&'static str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0x80 | u8::try_from(fields.len()).unwrap()];
    for (name, value) in fields {
        bytes.extend_from_slice(&raw(name.as_bytes()));
        bytes.extend_from_slice(value);
    }
    bytes
}

/// Calls a method with any bytes that are one value: an answer or an error, never a broken connection.
async fn call(server: &Server, method: &str, body: &[u8]) {
    match server.call(method, body).await {
        Ok(_) | Err(CallError::Application(_)) => {}
        Err(other) => panic!("{method} {body:?}: {other}"),
    }
}

#[tokio::test]
async fn every_method_answers_to_every_value() {
    let server = Server::start().await;
    let mut runner = TestRunner::new(Config::with_cases(60));
    for _ in 0..60 {
        let fields = proptest::collection::vec((name(), value()), 0..12);
        let fields = fields.new_tree(&mut runner).unwrap().current();
        let any = value().new_tree(&mut runner).unwrap().current();
        for method in METHODS {
            call(&server, method, &map(&fields)).await;
            call(&server, method, &any).await;
        }
    }
    server.assert_alive().await;
    server.stop().await;
}

#[tokio::test]
async fn recorded_requests_with_faults_are_answered() {
    let server = Server::start().await;
    let mut runner = TestRunner::new(Config::with_cases(30));
    let fault = (any::<prop::sample::Index>(), any::<u8>());
    for (method, request, _) in golden_calls() {
        for _ in 0..30 {
            let (at, byte) = fault.new_tree(&mut runner).unwrap().current();
            let mut body = request.clone();
            let at = at.index(body.len());
            body[at] = byte;
            // A fault may cut the value short, or make it wait: only what is one value is sent.
            let mut scan = Scan::new(1 << 20);
            let whole = scan.advance(&body) == Ok(Some(body.len()));
            let read: Result<(ReadOptions, Nothing), _> = decode_read(&body);
            let waits = read.is_ok_and(|(options, _)| options.query.min_index > 0);
            if whole && !waits {
                call(&server, &method, &body).await;
            }
        }
    }
    server.assert_alive().await;
    server.stop().await;
}
