//! Who is erased: found by any name or id, with all names, and with the hashes by which those are known again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use selvedge_core::identifier::{Class, Identifier, Kind};

use super::Settling;
use super::erased::hash_of_id;
use super::ground::Claims;
use crate::identity::ProfileId;
use crate::identity::normal::Digest;
use crate::identity::normal::digest::digest_of;
use crate::store::{DigestPrefix, Forms, Lookup, Meaning, NameHash, NameId, ProfileKey, StoreError};

/// Who is meant.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose {
    Profile(ProfileKey),
    /// A name that is nobody's: of a crowd, or ignored.
    Nobody(NameId),
}

/// Who is erased.
pub(super) struct Doomed {
    pub(super) whose: Whose,
    pub(super) profile: Option<ProfileId>,
    /// All its names, and those that are digests of them; whether the person itself has it.
    pub(super) names: BTreeMap<NameId, (Identifier, bool)>,
}

impl Doomed {
    pub(super) fn identifiers(&self) -> Vec<Identifier> {
        self.names.values().map(|(name, _)| name.clone()).collect()
    }

    /// Whether a text holds one of the names, also within a longer word.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        self.names.values().any(|(name, _)| text.contains(&name.value.to_ascii_lowercase()))
    }

    pub(super) fn has(&self, name: NameId) -> bool {
        self.names.contains_key(&name)
    }
}

