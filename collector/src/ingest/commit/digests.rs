//! Hashed equals clear: which digests of the ledger are the clear values of it (identity.md, section 2).

use std::collections::BTreeSet;

use selvedge_core::identifier::Identifier;

use super::Settling;
use super::ground::Claims;
use crate::identity::normal::digest::{digest_of, digests, is_hashable};
use crate::store::{DigestPrefix, NameId, StoreError};

/// What a digest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// An identifier of its own: nobody said the clear value.
    Itself,
    /// Another form of this clear value.
    Clear(NameId),
    /// Of two clear values, and so of none.
    Ambiguous,
}

impl Settling<'_> {
    /// Notes by which digests a new name may be said or, of a digest, that there is one.
    pub(super) fn note_digests(&mut self, name: NameId, identifier: &Identifier) -> Result<(), StoreError> {
        if !is_hashable(&identifier.kind) {
            return Ok(());
        }
        if digest_of(identifier).is_some() {
            return self.memory.note_digest(self.transaction, self.workspace);
        }
        for digest in digests(identifier, self.rules) {
            let prefix = DigestPrefix::of(&digest.hex);
            self.transaction.insert_digest(self.workspace, &identifier.kind, prefix, name)?;
        }
        Ok(())
    }

    /// The digests among the ledger's names that the unsettled names are, or are said by.
    pub(super) fn digests_touched(&mut self, claims: &Claims<'_>) -> Result<BTreeSet<NameId>, StoreError> {
        let mut touched = BTreeSet::new();
        if !self.memory.has_digests(self.transaction, self.workspace)? {
            return Ok(touched);
        }
        for name in self.names.keys() {
            let identifier = claims.identifier(*name)?;
            if digest_of(&identifier).is_some() {
                touched.insert(*name);
            }
            for digest in digests(&identifier, self.rules) {
                let said = Identifier::new(identifier.kind.clone(), digest.to_string());
                touched.extend(self.transaction.name_id(self.workspace, &said)?);
            }
        }
        Ok(touched)
    }

    /// What a digest is, by the clear values that claims name.
    pub(super) fn meaning_of(&self, digest: NameId, claims: &Claims<'_>) -> Result<Meaning, StoreError> {
        let identifier = claims.identifier(digest)?;
        let Some(said) = digest_of(&identifier) else { return Ok(Meaning::Itself) };
        let mut clear = BTreeSet::new();
        for name in self.transaction.clear_values(self.workspace, &identifier.kind, DigestPrefix::of(&said.hex))? {
            let is_said = digests(&claims.identifier(name)?, self.rules).contains(&said);
            if is_said && self.transaction.strongest(name)?.is_some() {
                clear.insert(name);
            }
        }
        Ok(match (clear.pop_first(), clear.is_empty()) {
            (None, _) => Meaning::Itself,
            (Some(clear), true) => Meaning::Clear(clear),
            (Some(_), false) => Meaning::Ambiguous,
        })
    }
}
