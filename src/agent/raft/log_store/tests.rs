use std::path::Path;
use std::sync::atomic::AtomicBool;

use openraft::StorageError;
use openraft::entry::RaftEntry as _;
use openraft::storage::RaftLogStorageExt as _;
use openraft::testing::log::{StoreBuilder, Suite};
use tempfile::TempDir;

use super::*;
use crate::agent::raft::disk::Disk;
use crate::agent::raft::medium::LogMedium;
use crate::agent::raft::snapshots::Snapshots;
use crate::agent::raft::sqlite::{DbError, SqliteMedium, TailLimits};
use crate::agent::raft::state_machine::StateMachine;
use crate::agent::raft::watch::Watches;

const LIMITS: TailLimits = TailLimits {
    entries: 8,
    bytes: 1 << 20,
};

fn blank(index: u64) -> Entry {
    Entry::new_blank(log_id(1, index))
}

async fn open(path: &Path) -> Result<LogStore, DbError> {
    let opened = SqliteMedium::open(path, &codec::encode_node_id(1), LIMITS).await?;
    Ok(LogStore::start(opened).expect("readable"))
}

async fn open_error(path: &Path) -> String {
    open(path)
        .await
        .map(drop)
        .expect_err("unusable")
        .to_string()
}

/// Builds a log store and a state machine in memory.
struct InMemory;

impl StoreBuilder<TypeConfig, LogStore, StateMachine> for InMemory {
    async fn build(&self) -> Result<((), LogStore, StateMachine), StorageError<TypeConfig>> {
        let log = LogStore::start(Disk::instant().open()).expect("empty");
        let snapshots = Snapshots::in_memory();
        let (machine, _) = StateMachine::new(None, snapshots, Watches::default());
        Ok(((), log, machine))
    }
}

/// Builds a log store and a state machine in a folder.
struct OnDisk;

