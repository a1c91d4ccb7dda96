//! Opening the log: a new file, an older one, and everything in it read and verified.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use tokio_stream::StreamExt as _;

use super::lock::Lock;
use super::wal;
use super::{
    DbError, KEY_COMMITTED, KEY_PURGED, KEY_VOTE, MAX_CACHED_ROWS, MIN_SQLITE, TailLimits,
    UPSERT_META, damaged, io_error, sealed, sql_error, to_row, verify, with_suffix,
};
use crate::agent::raft::codec;
use crate::agent::raft::medium::Loaded;
use crate::agent::raft::types::log_id;

/// Version of the tables, in `PRAGMA user_version`: every value has a checksum.
const SCHEMA_VERSION: i64 = 2;
/// The version before: none has.
const UNSEALED_VERSION: i64 = 1;
/// Marks the file as ours, in `PRAGMA application_id`: "cctl".
const APPLICATION_ID: i64 = 0x6363_746c;
/// Prepared statements that a connection keeps: every insert text in its two shapes, and the others.
const STATEMENT_CACHE: usize = 2 * MAX_CACHED_ROWS + 16;
/// Bytes to which a checkpoint shrinks the write-ahead log.
const WAL_SIZE_LIMIT: u32 = 64 << 20;
/// Page cache of a connection in KiB (negative: SQLite's way of saying KiB).
const CACHE_KIB: i32 = -4096;

/// What is read of the write-ahead log at a time.
const WAL_BUFFER: usize = 256 << 10;

/// Entries of the log; those that are not purged have no holes.
const SCHEMA: &str = "
CREATE TABLE log (
    idx  INTEGER PRIMARY KEY,
    term INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;
CREATE TABLE meta (
    k TEXT PRIMARY KEY,
    v BLOB NOT NULL
) STRICT, WITHOUT ROWID;
";
const SELECT_ALL: &str = "SELECT idx, term, kind, data FROM log ORDER BY idx";

const KEY_NODE: &str = "node";
/// The last entry that the version before has written.
const KEY_UNSEALED: &str = "unsealed";

/// What an opened log holds.
pub(super) struct Read {
    pub(super) loaded: Loaded,
    /// The last entry that may have no checksum.
    pub(super) unsealed: Option<u64>,
}

/// Opens the log, creating it when it does not exist.
pub(super) async fn open(
    path: &Path,
    node: &[u8],
    limits: TailLimits,
) -> Result<(SqliteConnection, Lock, Read), DbError> {
    let mut lock = Lock::take(path)?;
    let wal_file = with_suffix(path, "-wal");
    if exists(path)? {
        check_wal(&wal_file, lock.was_open)?;
    } else {
        create(path, node).await?;
    }
    let mut connection = connect(path).await?;
    if check(path, &mut connection).await? == UNSEALED_VERSION {
        migrate(path, &mut connection).await?;
    }
    let read = load(path, &mut connection, limits).await?;
    // What a crash left behind the end of the write-ahead log must not be taken for damage after the next one.
    let emptied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection);
    emptied.await.map_err(sql_error("checkpoint", path))?;
    // The write-ahead log exists since the first read.
    sync_folder(path)?;
    lock.note_open()?;
    Ok((connection, lock, read))
}

fn exists(path: &Path) -> Result<bool, DbError> {
    match fs::metadata(path) {
        // A new log gets its name only when it is complete, so that an empty file is a lost log.
        Ok(meta) if meta.len() == 0 => Err(DbError::Unusable {
            path: path.to_owned(),
            reason: "the file is empty".to_owned(),
        }),
        Ok(_) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(io_error("read", path)(e)),
    }
}

/// Refuses a write-ahead log that is gone or damaged: SQLite would go on without it.
fn check_wal(wal: &Path, is_needed: bool) -> Result<(), DbError> {
    match File::open(wal) {
        Ok(file) => {
            let file = io::BufReader::with_capacity(WAL_BUFFER, file);
            match wal::inspect(file).map_err(io_error("read", wal))? {
                None => Ok(()),
                Some(reason) => Err(damaged(wal, &reason)),
            }
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("open", wal)(error)),
        Err(_) if is_needed => Err(DbError::WalMissing(wal.to_owned())),
        Err(_) => Ok(()),
    }
}

