//! Whose the events of devices are: renews the owners of what arrived, and finds the anonymous profiles that begin or
//! end because a device shows other people than before.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Cause, Settling, Touched};
use crate::event::Order;
use crate::store::{DeviceAnchor, NameId, ProfileKey, StoreError, people_of, sole};

impl Settling<'_> {
    /// Gives every profile its next version that owns one of the group's events.
    pub(super) fn renew_owners(&mut self) -> Result<(), StoreError> {
        for touched in std::mem::take(&mut self.touched).into_values() {
            match touched.shape.anchor {
                Some(anchor) => {
                    if let Some(leader) = self.memory.leader(self.transaction, anchor)? {
                        self.changes.renew(leader, &touched.cause.message_id);
                    }
                    self.note_marks(&touched)?;
                }
                None if self.renew_owners_by_device(&touched)? => continue,
                None => {}
            }
            self.renew_named(&touched)?;
        }
        Ok(())
    }

    /// An event may name others than its owner: of them, it says when they were seen.
    fn renew_named(&mut self, touched: &Touched) -> Result<(), StoreError> {
        let because = &touched.cause.message_id;
        for named in &*touched.shape.people {
            // Who is taken out of a claim is not seen by it: whoever guesses names renews nobody.
            if self.memory.is_left(self.transaction, named, touched.shape.guard)? {
                self.renew_leader(named.name, because)?;
            }
        }
        for &named in &*touched.shape.devices {
            let device = self.device_of(named)?;
            let person = sole(&self.people_on(device)?);
            if let Some(person) = person {
                self.changes.renew(person, because);
            }
            let may_stand = person.is_none() || self.memory.marks(self.transaction, device)?.keeps_strangers;
            if may_stand && (self.changes.renews(device) || self.stands(device)?) {
                self.changes.renew(device, because);
            }
        }
        Ok(())
    }

    /// Gives the person that holds a name its next version.
    pub(super) fn renew_leader(&mut self, name: NameId, because: &Arc<str>) -> Result<(), StoreError> {
        if let Some(leader) = self.memory.leader(self.transaction, name)? {
            self.changes.renew(leader, because);
        }
        Ok(())
    }

    /// Whether a device has a profile of its own.
    fn stands(&self, device: NameId) -> Result<bool, StoreError> {
        Ok(self.transaction.profile(device)?.is_some_and(|row| row.is_alive))
    }

    /// Marks on a shared device move the events between them, if there are any.
    fn note_marks(&mut self, touched: &Touched) -> Result<(), StoreError> {
        for &named in &*touched.shape.devices {
            let device = self.device_of(named)?;
            let people = self.people_on(device)?.len();
            if people < 2 || people > self.rules.device_people_limit || self.devices.contains_key(&device) {
                continue;
            }
            for order in &touched.orders {
                if self.is_followed_by_strays(device, order)? {
                    self.devices.insert(device, touched.cause.clone());
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether events that go by the device lie between the marks around this one.
    fn is_followed_by_strays(&self, device: NameId, mark: &Order) -> Result<bool, StoreError> {
        let strays = self.transaction.shapes_going_by(device)?;
        if strays.is_empty() {
            return Ok(false);
        }
        let (mut before, mut behind) = (None, None);
        for shape in self.transaction.shapes_marking(device)? {
            before = before.max(self.transaction.last_order_before(shape.id, mark)?);
            let next = self.transaction.first_order_after(shape.id, mark)?;
            behind = behind.into_iter().chain(next).min();
        }
        for shape in strays {
            let first = match &before {
                Some(before) => self.transaction.first_order_after(shape.id, before)?,
                None => Some(shape.first),
            };
            let lies_between = |first: &Order| behind.as_ref().is_none_or(|behind| first < behind);
            if first.as_ref().is_some_and(lies_between) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Renews whose events they are that go by a device; true when that is whoever they name, too.
    fn renew_owners_by_device(&mut self, touched: &Touched) -> Result<bool, StoreError> {
        let because = &touched.cause.message_id;
        let people = match *touched.shape.devices {
            [device] => self.people_on(device)?,
            [] | [_, _, ..] => BTreeSet::new(),
        };
        let names_device_only = touched.shape.people.is_empty();
        match (&*touched.shape.devices, people.len()) {
            ([], _) => Ok(false),
            ([device], 0) => {
                let device = self.device_of(*device)?;
                self.changes.renew(device, because);
                Ok(names_device_only)
            }
            ([device], 1) if names_device_only && sole(&people).is_some() && !touched.shape.lost_names => {
                people.first().iter().for_each(|person| self.changes.renew(**person, because));
                let device = self.device_of(*device)?;
                Ok(!self.memory.marks(self.transaction, device)?.keeps_strangers)
            }
            _ => {
                let shape = self.transaction.shape(touched.shape.id)?;
                for order in &touched.orders {
                    if let Some(owner) = self.ownership().owner_of(&shape, order)? {
                        self.changes.renew(owner.name(), because);
                    }
                }
                Ok(false)
            }
        }
    }

    /// Looks at the history of every device whose marks changed.
    pub(super) fn settle_devices(&mut self) -> Result<(), StoreError> {
        let mut devices = std::mem::take(&mut self.devices);
        for (device, cause) in devices.clone() {
            devices.entry(self.ownership().device(device)?).or_insert(cause);
        }
        // An event with two devices may go by the other one now.
        let beside = devices.iter().map(|(device, cause)| Ok((self.devices_beside(*device)?, cause.clone())));
        for (others, cause) in beside.collect::<Result<Vec<_>, StoreError>>()? {
            for other in others {
                devices.entry(other).or_insert_with(|| cause.clone());
            }
        }
        devices.into_iter().try_for_each(|(device, cause)| self.settle_device(device, &cause))
    }

    fn settle_device(&mut self, device: NameId, cause: &Cause) -> Result<(), StoreError> {
        let because = &cause.message_id;
        let stands = self.stands(device)?;
        let owns = self.owns_events(ProfileKey::Device(device))?;
        match (stands, owns) {
            (false, false) => {}
            (true, true) => self.changes.renew(device, because),
            (false, true) => {
                let owner_before = self.sole_person_before(device)?;
                self.changes.begin(device, owner_before, because);
            }
            (true, false) => {
                let heir = self.heir_of_history(device)?;
                self.changes.end(device, heir, because);
            }
        }
        let marks = self.named_anchors_on(device)?;
        if !self.stays_quarantined(device, &marks)? {
            // The device itself is one person's or several's; and what they own by it is others' where marks count no
            // more.
            for mark in marks {
                self.renew_leader(mark.anchor, because)?;
            }
        }
        Ok(())
    }

    /// Whether a device showed too many people before the group, and does so now: by marks that count by any rules, and
    /// that nothing of the group touched. Nobody had anything of it then, and nobody has now.
    fn stays_quarantined(&mut self, device: NameId, marks: &[DeviceAnchor]) -> Result<bool, StoreError> {
        // A decision takes, or gives back, one person at a time.
        let too_many = self.rules.device_people_limit + 1;
        if marks.len() <= too_many || self.unsteady.contains(&device) {
            return Ok(false);
        }
        let is_steady = |mark: &&DeviceAnchor| {
            (mark.rank.is_trusted() || !mark.guard.is_on())
                && self.first_new_shape.is_none_or(|first_new| mark.since < first_new)
                && !self.unsteady.contains(&mark.anchor)
        };
        let anchors: Vec<NameId> = marks.iter().filter(is_steady).map(|mark| mark.anchor).collect();
        let hidden = self.transaction.kept_apart_from(device)?;
        let people = people_of(&hidden, anchors, |name| self.memory.leader(self.transaction, name))?;
        Ok(people.len() > too_many)
    }

    /// The anchors of those who marked a device and were not erased.
    fn named_anchors_on(&self, device: NameId) -> Result<Vec<DeviceAnchor>, StoreError> {
        let mut marks = self.transaction.anchors_on(device)?;
        marks.retain(|mark| !mark.anchor.is_nameless());
        Ok(marks)
    }

    fn owns_events(&self, key: ProfileKey) -> Result<bool, StoreError> {
        for (_, slice) in self.ownership().slices_of(key)? {
            let is_whole = slice.from.is_none() && slice.to.is_none();
            if is_whole || self.transaction.fold(&slice)?.event_count > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The one person of the marks that were there before the group, as it is led now.
    fn sole_person_before(&mut self, device: NameId) -> Result<Option<NameId>, StoreError> {
        let first_new = self.first_new_shape;
        let mut people = BTreeSet::new();
        for mark in self.named_anchors_on(device)? {
            if first_new.is_none_or(|first_new| mark.since < first_new) {
                people.extend(self.memory.leader(self.transaction, mark.anchor)?);
            }
        }
        Ok(people.pop_first())
    }

    /// Who owns what the device's own profile owned.
    fn heir_of_history(&self, device: NameId) -> Result<Option<NameId>, StoreError> {
        for shape in self.transaction.shapes_going_by(device)? {
            let owner = self.ownership().owner_of(&shape, &shape.first)?;
            if let Some(heir) = owner.map(ProfileKey::name).filter(|heir| *heir != device) {
                return Ok(Some(heir));
            }
        }
        Ok(None)
    }

    /// The devices that stand beside this one in events that go by devices, by the names that are placed for them.
    fn devices_beside(&self, device: NameId) -> Result<BTreeSet<NameId>, StoreError> {
        let mut beside = BTreeSet::new();
        for shape in self.transaction.shapes_going_by(device)? {
            let names = self.transaction.names_of(shape.id)?;
            for named in names.iter().filter(|named| named.role == crate::store::Role::Device) {
                beside.insert(self.ownership().device(named.name)?);
            }
        }
        beside.remove(&device);
        Ok(beside)
    }

    /// The name that a device goes by, as it is remembered.
    fn device_of(&mut self, named: NameId) -> Result<NameId, StoreError> {
        Ok(self.memory.standing(self.transaction, named)?.flags.same_as.unwrap_or(named))
    }

    /// The leaders of all who marked a device, as they are remembered.
    fn people_on(&mut self, device: NameId) -> Result<BTreeSet<NameId>, StoreError> {
        let device = self.device_of(device)?;
        let marks = self.memory.marks(self.transaction, device)?;
        people_of(&marks.rules.hidden, marks.anchors.iter().copied(), |name| self.memory.leader(self.transaction, name))
    }
}
