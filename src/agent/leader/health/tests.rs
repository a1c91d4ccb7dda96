//! Consul's rules for health, one by one.

use super::*;
use crate::model::raft::OperatorHealth;

const SECOND: Duration = Duration::from_secs(1);
/// 2026-11-20T17:19:23Z.
const NOON: i64 = 1_795_195_163;

fn member(n: u8, status: MemberStatus) -> ServerInfo {
    ServerInfo {
        name: format!("n{n}"),
        id: format!("id-{n}"),
        datacenter: "dc1".to_owned(),
        rpc: ([10, 0, 0, n], 8300).into(),
        wan_join_port: None,
        expect: 0,
        bootstrap: false,
        non_voter: false,
        version: (1, 10, 0),
        status,
    }
}

fn report(contact_ms: i64, last_index: u64, last_term: u64) -> Report {
    Report {
        last_contact: Some(GoDuration(contact_ms * 1_000_000)),
        last_index,
        last_term,
    }
}

/// Three voters at index 1000 of term 4, the first one leads.
struct Scene {
    servers: Vec<RaftServer>,
    members: Vec<ServerInfo>,
    reports: BTreeMap<String, Report>,
    configuration: AutopilotConfiguration,
    health: Health,
    now: Moment,
}

impl Scene {
    fn new() -> Self {
        let server = |n: u8| RaftServer {
            id: format!("id-{n}"),
            address: format!("10.0.0.{n}:8300"),
            leader: n == 1,
            voter: true,
            ..RaftServer::default()
        };
        let contact = |n: u8| if n == 1 { 0 } else { 50 };
        Self {
            servers: (1..=3).map(server).collect(),
            members: (1..=3).map(|n| member(n, MemberStatus::Alive)).collect(),
            reports: (1..=3)
                .map(|n| (format!("id-{n}"), report(contact(n), 1000, 4)))
                .collect(),
            configuration: AutopilotConfiguration::default(),
            health: Health::default(),
            now: Moment {
                elapsed: SECOND,
                unix: NOON,
            },
        }
    }

    fn look(&mut self) -> AutopilotState {
        self.health.look(&Sight {
            now: self.now,
            own: "id-1",
            servers: &self.servers,
            members: &self.members,
            reports: &self.reports,
            configuration: &self.configuration,
        })
    }

    fn pass(&mut self, seconds: u8) {
        self.now.elapsed += u32::from(seconds) * SECOND;
        self.now.unix += i64::from(seconds);
    }

    fn report(&mut self, n: u8, report: Report) {
        self.reports.insert(format!("id-{n}"), report);
    }

    fn stable(&self, seconds: u32) -> Vec<String> {
        let stable = self.health.stable(self.now, seconds * SECOND);
        stable.into_iter().collect()
    }
}

#[test]
fn a_healthy_cluster_is_shown_as_consul_shows_it() {
    let state = Scene::new().look();
    assert!(state.healthy);
    assert_eq!(
        (state.failure_tolerance, state.optimistic_failure_tolerance),
        (1, 1)
    );
    assert_eq!(state.leader, "id-1");
    assert_eq!(state.voters, ["id-1", "id-2", "id-3"]);
    let follower = &state.servers["id-2"];
    let json = serde_json::to_value(follower).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "ID": "id-2", "Name": "n2", "Address": "10.0.0.2:8300", "NodeStatus": "alive", "Version": "1.10.0",
            "LastContact": "50ms", "LastTerm": 4, "LastIndex": 1000, "Healthy": true,
            "StableSince": "2026-11-20T17:19:23Z", "ReadReplica": false, "Status": "voter", "Meta": {},
            "NodeType": "voter",
        })
    );
    let health = OperatorHealth::from(&state);
    assert_eq!(
        serde_json::to_value(&health.servers[0]).unwrap(),
        serde_json::json!({
            "ID": "id-1", "Name": "n1", "Address": "10.0.0.1:8300", "SerfStatus": "alive", "Version": "1.10.0",
            "Leader": true, "LastContact": "0s", "LastTerm": 4, "LastIndex": 1000, "Healthy": true, "Voter": true,
            "StableSince": "2026-11-20T17:19:23Z",
        })
    );
    assert_eq!((health.healthy, health.failure_tolerance), (true, 1));
}

#[test]
fn what_makes_a_server_unhealthy() {
    let limit = 200;
    for (what, healthy, report) in [
        ("the same", true, report(0, 1000, 4)),
        ("at the limit", true, report(limit, 1000, 4)),
        ("no contact for too long", false, report(limit + 1, 1000, 4)),
        (
            "never in contact",
            false,
            Report {
                last_contact: None,
                ..report(0, 1000, 4)
            },
        ),
        ("an older term", false, report(0, 1000, 3)),
        ("a newer term", false, report(0, 1000, 5)),
        ("as far behind as it may be", true, report(0, 750, 4)),
        ("too far behind", false, report(0, 749, 4)),
        ("ahead", true, report(0, 1001, 4)),
    ] {
        let mut scene = Scene::new();
        scene.report(3, report);
        let state = scene.look();
        assert_eq!(state.servers["id-3"].healthy, healthy, "{what}");
        assert_eq!(state.healthy, healthy, "{what}");
        assert_eq!(state.failure_tolerance, u64::from(healthy), "{what}");
    }
    for status in [
        MemberStatus::Failed,
        MemberStatus::Leaving,
        MemberStatus::Left,
        MemberStatus::None,
    ] {
        let mut scene = Scene::new();
        scene.members[2].status = status;
        let state = scene.look();
        assert!(!state.servers["id-3"].healthy, "{status:?}");
        assert_eq!(state.servers["id-3"].node_status, status.as_str());
    }
}

