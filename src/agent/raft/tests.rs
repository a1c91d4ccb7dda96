//! The room through its handle.

mod bench;
mod cluster;
mod large;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;
use crate::agent::store::{Command, KvCommand, KvGet, KvVerb, Query, Response, Topic, WatchSet};
use crate::agent::telemetry::metrics::{Metrics, MetricsSettings};
use crate::model::kv::{Blob, Key, KvPair};
use crate::model::snapshot_archive::Archive;

pub(super) const HOLD: Duration = Duration::from_secs(30);
const UUID: &str = "9865d69a-89a4-8685-2ef2-c475f8385629";
const ADDRESS: &str = "127.0.0.64:8300";

pub(super) fn settings(dir: Option<&Path>) -> RaftSettings {
    RaftSettings {
        dir: dir.map(Path::to_owned),
        node_uuid: UUID.to_owned(),
        address: ADDRESS.to_owned(),
        raft_multiplier: 1,
        bootstrap: true,
        snapshot_threshold: DEFAULT_SNAPSHOT_THRESHOLD,
        trailing_logs: DEFAULT_TRAILING_LOGS,
        transport: Arc::new(NoTransport),
        metrics: Metrics::default(),
        clock: Arc::new(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_173_687)),
    }
}

pub(super) fn put(key: &str, value: &[u8]) -> Command {
    Command::Kv(KvCommand {
        verb: KvVerb::Set,
        pair: KvPair {
            key: Key::from(key),
            value: Blob(value.to_vec().into()),
            ..KvPair::default()
        },
    })
}

pub(super) fn get(raft: &Raft, key: &str) -> Option<Vec<u8>> {
    let query = KvGet {
        key: Key::from(key),
    };
    let (_, found) = query.run(&raft.state(), &mut WatchSet::default());
    found.map(|pair| pair.value.0.to_vec())
}

async fn start(settings: RaftSettings) -> (Raft, Recovery) {
    Raft::start(settings).await.expect("started")
}

async fn start_error(settings: RaftSettings) -> String {
    let failed = Raft::start(settings).await.map(drop);
    failed.expect_err("cannot start").to_string()
}

async fn write_keys(raft: &Raft, keys: std::ops::Range<usize>) {
    for n in keys {
        let done = raft.write(put(&format!("k{n}"), b"v"), HOLD).await;
        assert!(
            matches!(
                done,
                Ok(Applied {
                    response: Response::Done,
                    ..
                })
            ),
            "{done:?}"
        );
    }
}

