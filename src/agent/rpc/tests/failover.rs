//! A leader that is killed under load.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::cluster::{Cluster, LONG, get, missing, put, with};
use crate::agent::rpc::error::Outcome;
use crate::agent::rpc::{Consistency, Rpc};

/// Writers of each agent.
const WRITERS: usize = 4;

/// Counts acknowledgements, and tells of them.
#[derive(Default)]
struct Progress {
    acknowledged: AtomicUsize,
    more: Notify,
    stop: AtomicBool,
}

impl Progress {
    async fn until(&self, count: usize) {
        let wait = async {
            loop {
                let more = self.more.notified();
                if self.acknowledged.load(Ordering::SeqCst) >= count {
                    return;
                }
                more.await;
            }
        };
        timeout(LONG, wait).await.expect("progress");
    }
}

/// Writes ever new keys until it is stopped; returns the acknowledged ones.
async fn write(rpc: Rpc, name: String, progress: Arc<Progress>) -> BTreeSet<String> {
    let mut done = BTreeSet::new();
    for n in 0.. {
        if progress.stop.load(Ordering::SeqCst) {
            break;
        }
        let key = format!("{name}/{n}");
        match put(&rpc, &key, "v").await {
            Ok(_) => {
                done.insert(key);
                progress.acknowledged.fetch_add(1, Ordering::SeqCst);
                progress.more.notify_waiters();
            }
            // Only what was under way when the leader died may fail.
            Err(error) => assert_eq!(error.outcome(), Outcome::Unknown, "{error}"),
        }
    }
    done
}

/// Reads until it is stopped: no read may fail, and no key's value may vanish.
async fn read(rpc: Rpc, consistency: Consistency, progress: Arc<Progress>) -> usize {
    let mut reads = 0;
    let mut index = 0;
    while !progress.stop.load(Ordering::SeqCst) {
        let (value, meta) = get(&rpc, "first", &with(consistency)).await.unwrap();
        assert_eq!(value.as_deref(), Some("v"));
        assert!(meta.index >= index, "{} after {index}", meta.index);
        index = meta.index;
        reads += 1;
    }
    reads
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_leader_takes_no_acknowledged_write_with_it() {
    let mut cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    let followers = cluster.followers().await;
    let client = cluster.client();
    put(&client, "first", "v").await.unwrap();
    let progress = Arc::new(Progress::default());
    let agents = [
        &cluster.nodes[followers[0]].rpc,
        &cluster.nodes[followers[1]].rpc,
        &client,
    ];
    let mut writers = JoinSet::new();
    let mut readers = JoinSet::new();
    for (n, rpc) in agents.into_iter().enumerate() {
        for writer in 0..WRITERS {
            let name = format!("{n}/{writer}");
            writers.spawn(write(rpc.clone(), name, Arc::clone(&progress)));
        }
        for consistency in [Consistency::Default, Consistency::Consistent] {
            readers.spawn(read(rpc.clone(), consistency, Arc::clone(&progress)));
        }
    }
    progress.until(500).await;
    let killed_at = Instant::now();
    cluster.nodes[leader].kill().await;
    let so_far = progress.acknowledged.load(Ordering::SeqCst);
    progress.until(so_far + 500).await;
    assert!(killed_at.elapsed() < LONG / 2);
    progress.stop.store(true, Ordering::SeqCst);
    let mut acknowledged = BTreeSet::new();
    while let Some(done) = writers.join_next().await {
        acknowledged.extend(done.unwrap());
    }
    while let Some(reads) = readers.join_next().await {
        assert!(reads.unwrap() > 0);
    }
    assert!(acknowledged.len() >= 1000);
    assert_eq!(missing(&client, &acknowledged).await, Vec::<String>::new());
    cluster.stop().await;
}
