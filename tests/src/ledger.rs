//! What a collector's SQLite file holds, read past the collector: its own word about itself would prove little.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

/// An open ledger.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    /// Outlives the connection into it.
    _copy: Option<TempDir>,
}

impl Ledger {
    /// Of a collector that is not running: a copy, so that the recovery of its log is left to the collector.
    pub fn copy_of(directory: &Path) -> anyhow::Result<Self> {
        let copy = tempfile::tempdir()?;
        let file = database(directory)?;
        for part in [file.clone(), with_suffix(&file, "-wal")] {
            if part.exists() {
                std::fs::copy(&part, copy.path().join(part.file_name().context("no file name")?))?;
            }
        }
        let connection = Connection::open(database(copy.path())?)?;
        Ok(Self { connection, _copy: Some(copy) })
    }

    /// Of a running collector, as of each call's moment.
    pub fn beside(directory: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open_with_flags(database(directory)?, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        Ok(Self { connection, _copy: None })
    }

    /// `ok`, or what is broken.
    pub fn integrity(&self) -> anyhow::Result<String> {
        Ok(self.connection.query_row("pragma integrity_check", [], |row| row.get(0))?)
    }

    /// How many events it holds.
    pub fn count(&self) -> anyhow::Result<usize> {
        let events: i64 = self.connection.query_row("select count(*) from event", [], |row| row.get(0))?;
        Ok(usize::try_from(events)?)
    }

    /// The messageIds of its events in the order of their arrival, each as often as it is stored.
    pub fn message_ids(&self) -> anyhow::Result<Vec<Box<str>>> {
        let mut statement = self.connection.prepare("select message_id from event order by seq")?;
        let ids = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// What a destination refused for good, in the order of refusal.
    pub fn dead_letters(&self, destination: &str) -> anyhow::Result<Vec<Letter>> {
        let sql = "select message_id, reason, body from dead_letter where destination = ?1 order by rowid";
        let mut statement = self.connection.prepare(sql)?;
        let letters = statement.query_map([destination], |row| {
            Ok(Letter { message_id: row.get(0)?, reason: row.get(1)?, body: row.get(2)? })
        })?;
        Ok(letters.collect::<Result<_, _>>()?)
    }
}

/// A message that a destination refused for good.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The event's or snapshot's, or `change:{seq}`.
    pub message_id: String,
    /// In words.
    pub reason: String,
    /// As it was sent.
    pub body: Vec<u8>,
}

fn database(directory: &Path) -> anyhow::Result<PathBuf> {
    let files = std::fs::read_dir(directory)?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut databases = files.filter(|path| path.extension().is_some_and(|extension| extension == "db"));
    databases.next().with_context(|| format!("no database in {}", directory.display()))
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
