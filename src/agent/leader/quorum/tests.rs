//! Every rule as a table, and random histories of a cluster.

use proptest::prelude::*;

use super::*;

fn member(n: u8, status: MemberStatus) -> ServerInfo {
    ServerInfo {
        name: format!("n{n}"),
        id: format!("id-{n}"),
        datacenter: "dc1".to_owned(),
        rpc: ([10, 0, 0, n], 8300).into(),
        wan_join_port: None,
        expect: 3,
        bootstrap: false,
        non_voter: false,
        version: (1, 10, 0),
        status,
    }
}

fn server(n: u8, voter: bool) -> RaftServer {
    RaftServer {
        id: format!("id-{n}"),
        address: format!("10.0.0.{n}:8300"),
        leader: n == 1,
        voter,
        ..RaftServer::default()
    }
}

/// A cluster under the leader `n1`.
struct Cluster {
    servers: Vec<RaftServer>,
    members: Vec<ServerInfo>,
    reaped: BTreeSet<String>,
    stable: BTreeSet<String>,
    configuration: AutopilotConfiguration,
    settled: bool,
}

impl Cluster {
    /// Servers 1 to `count`, all of them alive voters.
    fn of(count: u8) -> Self {
        Self {
            servers: (1..=count).map(|n| server(n, true)).collect(),
            members: (1..=count)
                .map(|n| member(n, MemberStatus::Alive))
                .collect(),
            reaped: BTreeSet::new(),
            stable: BTreeSet::new(),
            configuration: AutopilotConfiguration::default(),
            settled: true,
        }
    }

    fn with(mut self, n: u8, status: MemberStatus) -> Self {
        self.members
            .retain(|known| known.name != member(n, status).name);
        self.members.push(member(n, status));
        self
    }

    fn without_member(mut self, n: u8) -> Self {
        self.members.retain(|known| known.name != format!("n{n}"));
        self
    }

    fn with_nonvoter(mut self, n: u8) -> Self {
        self.servers.push(server(n, false));
        self
    }

    fn with_stable(mut self, n: u8) -> Self {
        self.stable.insert(format!("id-{n}"));
        self
    }

    fn own(&self) -> &str {
        self.servers.first().map_or("id-1", |first| &first.id)
    }

    /// The decision of a leader that was told of every server.
    fn decide(&self, scope: Scope) -> Decision {
        let joining = unplaced(self.own(), &self.members, &self.servers);
        self.decide_with(&joining, scope)
    }

    fn decide_with(&self, joining: &BTreeSet<String>, scope: Scope) -> Decision {
        decide(
            &View {
                own: self.own(),
                servers: &self.servers,
                members: &self.members,
                joining,
                reaped: &self.reaped,
                stable: &self.stable,
                configuration: &self.configuration,
                settled: self.settled,
            },
            scope,
        )
    }

    /// The decision of a cleanup, with nothing refused.
    fn change(&self) -> Option<Change> {
        let decision = self.decide(Scope::Cleanup);
        assert_eq!(decision.refusals, []);
        decision.change
    }

    /// What is refused, with nothing to be done.
    fn refusal(&self) -> Refusal {
        let mut decision = self.decide(Scope::Cleanup);
        assert_eq!(decision.change, None);
        assert_eq!(decision.refusals.len(), 1);
        decision.refusals.remove(0)
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "compared with decisions that may be none"
)]
fn add(n: u8, address: &str) -> Option<Change> {
    Some(Change::Add {
        id: format!("id-{n}"),
        name: format!("n{n}"),
        address: address.to_owned(),
    })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "compared with decisions that may be none"
)]
fn remove(n: u8, why: Why) -> Option<Change> {
    let id = format!("id-{n}");
    Some(Change::Remove { id, why })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "compared with decisions that may be none"
)]
fn bury(n: u8) -> Option<Change> {
    Some(Change::Bury {
        id: format!("id-{n}"),
        name: format!("n{n}"),
    })
}

#[test]
fn a_cluster_as_it_should_be_is_left_alone() {
    for count in 1..=7 {
        assert_eq!(Cluster::of(count).change(), None);
    }
}

