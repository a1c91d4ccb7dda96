//! The driver over a real raft of one server that leads. Pools have one member, which is whom the test is about.

use std::sync::Arc;
use std::time::SystemTime;

use super::*;
use crate::agent::raft::{
    DEFAULT_SNAPSHOT_THRESHOLD, DEFAULT_TRAILING_LOGS, NoTransport, Raft, RaftSettings,
};
use crate::model::member::Member;
use crate::model::raft::RaftServer;

const HOLD: Duration = Duration::from_secs(10);

async fn leader() -> Raft {
    let (raft, _) = Raft::start(RaftSettings {
        dir: None,
        node_uuid: "id-1".to_owned(),
        address: "10.0.0.1:8300".to_owned(),
        raft_multiplier: 1,
        bootstrap: true,
        snapshot_threshold: DEFAULT_SNAPSHOT_THRESHOLD,
        trailing_logs: DEFAULT_TRAILING_LOGS,
        transport: Arc::new(NoTransport),
        clock: Arc::new(SystemTime::now),
        metrics: crate::agent::telemetry::metrics::Metrics::default(),
    })
    .await
    .expect("started");
    raft.wait_for_leader(HOLD).await.expect("led");
    raft.verify_leader(HOLD).await.expect("leads");
    raft
}

/// What gossip says of the server `n2`.
fn seat(raft: &Raft, id: &str, addr: &str, status: MemberStatus) -> Seat {
    let tags = [
        ("role", "consul"),
        ("dc", "dc1"),
        ("id", id),
        ("port", "8300"),
        ("vsn", "2"),
        ("build", "1.10.0:"),
    ];
    let member = Member {
        name: "n2".to_owned(),
        addr: addr.to_owned(),
        tags: tags
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        status: status as i64,
        ..Member::default()
    };
    Seat {
        raft: raft.clone(),
        lan: GossipHandle::detached(member),
        datacenter: "dc1".to_owned(),
        own_id: "id-1".to_owned(),
    }
}

/// Makes all changes, and returns raft's servers besides the leader.
async fn settle(seat: &Seat, scope: Scope) -> Vec<RaftServer> {
    let (_stable, stable) = watch::channel(BTreeSet::new());
    let done = ServerKeeper::new(seat, None).settle(scope, &stable).await;
    assert!(done);
    others(&seat.raft)
}

fn others(raft: &Raft) -> Vec<RaftServer> {
    let servers = raft.configuration().servers.into_iter();
    servers.filter(|server| server.id != "id-1").collect()
}

fn nonvoter(id: &str, address: &str) -> (String, String, bool) {
    (id.to_owned(), address.to_owned(), false)
}

fn shown(servers: &[RaftServer]) -> Vec<(String, String, bool)> {
    let show = |server: &RaftServer| (server.id.clone(), server.address.clone(), server.voter);
    servers.iter().map(show).collect()
}

#[tokio::test]
async fn a_server_joins_moves_loses_its_data_and_leaves() {
    let raft = leader().await;
    let alive = MemberStatus::Alive;
    let joined = settle(&seat(&raft, "id-2", "10.0.0.2", alive), Scope::Members).await;
    assert_eq!(shown(&joined), [nonvoter("id-2", "10.0.0.2:8300")]);
    let moved = settle(&seat(&raft, "id-2", "10.0.0.22", alive), Scope::Members).await;
    assert_eq!(shown(&moved), [nonvoter("id-2", "10.0.0.22:8300")]);
    // The same place, another id: the former self goes first.
    let wiped = settle(&seat(&raft, "id-3", "10.0.0.22", alive), Scope::Members).await;
    assert_eq!(shown(&wiped), [nonvoter("id-3", "10.0.0.22:8300")]);
    let left = MemberStatus::Left;
    let gone = settle(&seat(&raft, "id-3", "10.0.0.22", left), Scope::Members).await;
    assert_eq!(gone, []);
    raft.shutdown().await.expect("closed");
}

#[tokio::test]
async fn a_failed_server_is_removed_by_a_cleanup_only() {
    let raft = leader().await;
    let alive = seat(&raft, "id-2", "10.0.0.2", MemberStatus::Alive);
    settle(&alive, Scope::Members).await;
    let failed = seat(&raft, "id-2", "10.0.0.2", MemberStatus::Failed);
    assert_eq!(settle(&failed, Scope::Members).await.len(), 1);
    assert_eq!(settle(&failed, Scope::Cleanup).await, []);
    raft.shutdown().await.expect("closed");
}

#[tokio::test]
async fn who_comes_back_during_its_burial_stays() {
    let raft = leader().await;
    let alive = seat(&raft, "id-2", "10.0.0.2", MemberStatus::Alive);
    settle(&alive, Scope::Members).await;
    let (id, name) = ("id-2".to_owned(), "n2".to_owned());
    let burial = Change::Bury { id, name };
    assert!(ServerKeeper::new(&alive, None).carry_out(&burial).await);
    assert_eq!(others(&raft).len(), 1);
    raft.shutdown().await.expect("closed");
}

