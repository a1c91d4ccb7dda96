//! The leadership is handed over.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leadership_moves_and_no_write_fails() {
    let cluster = Cluster::start(3, DEFAULT_SNAPSHOT_THRESHOLD).await;
    let writers = Writers::start(16, &cluster.servers);
    for turn in 0..6 {
        let at = cluster.leader().await;
        let leader = &cluster.servers[at];
        let to = peer((at + 1) % 3).id;
        let to = (turn % 2 == 0).then_some(to.as_str());
        let began = Instant::now();
        let moved = leader.transfer_leader(to, HOLD).await.expect("moved");
        assert!(began.elapsed() < Duration::from_secs(1), "by an election");
        assert_ne!(moved.id, peer(at).id);
        assert!(to.is_none_or(|to| to == moved.id));
        let before = writers.written.load(Ordering::Relaxed);
        let goes_on = async {
            while writers.written.load(Ordering::Relaxed) < before + 50 {
                tokio::task::yield_now().await;
            }
        };
        timeout(HOLD, goes_on).await.expect("writes go on");
    }
    let at = cluster.leader().await;
    writers.stop(&cluster.servers[at]).await;
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_lead_is_refused() {
    let cluster = Cluster::start(3, DEFAULT_SNAPSHOT_THRESHOLD).await;
    let cluster = cluster.with_blank(1).await;
    let at = cluster.leader().await;
    let leader = &cluster.servers[at];
    leader.add_nonvoter(&peer(3)).await.expect("added");
    for (to, why) in [
        ("nobody", "not found in the Raft configuration"),
        ("node-3", "is not a voter"),
        (peer(at).id.as_str(), "is the leader already"),
    ] {
        let refused = leader.transfer_leader(Some(to), HOLD).await;
        let refused = refused.expect_err("refused").to_string();
        assert!(refused.contains(why), "{refused}");
    }
    leader.write(put("x", b"1"), HOLD).await.expect("leads");
    cluster.shutdown().await;
}

/// One that does not answer is not handed the leadership; the leader goes on, and can hand it to the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_transfer_changes_nothing() {
    let cluster = Cluster::start(3, DEFAULT_SNAPSHOT_THRESHOLD).await;
    let at = cluster.leader().await;
    let leader = &cluster.servers[at];
    let (dead, alive) = ((at + 1) % 3, (at + 2) % 3);
    cluster.write("before").await.expect("written");
    cluster.switch.set_cut(&address(dead), true);
    let mut metrics = leader.inner.core.data_metrics();
    while leader.progress().iter().any(|p| {
        p.id == peer(dead).id
            && p.acknowledged
                .is_none_or(|age| age < Duration::from_secs(1))
    }) {
        use openraft::async_runtime::WatchReceiver as _;
        metrics.changed().await.expect("running");
    }
    let term = leader.stats().term;
    let began = Instant::now();
    let limit = Duration::from_millis(300);
    let failed = leader.transfer_leader(Some(&peer(dead).id), limit).await;
    let failed = failed.expect_err("is dead").to_string();
    assert!(failed.contains("no voter was ready"), "{failed}");
    assert!(began.elapsed() < 2 * limit);
    leader.write(put("x", b"1"), HOLD).await.expect("leads");
    assert_eq!(leader.stats().term, term);
    let moved = leader.transfer_leader(None, HOLD).await.expect("moved");
    assert_eq!(moved.id, peer(alive).id);
    cluster.switch.set_cut(&address(dead), false);
    cluster.write("after").await.expect("written");
    cluster.everyone_has("after").await;
    cluster.shutdown().await;
}
