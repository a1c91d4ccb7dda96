//! One ring of our agents and serf's own.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use serde_json::Value;

use crate::support::{Serf, TestAgent, is_installed, until};

/// Two keys of a ring: 32 bytes each.
const FIRST_KEY: &str = "T9jncgl9mbLus+baTTa7q7nPSUrXwbDi2dhbtqir37s=";
const SECOND_KEY: &str = "HvY8ubRZMgafUOWvrOadwOckVa1wN3QWAo46FVKbVN8=";

fn has_serf() -> bool {
    is_installed("serf", "version")
}

/// Name, address and status of all members, as our agent sees them.
fn ours(agent: &TestAgent) -> BTreeSet<(String, String, String)> {
    let members = agent.json("/v1/agent/members");
    let row = |member: &Value| {
        let status = ["none", "alive", "leaving", "left", "failed"];
        let at = usize::try_from(member["Status"].as_u64().unwrap()).unwrap();
        (
            member["Name"].as_str().unwrap().to_owned(),
            format!("{}:{}", member["Addr"].as_str().unwrap(), member["Port"]),
            status[at].to_owned(),
        )
    };
    members.as_array().unwrap().iter().map(row).collect()
}

/// The same, as serf sees them.
fn theirs(serf: &Serf) -> BTreeSet<(String, String, String)> {
    let members: Value = serde_json::from_str(&serf.cli_ok(&["members", "-format=json"])).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let row = |member: &Value| {
        (
            text(&member["name"]),
            text(&member["addr"]),
            text(&member["status"]),
        )
    };
    members["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(row)
        .collect()
}

fn agree(agent: &TestAgent, serf: &Serf, size: usize) {
    until("both sides see the same members", || {
        let ours = ours(agent);
        ours.len() == size && ours == theirs(serf)
    });
}

fn gossip_address(agent: &TestAgent) -> String {
    format!("{}:8301", agent.ip)
}

#[test]
fn serf_joins_ours_and_everything_crosses() {
    if !has_serf() {
        return;
    }
    let a1 = TestAgent::dev(&["-node=a1"]).in_catalog();
    let a2 = TestAgent::start(
        crate::support::own_address(),
        &["-dev", "-node=a2", "-join", &gossip_address(&a1)],
    );
    let s1 = Serf::agent("s1", &["-tag", "color=blue", "-join", &gossip_address(&a1)]);
    for agent in [&a1, &a2] {
        agree(agent, &s1, 3);
    }
    let seen = a2.json("/v1/agent/members");
    let serf_member = seen.as_array().unwrap().iter().find(|m| m["Name"] == "s1");
    assert_eq!(serf_member.unwrap()["Tags"]["color"], "blue");

    // An event of ours reaches serf.
    let printed = a2.cli_ok(&["event", "-name=deploy", "payload"]);
    assert!(printed.starts_with("Event ID: "), "{printed}");
    s1.0.wait_line(0, "Received event: user-event: consul:event:deploy");
    // One of serf's in Consul's form reaches ours.
    let payload: Vec<u8> = [
        &b"\x84\xa2ID\xd9\x24"[..],
        b"b54fe110-7af5-cafc-d1fb-afc8ba432b1c",
        b"\xa1n\xa7restart\xa1p\xc4\x02hi\xa1v\x01",
    ]
    .concat();
    let fired = Command::new("serf")
        .args(["event", "-coalesce=false"])
        .arg(format!("-rpc-addr={}:7373", s1.0.ip))
        .arg("consul:event:restart")
        .arg(OsStr::from_bytes(&payload))
        .output()
        .unwrap();
    assert!(fired.status.success(), "{fired:?}");
    for agent in [&a1, &a2] {
        let events = agent.wait_json("/v1/event/list?name=restart", |found| {
            found.as_array().is_some_and(|found| !found.is_empty())
        });
        assert_eq!(events[0]["ID"], "b54fe110-7af5-cafc-d1fb-afc8ba432b1c");
        assert_eq!(events[0]["Payload"], "aGk=");
    }

    // A query of serf's is answered by ours; an unknown one is acknowledged.
    let answers = s1.cli_ok(&["query", "-format=json", "-timeout=2s", "consulctl:gossip"]);
    let answers: Value = serde_json::from_str(&answers).unwrap();
    let responses = answers["Responses"].as_object().unwrap();
    assert_eq!(responses.keys().collect::<Vec<_>>(), ["a1", "a2"]);
    let acks: BTreeSet<&str> = answers["Acks"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(acks, BTreeSet::from(["a1", "a2", "s1"]));
    // A query of ours reaches serf, which has no answer to it.
    let report = a1.json("/v1/consulctl/gossip");
    let serf_row = report
        .as_array()
        .unwrap()
        .iter()
        .find(|member| member["Name"] == "s1");
    assert_eq!(serf_row.unwrap()["Unknown"], true, "{report}");

    // A killed member of either kind is failed on the other.
    s1.0.kill();
    for agent in [&a1, &a2] {
        agent.wait_line(0, "EventMemberFailed: s1 ");
    }
}

#[test]
fn ours_joins_serf_and_fails_there() {
    if !has_serf() {
        return;
    }
    let s1 = Serf::agent("s1", &[]);
    let a1 = TestAgent::dev(&["-node=a1"]);
    let printed = a1.cli_ok(&["join", &s1.address()]);
    assert_eq!(
        printed,
        "Successfully joined cluster by contacting 1 nodes.\n"
    );
    let s2 = Serf::agent("s2", &["-join", &gossip_address(&a1)]);
    for serf in [&s1, &s2] {
        agree(&a1, serf, 3);
    }
    s2.cli_ok(&["leave"]);
    a1.wait_line(0, "EventMemberLeave: s2 ");
    a1.kill();
    s1.0.wait_line(0, "EventMemberFailed: a1 ");
}

#[test]
fn an_encrypted_ring_changes_its_key() {
    if !has_serf() {
        return;
    }
    // Without a WAN pool, whose keys serf's commands would not reach.
    let a1 = TestAgent::dev(&["-node=a1", "-encrypt", FIRST_KEY, "-serf-wan-port=-1"]);
    let join = gossip_address(&a1);
    let s1 = Serf::agent("s1", &["-encrypt", FIRST_KEY, "-join", &join]);
    agree(&a1, &s1, 2);
    let stranger = TestAgent::dev(&["-node=a2", "-encrypt", SECOND_KEY]);
    let (code, said) = stranger.cli_fails(&["join", &join]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("Error joining address"), "{said}");
    let plain = TestAgent::dev(&["-node=a3"]);
    let (code, said) = plain.cli_fails(&["join", &join]);
    assert_eq!(code, Some(1), "{said}");

    // Serf installs a new key and uses it, ours removes the old one.
    s1.cli_ok(&["keys", "-install", SECOND_KEY]);
    let listed = a1.cli_ok(&["keyring", "-list"]);
    for key in [FIRST_KEY, SECOND_KEY] {
        assert!(listed.contains(&format!("  {key} [2/2]")), "{listed}");
    }
    s1.cli_ok(&["keys", "-use", SECOND_KEY]);
    let removed = a1.cli_ok(&["keyring", "-remove", FIRST_KEY]);
    assert!(
        removed.contains("Removing gossip encryption key"),
        "{removed}"
    );
    let listed = s1.cli_ok(&["keys", "-list"]);
    assert!(listed.contains(&format!("{SECOND_KEY}  [2/2]")), "{listed}");
    assert!(!listed.contains(FIRST_KEY), "{listed}");
    // And back, all by ours.
    for action in ["-install", "-use"] {
        a1.cli_ok(&["keyring", action, FIRST_KEY]);
    }
    a1.cli_ok(&["keyring", "-remove", SECOND_KEY]);
    let listed = s1.cli_ok(&["keys", "-list"]);
    assert!(listed.contains(&format!("{FIRST_KEY}  [2/2]")), "{listed}");
    agree(&a1, &s1, 2);
    s1.0.kill();
    a1.wait_line(0, "EventMemberFailed: s1 ");
}