#[test]
fn a_young_log_is_never_too_far_ahead() {
    let mut scene = Scene::new();
    for n in 1..=3 {
        scene.report(n, report(0, if n == 1 { 250 } else { 0 }, 4));
    }
    assert!(scene.look().healthy);
}

#[test]
fn who_does_not_answer_is_unhealthy_and_keeps_its_last_numbers() {
    let mut scene = Scene::new();
    scene.look();
    scene.reports.remove("id-3");
    scene.pass(2);
    let shown = scene.look().servers["id-3"].clone();
    assert_eq!(
        (shown.healthy, shown.last_contact.to_string().as_str()),
        (false, "-1ns")
    );
    assert_eq!((shown.last_index, shown.last_term), (1000, 4));
    assert_eq!(shown.stable_since, "2026-11-20T17:19:25Z");
}

#[test]
fn a_server_that_gossip_does_not_know_is_shown_without_a_name() {
    let mut scene = Scene::new();
    scene.members.pop();
    scene.reports.remove("id-3");
    let state = scene.look();
    let shown = &state.servers["id-3"];
    assert_eq!((shown.name.as_str(), shown.version.as_str()), ("", ""));
    assert_eq!((shown.node_status.as_str(), shown.healthy), ("none", false));
    assert_eq!(shown.address, "10.0.0.3:8300");
}

#[test]
fn stability_counts_from_the_last_flip() {
    let mut scene = Scene::new();
    scene.look();
    scene.pass(9);
    scene.look();
    assert_eq!(scene.stable(10), Vec::<String>::new());
    scene.pass(1);
    assert_eq!(scene.stable(10), ["id-1", "id-2", "id-3"]);
    // One bad moment begins the time anew.
    scene.report(3, report(300, 1000, 4));
    scene.look();
    scene.pass(2);
    scene.report(3, report(10, 1000, 4));
    assert_eq!(
        scene.look().servers["id-3"].stable_since,
        "2026-11-20T17:19:35Z"
    );
    scene.pass(9);
    scene.look();
    assert_eq!(scene.stable(10), ["id-1", "id-2"]);
    scene.pass(1);
    assert_eq!(scene.stable(10), ["id-1", "id-2", "id-3"]);
    // Who is unhealthy for long is not stable.
    scene.report(2, report(300, 1000, 4));
    scene.look();
    scene.pass(60);
    scene.look();
    assert_eq!(scene.stable(10), ["id-1", "id-3"]);
}

#[test]
fn who_was_removed_begins_anew() {
    let mut scene = Scene::new();
    scene.look();
    let third = scene.servers.pop().unwrap();
    scene.pass(30);
    assert_eq!(scene.look().servers.len(), 2);
    scene.servers.push(third);
    scene.pass(1);
    scene.look();
    assert_eq!(scene.stable(10), ["id-1", "id-2"]);
}

/// Voters, healthy ones among them, servers without a vote, and the failures that the cluster survives.
#[test]
fn only_healthy_voters_beyond_the_quorum_may_fail() {
    for (voters, healthy, silent, tolerance) in [
        (1, 1, 0, 0),
        (2, 2, 0, 0),
        (3, 3, 0, 1),
        (3, 2, 2, 0),
        (3, 1, 0, 0),
        (4, 4, 0, 1),
        (5, 5, 0, 2),
        (5, 4, 3, 1),
        (7, 7, 1, 3),
    ] {
        let mut scene = Scene::new();
        scene.servers.clear();
        scene.members.clear();
        for n in 1..=voters + silent {
            scene.servers.push(RaftServer {
                id: format!("id-{n}"),
                voter: n <= voters,
                ..RaftServer::default()
            });
            scene.members.push(member(n, MemberStatus::Alive));
            let contact = if n <= healthy || n > voters { 0 } else { 999 };
            scene.report(n, report(contact, 1000, 4));
        }
        let state = scene.look();
        assert_eq!(
            state.failure_tolerance, tolerance,
            "{voters} {healthy} {silent}"
        );
        assert_eq!(state.healthy, voters == healthy);
        assert_eq!(state.voters.len(), usize::from(voters));
        let last = &state.servers[&format!("id-{}", voters + silent)];
        let expected = match (voters + silent, silent) {
            (1, _) => ServerStatus::Leader,
            (_, 0) => ServerStatus::Voter,
            _ => ServerStatus::NonVoter,
        };
        assert_eq!(last.status, expected);
    }
}

#[test]
fn answers_are_read_as_consul_writes_them() {
    for (text, contact) in [
        ("0", Some(0)),
        ("9.564902ms", Some(9_564_902)),
        ("1m30s", Some(90_000_000_000)),
        ("never", None),
        ("", None),
        ("-1ns", None),
        ("soon", None),
    ] {
        let reply = RaftStatsReply {
            last_contact: text.to_owned(),
            last_index: 7,
            last_term: 2,
        };
        let expected = Report {
            last_contact: contact.map(GoDuration),
            last_index: 7,
            last_term: 2,
        };
        assert_eq!(Report::from(&reply), expected, "{text}");
    }
}
