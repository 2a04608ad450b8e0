//! Prints how many events a stopped server's database holds and the bytes it takes: what was acknowledged must be there.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use rusqlite::Connection;

/// Counts the rows of table `event` in a SQLite file.
#[derive(Parser)]
struct Arguments {
    /// The database file.
    database: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let database = Arguments::parse().database;
    let connection = Connection::open(&database).with_context(|| format!("cannot open {}", database.display()))?;
    let events: i64 = connection.query_row("select count(*) from event", [], |row| row.get(0))?;
    connection.execute_batch("pragma wal_checkpoint(truncate)")?;
    let bytes = std::fs::metadata(&database)?.len();
    println!("{}", serde_json::json!({ "events": events, "bytes": bytes }));
    Ok(())
}
