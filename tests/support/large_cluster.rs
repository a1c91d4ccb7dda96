//! A cluster of 5000 nodes and 20 000 checks, as the API tells it.

use serde_json::{Value, json};

/// Members of the LAN pool; the first three are servers.
pub(crate) const NODES: usize = 5000;
/// Checks: one of each node, and those of its services.
pub(crate) const CHECKS: usize = 20_000;
/// Services that the other checks belong to.
pub(crate) const SERVICES: usize = 300;

/// Another state at each turn: which checks fail moves on.
pub(crate) fn checks(turn: usize) -> Value {
    let check = |number: usize| {
        let node = number % NODES;
        let status = match (number + turn) % 400 {
            0 => "critical",
            1 => "warning",
            _ => "passing",
        };
        let (id, service) = if number < NODES {
            ("serfHealth".to_owned(), String::new())
        } else {
            (
                format!("service:app-{number}"),
                format!("app-{}", number % SERVICES),
            )
        };
        json!({
            "Node": name(node),
            "CheckID": id,
            "Name": format!("HTTP GET of instance {number}"),
            "Status": status,
            "Notes": "",
            "Output": format!("HTTP GET http://10.1.{}.{}:8080/health: 200 OK Output: ready, turn {turn}", node / 250, node % 250),
            "ServiceID": if service.is_empty() { String::new() } else { format!("{service}-{number}") },
            "ServiceName": service,
            "ServiceTags": ["v1", "primary"],
            "Type": "http",
            "Definition": {},
            "CreateIndex": number + 10,
            "ModifyIndex": number + 10 + turn,
        })
    };
    (0..CHECKS).map(check).collect()
}

/// The members; every thousandth has failed.
pub(crate) fn members() -> Value {
    let member = |number: usize| {
        let server = number < 3;
        json!({
            "Name": name(number),
            "Addr": format!("10.1.{}.{}", number / 250, number % 250),
            "Port": 8301,
            "Status": if number % 1000 == 999 { 4 } else { 1 },
            "Tags": {
                "role": if server { "consul" } else { "node" },
                "dc": "dc1", "build": "1.10.0:27de64da", "port": "8300", "segment": "", "vsn": "2",
                "id": uuid(number), "raft_vsn": "3",
            },
            "ProtocolMin": 1, "ProtocolMax": 5, "ProtocolCur": 2,
            "DelegateMin": 2, "DelegateMax": 5, "DelegateCur": 4,
        })
    };
    (0..NODES).map(member).collect()
}

/// The services with their tags.
pub(crate) fn services() -> Value {
    let all = (0..SERVICES).map(|number| (format!("app-{number}"), json!(["v1", "primary"])));
    Value::Object(all.collect())
}

/// The coordinates of all nodes.
pub(crate) fn coordinates() -> Value {
    let coordinate = |number: usize| {
        let place = f64::from(u32::try_from(number % 100).unwrap_or_default()) / 1000.0;
        json!({"Node": name(number), "Segment": "",
            "Coord": {"Vec": [place, 0, 0, 0, 0, 0, 0, 0], "Error": 0.1, "Adjustment": 0, "Height": 0.00001}})
    };
    (0..NODES).map(coordinate).collect()
}

/// The servers' health.
pub(crate) fn health() -> Value {
    let server = |number: usize| {
        json!({"ID": uuid(number), "Name": name(number), "Address": format!("10.1.0.{number}:8300"),
            "SerfStatus": "alive", "Version": "1.10.0", "Leader": number == 0, "LastContact": "12ms", "LastTerm": 4,
            "LastIndex": 90_000, "Healthy": true, "Voter": true, "StableSince": "2026-01-02T12:04:11Z"})
    };
    let servers: Value = (0..3).map(server).collect();
    json!({"Healthy": true, "FailureTolerance": 1, "Servers": servers})
}

fn name(number: usize) -> String {
    format!("node-{number:04}")
}

fn uuid(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}
