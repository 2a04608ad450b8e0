//! What a ledger has that keeps no clear values: the digests that its names may be said by, and by what it knows its key
//! again.

use rusqlite::named_params;

use super::session::Session;
use crate::identity::normal::Digest;
use crate::store::{NameId, StoreError};

impl Session<'_> {
    pub(super) fn read_kept_digests(&self, name: NameId) -> Result<Vec<Digest>, StoreError> {
        const SQL: &str = "select digest from kept_digest where identifier = :name";
        let kept = self.all(SQL, named_params! { ":name": name }, |row| row.get::<_, Box<str>>(0))?;
        let read = |text: Box<str>| Digest::printed(&text).ok_or(StoreError::Impossible { what: "digest" });
        kept.into_iter().map(read).collect()
    }

    pub(super) fn insert_kept_digest(&self, name: NameId, digest: &Digest) -> Result<(), StoreError> {
        const SQL: &str = "insert into kept_digest (identifier, digest) values (:name, :digest) on conflict do nothing";
        self.execute(SQL, named_params! { ":name": name, ":digest": digest.to_string() }).map(drop)
    }

    pub(super) fn read_veil_check(&self) -> Result<Option<[u8; 32]>, StoreError> {
        const SQL: &str = "select value from secret where name = 'veil_check'";
        self.first(SQL, [], |row| row.get(0))
    }

    pub(super) fn insert_veil_check(&self, check: &[u8; 32]) -> Result<(), StoreError> {
        const SQL: &str = "insert into secret (name, value) values ('veil_check', :check)";
        self.execute(SQL, named_params! { ":check": check }).map(drop)
    }
}
