//! How fast one hop is. Run by hand, in a release build, with `--ignored --nocapture`.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::super::{Limits, RaftLinks};
use super::support::{HERE, LONG, Server, pool};
use crate::agent::rpc::wire::encode;

fn tell(what: &str, calls: u32, workers: u32, taken: Duration, slowest: &mut [Duration]) {
    slowest.sort_unstable();
    let at = |part: usize| slowest[(slowest.len() - 1) * part / 100];
    let per_second = f64::from(calls) / taken.as_secs_f64();
    println!(
        "{what}, {workers} at a time: {per_second:.0}/s, p50 {:?}, p99 {:?}",
        at(50),
        at(99)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn calls_a_second() {
    let server = Server::start(Limits::default()).await;
    let pool = pool();
    for (size, workers, each) in [
        (100, 1, 5000),
        (100, 16, 2000),
        (100, 64, 1000),
        (4096, 64, 500),
    ] {
        let body = encode(serde_bytes::Bytes::new(&vec![1; size])).unwrap();
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..workers {
            let (pool, address, body) = (pool.clone(), server.address, body.clone());
            tasks.spawn(async move {
                let mut times = Vec::new();
                for _ in 0..each {
                    let begun = Instant::now();
                    pool.call(address, "Test.Echo", &body, LONG).await.unwrap();
                    times.push(begun.elapsed());
                }
                times
            });
        }
        let mut times: Vec<Duration> = tasks.join_all().await.concat();
        let taken = begun.elapsed();
        tell(
            &format!("calls of {size} bytes"),
            workers * each,
            workers,
            taken,
            &mut times,
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn frames_a_second() {
    let server = Server::start(Limits::default()).await;
    let links = std::sync::Arc::new(RaftLinks::default());
    let address = server.address.to_string();
    for (workers, each) in [(1, 5000), (16, 2000)] {
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..workers {
            let (links, address) = (links.clone(), address.clone());
            tasks.spawn(async move {
                let mut times = Vec::new();
                for _ in 0..each {
                    let begun = Instant::now();
                    let call = links.call(HERE, &address, 0, 0, vec![1; 200], LONG);
                    call.await.unwrap();
                    times.push(begun.elapsed());
                }
                times
            });
        }
        let mut times: Vec<Duration> = tasks.join_all().await.concat();
        tell(
            "frames of 200 bytes",
            workers * each,
            workers,
            begun.elapsed(),
            &mut times,
        );
    }
}
