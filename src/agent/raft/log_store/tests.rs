use std::path::Path;
use std::sync::atomic::AtomicBool;

use openraft::StorageError;
use openraft::entry::RaftEntry as _;
use openraft::storage::RaftLogStorageExt as _;
use openraft::testing::log::{StoreBuilder, Suite};
use tempfile::TempDir;

use openraft::storage::RaftLogReader as _;

use super::reader::MAX_READ_BYTES;
use super::*;
use crate::agent::raft::disk::Disk;
use crate::agent::raft::medium::BoxFuture;
use crate::agent::raft::medium::LogMedium;
use crate::agent::raft::snapshots::Snapshots;
use crate::agent::raft::sqlite::{DbError, SqliteMedium, TailLimits};
use crate::agent::raft::state_machine::StateMachine;
use crate::agent::raft::types::NodeInfo;
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

/// A log with entries up to `last`, the last of them of `term`, and a vote of `vote`.
async fn survivor(term: u64, last: u64, vote: u64) -> LogStore {
    let mut log = LogStore::start(Disk::instant().open()).expect("empty");
    log.save_vote(&Vote::new(vote, 1)).await.expect("saved");
    let entry = |index| Entry::new_blank(log_id(if index < last { 1 } else { term }, index));
    let entries: Vec<Entry> = (0..=last).map(entry).collect();
    log.blocking_append(entries).await.expect("appended");
    log
}

fn servers(of: std::ops::Range<u64>) -> Membership {
    let nodes: std::collections::BTreeMap<u64, NodeInfo> =
        of.map(|id| (id, NodeInfo::default())).collect();
    Membership::new(vec![nodes.keys().copied().collect()], nodes).expect("good")
}

/// One has refused a candidate for its log and kept its vote; the others, which are behind, have granted theirs.
#[tokio::test]
async fn a_forced_membership_keeps_the_order_of_the_logs() {
    let logs = [(5, 98, 9), (5, 98, 6), (5, 100, 5), (6, 97, 6), (6, 98, 6)];
    let mut forced = Vec::new();
    let mut votes = Vec::new();
    for (term, last, vote) in logs {
        let log = survivor(term, last, vote).await;
        let id = log.force_membership(1, servers(1..4)).await;
        let id = id.expect("forced");
        assert_eq!((log.last(), id.index()), (Some(id), last + 1));
        forced.push(id);
        votes.push(log.vote().expect("a vote").leader_id().term);
    }
    assert!(forced.is_sorted() && forced[1] < forced[2], "{forced:?}");
    // Whatever a leader writes next has a later term than what any of them was forced to have.
    let highest = forced.last().expect("some").committed_leader_id().term;
    assert!(votes.iter().all(|vote| *vote > highest), "{votes:?}");
}

/// The file that asks for it is deleted afterwards; who loses that deletion is not ahead of the others.
#[tokio::test]
async fn a_membership_is_forced_once() {
    let log = survivor(5, 98, 6).await;
    let first = log.force_membership(1, servers(1..4)).await.expect("once");
    let again = log.force_membership(1, servers(1..4)).await.expect("twice");
    assert_eq!((first, log.last()), (again, Some(first)));
    let other = log.force_membership(1, servers(1..3)).await.expect("other");
    assert!(other > first && other.index() == first.index() + 1);
}

#[tokio::test]
async fn one_read_has_its_bytes_whether_durable_or_not() {
    use crate::agent::raft::types::AppCommand;
    use crate::agent::store::{Command, KvCommand, KvVerb};
    use crate::model::kv::{Blob, KvPair};

    let log = LogStore::start(Disk::instant().open()).expect("empty");
    let large = Command::Kv(KvCommand {
        verb: KvVerb::Set,
        pair: KvPair {
            value: Blob(vec![0; MAX_READ_BYTES / 2].into()),
            ..KvPair::default()
        },
    });
    for index in 0..10 {
        let command = AppCommand::new(Arc::new(large.clone()));
        let entry = Entry::new(log_id(1, index), EntryPayload::Normal(command));
        // Nobody has made it durable.
        log.shared.tail().append(entry);
    }
    let mut reader = log.clone().get_log_reader().await;
    let read = reader.limited_get_log_entries(0, 10).await.expect("read");
    assert_eq!(read.len(), 2);
    let rest = reader.limited_get_log_entries(9, 10).await.expect("read");
    assert_eq!(rest.len(), 1);
}

/// The first of what was asked for is gone: the rest would leave a hole.
#[tokio::test]
async fn a_read_for_replication_begins_where_it_is_asked_to() {
    let mut log = LogStore::start(Disk::instant().open()).expect("empty");
    let entries: Vec<Entry> = (0..40).map(blank).collect();
    log.blocking_append(entries).await.expect("appended");
    log.purge(log_id(1, 20)).await.expect("purged");
    let mut reader = log.get_log_reader().await;
    let read = reader.limited_get_log_entries(15, 30).await;
    assert!(read.expect("read").is_empty());
    let read = reader.limited_get_log_entries(21, 30).await;
    assert_eq!(read.expect("read").len(), 9);
}
