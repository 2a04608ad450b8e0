//! Identity keys: their rows, and what the cache of keys holds of them, under its rule.

use std::sync::Arc;

use rusqlite::{Connection, Row, named_params};

use super::connection::Readers;
use super::keys::KeyCache;
use super::session::Session;
use crate::event::{UnixMillis, Workspace};
use crate::identity_key::{IdentityKeyId, IdentityKeys, Material, NewIdentityKey, SigningAlgorithm, StoredIdentityKey};
use crate::store::StoreError;

const KEYS_OF: &str = "
    select id, kid, alg, material, created_at, revoked_at from identity_key where workspace = :workspace order by id";

impl KeyCache {
    /// What the tokens of a workspace are judged by.
    pub(super) fn identity_keys(
        &mut self,
        workspace: Workspace,
        readers: &Readers,
    ) -> Result<Arc<IdentityKeys>, StoreError> {
        self.renew(readers)?;
        if let Some(keys) = self.identity_keys.get(&workspace) {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(find(self.connection(readers)?, workspace)?);
        self.identity_keys.insert(workspace, Arc::clone(&keys));
        Ok(keys)
    }
}

fn find(connection: &Connection, workspace: Workspace) -> Result<IdentityKeys, StoreError> {
    const NAME: &str = "select name from workspace where id = :workspace";
    let params = named_params! { ":workspace": workspace };
    let name: Box<str> = connection.prepare_cached(NAME)?.query_row(params, |row| row.get(0))?;
    let rows = connection.prepare_cached(KEYS_OF)?.query_map(params, columns)?.collect::<Result<Vec<_>, _>>()?;
    Ok(IdentityKeys::of(name.into(), rows.into_iter().map(IdentityKeyRow::parse).collect::<Result<_, _>>()?))
}

impl Session<'_> {
    pub(super) fn identity_keys_of(&self, workspace: Workspace) -> Result<Vec<StoredIdentityKey>, StoreError> {
        let rows = self.all(KEYS_OF, named_params! { ":workspace": workspace }, columns)?;
        rows.into_iter().map(IdentityKeyRow::parse).collect()
    }

    pub(super) fn put_identity_key(&self, key: &NewIdentityKey) -> Result<IdentityKeyId, StoreError> {
        const SQL: &str = "
            insert into identity_key (workspace, kid, alg, material, created_at)
            values (:workspace, :kid, :alg, :material, :created_at)";
        let row = self.insert(
            SQL,
            named_params! {
                ":workspace": key.workspace,
                ":kid": &*key.kid,
                ":alg": key.algorithm.as_str(),
                ":material": key.material.bytes(),
                ":created_at": key.created_at,
            },
        )?;
        Ok(IdentityKeyId(row))
    }

    pub(super) fn end_identity_key(&self, key: IdentityKeyId, at: UnixMillis) -> Result<bool, StoreError> {
        const SQL: &str = "update identity_key set revoked_at = :at where id = :key and revoked_at is null";
        Ok(self.execute(SQL, named_params! { ":key": key.0, ":at": at })? == 1)
    }
}

/// The columns as they stand.
struct IdentityKeyRow {
    key: StoredIdentityKey,
    algorithm: Box<str>,
}

fn columns(row: &Row<'_>) -> rusqlite::Result<IdentityKeyRow> {
    let key = StoredIdentityKey {
        id: IdentityKeyId(row.get("id")?),
        kid: row.get("kid")?,
        algorithm: SigningAlgorithm::Hs256,
        material: Material::new(row.get::<_, Vec<u8>>("material")?),
        created_at: row.get("created_at")?,
        revoked_at: row.get::<_, Option<UnixMillis>>("revoked_at")?,
    };
    Ok(IdentityKeyRow { key, algorithm: row.get("alg")? })
}

impl IdentityKeyRow {
    /// A row that says what it should not is refused: taken for another algorithm's, a public key would be a secret.
    fn parse(self) -> Result<StoredIdentityKey, StoreError> {
        let algorithm = SigningAlgorithm::parse(&self.algorithm);
        let algorithm = algorithm.ok_or(StoreError::Impossible { what: "algorithm of an identity key" })?;
        Ok(StoredIdentityKey { algorithm, ..self.key })
    }
}
