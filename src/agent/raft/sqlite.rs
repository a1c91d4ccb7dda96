//! The log on disk: `raft/raft.db`, SQLite through sqlx.
//!
//! sqlx runs a connection on a thread of its own, so that every statement costs a round trip
//! between threads. A batch is therefore one text with all its statements: `BEGIN IMMEDIATE`, one
//! multi-row `INSERT`, whatever else the batch has, `COMMIT`.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use thiserror::Error;
use tokio_stream::StreamExt as _;

use super::codec::Row;
use super::medium::{BoxFuture, Loaded, LogMedium, LogSource, Op, Opened};

/// Version of the tables, in `PRAGMA user_version`.
const SCHEMA_VERSION: i64 = 1;
/// Marks the file as ours, in `PRAGMA application_id`: "cctl".
const APPLICATION_ID: i64 = 0x6363_746c;
/// Earlier versions may corrupt a WAL that two connections use.
const MIN_SQLITE: (u32, u32, u32) = (3, 51, 3);
/// Insert texts of up to this many rows stay prepared, when the number is a power of two.
const MAX_CACHED_ROWS: usize = 64;
/// Prepared statements that a connection keeps.
const STATEMENT_CACHE: usize = 32;
/// Bytes to which a checkpoint shrinks the write-ahead log.
const WAL_SIZE_LIMIT: u32 = 64 << 20;
/// Page cache of a connection in KiB (negative: SQLite's way of saying KiB).
const CACHE_KIB: i32 = -4096;

/// Entries of the log; `log` has no holes.
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

const SELECT_RANGE: &str =
    "SELECT idx, term, kind, data FROM log WHERE idx >= ? AND idx < ? ORDER BY idx";
const SELECT_NEWEST: &str = "SELECT idx, term, kind, data FROM log ORDER BY idx DESC LIMIT ?";
const UPSERT_META: &str = "INSERT OR REPLACE INTO meta (k, v) VALUES (?, ?);";

const KEY_NODE: &str = "node";
const KEY_VOTE: &str = "vote";
const KEY_COMMITTED: &str = "committed";
const KEY_PURGED: &str = "purged";

/// Why the log cannot be opened or read.
#[derive(Debug, Error)]
pub(super) enum DbError {
    #[error("cannot {action} {}: {source}", path.display())]
    Sql {
        action: &'static str,
        path: PathBuf,
        source: sqlx::Error,
    },
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{} is in use by another agent", .0.display())]
    InUse(PathBuf),
    #[error("{} cannot be read: {reason}", path.display())]
    Unusable { path: PathBuf, reason: String },
    #[error("SQLite {found} is older than {}.{}.{}, the first without a known way to corrupt a log", MIN_SQLITE.0, MIN_SQLITE.1, MIN_SQLITE.2)]
    OldSqlite { found: String },
}

/// How much of the log's end is loaded at the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct TailLimits {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

/// The writer's connection.
pub(super) struct SqliteMedium {
    path: PathBuf,
    connection: SqliteConnection,
    /// Held for as long as the log is open: two agents on one folder would destroy it.
    _lock: File,
}

/// The readers' connection, opened when an entry outside the tail cache is wanted.
struct SqliteSource {
    path: PathBuf,
    connection: Option<SqliteConnection>,
}

impl SqliteMedium {
    /// Opens `path`, creating it when it does not exist. `node` is the raft id to give to a new log.
    pub(super) async fn open(
        path: &Path,
        node: &[u8],
        limits: TailLimits,
    ) -> Result<Opened, DbError> {
        let lock = lock(&path.with_extension("lock"))?;
        if !exists(path)? {
            create(path, node).await?;
        }
        let mut connection = connect(path, SqliteSynchronous::Full).await?;
        check(path, &mut connection).await?;
        let loaded = load(path, &mut connection, limits).await?;
        Ok(Opened {
            loaded,
            medium: Box::new(Self {
                path: path.to_owned(),
                connection,
                _lock: lock,
            }),
            source: Box::new(SqliteSource {
                path: path.to_owned(),
                connection: None,
            }),
        })
    }