impl StoreBuilder<TypeConfig, LogStore, StateMachine, TempDir> for OnDisk {
    async fn build(&self) -> Result<(TempDir, LogStore, StateMachine), StorageError<TypeConfig>> {
        let folder = tempfile::tempdir().expect("folder");
        let log = open(&folder.path().join("raft.db")).await.expect("new");
        let (snapshots, _) = Snapshots::open(&folder.path().join("s"), None).expect("new");
        let (machine, _) = StateMachine::new(None, snapshots, Watches::default());
        Ok((folder, log, machine))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openraft_suite_in_memory() {
    Suite::test_all(InMemory).await.expect("conforming");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openraft_suite_on_disk() {
    Suite::test_all(OnDisk).await.expect("conforming");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_there_again() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("raft.db");
    let mut log = open(&path).await.expect("new");
    log.blocking_append((0..100).map(blank))
        .await
        .expect("durable");
    let vote = Vote::new_committed(1, 1);
    log.save_vote(&vote).await.expect("durable");
    log.purge(log_id(1, 9)).await.expect("queued");
    log.truncate_after(Some(log_id(1, 89)))
        .await
        .expect("durable");
    log.save_committed(Some(log_id(1, 80)))
        .await
        .expect("noted");
    log.close().await.expect("closed");
    let mut log = open(&path).await.expect("readable");
    let state = log.get_log_state().await.expect("known");
    assert_eq!(state.last_purged_log_id, Some(log_id(1, 9)));
    assert_eq!(state.last_log_id, Some(log_id(1, 89)));
    assert_eq!(
        log.read_committed().await.expect("known"),
        Some(log_id(1, 80))
    );
    let mut reader = log.get_log_reader().await;
    assert_eq!(reader.read_vote().await.expect("known"), Some(vote));
    // The tail holds the last eight; the others come from the file.
    let entries = reader.try_get_log_entries(..).await.expect("readable");
    let indexes: Vec<u64> = entries
        .iter()
        .map(openraft::entry::RaftEntry::index)
        .collect();
    assert_eq!(indexes, (10..90).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_agent_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("raft.db");
    let _first = open(&path).await.expect("new");
    let error = open_error(&path).await;
    assert!(
        error.contains("raft.db is in use by another agent"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("raft.db");
    let mut log = open(&path).await.expect("new");
    let entries = (0..5000).map(blank);
    log.blocking_append(entries).await.expect("durable");
    log.close().await.expect("closed");
    let whole = std::fs::read(&path).expect("readable");
    assert!(whole.len() > 16 * 4096);
    let garbage = vec![0xa5; whole.len()];
    let mut torn = whole.clone();
    torn[8 * 4096..9 * 4096].fill(0);
    let cases = [
        ("empty", &[][..]),
        ("truncated", &whole[..whole.len() / 2]),
        ("cut inside a page", &whole[..5000]),
        ("garbage", &garbage),
        ("a torn page", &torn),
    ];
    for (what, bytes) in cases {
        std::fs::write(&path, bytes).expect("written");
        let error = open_error(&path).await;
        assert!(error.contains("raft.db"), "{what}: {error}");
    }
    std::fs::write(&path, &whole).expect("written");
    open(&path).await.expect("whole again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema_is_refused() {
    use sqlx::{ConnectOptions as _, Connection as _};
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("raft.db");
    open(&path)
        .await
        .expect("new")
        .close()
        .await
        .expect("closed");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut connection = options.connect().await.expect("open");
    let newer = sqlx::query("PRAGMA user_version = 3");
    newer.execute(&mut connection).await.expect("set");
    connection.close().await.expect("closed");
    let error = open_error(&path).await;
    assert!(
        error.contains("user_version is 3, this build reads 2"),
        "{error}"
    );
}

/// Counts batches and fails from a given one on.
struct Failing {
    inner: Box<dyn LogMedium>,
    broken: Arc<AtomicBool>,
}

impl LogMedium for Failing {
    fn commit(&mut self, ops: Vec<Op>) -> BoxFuture<'_, io::Result<()>> {
        if self.broken.load(Ordering::SeqCst) {
            let full = io::Error::new(io::ErrorKind::StorageFull, "no space left on device");
            return Box::pin(std::future::ready(Err(full)));
        }
        self.inner.commit(ops)
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, io::Result<()>> {
        self.inner.close()
    }
}

#[tokio::test]
async fn after_a_failed_write_nothing_is_acknowledged() {
    let broken = Arc::new(AtomicBool::new(false));
    let mut opened = Disk::instant().open();
    opened.medium = Box::new(Failing {
        inner: opened.medium,
        broken: Arc::clone(&broken),
    });
    let mut log = LogStore::start(opened).expect("empty");
    log.blocking_append([blank(0)]).await.expect("durable");
    broken.store(true, Ordering::SeqCst);
    let failed = log.blocking_append([blank(1)]).await.expect_err("full");
    assert!(failed.to_string().contains("no space left"), "{failed}");
    // A disk that works again changes nothing: what it holds is no longer known.
    broken.store(false, Ordering::SeqCst);
    assert!(log.blocking_append([blank(2)]).await.is_err());
    assert!(log.save_vote(&Vote::new(2, 1)).await.is_err());
    assert!(log.close().await.is_err());
    assert_eq!(log.failure().expect("noted"), "no space left on device");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_reported() {
    use sqlx::{ConnectOptions as _, Connection as _};
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("raft.db");
    let mut log = open(&path).await.expect("new");
    log.blocking_append([blank(0)]).await.expect("durable");
    // Another connection that never lets go is to SQLite what a stuck disk is.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut other = options.connect().await.expect("open");
    sqlx::query("DROP TABLE log")
        .execute(&mut other)
        .await
        .expect("gone");
    other.close().await.expect("closed");
    let failed = log.blocking_append([blank(1)]).await.expect_err("no table");
    assert!(failed.to_string().contains("raft.db"), "{failed}");
    assert!(log.failure().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn committed_entries_are_never_cut_off() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("raft.db");
    let mut log = open(&path).await.expect("new");
    log.blocking_append((0..40).map(blank))
        .await
        .expect("durable");
    log.save_committed(Some(log_id(1, 20)))
        .await
        .expect("noted");
    log.purge(log_id(1, 5)).await.expect("queued");
    for after in [
        None,
        Some(log_id(1, 3)),
        Some(log_id(1, 5)),
        Some(log_id(1, 19)),
    ] {
        let refused = log.truncate_after(after).await.expect_err("refused");
        assert_eq!(
            refused.to_string(),
            format!(
                "refusing to remove raft log entries from {} on: those up to 20 are committed",
                after.map_or(0, |id| id.index() + 1)
            )
        );
    }
    assert_eq!(log.last(), Some(log_id(1, 39)));
    log.truncate_after(Some(log_id(1, 20)))
        .await
        .expect("durable");
    assert_eq!(log.last(), Some(log_id(1, 20)));
    let hole = log.blocking_append([blank(22)]).await.expect_err("refused");
    assert!(
        hole.to_string()
            .contains("refusing to append raft log entry 22 where 21 is expected"),
        "{hole}"
    );
    log.blocking_append([blank(21)]).await.expect("durable");
    log.close().await.expect("closed");
    let log = open(&path).await.expect("without holes");
    assert_eq!(log.bounds(), (Some(21), Some(5)));
    assert_eq!(log.id_at(7).await.expect("readable"), Some(log_id(1, 7)));
    assert_eq!(log.id_at(5).await.expect("readable"), Some(log_id(1, 5)));
    assert_eq!(log.id_at(2).await.expect("readable"), None);
}
