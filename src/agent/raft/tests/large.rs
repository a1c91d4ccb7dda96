//! A state of a gibibyte: how long writes wait while it is snapshotted, sent and restored; run with
//! `cargo test --release raft::tests::large -- --ignored --nocapture`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::*;

const KEYS: usize = 200_000;
const VALUE: usize = 5200;
const WRITERS: usize = 16;

type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Frames between handles in this process.
#[derive(Default)]
struct Wire(Mutex<BTreeMap<String, Raft>>);

struct End(Arc<Wire>);

impl Transport for End {
    fn call<'a>(
        &'a self,
        peer: &'a Peer,
        _: Lane,
        call: Call,
        body: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, TransportError>> {
        Box::pin(async move {
            let raft = {
                let servers = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
                servers.get(&peer.address).cloned()
            };
            let Some(raft) = raft else {
                return Err(TransportError::Broken("nobody there".to_owned()));
            };
            let answer = tokio::time::timeout(timeout, raft.serve(call, &body)).await;
            answer
                .map_err(|e| TransportError::Broken(e.to_string()))?
                .map_err(|e| TransportError::Broken(e.to_string()))
        })
    }
}

fn report(line: &str) {
    eprintln!("{line}");
}

/// The process's resident memory now and at its highest, in MiB.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        kib.unwrap_or(0) >> 10
    };
    let now = format!("{} MiB resident, {} at most", of("VmRSS"), of("VmHWM"));
    // Begins the next measurement.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    now
}

fn value(n: usize) -> Vec<u8> {
    let mut value = vec![0; VALUE];
    let mut word = n as u64 + 1;
    for byte in &mut value {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        *byte = word.to_le_bytes()[0];
    }
    value
}

/// Writers that go on until they are stopped, and what they saw.
struct Load {
    stop: Arc<AtomicBool>,
    longest_us: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(raft: &Raft) -> Self {
        let mut load = Self {
            stop: Arc::default(),
            longest_us: Arc::default(),
            writes: Arc::default(),
            tasks: Vec::new(),
        };
        for writer in 0..WRITERS {
            let raft = raft.clone();
            let (stop, longest, writes) = (
                Arc::clone(&load.stop),
                Arc::clone(&load.longest_us),
                Arc::clone(&load.writes),
            );
            load.tasks.push(tokio::spawn(async move {
                let mut n = writer;
                while !stop.load(Ordering::Relaxed) {
                    let key = format!("k{:06}", n % KEYS);
                    let began = Instant::now();
                    let done = raft.write(put(&key, &value(n)), HOLD).await;
                    done.expect("written");
                    let took = u64::try_from(began.elapsed().as_micros()).expect("short");
                    longest.fetch_max(took, Ordering::Relaxed);
                    writes.fetch_add(1, Ordering::Relaxed);
                    n += WRITERS * 7;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }));
        }
        load
    }

    fn lap(&self, what: &str, began: Instant) {
        let longest = Duration::from_micros(self.longest_us.swap(0, Ordering::Relaxed));
        let writes = self.writes.swap(0, Ordering::Relaxed);
        let took = began.elapsed();
        report(&format!(
            "{what}: {took:.2?}, {writes} writes meanwhile, longest {longest:.1?}; {}",
            memory()
        ));
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("no panic");
        }
    }
}

async fn fill(raft: &Raft) -> Duration {
    let longest = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (raft, longest) = (raft.clone(), Arc::clone(&longest));
            tokio::spawn(async move {
                for n in (writer..KEYS).step_by(WRITERS) {
                    let began = Instant::now();
                    let done = raft.write(put(&format!("k{n:06}"), &value(n)), HOLD).await;
                    done.expect("written");
                    let took = u64::try_from(began.elapsed().as_micros()).expect("short");
                    longest.fetch_max(took, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    Duration::from_micros(longest.load(Ordering::Relaxed))
}

fn log_size(dir: &Path) -> u64 {
    let file = std::fs::metadata(dir.join("raft/raft.db")).expect("exists");
    file.len() >> 20
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
#[expect(
    clippy::too_many_lines,
    reason = "a story with one measure after the other"
)]
async fn a_gibibyte_under_load() {
    let wire = Arc::new(Wire::default());
    let dirs = [(); 2].map(|()| tempfile::tempdir_in("/var/tmp").expect("folder"));
    let server = |n: usize, bootstrap| RaftSettings {
        node_uuid: format!("node-{n}"),
        address: format!("10.0.0.{n}:8300"),
        bootstrap,
        transport: Arc::new(End(Arc::clone(&wire))),
        ..settings(Some(dirs[n].path()))
    };
    let (raft, _) = start(server(0, true)).await;
    let add = |n: usize, raft: &Raft| {
        let mut servers = wire.0.lock().unwrap_or_else(PoisonError::into_inner);
        servers.insert(format!("10.0.0.{n}:8300"), raft.clone());
    };
    add(0, &raft);
    memory();
    let began = Instant::now();
    let longest = fill(&raft).await;
    report(&format!(
        "{KEYS} keys of {VALUE} bytes in {:.1?}, longest write {longest:.1?}, log {} MiB; {}",
        began.elapsed(),
        log_size(dirs[0].path()),
        memory()
    ));
    let load = Load::start(&raft);
    for _ in 0..2 {
        let began = Instant::now();
        raft.trigger_snapshot().await.expect("taken");
        load.lap("snapshot", began);
    }
    let began = Instant::now();
    let (other, _) = start(server(1, false)).await;
    add(1, &other);
    let peer = Peer {
        id: "node-1".to_owned(),
        address: "10.0.0.1:8300".to_owned(),
    };
    raft.add_nonvoter(&peer).await.expect("added");
    let installed = other.inner.core.wait(Some(Duration::from_mins(5)));
    let installed = installed.metrics(|m| m.snapshot.is_some(), "installed");
    installed.await.expect("installed");
    load.lap("installed on a second server", began);
    let last = raft.stats().applied_index;
    let began = Instant::now();
    let caught_up = other.inner.core.wait(Some(Duration::from_mins(5)));
    let caught_up = caught_up.metrics(|m| m.last_applied.map(|id| id.index()) >= Some(last), "all");
    caught_up.await.expect("caught up");
    report(&format!("caught up after {:.1?}", began.elapsed()));
    load.lap("caught up under load", began);
    load.end().await;
    report(&format!("leader changes: {}", raft.history().len()));
    let began = Instant::now();
    let saved = raft.save_archive().await.expect("saved");
    report(&format!(
        "archive of {} MiB in {:.1?}; {}",
        saved.len >> 20,
        began.elapsed(),
        memory()
    ));
    let began = Instant::now();
    raft.restore_from(saved.file, HOLD).await.expect("restored");
    report(&format!(
        "restored in {:.1?}; {}",
        began.elapsed(),
        memory()
    ));
    assert_eq!(raft.state().to_snapshot().len() >> 30, 1);
    report(&format!("leader changes: {}", raft.history().len()));
    for raft in [&raft, &other] {
        raft.shutdown().await.expect("closed");
    }
    report(&format!("log {} MiB", log_size(dirs[0].path())));
    drop(other);
    drop(raft);
    let (raft, recovery) = start(server(1, false)).await;
    report(&format!("restart: {recovery:?}; {}", memory()));
    raft.shutdown().await.expect("closed");
}
