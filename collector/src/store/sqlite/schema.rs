//! The tables, and how a file of an older format becomes one of today's.

use rusqlite::{Connection, TransactionBehavior};

/// What the file says about itself when it was opened.
#[derive(Debug)]
pub(super) enum SchemaError {
    /// A newer Selvedge wrote it.
    Newer {
        /// Its format.
        found: i64,
    },
    /// The engine failed.
    Engine(rusqlite::Error),
}

impl From<rusqlite::Error> for SchemaError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

/// The newest format: the number of steps that lead to it.
pub(super) const FORMAT: i64 = MIGRATIONS.len() as i64;

/// Brings the file to today's format, one transaction for all steps: after a crash it is the old file or the new one.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), SchemaError> {
    if format_of(connection)? == FORMAT {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Asked again under the lock: another process may have come first.
    let found = format_of(&transaction)?;
    let known = usize::try_from(found).ok().and_then(|done| MIGRATIONS.get(done..));
    let Some(steps) = known else { return Err(SchemaError::Newer { found }) };
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", FORMAT)?;
    Ok(transaction.commit()?)
}

fn format_of(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// One step for each format; a step that was released is never changed.
const MIGRATIONS: [&str; 1] = [include_str!("schema_1.sql")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_gets_todays_format_and_keeps_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(format_of(&connection).unwrap(), FORMAT);
    }

    #[test]
    fn a_file_of_a_newer_format_is_refused_and_left_as_it_is() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", FORMAT + 1).unwrap();
        let refused = migrate(&mut connection);
        assert!(matches!(refused, Err(SchemaError::Newer { found }) if found == FORMAT + 1));
        let tables: i64 = connection.query_row("select count(*) from sqlite_schema", [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 0);
    }
}
