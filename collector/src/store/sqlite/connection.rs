//! Connections to the file: one that writes, a few that read, each with its statements prepared once.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// Opens the file for writing, and makes it when it is not there.
pub(super) fn open_writer(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // FULL syncs the log at every commit: what was answered survives a power cut.
    connection.pragma_update(None, "synchronous", "full")?;
    plan_once(&connection)?;
    connection.pragma_update(None, "cache_size", WRITER_CACHE_KIB)?;
    // A log that one long read let grow gives its disk back.
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Opens the file for reading.
pub(super) fn open_reader(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    plan_once(&connection)?;
    connection.pragma_update(None, "cache_size", READER_CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Without it, statements whose plan could depend on a parameter are prepared again whenever that one changes: an
/// eighth of the writer's time.
fn plan_once(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// Connections that read; opened as they are needed, up to [`READERS`].
pub(super) struct Readers {
    file: PathBuf,
    state: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    lent: usize,
}

impl Readers {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file, state: Mutex::default(), returned: Condvar::new() }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// A connection of one's own; waits while all are lent.
    pub(super) fn lend(&self) -> rusqlite::Result<Lent<'_>> {
        let mut pool = self.lock();
        while pool.idle.is_empty() && pool.lent >= READERS {
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        let idle = pool.idle.pop();
        pool.lent += 1;
        drop(pool);
        match idle.map_or_else(|| open_reader(&self.file), Ok) {
            Ok(connection) => Ok(Lent { readers: self, connection: Some(connection) }),
            Err(error) => {
                self.take_back(None);
                Err(error)
            }
        }
    }

    fn take_back(&self, connection: Option<Connection>) {
        let mut pool = self.lock();
        pool.lent = pool.lent.saturating_sub(1);
        pool.idle.extend(connection);
        drop(pool);
        self.returned.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        // Whole between any two statements, so a panic elsewhere harms nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lent connection; goes back when it is dropped.
pub(super) struct Lent<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.readers.take_back(self.connection.take());
    }
}

/// The connection that a session speaks through.
pub(super) enum Held<'a> {
    /// One that reads.
    Reader(Lent<'a>),
    /// The one that writes.
    Writer(MutexGuard<'a, Connection>),
}

impl Deref for Held<'_> {
    type Target = Connection;

    #[allow(clippy::expect_used, reason = "a lent connection is there until it is dropped")]
    fn deref(&self) -> &Connection {
        match self {
            Held::Reader(lent) => lent.connection.as_ref().expect("lent until dropped"),
            Held::Writer(guard) => guard,
        }
    }
}

/// Reads are short; more connections than cores would only wait for each other.
const READERS: usize = 4;
/// Another process (the command line) holds the lock for one statement.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Negative is KiB (SQLite, `pragma cache_size`). The hot ends of the indexes of some million events.
const WRITER_CACHE_KIB: i64 = -32 * 1_024;
const READER_CACHE_KIB: i64 = -4 * 1_024;
const LOG_BYTES: i64 = 64 * 1_024 * 1_024;
/// More than there are statements.
const STATEMENTS: usize = 128;
