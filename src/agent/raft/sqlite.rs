//! The log on disk: `raft/raft.db`, SQLite through sqlx.
//!
//! sqlx runs a connection on a thread of its own, so that every statement costs a round trip
//! between threads. A batch is therefore one text with all its statements: `BEGIN IMMEDIATE`, one
//! multi-row `INSERT`, whatever else the batch has, `COMMIT`.

mod lock;
mod open;
mod wal;

use std::io;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use thiserror::Error;
use tokio_stream::StreamExt as _;

use self::lock::Lock;
use super::codec::{self, CodecError, Row};
use super::medium::{BoxFuture, LogMedium, LogSource, Op, Opened};

/// Earlier versions may corrupt a WAL that two connections use.
const MIN_SQLITE: (u32, u32, u32) = (3, 51, 3);
/// SQLite's primary result codes for files that are not as it wrote them: CORRUPT and NOTADB.
const DAMAGE: [u32; 2] = [11, 26];
/// Insert texts of up to this many rows stay prepared: parsing one takes as long as carrying it out.
const MAX_CACHED_ROWS: usize = 64;
const SELECT_RANGE: &str =
    "SELECT idx, term, kind, data FROM log WHERE idx >= ? AND idx < ? ORDER BY idx";
const UPSERT_META: &str = "INSERT OR REPLACE INTO meta (k, v) VALUES (?, ?);";

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
    #[error("{} is damaged: {reason}; put an undamaged copy in its place, or move the raft folder away so that the server starts empty and the other servers send it everything", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{} is missing although raft did not stop in order: its last entries are lost; put the file back, or move the raft folder away so that the server starts empty and the other servers send it everything", .0.display())]
    WalMissing(PathBuf),
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
    lock: Lock,
}

/// The readers' connection, opened when an entry outside the tail cache is wanted.
struct SqliteSource {
    path: PathBuf,
    connection: Option<SqliteConnection>,
    /// The last entry that an earlier build wrote, without a checksum.
    unsealed: Option<u64>,
}

impl SqliteMedium {
    /// Opens `path`, creating it when it does not exist, and reads and verifies everything in it. `node` is the raft id
    /// to give to a new log.
    pub(super) async fn open(
        path: &Path,
        node: &[u8],
        limits: TailLimits,
    ) -> Result<Opened, DbError> {
        let (connection, lock, read) = open::open(path, node, limits).await?;
        Ok(Opened {
            loaded: read.loaded,
            medium: Box::new(Self {
                path: path.to_owned(),
                connection,
                lock,
            }),
            source: Box::new(SqliteSource {
                path: path.to_owned(),
                connection: None,
                unsealed: read.unsealed,
            }),
        })
    }

    async fn run(&mut self, ops: Vec<Op>) -> Result<(), DbError> {
        let (sql, cacheable) = batch_sql(&ops);
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(cacheable);
        for op in ops {
            query = match op {
                Op::Append(rows) => rows.into_iter().fold(query, |query, row| {
                    let row = row.seal();
                    query
                        .bind(row.index.cast_signed())
                        .bind(row.term.cast_signed())
                        .bind(i64::from(row.kind))
                        .bind(row.data)
                }),
                Op::Vote(value) => query.bind(KEY_VOTE).bind(sealed(KEY_VOTE, value)),
                Op::Committed(value) => {
                    query.bind(KEY_COMMITTED).bind(sealed(KEY_COMMITTED, value))
                }
                Op::Truncate { from } => query.bind(from.cast_signed()),
                Op::Purged { log_id, .. } => {
                    query.bind(KEY_PURGED).bind(sealed(KEY_PURGED, log_id))
                }
                Op::Delete { upto } => query.bind(upto.cast_signed()),
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

    fn close(mut self: Box<Self>) -> BoxFuture<'static, io::Result<()>> {
        Box::pin(async move {
            // From here on nothing is written, and a write-ahead log that is gone is nothing lost.
            self.lock.note_closing().map_err(io::Error::other)?;
            let done = self.connection.close().await;
            done.map_err(sql_error("close the raft log", &self.path))
                .map_err(io::Error::other)
        })
    }
}

impl SqliteSource {
    async fn fetch(&mut self, start: u64, end: u64, max_bytes: usize) -> Result<Vec<Row>, DbError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => open::connect(&self.path).await?,
        };
        let connection = self.connection.insert(connection);
        let failed = sql_error("read the raft log", &self.path);
        let mut found = sqlx::query(SELECT_RANGE)
            .bind(start.cast_signed())
            .bind(end.cast_signed())
            .fetch(connection);
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while bytes < max_bytes
            && let Some(row) = found.next().await
        {
            let mut row = to_row(&row.map_err(&failed)?).map_err(&failed)?;
            verify(&self.path, self.unsealed, &mut row)?;
            bytes += row.data.len();
            rows.push(row);
        }
        Ok(rows)
    }
}

