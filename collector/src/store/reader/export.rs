//! Everything that the ledger knows about one person.

use std::collections::BTreeMap;

use selvedge_core::identifier::Identifier;

use super::{Lookup, Reader, ShownDecision};
use crate::event::Strength;
use crate::profile::Profile;
use crate::store::{EventSlice, NameId, ProfileKey, ShapeId, StoreError, StoredEvent, StoredTrait};

/// A profile, and all that it follows from.
#[derive(Debug)]
pub struct Export {
    /// The profile as it stands.
    pub profile: Profile,
    /// Every value that a trait was ever given, and how far it is trusted.
    pub traits: Vec<(StoredTrait, Strength)>,
    /// Every event, oldest first; rows of imports and snapshots too.
    pub events: Vec<StoredEvent>,
    /// What they named and do not count for, by their shapes.
    pub unproven: BTreeMap<ShapeId, Vec<Identifier>>,
    /// The decisions about its names, withdrawn ones too.
    pub decisions: Vec<ShownDecision>,
}

impl Reader<'_> {
    /// All that is known of whom this names; `None` when the ledger never saw it.
    pub fn export(&self, lookup: &Lookup) -> Result<Option<Export>, StoreError> {
        let Some(key) = self.find(lookup)? else { return Ok(None) };
        let (mut traits, mut found) = (Vec::new(), Vec::new());
        for (shape, slice) in self.ownership().slices_of(key)? {
            traits.extend(self.traits_ever(&slice)?.into_iter().map(|set| (set, shape.rank)));
            found.extend(self.view.events_in(&slice, None, usize::MAX)?);
        }
        traits.sort_by(|(one, _), (other, _)| (&one.order, &one.name).cmp(&(&other.order, &other.name)));
        found.sort_unstable();
        let names = self.names_of(key)?;
        let mut decisions = Vec::new();
        for row in self.view.decisions(self.workspace)? {
            if names.contains(&row.x) || row.y.is_some_and(|y| names.contains(&y)) {
                decisions.push(self.shown(&row)?);
            }
        }
        let events: Vec<_> = found.into_iter().map(|(_, seq)| self.view.event(seq)).collect::<Result<_, _>>()?;
        let unproven = self.unproven_of(&events)?;
        Ok(Some(Export { profile: self.profile_of(key)?, traits, events, unproven, decisions }))
    }

    fn traits_ever(&self, slice: &EventSlice) -> Result<Vec<StoredTrait>, StoreError> {
        let mut sets = Vec::new();
        for newest in self.view.latest_traits(slice)? {
            sets.extend(self.view.trait_sets(slice, &newest.name)?);
        }
        Ok(sets)
    }

    fn names_of(&self, key: ProfileKey) -> Result<Vec<NameId>, StoreError> {
        let mut names = match key {
            ProfileKey::Person(leader) => self.view.members(leader)?,
            ProfileKey::Device(device) => vec![device],
        };
        for name in names.clone() {
            for device in self.view.devices_marked_by(name)? {
                if self.ownership().whose_device(device)? == key {
                    names.push(device);
                }
            }
        }
        for name in names.clone() {
            names.extend(self.view.other_names_of(name)?);
        }
        Ok(names)
    }
}
