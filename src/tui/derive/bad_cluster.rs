//! A cluster that was made bad on purpose: what screens and texts are tested on.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use crate::model::check::{HealthCheck, Status};
use crate::model::gossip::{GossipMember, GossipReport, GossipUnrest};
use crate::model::member::Member;
use crate::model::raft::OperatorHealth;
use crate::tui::check::Check;
use crate::tui::derive::{Picture, derive};
use crate::tui::facts::AgentFacts;
use crate::tui::observed::Observations;
use crate::tui::snapshot::{ClusterSnapshot, Millis, Part, Update};
use crate::tui::thresholds::Thresholds;

/// The moment that everything is seen at: 2026-01-02T12:04:31Z.
pub(crate) const NOW: Millis = 1_767_355_471_000;
const MINUTE: Millis = 60_000;

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn member(name: &str, last: u8, status: i64, server: bool) -> Member {
    let role = if server { "consul" } else { "node" };
    let tags = [
        ("role", role),
        ("dc", "dc1"),
        ("build", "1.10.0:x"),
        ("port", "8300"),
    ];
    Member {
        name: name.to_owned(),
        addr: format!("10.0.0.{last}"),
        port: 8301,
        status,
        tags: tags
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..Member::default()
    }
}

fn members(failed: bool) -> Vec<Member> {
    let mut found = vec![
        member("srv-1", 1, 1, true),
        member("srv-2", 2, 1, true),
        member("srv-3", 3, 1, true),
        member("cache-2", 5, 1, false),
        member("old-1", 6, 3, false),
        member("web-3", 8, 1, false),
        member("web-7", 7, if failed { 4 } else { 1 }, false),
    ];
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn check(node: &str, id: &str, service: &str, status: Status, output: &str) -> HealthCheck {
    HealthCheck {
        node: node.to_owned(),
        check_id: id.to_owned(),
        name: id.to_owned(),
        service_name: service.to_owned(),
        service_id: service.to_owned(),
        status,
        output: output.to_owned(),
        modify_index: 7,
        ..HealthCheck::default()
    }
}

fn checks(broken: bool) -> Vec<HealthCheck> {
    let state = |bad| if broken { bad } else { Status::Passing };
    let mut found = vec![
        check(
            "web-3",
            "http :8080",
            "api",
            state(Status::Critical),
            "\u{1b}[31m503\u{1b}[0m Service\nUnavailable",
        ),
        check("cache-2", "disk", "", state(Status::Warning), "91% used"),
        check("cache-2", "port", "cache", Status::Passing, "ok"),
    ];
    for one in members(true) {
        let status = if one.status == 4 {
            state(Status::Critical)
        } else {
            Status::Passing
        };
        found.push(check(
            &one.name,
            "serfHealth",
            "",
            status,
            "Agent alive and reachable",
        ));
    }
    found
}

fn kept(broken: bool) -> Vec<Arc<Check>> {
    checks(broken).into_iter().map(Check::of).collect()
}

fn health() -> OperatorHealth {
    let server = |name: &str, last: u8, index: u64, contact: &str, healthy: bool| {
        json!({"ID": format!("id-{name}"), "Name": name, "Address": format!("10.0.0.{last}:8300"),
            "SerfStatus": "alive", "Leader": name == "srv-2", "LastContact": contact, "LastTerm": 41,
            "LastIndex": index, "Healthy": healthy, "Voter": true, "StableSince": "2026-01-02T12:04:11Z"})
    };
    read(json!({"Healthy": false, "FailureTolerance": 0, "Servers": [
        server("srv-1", 1, 1_204_551, "12ms", true),
        server("srv-2", 2, 1_204_551, "0s", true),
        server("srv-3", 3, 1_204_102, "310ms", false),
    ]}))
}

fn gossip() -> Vec<GossipMember> {
    let row = |member: Member| GossipMember {
        unknown: member.status != 1,
        report: (member.status == 1).then(|| GossipReport {
            health_score: if member.name == "cache-2" { 3 } else { 0 },
            ..GossipReport::default()
        }),
        seen: Some(GossipUnrest {
            flaps: u32::from(member.status != 1),
            suspicions: if member.name == "cache-2" { 9 } else { 0 },
            ..GossipUnrest::default()
        }),
        name: member.name,
        ..GossipMember::default()
    };
    members(true).into_iter().map(row).collect()
}

/// The snapshot before things broke.
pub(crate) fn before() -> ClusterSnapshot {
    let coordinate = |node: &str, at: f64| {
        json!({"Node": node, "Segment": "", "Coord": {"Vec": [at, 0, 0, 0, 0, 0, 0, 0], "Error": 0.1,
            "Adjustment": 0, "Height": 0.00001}})
    };
    let change = |time: &str, term: u64, id: &str| json!({"Time": time, "Term": term, "LeaderID": format!("id-{id}"), "LeaderAddress": id, "Reason": "x"});
    let agent = AgentFacts {
        node: "web-3".to_owned(),
        datacenter: "dc1".to_owned(),
        version: "0.1.0".to_owned(),
        score: Some(0),
        ..AgentFacts::default()
    };
    let services: BTreeMap<String, Vec<String>> = ["api", "cache", "consul"]
        .map(|name| (name.to_owned(), Vec::new()))
        .into();
    let at = NOW - 20 * MINUTE;
    let updates = [
        Update::Agent(Ok(agent)),
        Update::Members(Ok(members(false))),
        Update::Checks(Ok(kept(false))),
        Update::Services(Ok(services)),
        Update::Leader(Ok("10.0.0.2:8300".to_owned())),
        Update::Gossip(Ok(gossip())),
        Update::Coordinates(Ok(read(json!([
            coordinate("web-3", 0.0),
            coordinate("cache-2", 0.041),
            coordinate("srv-1", 0.001),
        ])))),
        Update::Changes(Ok(read(json!([
            change("2026-01-02T04:00:00Z", 39, "srv-1"),
            change("2026-01-02T09:00:00Z", 40, "srv-3"),
            change("2026-01-02T12:03:31Z", 41, "srv-2"),
        ])))),
    ];
    let begin = ClusterSnapshot::new("http://127.0.0.1:8500");
    updates
        .into_iter()
        .fold(begin, |snapshot, update| snapshot.with(update, at))
}

/// The bad cluster and what was seen of it: `web-7` failed 3 m 12 s ago, the check of `api` 11 m 40 s ago; `srv-3` lags;
/// `cache-2` has a score of 3; `srv-2` has led for a minute.
pub(crate) fn bad_cluster() -> (ClusterSnapshot, Observations) {
    let mut seen = Observations::default();
    let snapshot = before();
    derive(snapshot.at, &snapshot, &mut seen, &Thresholds::default());
    let snapshot = snapshot.with(Update::Checks(Ok(kept(true))), NOW - 700_000);
    seen.see(&snapshot);
    let snapshot = snapshot.with(Update::Members(Ok(members(true))), NOW - 192_000);
    seen.see(&snapshot);
    let mut snapshot = snapshot.with(Update::Health(Ok(health())), NOW - 400);
    snapshot.agent = Part {
        sampled: NOW - 400,
        ..snapshot.agent
    };
    (snapshot, seen)
}

/// Its picture.
pub(crate) fn bad_picture() -> (ClusterSnapshot, Picture) {
    let (snapshot, mut seen) = bad_cluster();
    let picture = derive(NOW, &snapshot, &mut seen, &Thresholds::default());
    (snapshot, picture)
}
