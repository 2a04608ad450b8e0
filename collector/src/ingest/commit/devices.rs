//! Whose the events of devices are: renews the owners of what arrived, and finds the anonymous profiles that begin or
//! end because a device shows other people than before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::memory::Marks;
use super::{Cause, Settling, Touched};
use crate::event::Order;
use crate::store::{DeviceAnchor, EventSlice, NameId, ProfileKey, StoreError, marks_of_a_crowd, people_of, sole};

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
        // The older account of an alias too, though a decision keeps it from being one with the other.
        for named in touched.shape.people.iter().chain(&touched.shape.older_account) {
            // Who is taken out of a claim is not seen by it: whoever guesses names renews nobody.
            if self.memory.is_left(self.transaction, named, touched.shape.guard)? {
                self.renew_leader(named.name, because)?;
            }
        }
        for &named in &*touched.shape.devices {
            let device = self.device_of(named)?;
            let marks = self.marks_on(device)?;
            if touched.shape.anchor.is_some() && !marks.rules.count(touched.shape.rank, touched.shape.guard) {
                // Nor is a device by a mark that does not count.
                continue;
            }
            let person = sole(&self.people_on(device)?);
            if let Some(person) = person {
                self.changes.renew(person, because);
            }
            let may_stand = person.is_none() || self.marks_on(device)?.keeps_strangers;
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
            let counts = self.marks_on(device)?.rules.count(touched.shape.rank, touched.shape.guard);
            let is_shared = people > 1 && people <= self.rules.device_people_limit;
            if !counts || !is_shared || self.devices.contains_key(&device) {
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
        let marks = self.ownership().marks_around(device, mark)?;
        let before = marks.iter().map(|other| &other.order).filter(|other| *other < mark).max();
        let behind = marks.iter().map(|other| &other.order).filter(|other| *other > mark).min();
        for shape in strays {
            let first = match before {
                Some(before) => self.transaction.first_order_after(shape.id, before)?,
                None => Some(shape.first),
            };
            let lies_between = |first: &Order| behind.is_none_or(|behind| first < behind);
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
            // Nobody's: an event does not go by a device that is ignored.
            ([device], _) if self.is_ignored_device(*device)? => Ok(false),
            ([device], 0) => {
                let device = self.device_of(*device)?;
                self.changes.renew(device, because);
                Ok(names_device_only)
            }
            ([device], 1) if names_device_only && sole(&people).is_some() && !touched.shape.lost_names => {
                people.first().iter().for_each(|person| self.changes.renew(**person, because));
                let device = self.device_of(*device)?;
                Ok(!self.marks_on(device)?.keeps_strangers)
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

    fn is_ignored_device(&mut self, named: NameId) -> Result<bool, StoreError> {
        let device = self.device_of(named)?;
        let is_ignored = |name| Ok::<_, StoreError>(self.memory.standing(self.transaction, name)?.flags.is_ignored);
        Ok([named, device].into_iter().map(is_ignored).collect::<Result<Vec<_>, _>>()?.contains(&true))
    }

    /// Looks at the history of every device whose marks changed.
    pub(super) fn settle_devices(&mut self) -> Result<(), StoreError> {
        let mut devices = BTreeMap::new();
        for (named, cause) in std::mem::take(&mut self.devices) {
            let device = self.device_of(named)?;
            if self.unsteady.contains(&named) || !self.stays_quarantined(device)? {
                devices.entry(named).or_insert_with(|| cause.clone());
                devices.entry(device).or_insert(cause);
            } else if self.stands(device)? {
                // It says who shares it.
                self.changes.renew(device, &cause.message_id);
            }
        }
        // An event with two devices goes by the other one once that is the first of the two with marks, or no more.
        for (device, cause) in devices.clone() {
            if self.is_marked_as_before(device)? {
                continue;
            }
            for other in self.devices_beside(device)? {
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
        // The device itself is one person's or several's; and what they own by it is others' where marks count no more.
        for mark in self.named_anchors_on(device)? {
            self.renew_leader(mark.anchor, because)?;
        }
        Ok(())
    }

    /// Whether it is certain that a device had any marks before the group if, and only if, it has some now. Of what is
    /// not certain, all is looked at.
    fn is_marked_as_before(&mut self, device: NameId) -> Result<bool, StoreError> {
        let mut forms = self.transaction.other_names_of(device)?;
        forms.push(device);
        if forms.iter().any(|form| self.unsteady.contains(form))
            || !self.transaction.kept_apart_from(device)?.is_empty()
        {
            return Ok(false);
        }
        let marks = self.transaction.first_marks_on(device, marks_of_a_crowd(0))?;
        for mark in &marks {
            let is_steady = mark.always_counts()
                && self.was_there_before(mark.since)
                && !self.unsteady.contains(&mark.anchor)
                && self.memory.leader(self.transaction, mark.anchor)?.is_some();
            if is_steady {
                return Ok(true);
            }
        }
        Ok(marks.is_empty())
    }

    /// Whether a device showed too many people before the group, and does so now: by marks that count by any rules, and
    /// that nothing of the group touched. Nobody had anything of it then, and nobody has now.
    fn stays_quarantined(&mut self, device: NameId) -> Result<bool, StoreError> {
        if self.unsteady.contains(&device) {
            return Ok(false);
        }
        // A decision takes, or gives back, one person at a time; names of hidden people that move, one each.
        let hidden = self.transaction.kept_apart_from(device)?;
        let too_many = self.rules.device_people_limit + 1 + hidden.len();
        let is_old = |mark: &DeviceAnchor| self.was_there_before(mark.since);
        let marks = self.transaction.first_marks_on(device, marks_of_a_crowd(too_many))?;
        let is_guarded =
            marks.iter().any(|mark| !mark.always_counts()) && self.transaction.is_marked_with_trust(device)?;
        let steady = marks.iter().filter(|mark| (!is_guarded || mark.always_counts()) && is_old(mark));
        let anchors: Vec<NameId> =
            steady.map(|mark| mark.anchor).filter(|anchor| !self.unsteady.contains(anchor)).collect();
        let is_ignored = self.memory.standing(self.transaction, device)?.flags.is_ignored;
        let people = people_of(&hidden, anchors, |name| self.memory.leader(self.transaction, name))?;
        Ok(people.len() > too_many && !is_ignored)
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

    /// The one person of the marks that were there before the group, and counted: whoever it was then.
    fn sole_person_before(&mut self, device: NameId) -> Result<Option<NameId>, StoreError> {
        let mut marked_by = self.lost_marks.get(&device).cloned().unwrap_or_default();
        let mut marks = self.named_anchors_on(device)?;
        marks.retain(|mark| self.was_there_before(mark.since));
        let has_trusted = marks.iter().any(|mark| mark.rank.is_trusted());
        marked_by.extend(marks.iter().filter(|mark| !has_trusted || mark.always_counts()).map(|mark| mark.anchor));
        let mut people = BTreeSet::new();
        for anchor in marked_by {
            people.extend(match self.came_from.get(&anchor) {
                Some(before) => *before,
                None => self.memory.leader(self.transaction, anchor)?,
            });
        }
        Ok(people.pop_first().filter(|_| people.is_empty()))
    }

    /// Notes that a claim of this anchor marked a device before the group and does so no more. Under each of its names:
    /// one that was a digest of it may be a device of its own from now on.
    pub(super) fn note_lost_mark(&mut self, named: NameId, anchor: NameId) -> Result<(), StoreError> {
        let device = self.device_of(named)?;
        let forms = self.transaction.other_names_of(device)?.into_iter().chain([named, device]);
        for form in forms {
            self.lost_marks.entry(form).or_default().insert(anchor);
        }
        Ok(())
    }

    /// Who has what the device's own profile had: whose it is now or, where no claim says it any more, its other form.
    fn heir_of_history(&self, device: NameId) -> Result<Option<NameId>, StoreError> {
        let ownership = self.ownership();
        let form = self.form_left_of(device)?;
        if let ProfileKey::Person(person) = ownership.whose_device(form)? {
            return Ok(Some(person));
        }
        // It is shared, or nobody's. Whoever has the latest event that goes by it.
        let mut latest: Option<(Order, NameId)> = None;
        for shape in self.transaction.shapes_going_by(device)? {
            let whole = EventSlice { shape: shape.id, from: None, to: None };
            let Some((order, _)) = self.transaction.events_in(&whole, None, 1)?.pop() else { continue };
            let is_later = latest.as_ref().is_none_or(|(known, _)| *known < order);
            if is_later && let Some(owner) = ownership.owner_of(&shape, &order)? {
                latest = Some((order, owner.name()));
            }
        }
        Ok(latest.map_or(Some(form), |(_, owner)| Some(owner)).filter(|heir| *heir != device))
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
    pub(super) fn device_of(&mut self, named: NameId) -> Result<NameId, StoreError> {
        Ok(self.memory.standing(self.transaction, named)?.flags.same_as.unwrap_or(named))
    }

    /// The leaders of all who marked a device, as they are remembered.
    fn people_on(&mut self, device: NameId) -> Result<BTreeSet<NameId>, StoreError> {
        let device = self.device_of(device)?;
        loop {
            let marks = self.marks_on(device)?;
            let anchors = marks.anchors.iter().copied();
            let people = people_of(&marks.rules.hidden, anchors, |name| self.memory.leader(self.transaction, name))?;
            if !marks.is_crowd || people.len() > self.rules.device_people_limit {
                return Ok(people);
            }
            // Some of them are one person by now.
            self.memory.forget_marks(self.transaction, device)?;
        }
    }

    /// Who marked a device, by the name that is placed for it.
    pub(super) fn marks_on(&mut self, device: NameId) -> Result<Arc<Marks>, StoreError> {
        self.memory.marks(self.transaction, (device, self.rules.device_people_limit))
    }
}
