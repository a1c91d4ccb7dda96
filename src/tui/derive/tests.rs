use super::bad_cluster::{NOW, bad_cluster, bad_picture, before};
use super::*;
use crate::model::check::{HealthCheck, Status};
use crate::model::member::Member;
use crate::model::raft::{LeaderChangeRecord, OperatorHealth};
use crate::tui::check::Check;
use crate::tui::facts::AgentFacts;
use crate::tui::snapshot::{ClusterSnapshot, Contact, Fault, FaultKind, Update};
use crate::tui::theme::ASCII;
use crate::tui::{Observations, Thresholds, once, report};

#[test]
fn a_bad_cluster_is_told_in_order() {
    let (_, picture) = bad_picture();
    let told: Vec<String> = picture
        .problems
        .iter()
        .map(|problem| format!("{} {}", problem.subject, problem.text))
        .collect();
    let expected = [
        "cluster 2/3 servers, tolerates 0",
        "srv-3 server unhealthy",
        "web-7 node failed",
        "api check \"http :8080\"",
        "api all checked instances critical",
        "cache-2 check \"disk\"",
        "cache-2 gossip score 3/7",
        "old-1 node left",
    ];
    assert_eq!(told, expected);
    assert_eq!(picture.worst_lag(), Some(449));
    assert_eq!(picture.leader_changes, Some(2));
    let names: Vec<&str> = picture
        .worst_nodes()
        .iter()
        .map(|node| node.name.as_str())
        .collect();
    assert_eq!(names[..2], ["web-7", "cache-2"]);
}