impl Settling<'_> {
    /// Whether it is a digest of two people's values: neither of them is meant.
    pub(super) fn is_of_two_values(&self, whom: &Lookup) -> Result<bool, StoreError> {
        let forms = Forms::new(self.transaction, self.rules, self.workspace);
        for name in whom.names() {
            if let Some(digest) = digest_of(name) {
                let row = self.transaction.name_id(self.workspace, name)?;
                if forms.meaning_of(&name.kind, &digest, row)? == Meaning::Ambiguous {
                    return Ok(true);
                }
            }
        }
        let Some(id) = whom.row(self.transaction, self.rules, self.workspace)? else { return Ok(false) };
        if matches!(whom, Lookup::ProfileId(_)) && self.ownership().of_profile(id)?.is_some() {
            return Ok(false);
        }
        let claims = Claims::new(self.transaction, self.rules, self.workspace);
        Ok(self.meaning_of(id, &claims)? == Meaning::Ambiguous)
    }

    pub(super) fn find(&self, whom: &Lookup) -> Result<Option<Whose>, StoreError> {
        let Some(id) = whom.row(self.transaction, self.rules, self.workspace)? else { return Ok(None) };
        let ownership = self.ownership();
        let found = match whom {
            Lookup::ProfileId(_) => {
                let found = ownership.of_profile(id)?;
                if found.is_none() && self.transaction.profile(id)?.is_some_and(|row| row.heir.is_some()) {
                    // What took that profile in is gone: the id is nobody's, as for whoever reads.
                    return Ok(None);
                }
                found
            }
            Lookup::Identifier(_) | Lookup::Concealed(_) => ownership.leader(id)?.map(ProfileKey::Person),
        };
        Ok(Some(match found {
            Some(key) => Whose::Profile(key),
            None if self.transaction.name(id)?.class == Class::Device => {
                Whose::Profile(ownership.whose_device(ownership.device(id)?)?)
            }
            None => Whose::Nobody(ownership.device(id)?),
        }))
    }

    /// All names of who is meant.
    pub(super) fn doom(&self, whose: Whose) -> Result<Doomed, StoreError> {
        let view = self.transaction;
        let mut own = BTreeSet::new();
        match whose {
            Whose::Nobody(name) => drop(own.insert(name)),
            Whose::Profile(ProfileKey::Device(device)) => drop(own.insert(device)),
            Whose::Profile(key @ ProfileKey::Person(leader)) => {
                for member in view.members(leader)? {
                    own.insert(member);
                    for device in view.devices_marked_by(member)? {
                        if self.ownership().whose_device(device)? == key {
                            own.insert(device);
                        }
                    }
                }
            }
        }
        for name in own.clone() {
            for other in view.other_names_of(name)? {
                // What no claim says any more, only what is said is another form of.
                if view.strongest(other)?.is_some() {
                    own.insert(other);
                }
            }
        }
        let mut names = BTreeMap::new();
        for &name in &own {
            let identifier = view.name(name)?.identifier;
            for other in self.other_forms(&identifier, &own)? {
                let other_identifier = view.name(other)?.identifier;
                names.entry(other).or_insert((other_identifier, false));
            }
            names.insert(name, (identifier, true));
        }
        let profile = match whose {
            Whose::Nobody(_) => None,
            Whose::Profile(key) => Some(view.name(key.name())?.profile_id),
        };
        Ok(Doomed { whose, profile, names })
    }

    /// The names that nothing speaks of any more, and whose ids find the profile: they were its own by other rules, or
    /// before a row said another.
    pub(super) fn names_of_before(&self, whose: Whose) -> Result<BTreeSet<NameId>, StoreError> {
        let Whose::Profile(key) = whose else { return Ok(BTreeSet::new()) };
        let mut names = BTreeSet::new();
        for name in self.transaction.unspoken_leaders(self.workspace)? {
            if self.ownership().of_profile(name)? == Some(key) {
                names.insert(name);
            }
        }
        Ok(names)
    }

    /// The rows of what says the same as one of these names, and is nobody else's: of a clear value its digests, of a
    /// digest its clear values, of an account the device that an alias makes of it.
    fn other_forms(&self, name: &Identifier, names: &BTreeSet<NameId>) -> Result<Vec<NameId>, StoreError> {
        let mut forms = Vec::new();
        for form in self.hashed_forms(name)? {
            if !self.is_anothers(form, names)? {
                forms.push(form);
            }
        }
        if let Some(device) = device_of_account(name) {
            forms.extend(self.transaction.name_id(self.workspace, &device)?);
        }
        Ok(forms)
    }

    fn hashed_forms(&self, name: &Identifier) -> Result<Vec<NameId>, StoreError> {
        let mut forms = Vec::new();
        for digest in self.said_by(name)? {
            let said = Identifier::new(name.kind.clone(), digest.to_string());
            forms.extend(self.transaction.name_id(self.workspace, &said)?);
        }
        if let Some(said) = digest_of(name) {
            for clear in self.transaction.clear_values(self.workspace, &name.kind, DigestPrefix::of(&said.hex))? {
                if self.said_by(&self.transaction.name(clear)?.identifier)?.contains(&said) {
                    forms.push(clear);
                }
            }
        }
        Ok(forms)
    }

    /// Whether a form of one of these names is said, and is not one of them: a digest may be of two values.
    fn is_anothers(&self, form: NameId, names: &BTreeSet<NameId>) -> Result<bool, StoreError> {
        if self.transaction.strongest(form)?.is_none() {
            return Ok(false);
        }
        let claims = Claims::new(self.transaction, self.rules, self.workspace);
        Ok(match self.meaning_of(form, &claims)? {
            Meaning::Itself => !names.contains(&form),
            Meaning::Clear(clear) => !names.contains(&clear),
            Meaning::Ambiguous => false,
        })
    }

    /// The hashes by which each name, and all that says the same, is known again; whether nobody said it.
    pub(super) fn hashes(&self, doomed: &Doomed, key: &[u8; 32]) -> Result<Vec<(NameHash, bool)>, StoreError> {
        let mut hashes = Vec::new();
        for (name, is_own) in doomed.names.values() {
            if *is_own {
                hashes.extend(self.hashes_of(name, key)?);
            } else {
                hashes.push((self.hash_of(name, key), true));
            }
        }
        Ok(hashes)
    }

    fn hashes_of(&self, name: &Identifier, key: &[u8; 32]) -> Result<Vec<(NameHash, bool)>, StoreError> {
        let digest = |digest: Digest| Identifier::new(name.kind.clone(), digest.to_string());
        let others = self.said_by(name)?.into_iter().map(digest).chain(device_of_account(name));
        let derived = others.map(|other| (self.hash_of(&other, key), true));
        Ok(std::iter::once((self.hash_of(name, key), false)).chain(derived).collect())
    }

    /// The same of a name that is in the ledger no more and was erased, its own hash first; `None` of one that never was.
    pub(super) fn hashes_of_lookup(
        &self,
        whom: &Lookup,
        key: &[u8; 32],
    ) -> Result<Option<Vec<(NameHash, bool)>>, StoreError> {
        let mut ways = whom.names().map(|name| self.hashes_of(name, key)).collect::<Result<Vec<_>, _>>()?;
        if let Lookup::ProfileId(id) = whom {
            ways.push(vec![(hash_of_id(id, key), false)]);
        }
        for hashes in ways {
            if let Some((own, _)) = hashes.first()
                && self.transaction.erasure(self.workspace, own)?.is_some()
            {
                return Ok(Some(hashes));
            }
        }
        Ok(None)
    }
}

/// What an alias makes of an account beside the older name: a device of the same value.
fn device_of_account(name: &Identifier) -> Option<Identifier> {
    (name.kind == Kind::USER_ID).then(|| Identifier::new(Kind::ANONYMOUS_ID, Arc::clone(&name.value)))
}
