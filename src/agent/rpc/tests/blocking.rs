//! Blocking queries across agents and leaders.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::cluster::{Cluster, HOLD, LONG, get, put, with};
use crate::agent::rpc::{Consistency, QueryOptions, Rpc, WriteOptions};

/// Waits for what comes after an index.
fn after(index: u64, wait: Duration) -> QueryOptions {
    QueryOptions {
        min_index: index,
        max_wait: wait,
        ..with(Consistency::Default)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_wakes_who_waits_behind_two_hops() {
    let cluster = Cluster::start(3).await;
    let leader = cluster.nodes[cluster.leader().await].rpc.clone();
    let follower = cluster.followers().await[0];
    let client = cluster.client_of(&[follower], HOLD);
    put(&leader, "k", "1").await.unwrap();
    let (_, meta) = get(&client, "k", &with(Consistency::Default))
        .await
        .unwrap();
    let began = Instant::now();
    let waiting = waiting(&client, after(meta.index, LONG));
    put(&leader, "other", "1").await.unwrap();
    put(&leader, "k", "2").await.unwrap();
    let (value, later) = waiting.await.unwrap();
    assert_eq!(value.as_deref(), Some("2"));
    assert!(later.index > meta.index);
    assert!(began.elapsed() < LONG / 2);
    // Nothing changes: the time ends it, with the same answer.
    let began = Instant::now();
    let wait = Duration::from_millis(300);
    let (value, same) = get(&client, "k", &after(later.index, wait)).await.unwrap();
    assert_eq!((value.as_deref(), same.index), (Some("2"), later.index));
    assert!(began.elapsed() >= wait && began.elapsed() < HOLD);
    cluster.stop().await;
}

type Waiting = tokio::task::JoinHandle<(Option<String>, crate::agent::rpc::QueryMeta)>;

fn waiting(rpc: &Rpc, options: QueryOptions) -> Waiting {
    let rpc = rpc.clone();
    tokio::spawn(async move { get(&rpc, "k", &options).await.unwrap() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_follows_the_leadership() {
    let mut cluster = Cluster::start(3).await;
    let old = cluster.leader().await;
    let followers = cluster.followers().await;
    put(&cluster.nodes[old].rpc, "k", "1").await.unwrap();
    let client = cluster.client_of(&followers, HOLD);
    let (_, meta) = get(&client, "k", &with(Consistency::Default))
        .await
        .unwrap();
    let options = after(meta.index, LONG * 2);
    let mut all = vec![waiting(&client, options.clone())];
    for node in &cluster.nodes {
        all.push(waiting(&node.rpc, options.clone()));
    }
    // A transfer: the deposed leader's own waiters go to the new one.
    let rpc = cluster.nodes[old].rpc.clone();
    rpc.transfer_leader(&WriteOptions::default(), None)
        .await
        .unwrap();
    let new = cluster.leader().await;
    assert_ne!(new, old);
    cluster.all_follow(new).await;
    assert!(all.iter().all(|waiting| !waiting.is_finished()));
    // Then the end of the leader that everybody waits at.
    cluster.nodes[new].kill().await;
    let last = cluster.leader().await;
    let others = all.iter().enumerate().filter(|(n, _)| *n != new + 1);
    for (_, waiting) in others {
        assert!(!waiting.is_finished());
    }
    put(&cluster.nodes[last].rpc, "k", "2").await.unwrap();
    for (n, waiting) in all.into_iter().enumerate() {
        // The killed server's own waiter has nobody to ask.
        if n == new + 1 {
            waiting.abort();
            continue;
        }
        let (value, _) = timeout(LONG, waiting).await.expect("woken").unwrap();
        assert_eq!(value.as_deref(), Some("2"), "{n}");
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_leaves_a_server_that_gossip_calls_gone() {
    let cluster = Cluster::start(3).await;
    let client = cluster.client_of(&[0], HOLD);
    put(&client, "k", "1").await.unwrap();
    let (_, meta) = get(&client, "k", &with(Consistency::Default))
        .await
        .unwrap();
    let waiting = waiting(&client, after(meta.index, LONG));
    client.set_servers(cluster.servers()[1..].to_vec());
    put(&client, "k", "2").await.unwrap();
    let (value, _) = timeout(LONG, waiting).await.expect("woken").unwrap();
    assert_eq!(value.as_deref(), Some("2"));
    cluster.stop().await;
}