impl LogSource for SqliteSource {
    fn read(
        &mut self,
        start: u64,
        end: u64,
        max_bytes: usize,
    ) -> BoxFuture<'_, io::Result<Vec<Row>>> {
        Box::pin(async move {
            let rows = self.fetch(start, end, max_bytes).await;
            rows.map_err(io::Error::other)
        })
    }
}

/// Takes a row's checksum off; rows up to `unsealed` may have none.
fn verify(path: &Path, unsealed: Option<u64>, row: &mut Row) -> Result<(), DbError> {
    let checked = row.unseal();
    let problem = match checked {
        Ok(true) => return Ok(()),
        Ok(false) if unsealed.is_some_and(|last| row.index <= last) => return Ok(()),
        Ok(false) => CodecError::Checksum("log entry"),
        Err(error) => error,
    };
    Err(damaged(path, &format!("entry {}: {problem}", row.index)))
}

fn sealed(key: &str, mut value: Vec<u8>) -> Vec<u8> {
    codec::seal(key.as_bytes(), &mut value);
    value
}

/// The text of a batch, and whether it is worth keeping prepared.
fn batch_sql(ops: &[Op]) -> (String, bool) {
    let mut sql = String::new();
    let mut cacheable = true;
    let several = ops.len() > 1;
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
                cacheable &= rows.len() <= MAX_CACHED_ROWS;
            }
            Op::Vote(_) | Op::Committed(_) | Op::Purged { .. } => sql.push_str(UPSERT_META),
            Op::Truncate { .. } => sql.push_str("DELETE FROM log WHERE idx >= ?;"),
            Op::Delete { .. } => sql.push_str("DELETE FROM log WHERE idx <= ?;"),
        }
    }
    if several {
        sql.push_str("COMMIT;");
    }
    // Only the two everyday shapes repeat: entries alone, and entries with a commit.
    let everyday = matches!(ops, [Op::Append(_)] | [Op::Append(_), Op::Committed(_)]);
    (sql, cacheable && everyday)
}

fn to_row(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    Ok(Row {
        index: row.try_get::<i64, _>(0)?.cast_unsigned(),
        term: row.try_get::<i64, _>(1)?.cast_unsigned(),
        kind: row.try_get::<u8, _>(2)?,
        data: row.try_get(3)?,
    })
}

fn damaged(path: &Path, reason: &impl ToString) -> DbError {
    DbError::Damaged {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

/// What SQLite finds in a damaged file is damage, everything else is a failure.
fn sql_error<'a>(action: &'static str, path: &'a Path) -> impl Fn(sqlx::Error) -> DbError + 'a {
    move |source| {
        let is_damage = match &source {
            sqlx::Error::Database(error) => error
                .code()
                .and_then(|code| code.parse::<u32>().ok())
                .is_some_and(|code| DAMAGE.contains(&(code & 0xff))),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => true,
            _ => false,
        };
        if is_damage {
            return damaged(path, &source);
        }
        DbError::Sql {
            action,
            path: path.to_owned(),
            source,
        }
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

#[cfg(test)]
mod tests;