#[tokio::test]
async fn a_server_that_gossip_forgot_is_removed_when_that_was_heard() {
    let raft = leader().await;
    let alive = seat(&raft, "id-2", "10.0.0.2", MemberStatus::Alive);
    settle(&alive, Scope::Members).await;
    // Gossip knows the leader only.
    let alone = seat(&raft, "id-1", "10.0.0.1", MemberStatus::Alive);
    assert_eq!(settle(&alone, Scope::Cleanup).await.len(), 1);
    let mut keeper = ServerKeeper::new(&alone, None);
    keeper.reaped.insert("id-2".to_owned());
    let (_stable, stable) = watch::channel(BTreeSet::new());
    assert!(keeper.settle(Scope::Members, &stable).await);
    assert_eq!(others(&raft), []);
    raft.shutdown().await.expect("closed");
}

#[tokio::test]
async fn a_change_that_cannot_be_made_is_tried_again() {
    let raft = leader().await;
    raft.shutdown().await.expect("closed");
    let alive = seat(&raft, "id-2", "10.0.0.2", MemberStatus::Alive);
    let (_stable, stable) = watch::channel(BTreeSet::new());
    let done = ServerKeeper::new(&alive, None)
        .settle(Scope::Members, &stable)
        .await;
    assert!(!done);
}

#[tokio::test]
async fn a_refusal_is_said_as_long_as_it_lasts() {
    let raft = leader().await;
    let alone = seat(&raft, "id-1", "10.0.0.1", MemberStatus::Alive);
    let mut keeper = ServerKeeper::new(&alone, None);
    let cleanup = Refusal::Majority { dead: 1, voters: 2 };
    let join = Refusal::TooManyRemovals {
        node_to_add: "n2".to_owned(),
    };
    keeper.say(Scope::Cleanup, vec![cleanup.clone(), join.clone()]);
    assert_eq!(keeper.refused.len(), 2);
    // A look at members only does not see what a cleanup sees.
    keeper.say(Scope::Members, vec![]);
    assert_eq!(keeper.refused, BTreeSet::from([cleanup]));
    keeper.say(Scope::Cleanup, vec![]);
    assert_eq!(keeper.refused, BTreeSet::new());
    raft.shutdown().await.expect("closed");
}

/// Until raft's servers besides the leader are these; in the test's own time.
async fn wait_for(raft: &Raft, ids: &[&str]) {
    let are_there = || {
        others(raft)
            .iter()
            .map(|server| &*server.id)
            .eq(ids.iter().copied())
    };
    let seen = async {
        while !are_there() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(RECONCILE_INTERVAL * 2, seen).await.expect("seen");
}

#[tokio::test]
async fn whom_an_operator_removes_is_added_when_all_are_compared() {
    let raft = leader().await;
    let seat = seat(&raft, "id-2", "10.0.0.2", MemberStatus::Alive);
    let (healthy, stable) = watch::channel(BTreeSet::new());
    let mut keeper = ServerKeeper::new(&seat, None);
    let began = Instant::now();
    tokio::time::pause();
    let story = async {
        wait_for(&raft, &["id-2"]).await;
        raft.remove_server("id-2").await.expect("removed");
        // Neither what autopilot sees nor its own rounds bring it back.
        healthy.send_replace(BTreeSet::from(["id-2".to_owned()]));
        sleep_until(began + RECONCILE_INTERVAL - Duration::from_secs(2)).await;
        assert_eq!(others(&raft), []);
        wait_for(&raft, &["id-2"]).await;
    };
    tokio::select! {
        () = keeper.keep(stable) => panic!("nobody ended it"),
        () = story => {}
    }
    tokio::time::resume();
    raft.shutdown().await.expect("closed");
}

#[tokio::test]
async fn whom_an_operator_removes_is_added_when_it_is_heard_of() {
    let raft = leader().await;
    let seat = seat(&raft, "id-2", "10.0.0.2", MemberStatus::Alive);
    let (_stable, stable) = watch::channel(BTreeSet::new());
    let mut keeper = ServerKeeper::new(&seat, None);
    assert!(keeper.settle(Scope::Members, &stable).await);
    raft.remove_server("id-2").await.expect("removed");
    for scope in [Scope::Members, Scope::Cleanup] {
        assert!(keeper.settle(scope, &stable).await);
        assert_eq!(others(&raft), []);
    }
    keeper.joining.insert("id-2".to_owned());
    assert!(keeper.settle(Scope::Members, &stable).await);
    assert_eq!(others(&raft).len(), 1);
    // Heard of once, added once.
    raft.remove_server("id-2").await.expect("removed");
    assert!(keeper.settle(Scope::Cleanup, &stable).await);
    assert_eq!(others(&raft), []);
    raft.shutdown().await.expect("closed");
}