    async fn run(&mut self, ops: Vec<Op>) -> Result<(), DbError> {
        let (sql, cacheable) = batch_sql(&ops);
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(cacheable);
        for op in ops {
            query = match op {
                Op::Append(rows) => rows.into_iter().fold(query, |query, row| {
                    query
                        .bind(row.index.cast_signed())
                        .bind(row.term.cast_signed())
                        .bind(i64::from(row.kind))
                        .bind(row.data)
                }),
                Op::Vote(value) => query.bind(KEY_VOTE).bind(value),
                Op::Committed(value) => query.bind(KEY_COMMITTED).bind(value),
                Op::Truncate { from } => query.bind(from.cast_signed()),
                Op::Purge { upto, log_id } => {
                    query.bind(upto.cast_signed()).bind(KEY_PURGED).bind(log_id)
                }
            };
        }
        let done = query.execute(&mut self.connection).await;
        done.map(drop)
            .map_err(sql_error("write the raft log", &self.path))
    }
}

impl LogMedium for SqliteMedium {
    fn commit(&mut self, ops: Vec<Op>) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move { self.run(ops).await.map_err(io::Error::other) })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, io::Result<()>> {
        Box::pin(async move {
            let done = self.connection.close().await;
            done.map_err(sql_error("close the raft log", &self.path))
                .map_err(io::Error::other)
        })
    }
}

impl SqliteSource {
    async fn fetch(&mut self, start: u64, end: u64) -> Result<Vec<Row>, DbError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.path, SqliteSynchronous::Full).await?,
        };
        let connection = self.connection.insert(connection);
        let rows = sqlx::query(SELECT_RANGE)
            .bind(start.cast_signed())
            .bind(end.cast_signed())
            .fetch_all(connection)
            .await
            .map_err(sql_error("read the raft log", &self.path))?;
        let rows: Result<Vec<Row>, sqlx::Error> = rows.iter().map(to_row).collect();
        rows.map_err(sql_error("read the raft log", &self.path))
    }
}

impl LogSource for SqliteSource {
    fn read(&mut self, start: u64, end: u64) -> BoxFuture<'_, io::Result<Vec<Row>>> {
        Box::pin(async move { self.fetch(start, end).await.map_err(io::Error::other) })
    }
}

/// The text of a batch, and whether it is worth keeping prepared.
fn batch_sql(ops: &[Op]) -> (String, bool) {
    let mut sql = String::new();
    let mut cacheable = true;
    let several = ops.len() > 1 || matches!(ops, [Op::Purge { .. }]);
    if several {
        sql.push_str("BEGIN IMMEDIATE;");
    }
    for op in ops {
        match op {
            Op::Append(rows) => {
                sql.push_str("INSERT INTO log (idx, term, kind, data) VALUES ");
                for at in 0..rows.len() {
                    sql.push_str(if at == 0 { "(?,?,?,?)" } else { ",(?,?,?,?)" });
                }
                sql.push(';');
                cacheable &= rows.len().is_power_of_two() && rows.len() <= MAX_CACHED_ROWS;
            }
            Op::Vote(_) | Op::Committed(_) => sql.push_str(UPSERT_META),
            Op::Truncate { .. } => sql.push_str("DELETE FROM log WHERE idx >= ?;"),
            Op::Purge { .. } => {
                sql.push_str("DELETE FROM log WHERE idx <= ?;");
                sql.push_str(UPSERT_META);
            }
        }
    }
    if several {
        sql.push_str("COMMIT;");
    }
    // Only the two everyday shapes repeat: entries alone, and entries with a commit.
    let everyday = matches!(ops, [Op::Append(_)] | [Op::Append(_), Op::Committed(_)]);
    (sql, cacheable && everyday)
}

fn lock(path: &Path) -> Result<File, DbError> {
    let file = File::create(path).map_err(io_error("create", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DbError::InUse(path.with_extension("db"))),
        Err(TryLockError::Error(source)) => Err(io_error("lock", path)(source)),
    }
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
    let mut connection = connect(&new, SqliteSynchronous::Off).await?;
    let sql = format!(
        "BEGIN IMMEDIATE;{SCHEMA}PRAGMA application_id = {APPLICATION_ID};\
         PRAGMA user_version = {SCHEMA_VERSION};{UPSERT_META}COMMIT;"
    );
    let made = sqlx::query(AssertSqlSafe(sql))
        .persistent(false)
        .bind(KEY_NODE)
        .bind(node)
        .execute(&mut connection)
        .await;
    made.map_err(&failed)?;
    connection.close().await.map_err(&failed)?;
    // One sync of the finished file instead of one a step.
    let synced = File::open(&new).and_then(|file| file.sync_all());
    synced.map_err(io_error("sync", &new))?;
    fs::rename(&new, path).map_err(io_error("create", path))?;
    if let Some(folder) = path.parent() {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(io_error("sync", folder))?;
    }
    Ok(())
}