#[test]
fn a_server_that_joins_is_added() {
    let cluster = Cluster::of(3).with(4, MemberStatus::Alive);
    assert_eq!(cluster.change(), add(4, "10.0.0.4:8300"));
    assert_eq!(cluster.decide(Scope::Members).change, cluster.change());
    for status in [
        MemberStatus::Failed,
        MemberStatus::Leaving,
        MemberStatus::Left,
        MemberStatus::None,
    ] {
        assert_eq!(Cluster::of(3).with(4, status).change(), None, "{status:?}");
    }
    // Servers of old have no id.
    let mut nameless = Cluster::of(3).with(4, MemberStatus::Alive);
    nameless.members[3].id = String::new();
    assert_eq!(nameless.change(), None);
}

#[test]
fn who_was_not_heard_of_is_not_added() {
    let cluster = Cluster::of(3)
        .with(4, MemberStatus::Alive)
        .with(5, MemberStatus::Alive);
    for scope in [Scope::Members, Scope::Cleanup] {
        let silent = cluster.decide_with(&BTreeSet::new(), scope);
        assert_eq!(silent, Decision::default());
        let one = cluster.decide_with(&BTreeSet::from(["id-5".to_owned()]), scope);
        assert_eq!(one.change, add(5, "10.0.0.5:8300"));
    }
}

#[test]
fn the_living_without_a_place_are_found() {
    let find = |cluster: &Cluster| unplaced("id-1", &cluster.members, &cluster.servers);
    assert_eq!(find(&Cluster::of(3)), BTreeSet::new());
    let mut cluster = Cluster::of(4)
        .with(5, MemberStatus::Alive)
        .with(6, MemberStatus::Failed);
    // The leader is never among them; who has moved is.
    cluster.members[0].rpc = ([10, 0, 0, 11], 8300).into();
    cluster.members[1].rpc = ([10, 0, 0, 22], 8300).into();
    let wanted = ["id-2", "id-5"].map(str::to_owned);
    assert_eq!(find(&cluster), BTreeSet::from(wanted));
}

#[test]
fn a_server_keeps_its_place_at_a_new_address() {
    let mut cluster = Cluster::of(3);
    cluster.members[2].rpc = ([10, 0, 0, 33], 8300).into();
    assert_eq!(cluster.change(), add(3, "10.0.0.33:8300"));
    // The leader sees to its own address itself.
    let mut cluster = Cluster::of(3);
    cluster.members[0].rpc = ([10, 0, 0, 33], 8300).into();
    assert_eq!(cluster.change(), None);
}

#[test]
fn whoever_lost_its_data_takes_the_place_of_its_former_self() {
    let wiped = |count, lost: &[u8]| {
        let mut cluster = Cluster::of(count);
        for n in lost {
            cluster.members[usize::from(*n) - 1].id = format!("id-{}", n + 100);
        }
        cluster
    };
    let address = |n: u8| Why::SameAddress(format!("10.0.0.{n}:8300"));
    let mut cluster = wiped(3, &[3]);
    assert_eq!(cluster.change(), remove(3, address(3)));
    cluster.servers.pop();
    let newcomer = Change::Add {
        id: "id-103".to_owned(),
        name: "n3".to_owned(),
        address: "10.0.0.3:8300".to_owned(),
    };
    assert_eq!(cluster.change(), Some(newcomer));
    // One at a time, and never so that the rest is no quorum.
    assert_eq!(wiped(5, &[3, 4]).change(), remove(3, address(3)));
    let refused = Refusal::TooManyRemovals {
        node_to_add: "n2".to_owned(),
    };
    assert_eq!(wiped(2, &[2]).decide(Scope::Members).refusals, [refused]);
    assert_eq!(wiped(2, &[2]).decide(Scope::Members).change, None);
}

#[test]
fn nobody_takes_the_address_of_the_leader() {
    let mut cluster = Cluster::of(3).with(4, MemberStatus::Alive);
    cluster.members[3].rpc = ([10, 0, 0, 1], 8300).into();
    let refused = Refusal::TooManyRemovals {
        node_to_add: "n4".to_owned(),
    };
    assert_eq!(cluster.refusal(), refused);
    // Others are not kept waiting for that.
    let cluster = cluster.with(5, MemberStatus::Alive);
    let decision = cluster.decide(Scope::Members);
    assert_eq!(decision.change, add(5, "10.0.0.5:8300"));
    assert_eq!(decision.refusals, [refused]);
}

