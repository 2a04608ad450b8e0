//! How somebody is asked for, and which name of the ledger that is.

use selvedge_core::identifier::Identifier;

use crate::event::Workspace;
use crate::identity::normal::digest::{digest_of, digests, is_hashable};
use crate::identity::normal::{Digest, Veiled};
use crate::identity::{ProfileId, Rules};
use crate::store::{Forms, Meaning, NameId, StoreError, View};

/// How a profile is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// By anything that names it, in its normal form.
    Identifier(Identifier),
    /// The same of a ledger that keeps no clear values, by a clear value or a digest of one.
    Concealed(Box<Sought>),
    /// By any id that it, or what it took in, ever had.
    ProfileId(ProfileId),
}

/// A name as it is asked for where no clear value is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    /// What stands for it.
    pub veiled: Veiled,
    /// A digest as the ledger may have it already: whoever read one there may ask for it.
    pub printed: Option<Identifier>,
}

impl Lookup {
    /// The row of what is asked for, if the ledger has it: said so or, as a digest and the clear value that produces it
    /// are one identifier, in another form (identity.md, section 2).
    pub fn row(&self, view: &dyn View, rules: &Rules, workspace: Workspace) -> Result<Option<NameId>, StoreError> {
        if let Self::ProfileId(id) = self {
            return view.name_of_profile(workspace, id);
        }
        let mut unsaid = None;
        for name in self.names() {
            if let Some(row) = view.name_id(workspace, name)? {
                if view.strongest(row)?.is_some() {
                    return Ok(Some(row));
                }
                unsaid.get_or_insert(row);
            }
        }
        let forms = Forms::new(view, rules, workspace);
        for name in self.names() {
            let meant = match digest_of(name) {
                Some(digest) => match forms.meaning_of(&name.kind, &digest, None)? {
                    Meaning::Clear(clear) => Some(clear),
                    Meaning::Itself | Meaning::Ambiguous => None,
                },
                None => forms.standing_alone(&name.kind, &self.digests_of(name, rules))?,
            };
            if meant.is_some() {
                return Ok(meant);
            }
        }
        Ok(unsaid)
    }

    /// The names that may be meant, the likeliest first; none where it is asked for by an id.
    pub fn names(&self) -> impl Iterator<Item = &Identifier> {
        let (first, second) = match self {
            Self::Identifier(name) => (Some(name), None),
            Self::Concealed(sought) => (Some(&sought.veiled.identifier), sought.printed.as_ref()),
            Self::ProfileId(_) => (None, None),
        };
        first.into_iter().chain(second)
    }

    fn digests_of(&self, name: &Identifier, rules: &Rules) -> Vec<Digest> {
        match self {
            Self::Concealed(sought) => sought.veiled.digests.clone(),
            Self::Identifier(_) | Self::ProfileId(_) if is_hashable(&name.kind) => digests(name, rules),
            Self::Identifier(_) | Self::ProfileId(_) => Vec::new(),
        }
    }
}
