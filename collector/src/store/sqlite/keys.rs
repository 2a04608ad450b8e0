//! Keys: their rows, and the cache that spares requests a look-up.
//!
//! Another process may make or revoke a key, and it counts at once. So every request asks SQLite whether anyone
//! committed since the cache was filled (`pragma data_version`, which reads the head of the log's index and no page);
//! only then the cache is thrown away. Our own writer's commits throw it away too: that costs one look-up per key
//! and group, and needs no rule about which writes matter.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, Row, named_params};

use super::connection::{Readers, open_reader};
use super::session::Session;
use crate::event::{Source, UnixMillis, Workspace};
use crate::identity_key::IdentityKeys;
use crate::key::{KeyDigest, NewKey, Origin, Right, StoredKey, Trust};
use crate::store::StoreError;

macro_rules! key_columns {
    () => {
        "select id, workspace, right, name, origins, trust, created_at, revoked_at from write_key "
    };
}

/// Keys that were asked for, and the connection that knows whether they still are as they were.
#[derive(Default)]
pub(super) struct KeyCache {
    connection: Option<Connection>,
    data_version: i64,
    known: HashMap<[u8; 32], StoredKey>,
    pub(super) identity_keys: HashMap<Workspace, Arc<IdentityKeys>>,
}

impl KeyCache {
    /// The key of this digest. Only digests that exist are kept: guesses cost a look-up and no memory.
    pub(super) fn find(&mut self, digest: &KeyDigest, readers: &Readers) -> Result<Option<StoredKey>, StoreError> {
        self.renew(readers)?;
        if let Some(key) = self.known.get(&digest.0) {
            return Ok(Some(key.clone()));
        }
        let found = find(self.connection(readers)?, digest)?;
        if let Some(key) = &found {
            self.known.insert(digest.0, key.clone());
        }
        Ok(found)
    }

    /// Throws everything away if anyone has committed since.
    pub(super) fn renew(&mut self, readers: &Readers) -> Result<(), StoreError> {
        let asked = "pragma data_version";
        let data_version = self.connection(readers)?.prepare_cached(asked)?.query_row([], |row| row.get(0))?;
        if data_version != self.data_version {
            self.known.clear();
            self.identity_keys.clear();
            self.data_version = data_version;
        }
        Ok(())
    }

    pub(super) fn connection(&mut self, readers: &Readers) -> Result<&Connection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => open_reader(readers.file())?,
        };
        Ok(self.connection.insert(connection))
    }
}

fn find(connection: &Connection, digest: &KeyDigest) -> Result<Option<StoredKey>, StoreError> {
    let mut statement = connection.prepare_cached(concat!(key_columns!(), "where digest = :digest"))?;
    let mut rows = statement.query(named_params! { ":digest": digest.0 })?;
    let row = rows.next()?.map(columns).transpose()?;
    row.map(KeyRow::parse).transpose()
}

impl Session<'_> {
    pub(super) fn keys_of(&self, workspace: Workspace) -> Result<Vec<StoredKey>, StoreError> {
        const SQL: &str = concat!(key_columns!(), "where workspace = :workspace order by id");
        self.all(SQL, named_params! { ":workspace": workspace }, columns)?.into_iter().map(KeyRow::parse).collect()
    }

    pub(super) fn put_key(&self, key: &NewKey) -> Result<Source, StoreError> {
        const SQL: &str = "
            insert into write_key (workspace, right, digest, name, origins, trust, created_at)
            values (:workspace, :right, :digest, :name, :origins, :trust, :created_at)";
        let origins: Vec<&str> = key.origins.iter().map(Origin::as_str).collect();
        let row = self.insert(
            SQL,
            named_params! {
                ":workspace": key.workspace,
                ":right": key.right.as_str(),
                ":digest": key.digest.0,
                ":name": key.name.as_deref(),
                ":origins": origins.join("\n"),
                ":trust": key.trust.as_str(),
                ":created_at": key.created_at,
            },
        )?;
        Ok(Source(row))
    }
}

/// The columns as they stand.
struct KeyRow {
    key: StoredKey,
    right: Box<str>,
    origins: Box<str>,
    trust: Box<str>,
}

fn columns(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    let key = StoredKey {
        id: row.get("id")?,
        workspace: row.get("workspace")?,
        right: Right::Public,
        name: row.get("name")?,
        origins: Vec::new(),
        trust: Trust::default(),
        created_at: row.get("created_at")?,
        revoked_at: row.get::<_, Option<UnixMillis>>("revoked_at")?,
    };
    Ok(KeyRow { key, right: row.get("right")?, origins: row.get("origins")?, trust: row.get("trust")? })
}

impl KeyRow {
    /// What the columns mean. A row that says what it should not is refused, never guessed at.
    fn parse(self) -> Result<StoredKey, StoreError> {
        let right = Right::parse(&self.right).ok_or(StoreError::Impossible { what: "right of a key" })?;
        let trust = Trust::parse(&self.trust).ok_or(StoreError::Impossible { what: "trust of a key" })?;
        let origins = self.origins.lines().map(Origin::parse).collect::<Result<_, _>>();
        let origins = origins.map_err(|_| StoreError::Impossible { what: "origin of a key" })?;
        Ok(StoredKey { right, trust, origins, ..self.key })
    }
}