#[test]
fn two_servers_in_bootstrap_mode_stay_apart() {
    let bootstrap = |status| {
        let mut cluster = Cluster::of(1).with(2, MemberStatus::Alive).with(3, status);
        cluster.members[1].bootstrap = true;
        cluster.members[2].bootstrap = true;
        cluster
    };
    let cluster = bootstrap(MemberStatus::Failed);
    let refused = Refusal::TwoBootstraps {
        node_to_add: "n2".to_owned(),
        other: "n3".to_owned(),
    };
    assert_eq!(cluster.refusal(), refused);
    assert!(
        refused
            .to_string()
            .starts_with("Two nodes are in bootstrap mode.")
    );
    assert_eq!(
        bootstrap(MemberStatus::Left).change(),
        add(2, "10.0.0.2:8300")
    );
    // The one beside others that are not is no conflict.
    let mut alone = Cluster::of(1).with(2, MemberStatus::Alive);
    alone.members[0].bootstrap = true;
    assert_eq!(alone.change(), add(2, "10.0.0.2:8300"));
}

#[test]
fn a_server_that_left_is_removed_even_from_a_small_cluster() {
    for count in [2, 3, 5] {
        let mut cluster = Cluster::of(count).with(2, MemberStatus::Left);
        assert_eq!(cluster.change(), remove(2, Why::Left));
        assert_eq!(cluster.decide(Scope::Members).change, cluster.change());
        cluster.configuration.cleanup_dead_servers = false;
        assert_eq!(cluster.change(), remove(2, Why::Left));
    }
    let leaving = Cluster::of(3).with(2, MemberStatus::Leaving);
    assert_eq!(leaving.change(), None);
    let nonvoter = Cluster::of(3).with_nonvoter(4).with(4, MemberStatus::Left);
    assert_eq!(nonvoter.change(), remove(4, Why::Left));
}

#[test]
fn the_leader_is_not_removed_by_itself() {
    for status in [
        MemberStatus::Left,
        MemberStatus::Failed,
        MemberStatus::Leaving,
    ] {
        assert_eq!(Cluster::of(4).with(1, status).change(), None, "{status:?}");
    }
    assert_eq!(Cluster::of(4).without_member(1).change(), None);
}

#[test]
fn a_reaped_server_is_removed_unless_it_is_back() {
    let mut cluster = Cluster::of(3).without_member(2);
    cluster.reaped.insert("id-2".to_owned());
    assert_eq!(cluster.change(), remove(2, Why::Reaped));
    assert_eq!(cluster.with(2, MemberStatus::Alive).change(), None);
}

#[test]
fn a_renamed_server_is_alive_under_its_new_name() {
    let mut cluster = Cluster::of(3).with(2, MemberStatus::Left);
    cluster.members.push(ServerInfo {
        name: "renamed".to_owned(),
        ..member(2, MemberStatus::Alive)
    });
    assert_eq!(cluster.change(), None);
    cluster.members.reverse();
    assert_eq!(cluster.change(), None);
}

#[test]
fn a_server_votes_when_it_has_been_stable() {
    let cluster = Cluster::of(3).with_nonvoter(4);
    let cluster = cluster.with(4, MemberStatus::Alive);
    assert_eq!(cluster.change(), None);
    let cluster = cluster.with_stable(4);
    let promoted = Change::Promote {
        id: "id-4".to_owned(),
        name: "n4".to_owned(),
        address: "10.0.0.4:8300".to_owned(),
    };
    assert_eq!(cluster.change(), Some(promoted));
    assert_eq!(cluster.with(4, MemberStatus::Leaving).change(), None);
    let mut readers = Cluster::of(3).with_nonvoter(4).with_stable(4);
    readers = readers.with(4, MemberStatus::Alive);
    readers.members[3].non_voter = true;
    assert_eq!(readers.change(), None);
}