/// Builds a new log under another name, then renames it.
async fn create(path: &Path, node: &[u8]) -> Result<(), DbError> {
    let new = path.with_extension("new");
    for leftover in [&new, &with_suffix(&new, "-wal"), &with_suffix(&new, "-shm")] {
        match fs::remove_file(leftover) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", leftover)(e));
            }
            _ => {}
        }
    }
    let failed = sql_error("create", path);
    let mut connection = connect_with(&new, SqliteSynchronous::Off).await?;
    let sql = format!(
        "BEGIN IMMEDIATE;{SCHEMA}PRAGMA application_id = {APPLICATION_ID};\
         PRAGMA user_version = {SCHEMA_VERSION};{UPSERT_META}COMMIT;"
    );
    let made = sqlx::query(AssertSqlSafe(sql))
        .persistent(false)
        .bind(KEY_NODE)
        .bind(sealed(KEY_NODE, node.to_vec()))
        .execute(&mut connection)
        .await;
    made.map_err(&failed)?;
    connection.close().await.map_err(&failed)?;
    // One sync of the finished file instead of one a step.
    let synced = File::open(&new).and_then(|file| file.sync_all());
    synced.map_err(io_error("sync", &new))?;
    fs::rename(&new, path).map_err(io_error("create", path))?;
    sync_folder(path)
}

fn sync_folder(path: &Path) -> Result<(), DbError> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(io_error("sync", folder))
}

/// Opens a connection whose commits are durable.
pub(super) async fn connect(path: &Path) -> Result<SqliteConnection, DbError> {
    connect_with(path, SqliteSynchronous::Full).await
}

async fn connect_with(
    path: &Path,
    synchronous: SqliteSynchronous,
) -> Result<SqliteConnection, DbError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(false)
        .statement_cache_capacity(STATEMENT_CACHE)
        .pragma("cache_size", CACHE_KIB.to_string())
        .pragma("temp_store", "MEMORY")
        .pragma("mmap_size", "0")
        .pragma("journal_size_limit", WAL_SIZE_LIMIT.to_string())
        // Apple's fsync leaves data in the drive's cache; elsewhere this changes nothing.
        .pragma("fullfsync", "1")
        .thread_name(|id| format!("raft-log-{id}"))
        .disable_statement_logging();
    options.connect().await.map_err(sql_error("open", path))
}

/// Refuses a library or a file that this build must not write; gives the version of the tables.
async fn check(path: &Path, connection: &mut SqliteConnection) -> Result<i64, DbError> {
    let failed = sql_error("read", path);
    let row = sqlx::query("SELECT sqlite_version()")
        .fetch_one(&mut *connection)
        .await
        .map_err(&failed)?;
    let found: String = row.try_get(0).map_err(&failed)?;
    if !is_recent(&found) {
        return Err(DbError::OldSqlite { found });
    }
    let id = number(path, connection, "PRAGMA application_id").await?;
    if id != APPLICATION_ID {
        return Err(damaged(path, &"it is not a raft log of this program"));
    }
    let version = number(path, connection, "PRAGMA user_version").await?;
    if !(UNSEALED_VERSION..=SCHEMA_VERSION).contains(&version) {
        return Err(DbError::Unusable {
            path: path.to_owned(),
            reason: format!("PRAGMA user_version is {version}, this build reads {SCHEMA_VERSION}"),
        });
    }
    // Pages that contradict each other: later writes would spread the damage.
    let row = sqlx::query("PRAGMA integrity_check(1)")
        .fetch_one(&mut *connection)
        .await
        .map_err(&failed)?;
    let verdict: String = row.try_get(0).map_err(&failed)?;
    if verdict != "ok" {
        return Err(damaged(path, &verdict));
    }
    Ok(version)
}

async fn number(
    path: &Path,
    connection: &mut SqliteConnection,
    query: &'static str,
) -> Result<i64, DbError> {
    let failed = sql_error("read", path);
    let row = sqlx::query(query).fetch_one(connection).await;
    row.and_then(|row| row.try_get(0)).map_err(failed)
}

fn is_recent(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse::<u32>);
    let mut next = || parts.next().and_then(Result::ok).unwrap_or(0);
    (next(), next(), next()) >= MIN_SQLITE
}

