//! Hashed equals clear (identity.md, section 2): which clear value a digest of the ledger is another form of, and by
//! which digest a clear value is known that nobody said.

use std::collections::BTreeSet;

use selvedge_core::identifier::{Identifier, Kind};

use super::{DigestPrefix, NameId, StoreError, View};
use crate::event::{Strength, Workspace};
use crate::identity::Rules;
use crate::identity::normal::digest::digests;
use crate::identity::normal::{Digest, is_veiled};

/// What a digest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// An identifier of its own: nobody said the clear value.
    Itself,
    /// Another form of this clear value.
    Clear(NameId),
    /// Of two clear values, and so of none.
    Ambiguous,
}

/// Finds the other forms of names, by what claims say.
pub(crate) struct Forms<'a> {
    view: &'a dyn View,
    rules: &'a Rules,
    workspace: Workspace,
}

impl<'a> Forms<'a> {
    pub(crate) fn new(view: &'a dyn View, rules: &'a Rules, workspace: Workspace) -> Self {
        Self { view, rules, workspace }
    }

    /// What a digest is, by the clear values that claims name. Its row, if the ledger has it.
    pub(crate) fn meaning_of(&self, kind: &Kind, digest: &Digest, row: Option<NameId>) -> Result<Meaning, StoreError> {
        let (mut trusted, mut observed) = (Vec::new(), Vec::new());
        for clear in self.view.clear_values(self.workspace, kind, DigestPrefix::of(&digest.hex))? {
            if self.is_said_by(clear, digest)? {
                match self.view.strongest(clear)? {
                    Some(strongest) if strongest.is_trusted() => trusted.push(clear),
                    Some(_) => observed.push(clear),
                    None => {}
                }
            }
        }
        let is_trusted = |row| Ok::<_, StoreError>(self.view.strongest(row)?.is_some_and(Strength::is_trusted));
        Ok(match (&*trusted, &*observed, row) {
            ([], [], _) => Meaning::Itself,
            // What is observed makes nothing ambiguous that was said with trust.
            ([clear], ..) | ([], [clear], _) => Meaning::Clear(*clear),
            ([], _, Some(row)) if is_trusted(row)? => Meaning::Itself,
            _ => Meaning::Ambiguous,
        })
    }

    /// The first of these digests that somebody said, and that is no clear value's: by the stronger algorithm, and of
    /// several by one algorithm the least.
    pub(crate) fn standing_alone(&self, kind: &Kind, digests: &[Digest]) -> Result<Option<NameId>, StoreError> {
        for digest in digests.iter().collect::<BTreeSet<_>>() {
            let said = Identifier::new(kind.clone(), digest.to_string());
            if let Some(row) = self.view.name_id(self.workspace, &said)?
                && self.view.strongest(row)?.is_some()
                && self.meaning_of(kind, digest, Some(row))? == Meaning::Itself
            {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// Whether a digest is one of those by which a clear value may be said.
    fn is_said_by(&self, clear: NameId, digest: &Digest) -> Result<bool, StoreError> {
        let identifier = self.view.name(clear)?.identifier;
        let said_by =
            if is_veiled(&identifier) { self.view.kept_digests(clear)? } else { digests(&identifier, self.rules) };
        Ok(said_by.contains(digest))
    }
}