#[test]
fn a_failed_server_without_a_vote_goes_at_once() {
    let cluster = Cluster::of(3).with_nonvoter(4);
    let failed = cluster.with(4, MemberStatus::Failed);
    assert_eq!(failed.change(), bury(4));
    assert_eq!(failed.decide(Scope::Members), Decision::default());
    let mut unknown = failed.without_member(4);
    assert_eq!(unknown.change(), remove(4, Why::Stale));
    unknown.settled = false;
    assert_eq!(unknown.change(), None);
}

/// Voters, how many of them failed, `min_quorum`, and what becomes of the first one that failed.
#[test]
fn a_failed_voter_goes_when_the_cluster_survives_more_without_it() {
    let no_gain = |dead, voters| Err(Refusal::NoGain { dead, voters });
    let majority = |dead, voters| Err(Refusal::Majority { dead, voters });
    let cases = [
        // Nobody takes its place.
        (3, 1, 0, no_gain(1, 3)),
        (5, 1, 0, no_gain(1, 5)),
        (7, 1, 0, no_gain(1, 7)),
        // Somebody has.
        (4, 1, 0, Ok(())),
        (6, 1, 0, Ok(())),
        // Together they weaken the cluster.
        (5, 2, 0, Ok(())),
        (6, 2, 0, Ok(())),
        (7, 2, 0, Ok(())),
        (7, 3, 0, Ok(())),
        // Never a majority, and never one half.
        (2, 1, 0, majority(1, 2)),
        (3, 2, 0, majority(2, 3)),
        (4, 2, 0, majority(2, 4)),
        (6, 3, 0, majority(3, 6)),
        // Never below the minimum.
        (4, 1, 3, Ok(())),
        (
            4,
            1,
            4,
            Err(Refusal::BelowMinimum {
                dead: 1,
                voters: 4,
                min_quorum: 4,
            }),
        ),
    ];
    for (voters, dead, min_quorum, expected) in cases {
        let mut cluster = Cluster::of(voters);
        cluster.configuration.min_quorum = min_quorum;
        for n in 0..dead {
            cluster = cluster.with(2 + n, MemberStatus::Failed);
        }
        let decision = cluster.decide(Scope::Cleanup);
        match expected {
            Ok(()) => assert_eq!(decision.change, bury(2), "{voters} {dead} {min_quorum}"),
            Err(refusal) => {
                assert_eq!(decision.change, None, "{voters} {dead} {min_quorum}");
                assert_eq!(decision.refusals, [refusal]);
            }
        }
        // A member that fails is no occasion for a cleanup: it may be back in a moment.
        assert_eq!(cluster.decide(Scope::Members), Decision::default());
        cluster.configuration.cleanup_dead_servers = false;
        assert_eq!(cluster.change(), None);
    }
}

#[test]
fn a_server_that_gossip_does_not_know_is_stale_once_gossip_knows_everybody() {
    let mut cluster = Cluster::of(4).without_member(3);
    assert_eq!(cluster.change(), remove(3, Why::Stale));
    cluster.settled = false;
    assert_eq!(cluster.change(), None);
    // It does not count as living all the same.
    let refused = Refusal::Majority { dead: 2, voters: 4 };
    assert_eq!(cluster.with(4, MemberStatus::Failed).refusal(), refused);
}

#[test]
fn goodbyes_come_before_newcomers_and_those_before_votes_and_the_dead() {
    let mut cluster = Cluster::of(6)
        .with(2, MemberStatus::Left)
        .with(7, MemberStatus::Alive)
        .with_nonvoter(8)
        .with(8, MemberStatus::Alive)
        .with_stable(8)
        .with(3, MemberStatus::Failed);
    let mut order = Vec::new();
    while let Some(change) = cluster.decide(Scope::Cleanup).change {
        apply(&mut cluster, &change);
        order.push(change);
    }
    let kinds: Vec<&str> = order
        .iter()
        .map(|change| match change {
            Change::Add { .. } => "add",
            Change::Promote { .. } => "promote",
            Change::Remove { .. } => "remove",
            Change::Bury { .. } => "bury",
        })
        .collect();
    assert_eq!(kinds, ["remove", "add", "promote", "bury"]);
}

