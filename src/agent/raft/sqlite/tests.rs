//! Damage of the log's files: an error that names the file, or exactly what was written.

use std::fs;
use std::sync::Arc;

use openraft::entry::RaftEntry as _;
use sqlx::ConnectOptions as _;
use tempfile::TempDir;

use super::*;
use crate::agent::raft::codec::{encode_entry, encode_log_id, encode_node_id, encode_vote};
use crate::agent::raft::medium::Loaded;
use crate::agent::raft::types::{AppCommand, Entry, Vote, log_id};
use crate::agent::store::{Command, KvCommand, KvVerb};
use crate::model::kv::{Blob, Key, KvPair};

const LIMITS: TailLimits = TailLimits {
    entries: usize::MAX,
    bytes: usize::MAX,
};

fn row(index: u64) -> Row {
    let command = Command::Kv(KvCommand {
        verb: KvVerb::Set,
        pair: KvPair {
            key: Key::from(&*format!("k{index}")),
            // Some values span pages.
            value: Blob(vec![7; if index.is_multiple_of(5) { 6000 } else { 60 }].into()),
            ..KvPair::default()
        },
    });
    let command = AppCommand::new(Arc::new(command));
    encode_entry(&Entry::new_normal(log_id(1, index), command)).expect("encodable")
}

async fn open_log(folder: &Path) -> Result<Opened, DbError> {
    SqliteMedium::open(&folder.join("raft.db"), &encode_node_id(1), LIMITS).await
}

async fn commit(opened: &mut Opened, ops: Vec<Op>) {
    opened.medium.commit(ops).await.expect("durable");
}

/// A log of 40 entries, one transaction each, the first ten purged, and its clean end.
async fn written() -> (TempDir, Loaded) {
    let folder = tempfile::tempdir().expect("folder");
    let mut opened = open_log(folder.path()).await.expect("new");
    let vote = encode_vote(&Vote::new_committed(1, 1)).to_vec();
    commit(&mut opened, vec![Op::Vote(vote)]).await;
    for index in 0..40 {
        commit(&mut opened, vec![Op::Append(vec![row(index)])]).await;
    }
    let purged = encode_log_id(&log_id(1, 9)).to_vec();
    let upto = 9;
    let purge = vec![
        Op::Purged {
            upto,
            log_id: purged,
        },
        Op::Delete { upto },
    ];
    commit(&mut opened, purge).await;
    opened.medium.close().await.expect("closed");
    let opened = open_log(folder.path()).await.expect("whole");
    let loaded = opened.loaded.clone();
    opened.medium.close().await.expect("closed");
    (folder, loaded)
}

