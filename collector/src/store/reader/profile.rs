//! A profile as it stands: identifiers, traits and folds of all that it owns.

use std::collections::BTreeSet;

use selvedge_core::identifier::{Class, Identifier};
use serde_json::value::RawValue;

use super::{Lookup, Reader};
use crate::event::{Strength, UnixMillis};
use crate::identity::ProfileId;
use crate::profile::{Profile, SeenIdentifier, TraitSet, fold_traits};
use crate::store::{EventSlice, Flags, Fold, Mention, Name, NameId, ProfileKey, Shape, StoreError};

impl Reader<'_> {
    /// Today's profile; `None` when the ledger never saw what was asked for.
    pub fn profile(&self, lookup: &Lookup) -> Result<Option<Profile>, StoreError> {
        self.find(lookup)?.map(|key| self.profile_of(key)).transpose()
    }

    /// The name that is asked for, as the ledger has it; `None` where it has none.
    pub fn named(&self, lookup: &Lookup) -> Result<Option<Identifier>, StoreError> {
        let row = self.row(lookup)?;
        row.map(|row| Ok(self.view.name(row)?.identifier)).transpose()
    }

    /// Whose profile is meant; `None` where nobody goes by what was asked for.
    pub fn find(&self, lookup: &Lookup) -> Result<Option<ProfileKey>, StoreError> {
        let Some(id) = self.row(lookup)? else { return Ok(None) };
        match lookup {
            Lookup::Identifier(_) | Lookup::Concealed(_) => self.ownership().whose(id),
            Lookup::ProfileId(_) => self.ownership().of_profile(id),
        }
    }

    /// The profile of this key, with all that it owns.
    pub fn profile_of(&self, key: ProfileKey) -> Result<Profile, StoreError> {
        let owned = self.ownership().slices_of(key)?;
        let fold = self.fold_of(&owned)?;
        let people = match key {
            ProfileKey::Person(_) => BTreeSet::new(),
            ProfileKey::Device(device) => self.ownership().people_on(device)?,
        };
        let version = self.view.profile(key.name())?.map_or(0, |row| row.version);
        Ok(Profile {
            id: self.view.name(key.name())?.profile_id,
            version,
            identifiers: self.identifiers_of(key)?,
            traits: fold_traits(self.traits_of(&owned)?, &self.rules.trait_rules),
            tags: Vec::new(),
            audiences: Vec::new(),
            first_seen: fold.span.map(|(first, _)| first),
            last_seen: fold.span.map(|(_, last)| last),
            event_count: fold.event_count,
            people: self.ids_of(people)?,
        })
    }

    /// The profiles of leaders, in the order of these.
    fn ids_of(&self, leaders: BTreeSet<NameId>) -> Result<Vec<ProfileId>, StoreError> {
        let named = leaders.into_iter().filter(|leader| !leader.is_nameless());
        let mut leaders = named.map(|leader| self.view.name(leader)).collect::<Result<Vec<Name>, _>>()?;
        leaders
            .sort_unstable_by(|one, other| self.rules.rank(&one.identifier).cmp(&self.rules.rank(&other.identifier)));
        Ok(leaders.into_iter().map(|leader| leader.profile_id).collect())
    }

    /// Counts what a profile owns.
    fn fold_of(&self, owned: &[(Shape, EventSlice)]) -> Result<Fold, StoreError> {
        let mut sum = Fold::default();
        for (shape, slice) in owned.iter().filter(|(shape, _)| !shape.is_snapshot) {
            let is_whole = slice.from.is_none() && slice.to.is_none();
            sum.add(if is_whole { self.view.fold_of_shape(shape)? } else { self.view.fold(slice)? });
        }
        Ok(sum)
    }

    fn traits_of(&self, owned: &[(Shape, EventSlice)]) -> Result<Vec<TraitSet>, StoreError> {
        let mut sets = Vec::new();
        for (shape, slice) in owned {
            let mut found = self.view.latest_traits(slice)?;
            // What has a rule of its own is chosen from all that was set.
            found.retain(|set| !self.rules.trait_rules.contains_key(&set.name));
            for name in self.rules.trait_rules.keys() {
                found.extend(self.view.trait_sets(slice, name)?);
            }
            for set in found {
                let value = RawValue::from_string(set.value.into())
                    .map_err(|_| StoreError::Impossible { what: "trait that is not JSON" })?;
                sets.push(TraitSet { name: set.name, strength: shape.rank, order: set.order, value });
            }
        }
        Ok(sets)
    }

    /// Its names and the devices that are its alone, by (class, kind priority, value).
    fn identifiers_of(&self, key: ProfileKey) -> Result<Vec<SeenIdentifier>, StoreError> {
        let mut names = BTreeSet::from([key.name()]);
        if let ProfileKey::Person(leader) = key {
            for member in self.view.members(leader)? {
                names.insert(member);
                // Another name of an account names the person too; a digest is shown by its clear value.
                for other in self.view.other_names_of(member)? {
                    if self.view.name(other)?.class == Class::Account {
                        names.insert(other);
                    }
                }
            }
            let mut devices = BTreeSet::new();
            for &name in &names {
                devices.extend(self.view.devices_marked_by(name)?);
            }
            for device in devices {
                if self.ownership().whose_device(device)? == key {
                    names.insert(device);
                }
            }
        }
        let mut named = names.into_iter().map(|id| self.view.name(id)).collect::<Result<Vec<Name>, _>>()?;
        named.sort_unstable_by(|one, other| self.rules.rank(&one.identifier).cmp(&self.rules.rank(&other.identifier)));
        named.into_iter().map(|name| self.seen(name)).collect()
    }

    /// A name with when it was seen: by the claims that keep it, in whichever form they say it.
    fn seen(&self, name: Name) -> Result<SeenIdentifier, StoreError> {
        let mentions = self.mentions_kept(&name)?;
        let source = mentions.iter().min_by_key(|mention| &mention.first).map(|mention| mention.source);
        let events = || mentions.iter().filter_map(|mention| Some((mention.first.time, mention.last?)));
        Ok(SeenIdentifier {
            shared: name.class == Class::Device && self.ownership().people_on(name.id)?.len() > 1,
            identifier: name.identifier,
            first_seen: events().map(|(first, _)| first).min(),
            last_seen: events().map(|(_, last)| last).max(),
            source: source.map(|source| self.view.name_of_key(source)).transpose()?.unwrap_or_default(),
        })
    }

    /// What is said of a name, or of a digest of it, by claims that it is left in; of a device, but by marks that do not
    /// count.
    fn mentions_kept(&self, name: &Name) -> Result<Vec<Mention>, StoreError> {
        let mut forms = vec![name.id];
        // Another name of an account is shown by itself.
        if name.class != Class::Account {
            forms.extend(self.view.other_names_of(name.id)?);
        }
        let mut kept = Vec::new();
        for form in forms {
            let own = self.flags(form)?;
            let placed = own.same_as.map_or(Ok(own), |same| self.flags(same))?;
            let is_kept = |mention: &Mention| !own.is_ignored && placed.let_stand(mention.strength, mention.guard);
            let mentions = self.view.mentions_of(form)?;
            kept.extend(mentions.into_iter().filter(|mention| name.class == Class::Device || is_kept(mention)));
        }
        let may_not_count = |mention: &Mention| mention.guard.is_on() && mention.marks_with == Some(Strength::Observed);
        if name.class == Class::Device && kept.iter().any(may_not_count) {
            let rules = self.ownership().mark_rules(name.id, &self.view.anchors_on(name.id)?)?;
            kept.retain(|mention| !may_not_count(mention) || rules.count(Strength::Observed, mention.guard));
        }
        Ok(kept)
    }

    /// What keeps a name out of claims.
    pub(super) fn flags(&self, name: NameId) -> Result<Flags, StoreError> {
        Ok(self.view.placement(name)?.map_or(Flags::default(), |placement| Flags::of(&placement)))
    }
}

impl Fold {
    fn add(&mut self, other: Fold) {
        self.event_count = self.event_count.saturating_add(other.event_count);
        let widest = |(first, last): (UnixMillis, UnixMillis), (from, to): (UnixMillis, UnixMillis)| {
            (first.min(from), last.max(to))
        };
        self.span = match (self.span, other.span) {
            (Some(one), Some(another)) => Some(widest(one, another)),
            (one, another) => one.or(another),
        };
    }
}
