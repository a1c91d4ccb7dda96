//! Throughput of writes; run with `cargo test --release raft::tests::bench -- --ignored --nocapture`.

use std::time::Instant;

use super::*;

/// Writes a second per number of writers, on disk and in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn writes_per_second() {
    for on_disk in [true, false] {
        for writers in [1_usize, 64, 1024] {
            let dir = tempfile::tempdir().expect("folder");
            let (raft, recovery) = start(settings(on_disk.then(|| dir.path()))).await;
            let each = if writers == 1 { 3000 } else { 60_000 / writers };
            let batches = raft.log_batches();
            let began = Instant::now();
            let tasks: Vec<_> = (0..writers)
                .map(|writer| {
                    let raft = raft.clone();
                    tokio::spawn(async move {
                        for n in 0..each {
                            let command = put(&format!("w{writer}/k{n}"), &[7; 128]);
                            raft.write(command, HOLD).await.expect("written");
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("no panic");
            }
            let seconds = began.elapsed().as_secs_f64();
            let writes = u32::try_from(writers * each).expect("few");
            let batches = raft.log_batches() - batches;
            report(&format!(
                "disk {on_disk:<5} writers {writers:>4}: {:>8.0} writes/s, {batches} transactions for {writes} writes, start {:?}",
                f64::from(writes) / seconds,
                recovery.elapsed
            ));
            raft.shutdown().await.expect("closed");
            if on_disk {
                let (raft, recovery) = start(settings(Some(dir.path()))).await;
                report(&format!("  restart: {recovery:?}"));
                raft.shutdown().await.expect("closed");
            }
        }
    }
}

fn report(line: &str) {
    eprintln!("{line}");
}
