use super::bad_cluster::{NOW, bad_picture};
use super::*;
use crate::tui::snapshot::{ClusterSnapshot, Fault, FaultKind, Update};
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
        "x   web-7    node failed               for 00:03:12",
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
    assert!(
        line.starts_with("CONSUL UNKNOWN - connection refused | "),
        "{line}"
    );
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