/// What `kill -9` leaves: the files as they are, while their writer still runs.
fn copy_live(from: &Path) -> TempDir {
    let to = tempfile::tempdir().expect("folder");
    let (from, into) = (from.join("raft"), to.path().join("raft"));
    std::fs::create_dir_all(into.join("snapshots")).expect("folder");
    for folder in ["", "snapshots"] {
        for entry in std::fs::read_dir(from.join(folder)).expect("folder") {
            let path = entry.expect("entry").path();
            if path.is_file() {
                let name = path.file_name().expect("a name");
                std::fs::copy(&path, into.join(folder).join(name)).expect("copied");
            }
        }
    }
    to
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_server_leads_at_once_and_serves_writes() {
    for dir in [None, Some(tempfile::tempdir().expect("folder"))] {
        let (raft, recovery) = start(settings(dir.as_ref().map(TempDir::path))).await;
        assert_eq!(
            (recovery.snapshot_index, recovery.replayed_entries),
            (None, 0)
        );
        assert!(raft.is_leader());
        let own = Leader {
            id: UUID.to_owned(),
            address: ADDRESS.to_owned(),
        };
        assert_eq!(raft.leader(), Some(own.clone()));
        raft.verify_leader(HOLD).await.expect("leads");
        raft.verify_lease(HOLD).await.expect("leads");
        let first = raft.write(put("a", b"1"), HOLD).await.expect("written");
        let second = raft.write(put("a", b"2"), HOLD).await.expect("written");
        assert!(second.index > first.index);
        assert_eq!(raft.state().last_index(), second.index);
        assert_eq!(get(&raft, "a").expect("a key"), b"2");
        let history = raft.history();
        assert_eq!(history.len(), 1);
        assert_eq!(history[0].leader, Some(own));
        raft.shutdown().await.expect("closed");
        let refused = raft.write(put("a", b"3"), HOLD).await;
        assert!(
            matches!(refused, Err(WriteError::Stopped(_))),
            "{refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_keeps_everything_and_takes_a_new_term() {
    let dir = tempfile::tempdir().expect("folder");
    let (raft, _) = start(settings(Some(dir.path()))).await;
    write_keys(&raft, 0..200).await;
    let (before, term) = (raft.state().to_snapshot(), raft.stats().term);
    raft.shutdown().await.expect("closed");
    let (raft, recovery) = start(settings(Some(dir.path()))).await;
    assert_eq!(raft.state().to_snapshot(), before);
    // The membership, the leader's first entry, and the keys.
    assert_eq!(recovery.replayed_entries, 202);
    assert!(raft.stats().term > term);
    write_keys(&raft, 200..201).await;
    raft.shutdown().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_nobody_elses_to_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().expect("folder");
    let (raft, _) = start(settings(Some(dir.path()))).await;
    let folder = std::fs::metadata(dir.path().join("raft")).expect("exists");
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    raft.shutdown().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_loses_no_acknowledged_write() {
    let dir = tempfile::tempdir().expect("folder");
    let (raft, _) = start(settings(Some(dir.path()))).await;
    for round in 0..5 {
        write_keys(&raft, round * 50..(round + 1) * 50).await;
        let copy = copy_live(dir.path());
        let (after, recovery) = start(settings(Some(copy.path()))).await;
        for n in 0..(round + 1) * 50 {
            assert!(
                get(&after, &format!("k{n}")).is_some(),
                "round {round}: k{n}"
            );
        }
        assert!(recovery.replayed_entries > 0);
        after.shutdown().await.expect("closed");
    }
    raft.shutdown().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_writers_share_few_transactions() {
    let dir = tempfile::tempdir().expect("folder");
    let (raft, _) = start(settings(Some(dir.path()))).await;
    let before = raft.log_batches();
    let writers: Vec<_> = (0..1000)
        .map(|n| {
            let raft = raft.clone();
            tokio::spawn(async move { raft.write(put(&format!("k{n}"), b"v"), HOLD).await })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no panic").expect("written");
    }
    let batches = raft.log_batches() - before;
    assert!(batches < 250, "{batches} transactions for 1000 writes");
    raft.shutdown().await.expect("closed");
    let (raft, _) = start(settings(Some(dir.path()))).await;
    assert!((0..1000).all(|n| get(&raft, &format!("k{n}")).is_some()));
    raft.shutdown().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_purge_the_log_and_a_restart_begins_there() {
    let dir = tempfile::tempdir().expect("folder");
    let small = RaftSettings {
        snapshot_threshold: 100,
        trailing_logs: 20,
        ..settings(Some(dir.path()))
    };
    let (raft, _) = start(small.clone()).await;
    write_keys(&raft, 0..350).await;
    raft.trigger_snapshot().await.expect("durable");
    write_keys(&raft, 350..360).await;
    let stats = raft.stats();
    assert!(stats.last_snapshot_index >= 350, "{stats:?}");
    let before = raft.state().to_snapshot();
    raft.shutdown().await.expect("closed");
    let (raft, recovery) = start(small.clone()).await;
    assert_eq!(raft.state().to_snapshot(), before);
    assert_eq!(recovery.snapshot_index, Some(stats.last_snapshot_index));
    assert_eq!(
        recovery.replayed_entries,
        stats.last_log_index - stats.last_snapshot_index
    );
    raft.shutdown().await.expect("closed");
    let files = std::fs::read_dir(dir.path().join("raft/snapshots")).expect("folder");
    assert_eq!(files.count(), 2);
    // Without the newest snapshot the purged log cannot be replayed: an error, not an empty state.
    for entry in std::fs::read_dir(dir.path().join("raft/snapshots")).expect("folder") {
        std::fs::write(entry.expect("entry").path(), b"damaged").expect("written");
    }
    let error = start_error(small.clone()).await;
    assert!(error.contains(".snap"), "{error}");
    std::fs::remove_dir_all(dir.path().join("raft/snapshots")).expect("removed");
    let error = start_error(small).await;
    assert!(error.contains("log"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_log_beside_snapshots_is_an_error() {
    let dir = tempfile::tempdir().expect("folder");
    let (raft, _) = start(settings(Some(dir.path()))).await;
    write_keys(&raft, 0..1).await;
    raft.trigger_snapshot().await.expect("durable");
    raft.shutdown().await.expect("closed");
    std::fs::remove_file(dir.path().join("raft/raft.db")).expect("removed");
    let error = start_error(settings(Some(dir.path()))).await;
    assert!(error.contains("raft.db is missing"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_goes_out_and_comes_back() {
    let (raft, _) = start(settings(None)).await;
    raft.write(put("a", b"old"), HOLD).await.expect("written");
    let saved = raft.save_snapshot().await.expect("packed");
    let archive = Archive::read(&saved.bytes).expect("whole");
    assert_eq!(archive.meta, saved.meta);
    assert_eq!(archive.meta.index, raft.state().last_index());
    assert_eq!(archive.meta.configuration.servers[0].address, ADDRESS);
    raft.write(put("a", b"new"), HOLD).await.expect("written");
    raft.write(put("b", b"new"), HOLD).await.expect("written");
    let mut topics = WatchSet::default();
    topics.add(Topic::Kv(Key::from("a")));
    let watcher = raft.watch(&topics);
    let before = raft.state().last_index();
    let index = raft
        .restore_archive(saved.bytes.clone(), HOLD)
        .await
        .expect("restored");
    assert!(index > before);
    assert!(watcher.has_changed());
    assert_eq!(get(&raft, "a").expect("a key"), b"old");
    assert_eq!(get(&raft, "b"), None);
    let bad = raft
        .restore_archive(b"abc".to_vec(), HOLD)
        .await
        .expect_err("damaged");
    assert_eq!(
        bad.to_string(),
        "failed to decompress snapshot: unexpected EOF"
    );
    let foreign = Archive {
        state: b"of another program".to_vec(),
        ..archive
    };
    let foreign = foreign.write(0).expect("packed");
    let error = raft
        .restore_archive(foreign, HOLD)
        .await
        .expect_err("foreign");
    assert!(
        error
            .to_string()
            .contains("not a state snapshot of consulctl"),
        "{error}"
    );
    assert_eq!(get(&raft, "a").expect("a key"), b"old");
    raft.shutdown().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_write_wakes_and_is_visible() {
    let (raft, _) = start(settings(None)).await;
    for n in 0..200_u32 {
        let mut topics = WatchSet::default();
        topics.add(Topic::KvPrefix(Key::from("w/")));
        let watcher = raft.watch(&topics);
        let done = raft
            .write(put("w/k", &n.to_be_bytes()), HOLD)
            .await
            .expect("written");
        assert_eq!(get(&raft, "w/k").expect("a key"), n.to_be_bytes());
        assert!(raft.state().last_index() >= done.index);
        assert!(watcher.has_changed());
    }
    raft.shutdown().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_address_is_written_into_the_configuration() {
    let dir = tempfile::tempdir().expect("folder");
    let (raft, _) = start(settings(Some(dir.path()))).await;
    raft.shutdown().await.expect("closed");
    let moved = RaftSettings {
        address: "127.0.0.65:8300".to_owned(),
        ..settings(Some(dir.path()))
    };
    for _ in 0..2 {
        let (raft, _) = start(moved.clone()).await;
        let configuration = raft.configuration();
        assert_eq!(configuration.servers.len(), 1);
        assert_eq!(configuration.servers[0].address, "127.0.0.65:8300");
        assert_eq!(configuration.servers[0].id, UUID);
        assert!(configuration.servers[0].leader && configuration.servers[0].voter);
        let mut leadership = raft.leadership();
        let known = leadership.wait_for(|l| {
            l.leader
                .as_ref()
                .is_some_and(|leader| leader.address == "127.0.0.65:8300")
        });
        known.await.expect("running");
        raft.shutdown().await.expect("closed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stats_have_consuls_keys() {
    let (raft, _) = start(settings(None)).await;
    let written = raft.write(put("a", b"1"), HOLD).await.expect("written");
    let stats = raft.stats();
    assert_eq!(stats.applied_index, written.index);
    let entries = stats.entries();
    let keys: Vec<&str> = entries.iter().map(|(key, _)| *key).collect();
    assert_eq!(
        keys.join(" "),
        "applied_index commit_index fsm_pending last_contact last_log_index last_log_term \
         last_snapshot_index last_snapshot_term latest_configuration latest_configuration_index \
         num_peers protocol_version protocol_version_max protocol_version_min \
         snapshot_version_max snapshot_version_min state term"
    );
    let value = |key: &str| &entries.iter().find(|(k, _)| *k == key).expect("a key").1;
    assert_eq!(value("state"), "Leader");
    assert_eq!(value("last_contact"), "0");
    assert_eq!(value("fsm_pending"), "0");
    assert_eq!(
        *value("latest_configuration"),
        format!("[{{Suffrage:Voter ID:{UUID} Address:{ADDRESS}}}]")
    );
    raft.shutdown().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_leader_writes_are_held_then_refused() {
    let (raft, _) = start(RaftSettings {
        bootstrap: false,
        ..settings(None)
    })
    .await;
    let held = raft.write(put("a", b"1"), Duration::from_millis(80)).await;
    assert_eq!(held.expect_err("no leader"), WriteError::NoLeader);
    assert_eq!(WriteError::NoLeader.to_string(), "No cluster leader");
    let own = Peer {
        id: UUID.to_owned(),
        address: ADDRESS.to_owned(),
    };
    let writer = {
        let raft = raft.clone();
        tokio::spawn(async move { raft.write(put("a", b"1"), HOLD).await })
    };
    raft.bootstrap(&[own]).await.expect("formed");
    raft.wait_for_leader(HOLD).await.expect("elected");
    writer
        .await
        .expect("no panic")
        .expect("written once there is a leader");
    raft.shutdown().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_disk_is_fatal() {
    let dir = tempfile::tempdir().expect("folder");
    let (raft, _) = start(settings(Some(dir.path()))).await;
    write_keys(&raft, 0..10).await;
    // The table goes away under the writer, as a disk that fails would have it.
    {
        use sqlx::{ConnectOptions as _, Connection as _};
        let file = dir.path().join("raft/raft.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
        let mut other = options.connect().await.expect("open");
        let gone = sqlx::query("DROP TABLE log").execute(&mut other).await;
        gone.expect("dropped");
        other.close().await.expect("closed");
    }
    let refused = raft.write(put("late", b"1"), HOLD).await;
    let text = refused.expect_err("not written").to_string();
    assert!(
        text.contains("raft is stopped") && text.contains("raft.db"),
        "{text}"
    );
    let reason = tokio::time::timeout(HOLD, raft.fatal())
        .await
        .expect("reported");
    assert!(reason.contains("raft.db"), "{reason}");
    assert_eq!(get(&raft, "late"), None);
    assert!(!raft.is_leader());
    let again = raft.write(put("later", b"1"), HOLD).await;
    assert!(matches!(again, Err(WriteError::Stopped(_))), "{again:?}");
}

/// What a single server measures, under Consul's names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_measures_its_writes() {
    let metrics = Metrics::detached(MetricsSettings {
        prometheus_retention: Duration::from_mins(1),
        ..MetricsSettings::default()
    });
    let (raft, _) = start(RaftSettings {
        metrics: metrics.clone(),
        ..settings(None)
    })
    .await;
    write_keys(&raft, 0..3).await;
    raft.shutdown().await.expect("closed");
    let text = metrics.prometheus().expect("switched on");
    for line in [
        "consul_raft_apply 3",
        "consul_raft_commitTime_count 3",
        "consul_raft_commitNumLogs 1",
        "consul_raft_leader_dispatchNumLogs 1",
        "consul_raft_state_leader 1",
        "consul_raft_state_follower 1",
    ] {
        let (name, value) = line.split_once(' ').expect("two words");
        let found = text
            .lines()
            .find_map(|l| l.strip_prefix(&format!("{name} ")));
        assert_eq!(found, Some(value), "{name} in {text}");
    }
}