async fn connect(path: &Path, synchronous: SqliteSynchronous) -> Result<SqliteConnection, DbError> {
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

/// Refuses a library or a file that this build must not write.
async fn check(path: &Path, connection: &mut SqliteConnection) -> Result<(), DbError> {
    let failed = sql_error("read", path);
    let row = sqlx::query("SELECT sqlite_version()")
        .fetch_one(&mut *connection)
        .await
        .map_err(&failed)?;
    let found: String = row.try_get(0).map_err(&failed)?;
    if !is_recent(&found) {
        return Err(DbError::OldSqlite { found });
    }
    for (pragma, expected) in [
        ("PRAGMA application_id", APPLICATION_ID),
        ("PRAGMA user_version", SCHEMA_VERSION),
    ] {
        let row = sqlx::query(pragma)
            .fetch_one(&mut *connection)
            .await
            .map_err(&failed)?;
        let got: i64 = row.try_get(0).map_err(&failed)?;
        if got != expected {
            return Err(DbError::Unusable {
                path: path.to_owned(),
                reason: format!("{pragma} is {got}, this build reads {expected}"),
            });
        }
    }
    Ok(())
}

fn is_recent(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse::<u32>);
    let mut next = || parts.next().and_then(Result::ok).unwrap_or(0);
    (next(), next(), next()) >= MIN_SQLITE
}

async fn load(
    path: &Path,
    connection: &mut SqliteConnection,
    limits: TailLimits,
) -> Result<Loaded, DbError> {
    let failed = sql_error("read", path);
    let mut loaded = Loaded::default();
    let metas = sqlx::query("SELECT k, v FROM meta")
        .fetch_all(&mut *connection)
        .await
        .map_err(&failed)?;
    for row in metas {
        let key: String = row.try_get(0).map_err(&failed)?;
        let value: Vec<u8> = row.try_get(1).map_err(&failed)?;
        match key.as_str() {
            KEY_NODE => loaded.node = Some(value),
            KEY_VOTE => loaded.vote = Some(value),
            KEY_COMMITTED => loaded.committed = Some(value),
            KEY_PURGED => loaded.purged = Some(value),
            _ => {
                return Err(DbError::Unusable {
                    path: path.to_owned(),
                    reason: format!("unknown key {key:?} in table meta"),
                });
            }
        }
    }
    loaded.first = first_of_whole(path, connection).await?;
    let limit = i64::try_from(limits.entries).unwrap_or(i64::MAX);
    let mut rows = sqlx::query(SELECT_NEWEST).bind(limit).fetch(connection);
    let mut bytes = 0;
    while let Some(row) = rows.next().await {
        let row = to_row(&row.map_err(&failed)?).map_err(&failed)?;
        bytes += row.data.len();
        if bytes > limits.bytes && !loaded.tail.is_empty() {
            break;
        }
        loaded.tail.push(row);
    }
    loaded.tail.reverse();
    Ok(loaded)
}

/// Index of the first entry. Walks the whole table, so that a damaged page shows at the start and
/// not at a follower's read.
async fn first_of_whole(
    path: &Path,
    connection: &mut SqliteConnection,
) -> Result<Option<u64>, DbError> {
    let failed = sql_error("read", path);
    let row = sqlx::query("SELECT min(idx), max(idx), count(*) FROM log")
        .fetch_one(connection)
        .await
        .map_err(&failed)?;
    let first: Option<i64> = row.try_get(0).map_err(&failed)?;
    let last: Option<i64> = row.try_get(1).map_err(&failed)?;
    let count: i64 = row.try_get(2).map_err(&failed)?;
    let span = first.zip(last).map_or(0, |(first, last)| last - first + 1);
    if span == count {
        return Ok(first.map(i64::cast_unsigned));
    }
    Err(DbError::Unusable {
        path: path.to_owned(),
        reason: format!("the log has holes: {count} entries where {span} are expected"),
    })
}

fn to_row(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    Ok(Row {
        index: row.try_get::<i64, _>(0)?.cast_unsigned(),
        term: row.try_get::<i64, _>(1)?.cast_unsigned(),
        kind: row.try_get::<u8, _>(2)?,
        data: row.try_get(3)?,
    })
}

fn sql_error<'a>(action: &'static str, path: &'a Path) -> impl Fn(sqlx::Error) -> DbError + 'a {
    move |source| DbError::Sql {
        action,
        path: path.to_owned(),
        source,
    }
}

fn io_error<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> DbError + 'a {
    move |source| DbError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
