//! Servers that come and go.

use super::*;

/// A server is added, gets its vote, and is removed, while writers notice nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_comes_and_goes_under_writes() {
    let cluster = Cluster::start(3, DEFAULT_SNAPSHOT_THRESHOLD).await;
    let cluster = cluster.with_blank(1).await;
    let at = cluster.leader().await;
    let leader = cluster.servers[at].clone();
    let writers = Writers::start(8, &cluster.servers[..3]);
    assert!(!cluster.servers[3].has_servers());
    leader.add_nonvoter(&peer(3)).await.expect("added");
    assert_eq!(cluster.members(at).1, ["node-3"]);
    cluster.write("added").await.expect("written");
    cluster.everyone_has("added").await;
    let progress = leader.progress();
    let new = progress.iter().find(|peer| peer.id == "node-3");
    let new = new.expect("known");
    assert!(!new.voter && new.matched > Some(0) && new.acknowledged.is_some());
    let own = progress.iter().find(|p| p.id == peer(at).id);
    let own = own.expect("known");
    assert_eq!(own.acknowledged, Some(Duration::ZERO));
    assert!(cluster.servers[3].progress().is_empty());
    leader.promote("node-3").await.expect("promoted");
    leader.promote("node-3").await.expect("is one already");
    assert_eq!(cluster.members(at).0.len(), 4);
    leader.remove_server("node-3").await.expect("removed");
    leader.remove_server("node-3").await.expect("is gone");
    assert_eq!(cluster.members(at).0.len(), 3);
    assert_eq!(cluster.members(at).1, Vec::<String>::new());
    leader.add_nonvoter(&peer(3)).await.expect("added");
    leader.remove_server("node-3").await.expect("removed");
    assert_eq!(cluster.members(at).1, Vec::<String>::new());
    writers.stop(&leader).await;
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_removes_itself_is_succeeded() {
    let cluster = Cluster::start(3, DEFAULT_SNAPSHOT_THRESHOLD).await;
    let first = cluster.leader().await;
    let left: Vec<usize> = (0..3).filter(|n| *n != first).collect();
    let remaining: Vec<Raft> = left.iter().map(|n| cluster.servers[*n].clone()).collect();
    let mut entries = remaining.clone();
    entries.push(cluster.servers[first].clone());
    let writers = Writers::start(4, &entries);
    let leader = &cluster.servers[first];
    let began = Instant::now();
    leader
        .remove_server(&peer(first).id)
        .await
        .expect("removed");
    let second = leader_of(&remaining, &cluster.switch).await;
    // No election timeout is waited for.
    assert!(began.elapsed() < Duration::from_secs(2));
    let second = left[second];
    writers.stop(&cluster.servers[second]).await;
    let expected: Vec<String> = left.iter().map(|n| peer(*n).id).collect();
    assert_eq!(cluster.members(second), (expected, Vec::new()));
    let refused = leader.write(put("x", b"1"), HOLD).await;
    // At once: nobody tells it of a leader any more.
    assert_eq!(refused.map(drop), Err(WriteError::NoLeader));
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_servers_become_three_and_one() {
    let cluster = Cluster::start(5, DEFAULT_SNAPSHOT_THRESHOLD).await;
    let at = cluster.leader().await;
    let leader = &cluster.servers[at];
    let others: Vec<usize> = (0..5).filter(|n| *n != at).collect();
    // One of them is dead already.
    cluster.switch.set_cut(&address(others[0]), true);
    for n in &others[..2] {
        leader.remove_server(&peer(*n).id).await.expect("removed");
    }
    assert_eq!(cluster.members(at).0.len(), 3);
    cluster.switch.set_cut(&address(others[2]), true);
    leader
        .write(put("two", b"2"), HOLD)
        .await
        .expect("two of three");
    cluster.switch.set_cut(&address(others[2]), false);
    for n in &others[2..] {
        leader.remove_server(&peer(*n).id).await.expect("removed");
    }
    leader.write(put("one", b"1"), HOLD).await.expect("alone");
    let refused = leader.remove_server(&peer(at).id).await;
    let refused = refused.expect_err("the last one").to_string();
    assert_eq!(refused, "need at least one voter in configuration: []");
    assert!(leader.is_leader());
    cluster.shutdown().await;
}

/// Changes that come at the same time are made one after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_at_the_same_time_wait_for_each_other() {
    let cluster = Cluster::start(3, DEFAULT_SNAPSHOT_THRESHOLD).await;
    let cluster = cluster.with_blank(2).await;
    let at = cluster.leader().await;
    let leader = &cluster.servers[at];
    let (a, b) = (peer(3), peer(4));
    let (a, b) = tokio::join!(leader.add_nonvoter(&a), leader.add_nonvoter(&b));
    assert_eq!((a, b), (Ok(()), Ok(())));
    let (a, b) = tokio::join!(leader.promote("node-3"), leader.promote("node-4"));
    assert_eq!((a, b), (Ok(()), Ok(())));
    assert_eq!(cluster.members(at).0.len(), 5);
    let follower = &cluster.servers[(at + 1) % 3];
    let expected = WriteError::NotLeader(leader.leader().expect("known"));
    for done in [
        follower.remove_server("node-3").await,
        follower.remove_server("nobody").await,
        follower.promote("node-3").await,
        follower.add_nonvoter(&peer(3)).await,
    ] {
        assert_eq!(done, Err(expected.clone()));
    }
    let moved = follower.transfer_leader(None, HOLD).await;
    assert_eq!(moved, Err(expected));
    let unknown = leader.promote("nobody").await.expect_err("unknown");
    assert!(unknown.to_string().contains("not found"), "{unknown}");
    cluster.shutdown().await;
}

/// A server that returns at another address is sent the log there, by the same leader.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_address_is_used_at_once() {
    let cluster = Cluster::start(3, DEFAULT_SNAPSHOT_THRESHOLD).await;
    let at = cluster.leader().await;
    let leader = &cluster.servers[at];
    cluster.write("before").await.expect("written");
    cluster.everyone_has("before").await;
    let moving = (at + 1) % 3;
    let raft = locked(&cluster.switch.servers).remove(&address(moving));
    cluster.switch.add(address(9), raft.expect("there"));
    let term = leader.stats().term;
    let moved = Peer {
        address: address(9),
        ..peer(moving)
    };
    leader.add_nonvoter(&moved).await.expect("changed");
    // It keeps its vote.
    assert_eq!(cluster.members(at).0.len(), 3);
    cluster.write("after").await.expect("written");
    cluster.everyone_has("after").await;
    assert_eq!(leader.stats().term, term);
    cluster.shutdown().await;
}
