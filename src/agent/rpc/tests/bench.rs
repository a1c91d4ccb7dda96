//! How many requests a cluster in one process carries; run with `--ignored --nocapture` and without debug assertions.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use super::cluster::{Cluster, get, put, with};
use crate::agent::rpc::{Consistency, Rpc};

const TIME: Duration = Duration::from_secs(3);

async fn rate<F, R>(rpc: &Rpc, tasks: usize, request: F) -> usize
where
    F: Fn(Rpc, usize) -> R + Clone + Send + 'static,
    R: Future<Output = ()> + Send,
{
    let began = Instant::now();
    let mut all = tokio::task::JoinSet::new();
    for n in 0..tasks {
        let (rpc, request) = (rpc.clone(), request.clone());
        all.spawn(async move {
            let mut count = 0;
            while began.elapsed() < TIME {
                request(rpc.clone(), n).await;
                count += 1;
            }
            count
        });
    }
    let counts = all.join_all().await;
    counts.iter().sum::<usize>() / 3
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn requests_a_second() {
    let cluster = Cluster::start(3).await;
    let leader = cluster.nodes[cluster.leader().await].rpc.clone();
    let follower = cluster.nodes[cluster.followers().await[0]].rpc.clone();
    let client = cluster.client();
    put(&leader, "k", "v").await.unwrap();
    for (name, rpc) in [
        ("leader", &leader),
        ("follower", &follower),
        ("client", &client),
    ] {
        for tasks in [1, 64] {
            let mut line = format!("{name} x{tasks}:");
            for consistency in [
                Consistency::Default,
                Consistency::Consistent,
                Consistency::Stale,
            ] {
                let done = rate(rpc, tasks, move |rpc, _| async move {
                    get(&rpc, "k", &with(consistency)).await.unwrap();
                });
                let done = done.await;
                write!(line, " get {} {done}/s,", consistency.as_str()).unwrap();
            }
            let done = rate(rpc, tasks, |rpc, n| async move {
                put(&rpc, &format!("k{n}"), "v").await.unwrap();
            });
            let done = done.await;
            writeln!(line, " put {done}/s").unwrap();
            std::io::stderr().write_all(line.as_bytes()).unwrap();
        }
    }
    cluster.stop().await;
}