/// Puts files into a fresh folder and opens the log there.
async fn open_files(files: &[(&str, &[u8])]) -> Result<Loaded, DbError> {
    let folder = tempfile::tempdir().expect("folder");
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).expect("written");
    }
    let opened = open_log(folder.path()).await?;
    let loaded = opened.loaded.clone();
    opened.medium.close().await.expect("closed");
    Ok(loaded)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_flipped_byte_of_the_log_is_served() {
    let (folder, loaded) = written().await;
    assert_eq!(loaded.first, Some(10));
    let whole = fs::read(folder.path().join("raft.db")).expect("readable");
    let head = 0..100;
    let rest = (100..whole.len()).step_by(61);
    let mut found = 0;
    for (at, bits) in head.chain(rest).zip([0x01, 0xff, 0x40].into_iter().cycle()) {
        let mut bytes = whole.clone();
        bytes[at] ^= bits;
        match open_files(&[("raft.db", &bytes)]).await {
            // Free space, or a number that nothing depends on.
            Ok(read) => assert_eq!(read, loaded, "flip at {at}"),
            Err(error) => {
                found += 1;
                assert!(
                    error.to_string().contains("raft.db"),
                    "flip at {at}: {error}"
                );
            }
        }
    }
    assert!(found > 300, "{found} of {}", whole.len() / 61);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cut_or_blank_page_of_the_log_is_served() {
    let (folder, loaded) = written().await;
    let whole = fs::read(folder.path().join("raft.db")).expect("readable");
    for page in 0..whole.len() / 4096 {
        let mut blank = whole.clone();
        blank[page * 4096..(page + 1) * 4096].fill(0);
        for bytes in [&whole[..page * 4096], &whole[..page * 4096 + 100], &blank] {
            match open_files(&[("raft.db", bytes)]).await {
                Ok(read) => assert_eq!(read, loaded, "page {page}"),
                Err(error) => {
                    assert!(
                        error.to_string().contains("raft.db"),
                        "page {page}: {error}"
                    );
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_or_missing_wal_is_noticed() {
    let folder = tempfile::tempdir().expect("folder");
    let mut opened = open_log(folder.path()).await.expect("new");
    for index in 0..20 {
        commit(&mut opened, vec![Op::Append(vec![row(index)])]).await;
    }
    let read = |name: &str| fs::read(folder.path().join(name)).expect("readable");
    let (log, lock, whole) = (read("raft.db"), read("raft.lock"), read("raft.db-wal"));
    opened.medium.close().await.expect("closed");
    let crashed = |wal: Vec<u8>| {
        let (log, lock) = (log.clone(), lock.clone());
        async move {
            let files = [
                ("raft.db", &*log),
                ("raft.lock", &*lock),
                ("raft.db-wal", &*wal),
            ];
            open_files(&files).await
        }
    };
    let loaded = crashed(whole.clone()).await.expect("whole");
    assert_eq!(loaded.tail.len(), 20);
    let mut found = 0;
    for at in (0..whole.len()).step_by(211) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        match crashed(bytes).await {
            // The last transaction cannot be told from one that a power failure tore.
            Ok(read) => {
                assert!(read.tail.len() >= 18, "flip at {at}: {}", read.tail.len());
                assert_eq!(read.tail, loaded.tail[..read.tail.len()], "flip at {at}");
            }
            Err(error) => {
                found += 1;
                assert!(
                    error.to_string().contains("raft.db-wal is damaged"),
                    "{error}"
                );
            }
        }
    }
    assert!(found > whole.len() / 211 * 3 / 4, "{found}");
    // A torn tail is what a power failure leaves.
    let torn = crashed(whole[..whole.len() - 1000].to_vec()).await;
    assert!(torn.expect("a torn tail").tail.len() >= 18);
    let files = [("raft.db", &*log), ("raft.lock", &*lock)];
    let error = open_files(&files).await.map(drop).expect_err("lost");
    assert!(
        error.to_string().contains("raft.db-wal is missing"),
        "{error}"
    );
}

/// What the version before has written: the same tables, without checksums.
async fn first_version(path: &Path) {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    let mut connection = options.connect().await.expect("open");
    let sql = "CREATE TABLE log (idx INTEGER PRIMARY KEY, term INTEGER NOT NULL, kind INTEGER NOT NULL, data BLOB NOT NULL) STRICT;\
        CREATE TABLE meta (k TEXT PRIMARY KEY, v BLOB NOT NULL) STRICT, WITHOUT ROWID;\
        PRAGMA application_id = 1667462252; PRAGMA user_version = 1;";
    let made = sqlx::raw_sql(sql).execute(&mut connection).await;
    made.expect("made");
    for (key, value) in [
        ("node", encode_node_id(9).to_vec()),
        ("vote", encode_vote(&Vote::new_committed(1, 9)).to_vec()),
    ] {
        let insert = sqlx::query("INSERT INTO meta VALUES (?, ?)")
            .bind(key)
            .bind(value);
        insert.execute(&mut connection).await.expect("inserted");
    }
    for index in 0..5 {
        let row = row(index);
        let insert = sqlx::query("INSERT INTO log VALUES (?, ?, ?, ?)")
            .bind(row.index.cast_signed())
            .bind(row.term.cast_signed())
            .bind(i64::from(row.kind))
            .bind(row.data);
        insert.execute(&mut connection).await.expect("inserted");
    }
    connection.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_the_version_before_is_read_and_goes_on_with_checksums() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("raft.db");
    first_version(&path).await;
    let mut opened = open_log(folder.path()).await.expect("migrated");
    assert_eq!(opened.loaded.tail, (0..5).map(row).collect::<Vec<_>>());
    assert_eq!(opened.loaded.node, Some(encode_node_id(9).to_vec()));
    commit(&mut opened, vec![Op::Append(vec![row(5)])]).await;
    let rows = opened.source.read(0, 6, usize::MAX).await.expect("read");
    assert_eq!(rows, (0..6).map(row).collect::<Vec<_>>());
    opened.medium.close().await.expect("closed");
    drop(opened.source);
    let again = open_log(folder.path()).await.expect("readable");
    assert_eq!(again.loaded.tail.len(), 6);
    again.medium.close().await.expect("closed");
    // Entries after the last old one must have theirs.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut connection = options.connect().await.expect("open");
    let strip = sqlx::query("UPDATE log SET data = ? WHERE idx = 5").bind(row(5).data);
    strip.execute(&mut connection).await.expect("changed");
    connection.close().await.expect("closed");
    let error = open_log(folder.path())
        .await
        .map(drop)
        .expect_err("no checksum");
    assert!(error.to_string().contains("entry 5"), "{error}");
}
