//! Entries over a slow network.

use super::*;

/// A follower that is 40 ms away gets many messages at a time: without that, one message of at most 1 MiB
/// takes 40 ms.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latency_does_not_bound_throughput() {
    const DELAY: Duration = Duration::from_millis(20);
    const WRITES: usize = 64;
    let cluster = Cluster::start_with(3, DEFAULT_SNAPSHOT_THRESHOLD, DELAY).await;
    let at = cluster.leader().await;
    cluster.write("before").await.expect("written");
    cluster.everyone_has("before").await;
    let behind = (at + 1) % 3;
    cluster.switch.set_cut(&address(behind), true);
    let leader = &cluster.servers[at];
    let value = vec![7; 512 << 10];
    for n in 0..WRITES {
        let write = leader.write(put(&format!("k{n}"), &value), HOLD).await;
        write.expect("written");
    }
    let began = Instant::now();
    cluster.switch.set_cut(&address(behind), false);
    cluster.have([behind], &format!("k{}", WRITES - 1)).await;
    let took = began.elapsed();
    // Two entries a message: 32 messages, one after the other, take 1.3 s.
    assert!(took < Duration::from_millis(1200), "{took:?}");
    cluster.shutdown().await;
}

/// Every writer waits for a round of 40 ms, however many there are: none waits for another's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_do_not_wait_for_each_others_rounds() {
    const DELAY: Duration = Duration::from_millis(20);
    let cluster = Cluster::start_with(3, DEFAULT_SNAPSHOT_THRESHOLD, DELAY).await;
    let at = cluster.leader().await;
    cluster.write("before").await.expect("written");
    cluster.everyone_has("before").await;
    let leader = &cluster.servers[at];
    // Writes that begin a few milliseconds apart, so that each is a message of its own.
    let began = Instant::now();
    let mut writes = tokio::task::JoinSet::new();
    for n in 0..20_u32 {
        let leader = leader.clone();
        writes.spawn(async move {
            sleep_until(began + n * Duration::from_millis(3)).await;
            let asked = Instant::now();
            let write = leader.write(put(&format!("k{n}"), b"v"), HOLD).await;
            write.expect("written");
            asked.elapsed()
        });
    }
    let mut times: Vec<Duration> = Vec::new();
    while let Some(took) = writes.join_next().await {
        times.push(took.expect("no panic"));
    }
    times.sort();
    // One message at a time would make half of them wait for up to a round more.
    assert!(times[10] < Duration::from_millis(55), "{times:?}");
    cluster.shutdown().await;
}
