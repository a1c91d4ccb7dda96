//! Servers that have lost their data, and clusters that have lost their servers.

use openraft::async_runtime::WatchReceiver as _;

use super::*;
use crate::agent::store::RestoreStep;

/// A voter returns without its data, under its old id: the leader survives it, sends it everything again, and goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_server_with_its_old_id_is_filled_again() {
    for threshold in [DEFAULT_SNAPSHOT_THRESHOLD, 50] {
        let mut cluster = Cluster::start(3, threshold).await;
        let at = cluster.leader().await;
        for n in 0..200 {
            cluster.write(&format!("k{n}")).await.expect("written");
        }
        cluster.everyone_has("k199").await;
        let wiped = (at + 1) % 3;
        cluster.switch.set_cut(&address(wiped), true);
        cluster.servers[wiped].shutdown().await.expect("closed");
        cluster.servers[wiped] = cluster.launch(wiped, None).await;
        assert!(!cluster.servers[wiped].has_servers());
        let writers = Writers::start(4, std::slice::from_ref(&cluster.servers[at]));
        cluster.switch.set_cut(&address(wiped), false);
        cluster.write("after").await.expect("written");
        cluster.everyone_has("k199").await;
        cluster.everyone_has("after").await;
        assert_eq!(cluster.leader().await, at);
        writers.stop(&cluster.servers[at]).await;
        // It counts as a voter again.
        cluster.write("last").await.expect("written");
        cluster.everyone_has("last").await;
        cluster.switch.set_cut(&address(at), true);
        let second = cluster.leader().await;
        let write = cluster.servers[second].write(put("x", b"1"), HOLD).await;
        write.expect("written");
        cluster.switch.set_cut(&address(at), false);
        cluster.shutdown().await;
    }
}

/// A voter without its data does not help a server that was behind to lead: what was committed stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_server_elects_nobody_who_lacks_commits() {
    let mut cluster = Cluster::start(3, DEFAULT_SNAPSHOT_THRESHOLD).await;
    let at = cluster.leader().await;
    cluster.write("before").await.expect("written");
    cluster.everyone_has("before").await;
    let (behind, wiped) = ((at + 1) % 3, (at + 2) % 3);
    cluster.switch.set_cut(&address(behind), true);
    let leader = cluster.servers[at].clone();
    leader
        .write(put("kept", b"1"), HOLD)
        .await
        .expect("written");
    cluster.have([wiped], "kept").await;
    cluster.switch.set_cut(&address(at), true);
    cluster.switch.set_cut(&address(wiped), true);
    cluster.servers[wiped].shutdown().await.expect("closed");
    cluster.servers[wiped] = cluster.launch(wiped, None).await;
    cluster.switch.set_cut(&address(behind), false);
    cluster.switch.set_cut(&address(wiped), false);
    until_leaderless(&cluster.servers[behind]).await;
    // Longer than elections take.
    let hold = Duration::from_secs(3);
    let write = cluster.servers[behind].write(put("x", b"1"), hold).await;
    assert_eq!(write.map(drop), Err(WriteError::NoLeader));
    cluster.switch.set_cut(&address(at), false);
    cluster.write("after").await.expect("written");
    cluster.everyone_has("kept").await;
    cluster.everyone_has("after").await;
    cluster.shutdown().await;
}

fn write_peers(dir: &Path, text: &str) {
    std::fs::write(dir.join("raft").join("peers.json"), text).expect("written");
}

/// Two of three servers are gone for good; the operator says that the third is all there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_says_who_is_left() {
    for threshold in [DEFAULT_SNAPSHOT_THRESHOLD, 50] {
        let dir = tempfile::tempdir().expect("folder");
        let mut cluster = Cluster::without_servers(threshold, Duration::ZERO);
        let raft = cluster.launch(0, Some(dir.path())).await;
        cluster.servers.push(raft);
        let cluster = cluster.with_blank(2).await.formed(3).await;
        for n in 0..200 {
            cluster.write(&format!("k{n}")).await.expect("written");
        }
        cluster.everyone_has("k199").await;
        let before = cluster.servers[0].stats();
        let Cluster {
            switch, servers, ..
        } = cluster;
        for (n, raft) in servers.into_iter().enumerate() {
            switch.set_cut(&address(n), true);
            raft.shutdown().await.expect("closed");
        }
        assert!(dir.path().join("raft/peers.info").exists());
        write_peers(
            dir.path(),
            r#"[{"id": "node-0", "address": "10.0.0.0:8300"}]"#,
        );
        let cluster = Cluster::without_servers(threshold, Duration::ZERO);
        let raft = cluster.launch(0, Some(dir.path())).await;
        assert!(raft.is_leader());
        assert!(!dir.path().join("raft/peers.json").exists());
        assert_eq!(raft.configuration().servers.len(), 1);
        assert!(raft.stats().term > before.term);
        assert!(get(&raft, "k199").is_some());
        raft.write(put("after", b"1"), HOLD).await.expect("alone");
        raft.shutdown().await.expect("closed");
        let raft = cluster.launch(0, Some(dir.path())).await;
        assert!(get(&raft, "after").is_some());
        // Others may join it.
        let mut cluster = Cluster {
            servers: vec![raft],
            ..cluster
        };
        cluster = cluster.with_blank(1).await;
        let leader = cluster.servers[0].clone();
        leader.add_nonvoter(&peer(1)).await.expect("added");
        cluster.everyone_has("after").await;
        leader.promote("node-1").await.expect("promoted");
        cluster.shutdown().await;
    }
}