#[test]
fn texts_are_consuls() {
    let texts = [
        Refusal::BelowMinimum {
            dead: 1,
            voters: 4,
            min_quorum: 4,
        },
        Refusal::Majority { dead: 2, voters: 3 },
    ]
    .map(|refusal| refusal.to_string());
    assert_eq!(
        texts,
        [
            "denied, because removing 1/4 servers would leave less then minimal allowed quorum of 4 servers",
            "denied, because removing the majority of servers 2/3 is not safe",
        ]
    );
}

/// What raft and gossip do with a change.
fn apply(cluster: &mut Cluster, change: &Change) {
    match change {
        Change::Add { id, address, .. } => {
            if let Some(known) = cluster.servers.iter_mut().find(|known| known.id == *id) {
                known.address.clone_from(address);
            } else {
                cluster.servers.push(RaftServer {
                    id: id.clone(),
                    address: address.clone(),
                    ..RaftServer::default()
                });
            }
        }
        Change::Promote { id, .. } => {
            let found = cluster.servers.iter_mut().find(|known| known.id == *id);
            found.expect("a server that is known").voter = true;
        }
        Change::Remove { id, .. } => cluster.servers.retain(|known| known.id != *id),
        Change::Bury { id, name } => {
            let buried = cluster.members.iter_mut().find(|m| m.name == *name);
            buried.expect("a member that is known").status = MemberStatus::Left;
            cluster.servers.retain(|known| known.id != *id);
        }
    }
}

/// What happens to a cluster.
#[derive(Debug, Clone)]
enum Happening {
    /// A new server, or one that comes back.
    Join(u8),
    /// Back without its data, under a new id.
    Wiped(u8),
    Leave(u8),
    Fail(u8),
    /// Gossip forgets a failed server, with or without the leader hearing of it.
    Forget(u8, bool),
    /// Time passes: who is alive becomes stable.
    Stabilize,
    /// The leader looks, as it does every ten seconds.
    Look,
}

fn happening() -> impl Strategy<Value = Happening> {
    let other = 2..=7_u8;
    prop_oneof![
        3 => other.clone().prop_map(Happening::Join),
        1 => other.clone().prop_map(Happening::Wiped),
        2 => other.clone().prop_map(Happening::Leave),
        3 => other.clone().prop_map(Happening::Fail),
        1 => (other, any::<bool>()).prop_map(|(n, heard)| Happening::Forget(n, heard)),
        3 => Just(Happening::Stabilize),
        4 => Just(Happening::Look),
    ]
}

/// The random cluster, with what only its maker knows.
struct Model {
    cluster: Cluster,
    /// How often each server has lost its data.
    lives: BTreeMap<u8, u8>,
}

impl Model {
    fn alive(&self) -> BTreeSet<String> {
        let alive = |member: &&ServerInfo| member.status == MemberStatus::Alive;
        let members = self.cluster.members.iter().filter(alive);
        members.map(|member| member.id.clone()).collect()
    }

    fn voters(&self) -> BTreeSet<String> {
        let voters = self.cluster.servers.iter().filter(|server| server.voter);
        voters.map(|server| server.id.clone()).collect()
    }

    fn has_quorum(&self) -> bool {
        let voters = self.voters();
        voters.intersection(&self.alive()).count() >= required(voters.len())
    }

    fn set(&mut self, n: u8, status: MemberStatus) {
        let life = self.lives.get(&n).copied().unwrap_or_default();
        let fresh = ServerInfo {
            id: format!("id-{n}-{life}"),
            ..member(n, status)
        };
        self.cluster
            .members
            .retain(|known| known.name != fresh.name);
        self.cluster.stable.remove(&fresh.id);
        self.cluster.members.push(fresh);
    }

    fn is(&self, n: u8, status: MemberStatus) -> bool {
        let name = format!("n{n}");
        let found = self.cluster.members.iter().find(|m| m.name == name);
        found.is_some_and(|member| member.status == status)
    }

