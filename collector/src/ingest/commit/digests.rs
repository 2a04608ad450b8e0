//! Hashed equals clear: which digests of the ledger are the clear values of it (identity.md, section 2).

use std::collections::BTreeSet;

use selvedge_core::identifier::{Class, Identifier};

use super::Settling;
use super::ground::Claims;
use super::memory::Standing;
use crate::identity::normal::digest::{digest_of, digests, is_hashable};
use crate::identity::normal::{Digest, is_veiled};
use crate::store::{DigestPrefix, Flags, Forms, Meaning, NameId, Placement, Role, ShapeName, StoreError};

impl Settling<'_> {
    /// Notes by which digests a new name may be said or, of a digest, that there is one.
    pub(super) fn note_digests(
        &mut self,
        name: NameId,
        identifier: &Identifier,
        class: Class,
    ) -> Result<(), StoreError> {
        if !is_hashable(&identifier.kind) {
            return Ok(());
        }
        if class == Class::Device {
            self.new_devices.insert(name);
        }
        if digest_of(identifier).is_some() {
            return self.memory.note_digest(self.transaction, self.workspace);
        }
        for digest in self.said_by(identifier)? {
            let prefix = DigestPrefix::of(&digest.hex);
            self.transaction.insert_digest(self.workspace, &identifier.kind, prefix, name)?;
            if is_veiled(identifier) {
                self.transaction.keep_digest(name, &digest)?;
            }
        }
        Ok(())
    }

    /// Of the devices that a claim is about to say, has those looked at that no claim says: a decision or a mark that
    /// somebody left kept the name, and its digests are its own only while it is said.
    pub(super) fn note_devices_said_again(&mut self, names: &[ShapeName]) -> Result<(), StoreError> {
        for named in names.iter().filter(|named| named.role == Role::Device) {
            if self.memory.has_digests(self.transaction, self.workspace)?
                && self.transaction.strongest(named.name)?.is_none()
                && is_hashable(&self.transaction.name(named.name)?.identifier.kind)
            {
                self.new_devices.insert(named.name);
            }
        }
        Ok(())
    }

    /// The same of a name that was there before these digests of it were known: a value that the rules blocked, or a
    /// number from before the region.
    pub(super) fn note_lacking_digests(&mut self, name: NameId, identifier: &Identifier) -> Result<(), StoreError> {
        let Some(said_by) = self.said_by.get(identifier) else { return Ok(()) };
        let kept = self.transaction.kept_digests(name)?;
        if said_by.iter().all(|digest| kept.contains(digest)) {
            return Ok(());
        }
        let class = self.rules.class(&identifier.kind);
        if class != Class::Device {
            self.unsettle(&[name]);
        }
        self.note_digests(name, identifier, class)
    }

    /// Whether a name is a value that may come as a digest, and is none.
    pub(super) fn is_clear_value(&self, name: NameId) -> Result<bool, StoreError> {
        let identifier = self.transaction.name(name)?.identifier;
        Ok(is_hashable(&identifier.kind) && digest_of(&identifier).is_none())
    }

    /// Every digest by which a name may be said: it follows from the clear value or, where that is not kept, came along
    /// with it.
    pub(super) fn said_by(&self, name: &Identifier) -> Result<Vec<Digest>, StoreError> {
        if !is_veiled(name) {
            return Ok(digests(name, self.rules));
        }
        if let Some(said_by) = self.said_by.get(name) {
            return Ok(said_by.clone());
        }
        let row = self.transaction.name_id(self.workspace, name)?;
        row.map_or(Ok(Vec::new()), |row| self.transaction.kept_digests(row))
    }

    /// Settles which of the group's new devices are one with others of the ledger, by a digest.
    pub(super) fn settle_device_digests(&mut self) -> Result<(), StoreError> {
        let new_devices = std::mem::take(&mut self.new_devices);
        if new_devices.is_empty() || !self.memory.has_digests(self.transaction, self.workspace)? {
            return Ok(());
        }
        let claims = Claims::new(self.transaction, self.rules, self.workspace);
        self.forget_what_hangs_on(new_devices.iter().copied(), &claims)?;
        let mut said = BTreeSet::new();
        for device in new_devices {
            said.extend(self.digests_of(device, &claims)?);
        }
        let spoken_of = self.spoken_of_by_digest(&said, &claims)?;
        for digest in said {
            let same_as = match self.meaning_of(digest, &claims)? {
                Meaning::Itself | Meaning::Ambiguous => None,
                Meaning::Clear(_) if !self.is_spoken_of(digest)? => None,
                Meaning::Clear(clear) => Some(clear),
            };
            self.place_device(digest, same_as, &claims)?;
        }
        for clear in spoken_of {
            let same_as = self.digest_left_of(clear, &claims)?;
            self.place_device(clear, same_as, &claims)?;
        }
        Ok(())
    }

    /// Notes of a device which other one is placed for it, and has both looked at.
    fn place_device(&mut self, device: NameId, same_as: Option<NameId>, claims: &Claims<'_>) -> Result<(), StoreError> {
        let before = self.transaction.placement(device)?.unwrap_or_default();
        let forms: BTreeSet<NameId> = [Some(device), before.same_as, same_as].into_iter().flatten().collect();
        let is_ignored = self.is_any_ignored(&forms, claims)?;
        if before.same_as == same_as && is_ignored == before.is_ignored {
            return Ok(());
        }
        let after = Placement { same_as, ..before };
        self.transaction.set_placement(device, (after != Placement::default()).then_some(&after))?;
        self.memory.set_standing(device, Standing { leader: None, flags: Flags::of(&after) });
        if is_ignored {
            // So is the other form from now on, or no more.
            self.settle_ignored_devices(&forms)?;
        }
        forms.into_iter().try_for_each(|form| self.remark(form))
    }

    /// Whether one of these devices is ignored, or was before the group.
    fn is_any_ignored(&mut self, devices: &BTreeSet<NameId>, claims: &Claims<'_>) -> Result<bool, StoreError> {
        let ignored = self.ignored_in_any_form(claims)?;
        for device in devices {
            let was_ignored = self.transaction.placement(*device)?.is_some_and(|placement| placement.is_ignored);
            if was_ignored || ignored.contains(device) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether there may be digests that are a name's once it is said with trust, though others' values fit as well: it
    /// may be held by another digest already.
    pub(super) fn may_settle_digests(&mut self, name: NameId) -> Result<bool, StoreError> {
        Ok(self.memory.has_digests(self.transaction, self.workspace)?
            && is_hashable(&self.transaction.name(name)?.identifier.kind))
    }

    /// The digests among the ledger's names that the unsettled names are, or are said by.
    pub(super) fn digests_touched(&mut self, claims: &Claims<'_>) -> Result<BTreeSet<NameId>, StoreError> {
        let mut touched = BTreeSet::new();
        if !self.memory.has_digests(self.transaction, self.workspace)? {
            return Ok(touched);
        }
        for name in self.names.keys() {
            touched.extend(self.digests_of(*name, claims)?);
        }
        Ok(touched)
    }

    /// The digests among the ledger's names that a name is, or is said by.
    pub(super) fn digests_of(&self, name: NameId, claims: &Claims<'_>) -> Result<BTreeSet<NameId>, StoreError> {
        let identifier = claims.identifier(name)?;
        let mut found: BTreeSet<NameId> = digest_of(&identifier).map(|_| name).into_iter().collect();
        for digest in self.said_by(&identifier)? {
            let said = Identifier::new(identifier.kind.clone(), digest.to_string());
            found.extend(self.transaction.name_id(self.workspace, &said)?);
        }
        Ok(found)
    }

    /// What a digest is, by the clear values that claims name; of any other name: itself.
    pub(super) fn meaning_of(&self, name: NameId, claims: &Claims<'_>) -> Result<Meaning, StoreError> {
        let identifier = claims.identifier(name)?;
        let Some(digest) = digest_of(&identifier) else { return Ok(Meaning::Itself) };
        self.forms().meaning_of(&identifier.kind, &digest, Some(name))
    }

    /// Whether a claim, a decision or a mark that somebody left says a name.
    pub(super) fn is_spoken_of(&mut self, name: NameId) -> Result<bool, StoreError> {
        if self.transaction.strongest(name)?.is_some() || !self.transaction.nameless_marks(name)?.is_empty() {
            return Ok(true);
        }
        let decisions = self.memory.decisions(self.transaction, self.workspace)?;
        Ok(decisions.iter().any(|decision| decision.x == name || decision.y == Some(name)))
    }

    /// What a decision about a name is about: of a clear value that no claim says any more, the digest of it that
    /// stands for itself, if there is one.
    pub(super) fn decided_about(&self, name: NameId, claims: &Claims<'_>) -> Result<NameId, StoreError> {
        let identifier = claims.identifier(name)?;
        if !is_hashable(&identifier.kind) || digest_of(&identifier).is_some() {
            return Ok(name);
        }
        if self.transaction.strongest(name)?.is_some() {
            return Ok(name);
        }
        let alone = self.forms().standing_alone(&identifier.kind, &self.said_by(&identifier)?)?;
        Ok(alone.unwrap_or(name))
    }

    /// By which other form a name goes on that no claim says any more: a digest by its clear value, a clear value by the
    /// digest of it that stands for itself. Itself, where there is none.
    pub(super) fn form_left_of(&self, name: NameId) -> Result<NameId, StoreError> {
        let claims = Claims::new(self.transaction, self.rules, self.workspace);
        match self.meaning_of(name, &claims)? {
            Meaning::Clear(clear) => Ok(clear),
            Meaning::Itself | Meaning::Ambiguous => self.decided_about(name, &claims),
        }
    }

    /// The clear values of digests that no claim says any more, but a decision or a mark that somebody left does; and
    /// those of which that was so when they were placed last.
    pub(super) fn spoken_of_by_digest(
        &mut self,
        digests: &BTreeSet<NameId>,
        claims: &Claims<'_>,
    ) -> Result<BTreeSet<NameId>, StoreError> {
        let mut spoken_of = BTreeSet::new();
        for digest in digests {
            let identifier = claims.identifier(*digest)?;
            let Some(said) = digest_of(&identifier) else { continue };
            let prefix = DigestPrefix::of(&said.hex);
            for clear in self.transaction.clear_values(self.workspace, &identifier.kind, prefix)? {
                let is_left = self.transaction.strongest(clear)?.is_none() && self.is_spoken_of(clear)?;
                if is_left || claims.placed(clear)? != clear {
                    spoken_of.insert(clear);
                }
            }
        }
        Ok(spoken_of)
    }

    /// The digest that is placed for a clear value that no claim says any more, while something else speaks of it.
    pub(super) fn digest_left_of(&mut self, clear: NameId, claims: &Claims<'_>) -> Result<Option<NameId>, StoreError> {
        let about = self.decided_about(clear, claims)?;
        Ok((about != clear && self.is_spoken_of(clear)?).then_some(about))
    }

    fn forms(&self) -> Forms<'_> {
        Forms::new(self.transaction, self.rules, self.workspace)
    }
}
