//! A connection between `begin` and its end: what views and transactions are here.

use rusqlite::{Params, Row};

use super::connection::Held;
use crate::store::StoreError;

/// Holds one state of the file from its first statement on; rolls back when it is dropped.
pub(super) struct Session<'a> {
    connection: Held<'a>,
}

impl<'a> Session<'a> {
    pub(super) fn begin(connection: Held<'a>) -> Result<Self, StoreError> {
        let begin = match &connection {
            Held::Reader(_) => "begin deferred",
            Held::Writer(_) => "begin immediate",
        };
        connection.prepare_cached(begin)?.execute([])?;
        Ok(Self { connection })
    }

    pub(super) fn end(self) -> Result<(), StoreError> {
        self.connection.prepare_cached("commit")?.execute([])?;
        Ok(())
    }

    /// Runs a statement; the number of rows that it changed.
    pub(super) fn execute(&self, sql: &'static str, params: impl Params) -> Result<usize, StoreError> {
        Ok(self.connection.prepare_cached(sql)?.execute(params)?)
    }

    /// Runs an insert; the row that it made.
    pub(super) fn insert(&self, sql: &'static str, params: impl Params) -> Result<i64, StoreError> {
        self.execute(sql, params)?;
        Ok(self.last_row())
    }

    /// Sets how the connection works.
    pub(super) fn set_pragma(&self, name: &'static str, value: &'static str) -> Result<(), StoreError> {
        Ok(self.connection.pragma_update(None, name, value)?)
    }

    /// The row that the last insert made.
    pub(super) fn last_row(&self) -> i64 {
        self.connection.last_insert_rowid()
    }

    /// All rows of a query.
    pub(super) fn all<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        Ok(self.connection.prepare_cached(sql)?.query_map(params, read)?.collect::<Result<_, _>>()?)
    }

    /// Looks at every row of a query, one after the other.
    pub(super) fn each(
        &self,
        sql: &'static str,
        params: impl Params,
        mut look: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            look(row)?;
        }
        Ok(())
    }

    /// The first row of a query.
    pub(super) fn first<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        Ok(rows.next()?.map(read).transpose()?)
    }

    /// The row of a query that always has one.
    pub(super) fn one<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.first(sql, params, read)?.ok_or(StoreError::Impossible { what: "reference to a row that is not there" })
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // After a commit, and after an error that rolled back by itself (a full disk), there is nothing to undo.
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("rollback")
        {
            tracing::error!(error = &error as &dyn std::error::Error, "a transaction could not be rolled back");
        }
    }
}
