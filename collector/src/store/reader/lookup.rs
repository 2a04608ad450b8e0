//! How somebody is asked for, and which name of the ledger that is.

use selvedge_core::identifier::{Class, Identifier};

use crate::event::Workspace;
use crate::identity::normal::digest::{digest_of, digests, is_hashable};
use crate::identity::normal::{Digest, Veiled, is_veiled};
use crate::identity::{ProfileId, Rules};
use crate::store::{DigestPrefix, NameId, StoreError, View};

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
                if view.name(row)?.class == Class::Device || view.strongest(row)?.is_some() {
                    return Ok(Some(row));
                }
                unsaid.get_or_insert(row);
            }
        }
        let forms = Forms { view, rules, workspace };
        for name in self.names() {
            let meant = match digest_of(name) {
                Some(digest) => forms.clear_value_of(name, &digest)?,
                None => forms.digest_alone(name, &self.digests_of(name, rules))?,
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

/// Finds the other forms of a name that nobody said as it is asked for.
struct Forms<'a> {
    view: &'a dyn View,
    rules: &'a Rules,
    workspace: Workspace,
}

impl Forms<'_> {
    /// The clear value that a digest is of; none of one that could be two people's.
    fn clear_value_of(&self, name: &Identifier, digest: &Digest) -> Result<Option<NameId>, StoreError> {
        let (mut trusted, mut observed) = (Vec::new(), Vec::new());
        for clear in self.view.clear_values(self.workspace, &name.kind, DigestPrefix::of(&digest.hex))? {
            if self.may_be_said_by(clear, digest)? {
                match self.view.strongest(clear)? {
                    Some(strongest) if strongest.is_trusted() => trusted.push(clear),
                    Some(_) => observed.push(clear),
                    None => {}
                }
            }
        }
        Ok(match (&*trusted, &*observed) {
            ([clear], _) | ([], [clear]) => Some(*clear),
            _ => None,
        })
    }

    fn may_be_said_by(&self, clear: NameId, digest: &Digest) -> Result<bool, StoreError> {
        let identifier = self.view.name(clear)?.identifier;
        let said_by =
            if is_veiled(&identifier) { self.view.kept_digests(clear)? } else { digests(&identifier, self.rules) };
        Ok(said_by.contains(digest))
    }

    /// The first of a clear value's digests that somebody said, and of which nobody said a clear value.
    fn digest_alone(&self, name: &Identifier, said_by: &[Digest]) -> Result<Option<NameId>, StoreError> {
        for digest in said_by {
            let said = Identifier::new(name.kind.clone(), digest.to_string());
            if let Some(row) = self.view.name_id(self.workspace, &said)?
                && self.view.strongest(row)?.is_some()
                && self.is_alone(name, digest)?
            {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn is_alone(&self, name: &Identifier, digest: &Digest) -> Result<bool, StoreError> {
        for clear in self.view.clear_values(self.workspace, &name.kind, DigestPrefix::of(&digest.hex))? {
            if self.view.strongest(clear)?.is_some() && self.may_be_said_by(clear, digest)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