    fn happen(&mut self, happening: &Happening) {
        match *happening {
            Happening::Join(n) if !self.is(n, MemberStatus::Alive) => {
                self.set(n, MemberStatus::Alive);
            }
            Happening::Wiped(n) if !self.is(n, MemberStatus::Alive) => {
                *self.lives.entry(n).or_default() += 1;
                self.set(n, MemberStatus::Alive);
            }
            Happening::Leave(n) if self.is(n, MemberStatus::Alive) => {
                self.set(n, MemberStatus::Left);
            }
            Happening::Fail(n) if self.is(n, MemberStatus::Alive) => {
                self.set(n, MemberStatus::Failed);
            }
            Happening::Forget(n, heard) if self.is(n, MemberStatus::Failed) => {
                let name = format!("n{n}");
                let members = &mut self.cluster.members;
                let at = members.iter().position(|m| m.name == name);
                let forgotten = members.remove(at.expect("it is there"));
                if heard {
                    self.cluster.reaped.insert(forgotten.id);
                }
            }
            Happening::Stabilize => self.cluster.stable = self.alive(),
            _ => {}
        }
    }

    /// The leader makes all changes, while it has a quorum.
    fn look(&mut self, scope: Scope) -> Result<(), TestCaseError> {
        for _ in 0..100 {
            if !self.has_quorum() {
                return Ok(());
            }
            let Some(change) = self.cluster.decide(scope).change else {
                return Ok(());
            };
            self.check(&change)?;
            apply(&mut self.cluster, &change);
        }
        Err(TestCaseError::fail("there is no end to the changes"))
    }

    fn check(&self, change: &Change) -> Result<(), TestCaseError> {
        let (alive, voters) = (self.alive(), self.voters());
        match change {
            Change::Remove { id, .. } | Change::Bury { id, .. } => {
                prop_assert!(id != "id-1-0", "the leader removes itself");
                prop_assert!(!alive.contains(id), "{change:?} of a living server");
            }
            Change::Add { id, .. } | Change::Promote { id, .. } => {
                prop_assert!(alive.contains(id), "{change:?} of a dead server");
            }
        }
        let is_cleanup = matches!(
            change,
            Change::Bury { .. }
                | Change::Remove {
                    why: Why::Stale,
                    ..
                }
        );
        if is_cleanup {
            let dead = voters.difference(&alive).count();
            prop_assert!(
                dead <= voters.len().saturating_sub(1) / 2 || !voters.contains(change_id(change)),
                "{change:?} with {dead} of {} voters dead",
                voters.len()
            );
        }
        let mut after = voters.clone();
        match change {
            Change::Promote { id, .. } => {
                after.insert(id.clone());
            }
            Change::Remove { id, .. } | Change::Bury { id, .. } => {
                after.remove(id);
            }
            Change::Add { .. } => {}
        }
        let living = after.intersection(&alive).count();
        prop_assert!(
            living >= required(after.len()),
            "{change:?} costs the quorum"
        );
        Ok(())
    }
}

fn change_id(change: &Change) -> &str {
    match change {
        Change::Add { id, .. }
        | Change::Promote { id, .. }
        | Change::Remove { id, .. }
        | Change::Bury { id, .. } => id,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_histories_end_with_the_living_as_voters(
        history in prop::collection::vec(happening(), 1..60),
    ) {
        let mut model = Model { cluster: Cluster::of(0), lives: BTreeMap::new() };
        for n in 1..=3 {
            model.set(n, MemberStatus::Alive);
            let id = format!("id-{n}-0");
            model.cluster.servers.push(RaftServer { id, ..server(n, true) });
        }
        for happening in &history {
            // A cluster without a quorum has no leader: nothing is decided until enough are back.
            model.happen(happening);
            let is_tick = matches!(happening, Happening::Look);
            model.look(if is_tick { Scope::Cleanup } else { Scope::Members })?;
        }
        prop_assume!(model.has_quorum());
        model.cluster.stable = model.alive();
        model.look(Scope::Cleanup)?;
        let (alive, voters) = (model.alive(), model.voters());
        prop_assert!(alive.is_subset(&voters), "{alive:?} {voters:?}");
        // A dead one may keep its place as long as nobody takes it, and only where it costs nothing.
        let dead = voters.len() - alive.len();
        prop_assert!(required(alive.len()) == required(voters.len()) && dead <= 1, "{alive:?} {voters:?}");
        let silent = model.cluster.servers.iter().filter(|server| !server.voter).count();
        prop_assert_eq!(silent, 0);
    }
}