#[test]
fn text_line_and_json_have_the_same_numbers() {
    let (snapshot, picture) = bad_picture();
    let text = once::text(&snapshot, &picture, &ASCII, 120);
    for part in [
        "via web-3 (client) 127.0.0.1:8500",
        "LEADER srv-2 term 41 for 1m0s, 2 changes in 8h4m",
        "SERVERS 2/3, tolerates 0  NODES 5 ok 1 x 1 left  CHECKS 7 ok 1 ! 2 x",
        "x   web-7    node failed                     for 00:03:12",
        "for 00:11:40   503 Service Unavailable (on web-3)",
        "srv-3    follower  yes   1204102   449  310 ms   contact 310 > 200 ms, trails 449 > 250",
        "cache-2  alive   3/7 !  41 ms",
        "LEADERS 24h  srv-1 5h0m > srv-3 3h3m > srv-2 1m0s",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    assert!(text.lines().all(|line| line.len() <= 120));
    let (line, verdict) = once::check(&snapshot, &picture);
    assert_eq!(verdict, Verdict::Critical);
    assert!(
        line.starts_with("CONSUL CRITICAL - cluster: 2/3 servers, tolerates 0; srv-3: "),
        "{line}"
    );
    assert!(
        line.contains("| servers=3 servers_healthy=2 nodes_alive=5 nodes_failed=1 "),
        "{line}"
    );
    assert!(line.ends_with("lag_worst=449"), "{line}");
    let json = serde_json::to_value(report(&snapshot, &picture)).unwrap();
    assert_eq!(json["schema"], "consulctl.top/1");
    assert_eq!(json["leader"]["history_source"], "agent");
    assert_eq!(json["servers"]["failures_tolerated"], 0);
    assert_eq!(json["servers"]["peers"][2]["lag"], 449);
    assert_eq!(json["checks"]["critical"], 2);
    assert_eq!(
        json["problems"].as_array().map(Vec::len),
        Some(picture.problems.len())
    );
}

#[test]
fn a_silent_agent_is_unknown_and_not_well() {
    let fault = || Fault {
        kind: FaultKind::Unreachable,
        text: "connection refused".to_owned(),
    };
    let snapshot = ClusterSnapshot::new("http://h:1")
        .with(Update::Agent(Err(fault())), NOW)
        .with(Update::Members(Err(fault())), NOW);
    let picture = derive(
        NOW,
        &snapshot,
        &mut Observations::default(),
        &Thresholds::default(),
    );
    let (line, verdict) = once::check(&snapshot, &picture);
    assert_eq!(verdict, Verdict::Unknown);
    // Without a number there is no bar either.
    assert!(line == "CONSUL UNKNOWN - connection refused", "{line}");
    let text = once::text(&snapshot, &picture, &ASCII, 80);
    assert!(text.contains("LEADER n/a"), "{text}");
    assert!(text.contains("UNREACHABLE connection refused"), "{text}");
}

#[test]
fn nobody_leading_is_critical() {
    let snapshot = ClusterSnapshot::new("a").with(Update::Leader(Ok(String::new())), NOW);
    let picture = derive(
        NOW,
        &snapshot,
        &mut Observations::default(),
        &Thresholds::default(),
    );
    assert_eq!(once::check(&snapshot, &picture).1, Verdict::Critical);
    assert_eq!(picture.problems[0].text, "no leader");
}

fn fault(kind: FaultKind, text: &str) -> Fault {
    Fault {
        kind,
        text: text.to_owned(),
    }
}

fn look(at: i64, snapshot: &ClusterSnapshot, seen: &mut Observations) -> Picture {
    derive(at, snapshot, seen, &Thresholds::default())
}

fn judge(snapshot: &ClusterSnapshot) -> (String, Verdict) {
    let picture = look(NOW, snapshot, &mut Observations::default());
    once::check(snapshot, &picture)
}

/// A cluster without trouble.
fn well() -> ClusterSnapshot {
    let health = OperatorHealth {
        healthy: true,
        failure_tolerance: 1,
        ..OperatorHealth::default()
    };
    before()
        .with(Update::Health(Ok(health)), NOW)
        .with(Update::Gossip(Ok(Vec::new())), NOW)
}

#[test]
fn a_token_without_rights_cannot_tell_that_all_is_well() {
    assert_eq!(judge(&well()).1, Verdict::Ok);
    let refused = || fault(FaultKind::Forbidden, "403 Permission denied");
    let blind = ClusterSnapshot::new("http://h:1")
        .with(Update::Leader(Ok("10.0.0.1:8300".to_owned())), NOW)
        .with(Update::Agent(Err(refused())), NOW)
        .with(Update::Members(Err(refused())), NOW)
        .with(Update::Health(Err(refused())), NOW)
        .with(Update::Checks(Ok(Vec::new())), NOW);
    let (line, verdict) = judge(&blind);
    assert_eq!(verdict, Verdict::Unknown);
    assert!(line.contains("agent: 403 Permission denied"), "{line}");
    assert!(!line.contains("=0"), "what is not known is no 0: {line}");
    let picture = look(NOW, &blind, &mut Observations::default());
    let text = once::text(&blind, &picture, &ASCII, 120);
    assert!(
        text.contains("SERVERS n/a  NODES n/a  CHECKS n/a"),
        "{text}"
    );
    assert!(!text.contains("none"), "{text}");
    let json = serde_json::to_value(report(&blind, &picture)).unwrap();
    assert!(json["nodes"]["alive"].is_null());
    assert!(json["checks"]["critical"].is_null());
    assert!(json["servers"]["healthy"].is_null());
    assert!(json["servers"]["lag_worst"].is_null());
}

#[test]
fn every_part_that_decides_is_needed() {
    let other = || fault(FaultKind::Other, "500 x");
    let updates = [
        Update::Agent(Err(other())),
        Update::Leader(Err(other())),
        Update::Members(Err(other())),
        Update::Health(Err(other())),
        Update::Checks(Err(other())),
        Update::Checks(Ok(Vec::new())),
        Update::Pulse(Err(fault(FaultKind::Unreachable, "no answer in time"))),
        Update::Contact(Ok(Contact {
            last_ms: 3_600_000,
            known_leader: true,
        })),
        Update::Contact(Ok(Contact {
            last_ms: 0,
            known_leader: false,
        })),
    ];
    for update in updates {
        let told = format!("{update:?}");
        let (_, verdict) = judge(&well().with(update, NOW));
        assert_eq!(verdict, Verdict::Unknown, "{told}");
    }
    let near = Contact {
        last_ms: 40,
        known_leader: true,
    };
    let (_, verdict) = judge(&well().with(Update::Contact(Ok(near)), NOW));
    assert_eq!(verdict, Verdict::Ok);
}

#[test]
fn both_troubles_of_the_quorum_keep_their_times() {
    let (snapshot, mut seen) = bad_cluster();
    let without = snapshot.with(Update::Leader(Ok(String::new())), NOW);
    let times = |picture: &Picture| -> Vec<_> {
        let list = picture.problems.iter();
        let of_quorum = list.filter(|one| one.kind == ProblemKind::Quorum);
        of_quorum.map(|one| (one.text.clone(), one.since)).collect()
    };
    let first = times(&look(NOW, &without, &mut seen));
    assert_eq!(first.len(), 2);
    assert_eq!(times(&look(NOW + 60_000, &without, &mut seen)), first);
}

#[test]
fn an_old_leader_leads_no_more_and_old_numbers_have_their_age() {
    let lost = || fault(FaultKind::Other, "500 No known Consul servers");
    let snapshot = well()
        .with(Update::Leader(Err(lost())), NOW)
        .with(Update::Members(Err(lost())), NOW)
        .with(Update::Checks(Err(lost())), NOW);
    let picture = look(NOW, &snapshot, &mut Observations::default());
    let text = once::text(&snapshot, &picture, &ASCII, 120);
    assert!(text.contains("LEADER n/a"), "{text}");
    assert!(text.contains("1 left (20m0s old)"), "{text}");
    assert!(text.contains("CHECKS 10 ok 0 ! 0 x (20m0s old)"), "{text}");
    assert!(
        text.contains("leader: 500 No known Consul servers"),
        "{text}"
    );
    let away = well().with(Update::Pulse(Err(fault(FaultKind::Unreachable, "x"))), NOW);
    let away = away.with(Update::Leader(Err(fault(FaultKind::Unreachable, "x"))), NOW);
    let picture = look(NOW, &away, &mut Observations::default());
    assert!(picture.leader.is_some(), "dimmed, not cleared");
}

#[test]
fn notes_are_neither_named_nor_counted() {
    let left = |name: &str| Member {
        name: name.to_owned(),
        status: 3,
        ..Member::default()
    };
    let failed = Member {
        status: 4,
        ..left("bad")
    };
    let list = vec![left("a"), left("b"), left("c"), left("d"), failed];
    let (line, _) = judge(&well().with(Update::Members(Ok(list)), NOW));
    assert!(
        line.starts_with("CONSUL CRITICAL - bad: node failed | "),
        "{line}"
    );
}

#[test]
fn a_young_record_says_how_long_it_is() {
    let change = |time: &str| LeaderChangeRecord {
        time: time.to_owned(),
        term: 3,
        leader_address: "10.0.0.2:8300".to_owned(),
        ..LeaderChangeRecord::default()
    };
    let told = |time| {
        let snapshot = well().with(Update::Changes(Ok(vec![change(time)])), NOW);
        let picture = look(NOW, &snapshot, &mut Observations::default());
        let json = serde_json::to_value(report(&snapshot, &picture)).unwrap();
        let span = json["leader"]["changes_span_s"].clone();
        (crate::tui::summary::changes(&picture), span)
    };
    assert_eq!(
        told("2026-01-02T12:03:31Z"),
        ("0 changes in 1m0s".to_owned(), 60.into())
    );
    assert_eq!(
        told("2026-01-01T12:03:31Z"),
        ("0 changes/24h".to_owned(), 86_400.into())
    );
}

#[test]
fn names_of_strangers_write_nothing_of_their_own() {
    let evil = "a\u{1b}]0;pwn\u{7}b\nc\u{9b}2J";
    let check = HealthCheck {
        node: evil.to_owned(),
        check_id: evil.to_owned(),
        name: evil.to_owned(),
        service_name: evil.to_owned(),
        status: Status::Critical,
        output: evil.to_owned(),
        ..HealthCheck::default()
    };
    let member = Member {
        name: evil.to_owned(),
        status: 4,
        ..Member::default()
    };
    let agent = AgentFacts {
        node: evil.to_owned(),
        datacenter: evil.to_owned(),
        ..AgentFacts::default()
    };
    let snapshot = well()
        .with(Update::Checks(Ok(vec![Check::of(check)])), NOW)
        .with(Update::Members(Ok(vec![member])), NOW)
        .with(Update::Agent(Ok(agent)), NOW)
        .with(Update::Leader(Ok(evil.to_owned())), NOW)
        .with(Update::Raft(Err(fault(FaultKind::Other, evil))), NOW);
    let picture = look(NOW, &snapshot, &mut Observations::default());
    let text = once::text(&snapshot, &picture, &ASCII, 200);
    let (line, _) = once::check(&snapshot, &picture);
    for told in text.lines().chain([line.as_str()]) {
        assert!(!told.contains(char::is_control), "{told:?}");
        assert!(!told.contains("pwn"), "{told:?}");
    }
    assert!(line.contains("ab c 2J: node failed"), "{line}");
    assert!(text.contains("x  ab c 2J  node failed"), "{text}");
    assert_eq!(once::unknown(evil), "CONSUL UNKNOWN - ab c 2J");
}

#[test]
fn instances_without_checks_may_pass() {
    let (_, picture) = bad_picture();
    let found = picture
        .problems
        .iter()
        .find(|one| one.kind == ProblemKind::Service);
    assert_eq!(found.map(|one| one.severity), Some(Severity::Warning));
}