/// Two of five are left, with logs of different lengths; the operator writes the same file on both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_that_are_left_agree() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("folder"));
    let mut cluster = Cluster::without_servers(1000, Duration::ZERO);
    for (n, dir) in dirs.iter().enumerate() {
        let raft = cluster.launch(n, Some(dir.path())).await;
        cluster.servers.push(raft);
    }
    let cluster = cluster.with_blank(3).await.formed(5).await;
    cluster.write("before").await.expect("written");
    cluster.everyone_has("before").await;
    let leader = &cluster.servers[cluster.leader().await];
    if !cluster.servers[0].is_leader() {
        let moved = leader.transfer_leader(Some("node-0"), HOLD).await;
        moved.expect("moved");
    }
    cluster.switch.set_cut(&address(1), true);
    for n in 0..20 {
        cluster.write(&format!("k{n}")).await.expect("written");
    }
    cluster.have([0], "k19").await;
    let Cluster {
        switch, servers, ..
    } = cluster;
    for (n, raft) in servers.into_iter().enumerate() {
        switch.set_cut(&address(n), true);
        raft.shutdown().await.expect("closed");
    }
    let mut cluster = Cluster::without_servers(1000, Duration::ZERO);
    for (n, dir) in dirs.iter().enumerate() {
        write_peers(
            dir.path(),
            r#"[{"id": "node-0", "address": "10.0.0.0:8300", "non_voter": false},
                {"id": "node-1", "address": "10.0.0.1:8300"}]"#,
        );
        let raft = cluster.launch(n, Some(dir.path())).await;
        cluster.servers.push(raft);
    }
    cluster.write("after").await.expect("written");
    cluster.everyone_has("k19").await;
    cluster.everyone_has("after").await;
    for n in 0..2 {
        assert_eq!(cluster.members(n).0, ["node-0", "node-1"]);
    }
    cluster.shutdown().await;
}

#[tokio::test]
async fn an_operators_file_that_is_wrong_keeps_the_server_from_starting() {
    let dir = tempfile::tempdir().expect("folder");
    let (raft, _) = super::super::start(settings(Some(dir.path()))).await;
    raft.shutdown().await.expect("closed");
    for (text, why) in [
        ("[", "peers.json: "),
        (r#"["10.0.0.1:8300"]"#, "raft protocol 2"),
        ("[]", "at least one server must be a voter"),
    ] {
        write_peers(dir.path(), text);
        let error = start_error(settings(Some(dir.path()))).await;
        assert!(error.starts_with("recovery failed: "), "{error}");
        assert!(
            error.contains("peers.json") && error.contains(why),
            "{error}"
        );
        assert!(dir.path().join("raft/peers.json").exists());
    }
    let empty = tempfile::tempdir().expect("folder");
    std::fs::create_dir(empty.path().join("raft")).expect("folder");
    write_peers(empty.path(), r#"[{"id": "a", "address": "x:1"}]"#);
    let error = start_error(settings(Some(empty.path()))).await;
    assert!(error.contains("no raft data"), "{error}");
}

/// A restoration fails because the majority is gone, and so does its end; the majority returns, and the leader stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restoration_that_failed_ends_once_there_is_a_majority_again() {
    let cluster = Cluster::start(3, DEFAULT_SNAPSHOT_THRESHOLD).await;
    let at = cluster.leader().await;
    let leader = cluster.servers[at].clone();
    let mut parts = Vec::new();
    let split = leader.state().split(1 << 20, |part| {
        parts.push(part);
        Ok::<(), ()>(())
    });
    split.expect("split");
    let step = RestoreStep::Part {
        id: 7,
        part: 0,
        bytes: parts.swap_remove(0),
    };
    let staged = leader.write(Command::RestoreStep(step), HOLD).await;
    staged.expect("staged");
    assert!(leader.state().is_restoring());
    let term = leader.stats().term;
    for other in (0..3).filter(|n| *n != at) {
        // No other leader, whose first entry would end it.
        cluster.servers[other]
            .inner
            .core
            .runtime_config()
            .elect(false);
        cluster.switch.set_cut(&address(other), true);
    }
    let mut leadership = leader.leadership();
    let lost = leadership.wait_for(|now| !now.is_leader()).await;
    drop(lost.expect("runs"));
    leader.abandon(7, Duration::from_millis(1)).await;
    assert!(leader.state().is_restoring());
    let mut watcher = leader.inner.core.data_metrics();
    for other in 0..3 {
        cluster.switch.set_cut(&address(other), false);
    }
    let ended = async {
        while leader.state().is_restoring() {
            watcher.changed().await.expect("runs");
        }
    };
    timeout(HOLD, ended).await.expect("it ends");
    assert_eq!(leader.stats().term, term);
    cluster.shutdown().await;
}
