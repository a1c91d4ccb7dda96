//! `?near`: every list that Consul sorts by distance, on servers and on client agents.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::agent::{Pair, start_pair};
use super::support::{ask, body_of, get, status_of};
use crate::agent::rpc::WriteOptions;
use crate::agent::store::Command;
use crate::model::access::Requirement;
use crate::model::coordinate::{Coordinate, NodeCoordinate};

/// Nodes and where they are, in seconds along one axis; the agents themselves are `n1`.
const NODES: [(&str, Option<f64>); 6] = [
    ("a3", Some(0.1)),
    ("b5", Some(0.1)),
    ("k4", Some(0.01)),
    ("n1", Some(0.0)),
    ("nowhere", None),
    ("z1", Some(0.001)),
];
/// As they come without `?near`, and wherever the source's place is not known.
const BY_NAME: [&str; 6] = ["a3", "b5", "k4", "n1", "nowhere", "z1"];

async fn populate(pair: &Pair) {
    for (node, _) in NODES {
        let body = json!({
            "Node": node, "Address": "10.0.0.1",
            "Service": {"ID": "w", "Service": "web", "Connect": {"Native": true}},
            "Check": {"CheckID": "c", "Name": "c", "Status": "passing", "ServiceID": "w"},
        });
        let body = body.to_string();
        let done = ask(
            pair.server,
            "PUT",
            "/v1/catalog/register",
            "",
            body.as_bytes(),
        )
        .await;
        assert_eq!(status_of(&done), "200", "{done}");
    }
    let of = |(node, place): (&str, Option<f64>)| {
        let mut coord = Coordinate::default();
        coord.vec[0] = place?;
        Some(NodeCoordinate {
            node: node.to_owned(),
            segment: String::new(),
            coord,
        })
    };
    let batch = Command::Coordinates(NODES.into_iter().filter_map(of).collect());
    let options = WriteOptions::default();
    let written = pair.rpc.write(&options, &Requirement::OPEN, batch).await;
    written.unwrap();
}

/// The nodes of an answer's rows.
async fn nodes(agent: SocketAddr, target: &str) -> Vec<String> {
    let answer = get(agent, target).await;
    assert_eq!(status_of(&answer), "200", "{target}: {answer}");
    let rows: Vec<Value> = serde_json::from_str(body_of(&answer)).unwrap();
    let name = |row: &Value| {
        let node = &row["Node"];
        let name = if node.is_object() {
            &node["Node"]
        } else {
            node
        };
        name.as_str().unwrap().to_owned()
    };
    rows.iter().map(name).collect()
}

#[tokio::test]
async fn every_list_is_sorted_by_distance() {
    let pair = start_pair().await;
    populate(&pair).await;
    let from_n1 = ["n1", "z1", "k4", "a3", "b5", "nowhere"];
    let from_k4 = ["k4", "z1", "n1", "a3", "b5", "nowhere"];
    let from_b5 = ["a3", "b5", "k4", "z1", "n1", "nowhere"];
    for list in [
        "/v1/catalog/nodes?",
        "/v1/catalog/service/web?",
        "/v1/catalog/connect/web?",
        "/v1/health/service/web?",
        "/v1/health/service/web?passing&",
        "/v1/health/connect/web?",
        "/v1/health/checks/web?",
        "/v1/health/state/any?",
        "/v1/health/state/passing?",
    ] {
        for (near, expected) in [
            ("_agent", from_n1),
            ("n1", from_n1),
            ("K4", from_k4),
            ("b5", from_b5),
            ("", BY_NAME),
            ("nobody", BY_NAME),
            ("nowhere", BY_NAME),
        ] {
            for agent in [pair.server, pair.client] {
                let target = format!("{list}near={near}");
                assert_eq!(nodes(agent, &target).await, expected, "{target}");
            }
        }
    }
    // Filters and answers that are kept have the order, too.
    for (target, expected) in [
        (
            "/v1/catalog/nodes?near=k4&filter=Node!=z1",
            &["k4", "n1", "a3", "b5", "nowhere"][..],
        ),
        ("/v1/health/service/web?near=k4&cached", &from_k4),
        ("/v1/health/service/web?near=n1&cached", &from_n1),
        ("/v1/health/service/web?near=n1&stale", &from_n1),
    ] {
        assert_eq!(nodes(pair.server, target).await, expected, "{target}");
    }
}

#[tokio::test]
async fn lists_about_one_node_have_no_distances() {
    let pair = start_pair().await;
    populate(&pair).await;
    for target in [
        "/v1/health/node/z1",
        "/v1/coordinate/nodes",
        "/v1/internal/ui/nodes",
    ] {
        let plain = nodes(pair.server, target).await;
        assert!(!plain.is_empty());
        let near = format!("{target}?near=b5");
        assert_eq!(nodes(pair.server, &near).await, plain, "{target}");
    }
}