/// Brings the tables of the version before to this one: entries stay, with a note of the last, the rest gets checksums.
async fn migrate(path: &Path, connection: &mut SqliteConnection) -> Result<(), DbError> {
    let failed = sql_error("migrate", path);
    let mut values = metas(path, connection).await?;
    let row = sqlx::query("SELECT max(idx) FROM log")
        .fetch_one(&mut *connection)
        .await
        .map_err(&failed)?;
    if let Some(last) = row.try_get::<Option<i64>, _>(0).map_err(&failed)? {
        let last = codec::encode_log_id(&log_id(0, last.cast_unsigned()));
        values.push((KEY_UNSEALED.to_owned(), last.to_vec()));
    }
    let sql = format!(
        "BEGIN IMMEDIATE;{}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;",
        UPSERT_META.repeat(values.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    for (key, value) in values {
        let value = sealed(&key, value);
        query = query.bind(key).bind(value);
    }
    query.execute(connection).await.map(drop).map_err(failed)
}

async fn metas(
    path: &Path,
    connection: &mut SqliteConnection,
) -> Result<Vec<(String, Vec<u8>)>, DbError> {
    let rows = sqlx::query("SELECT k, v FROM meta")
        .fetch_all(connection)
        .await;
    let values = rows.and_then(|rows| {
        let pairs = rows
            .iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        pairs.collect()
    });
    values.map_err(sql_error("read", path))
}

async fn load(
    path: &Path,
    connection: &mut SqliteConnection,
    limits: TailLimits,
) -> Result<Read, DbError> {
    let mut loaded = Loaded::default();
    let mut unsealed = None;
    for (key, mut value) in metas(path, connection).await? {
        let checked = codec::unseal("meta", key.as_bytes(), &mut value);
        if !checked.map_err(|e| damaged(path, &format!("value {key:?}: {e}")))? {
            return Err(damaged(path, &format!("value {key:?} has no checksum")));
        }
        match key.as_str() {
            KEY_NODE => loaded.node = Some(value),
            KEY_VOTE => loaded.vote = Some(value),
            KEY_COMMITTED => loaded.committed = Some(value),
            KEY_PURGED => loaded.purged = Some(value),
            KEY_UNSEALED => unsealed = Some(index_of(path, &value)?),
            _ => return Err(damaged(path, &format!("unknown key {key:?} in table meta"))),
        }
    }
    if loaded.node.is_none() {
        return Err(damaged(path, &"the raft id is missing"));
    }
    load_entries(path, connection, limits, unsealed, &mut loaded).await?;
    Ok(Read { loaded, unsealed })
}

/// Reads and verifies every entry, so that damage shows at the start and not at a follower's read; keeps the newest.
async fn load_entries(
    path: &Path,
    connection: &mut SqliteConnection,
    limits: TailLimits,
    unsealed: Option<u64>,
    loaded: &mut Loaded,
) -> Result<(), DbError> {
    let failed = sql_error("read", path);
    let purged = loaded.purged.as_deref();
    let mut expected = match purged {
        None => 0,
        Some(id) => index_of(path, id)? + 1,
    };
    let (mut tail, mut bytes) = (VecDeque::new(), 0);
    let mut rows = sqlx::query(SELECT_ALL).fetch(connection);
    while let Some(row) = rows.next().await {
        let mut row = to_row(&row.map_err(&failed)?).map_err(&failed)?;
        loaded.oldest.get_or_insert(row.index);
        if row.index < expected && loaded.first.is_none() {
            // Purged; only its deletion was still to come.
            continue;
        }
        if row.index != expected {
            let found = row.index;
            let reason =
                format!("the log has holes: entry {found} follows where {expected} is expected");
            return Err(damaged(path, &reason));
        }
        verify(path, unsealed, &mut row)?;
        loaded.first.get_or_insert(row.index);
        expected += 1;
        bytes += row.data.len();
        tail.push_back(row);
        while tail.len() > 1 && (tail.len() > limits.entries || bytes > limits.bytes) {
            bytes -= tail.pop_front().map_or(0, |row| row.data.len());
        }
    }
    loaded.tail = tail.into();
    Ok(())
}

fn index_of(path: &Path, id: &[u8]) -> Result<u64, DbError> {
    let id = codec::decode_log_id(id).map_err(|e| damaged(path, &e))?;
    Ok(id.index())
}
