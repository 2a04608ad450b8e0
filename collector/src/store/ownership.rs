//! Whose things are: reads placements and marks, and lets `identity` decide. Derives, stores nothing.
//!
//! An event whose shape has an anchor belongs to the anchor's person. Any other goes by its device: to the one person
//! of its marks, or, where several share the device, to whom the device's timeline gives at its order.

use std::collections::BTreeSet;

use selvedge_core::identifier::Class;

use super::{DeviceAnchor, EventSlice, MarkRules, NameId, Role, Shape, StoreError, View, crowd_on, people_of};
use crate::event::Order;
use crate::identity::{Mark, Owner, Rules, Slice, Timeline, nameless};

/// A profile by the identifier whose id it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProfileKey {
    /// The person of this leader.
    Person(NameId),
    /// This device's own anonymous profile.
    Device(NameId),
}

impl ProfileKey {
    /// The leader or the device.
    pub fn name(self) -> NameId {
        match self {
            ProfileKey::Person(name) | ProfileKey::Device(name) => name,
        }
    }
}

/// Answers whose a device, an event or a stretch of events is.
#[derive(Clone, Copy)]
pub struct Ownership<'a> {
    view: &'a dyn View,
    rules: &'a Rules,
}

impl<'a> Ownership<'a> {
    /// Over one state of the ledger.
    pub fn new(view: &'a dyn View, rules: &'a Rules) -> Self {
        Self { view, rules }
    }

    /// The leader of the person that holds an account or contact, or another name of the same.
    pub fn leader(&self, name: NameId) -> Result<Option<NameId>, StoreError> {
        if name.is_nameless() {
            return Ok(Some(name));
        }
        let Some(placement) = self.view.placement(name)? else { return Ok(None) };
        match placement.same_as {
            Some(same) => Ok(self.view.placement(same)?.and_then(|placement| placement.leader())),
            None => Ok(placement.leader()),
        }
    }

    /// The name that a device goes by: its own or, of a digest, that of the clear value.
    pub fn device(&self, name: NameId) -> Result<NameId, StoreError> {
        Ok(self.view.placement(name)?.and_then(|placement| placement.same_as).unwrap_or(name))
    }

    /// The leaders of all who marked a device, by marks that count.
    pub fn people_on(&self, device: NameId) -> Result<BTreeSet<NameId>, StoreError> {
        let marks = self.view.anchors_on(device)?;
        let rules = self.mark_rules(device, &marks)?;
        let counted = marks.iter().filter(|mark| rules.count(mark.rank, mark.guard)).map(|mark| mark.anchor);
        people_of(&rules.hidden, counted, |name| self.leader(name))
    }

    /// The same where they are not too many; where they are, more than the limit of them: who they are changes nothing.
    fn people_shown_on(&self, device: NameId) -> Result<BTreeSet<NameId>, StoreError> {
        let limited = (device, self.rules.device_people_limit);
        match crowd_on(self.view, limited, |name| self.leader(name))? {
            Some(crowd) => Ok(crowd),
            None => self.people_on(device),
        }
    }

    /// By what the marks on a device, which are given, are judged.
    pub(super) fn mark_rules(&self, device: NameId, marks: &[DeviceAnchor]) -> Result<MarkRules, StoreError> {
        MarkRules::of(self.view, (device, marks), |name| self.leader(name))
    }

    /// The shapes that mark a device with marks that count, each with the leader of whom it names.
    pub(super) fn counted_marks(&self, device: NameId) -> Result<Vec<(Shape, NameId)>, StoreError> {
        let rules = self.mark_rules(device, &self.view.anchors_on(device)?)?;
        let people = self.people_on(device)?;
        let mut counted = Vec::new();
        for shape in self.view.shapes_marking(device)?.into_iter().filter(|shape| shape.marks(&rules)) {
            let leader = shape.anchor.map(|anchor| self.leader(anchor)).transpose()?.flatten();
            if let Some(leader) = leader.filter(|leader| people.contains(leader)) {
                counted.push((shape, leader));
            }
        }
        Ok(counted)
    }

    /// Whose a device is: the one person of its marks, or its own.
    pub fn whose_device(&self, device: NameId) -> Result<ProfileKey, StoreError> {
        Ok(sole(&self.people_shown_on(device)?).map_or(ProfileKey::Device(device), ProfileKey::Person))
    }

    /// Whose a name is today.
    pub fn whose(&self, name: NameId) -> Result<Option<ProfileKey>, StoreError> {
        if self.view.name(name)?.class != Class::Device {
            return Ok(self.leader(name)?.map(ProfileKey::Person));
        }
        if !self.view.is_named(name)? {
            return Ok(None);
        }
        self.whose_device(self.device(name)?).map(Some)
    }

    /// Whose profile the id of a name means: the one that stands by it, else today's of the name; of a name that names
    /// nobody any more, of what took its profile in.
    pub fn of_profile(&self, id: NameId) -> Result<Option<ProfileKey>, StoreError> {
        let (mut at, mut asked) = (id, BTreeSet::new());
        while asked.insert(at) {
            let row = self.view.profile(at)?;
            if row.is_some_and(|row| row.is_alive) && self.view.name(at)?.class == Class::Device {
                return Ok(Some(ProfileKey::Device(at)));
            }
            if let Some(key) = self.whose(at)? {
                return Ok(Some(key));
            }
            let Some(heir) = row.and_then(|row| row.heir) else { break };
            at = heir;
        }
        Ok(None)
    }

    /// Whose an event of this shape and order is; `None` for one that names nobody and nothing.
    pub fn owner_of(&self, shape: &Shape, order: &Order) -> Result<Option<ProfileKey>, StoreError> {
        if let Some(anchor) = shape.anchor {
            return Ok(self.leader(anchor)?.map(ProfileKey::Person));
        }
        let Some(device) = self.device_of(shape)? else { return Ok(None) };
        let owner = self.person_around(device, order)?;
        let holder = match owner {
            Some(person) if self.may_have(person, shape)? => ProfileKey::Person(person),
            _ => ProfileKey::Device(device),
        };
        Ok(Some(holder))
    }

    /// The stretches of events that a profile owns, each with its shape. Snapshots among them: they own traits.
    pub fn slices_of(&self, key: ProfileKey) -> Result<Vec<(Shape, EventSlice)>, StoreError> {
        let mut owned = Vec::new();
        let ProfileKey::Person(leader) = key else {
            self.add_slices_by_device(key.name(), key, &mut owned)?;
            return Ok(owned);
        };
        let mut devices = BTreeSet::new();
        for member in self.view.members(leader)? {
            devices.extend(self.view.devices_marked_by(member)?);
            for shape in self.view.shapes_anchored_at(member)? {
                let whole = EventSlice { shape: shape.id, from: None, to: None };
                owned.push((shape, whole));
            }
        }
        for device in devices {
            // Nobody has anything of a device that shows too many people.
            if self.people_shown_on(device)?.len() <= self.rules.device_people_limit {
                self.add_slices_by_device(device, key, &mut owned)?;
            }
        }
        Ok(owned)
    }

    /// Adds what `key` owns of the events that go by `device`.
    fn add_slices_by_device(
        &self,
        device: NameId,
        key: ProfileKey,
        owned: &mut Vec<(Shape, EventSlice)>,
    ) -> Result<(), StoreError> {
        let mut timeline = None;
        for shape in self.view.shapes_going_by(device)? {
            if self.device_of(&shape)? != Some(device) {
                continue;
            }
            let timeline = match &timeline {
                Some(timeline) => timeline,
                None => timeline.insert(self.timeline(device)?),
            };
            for Slice { from, to } in self.slices_on(timeline, &shape, key)? {
                let slice = EventSlice { shape: shape.id, from, to };
                owned.push((shape.clone(), slice));
            }
        }
        Ok(())
    }

    /// The stretches of a device's timeline in which `key` owns the events of a shape that goes by it.
    fn slices_on(&self, timeline: &Timeline, shape: &Shape, key: ProfileKey) -> Result<Vec<Slice>, StoreError> {
        let slices_of = |leader| -> Result<Vec<Slice>, StoreError> {
            Ok(timeline.slices_of(&Owner::Person(self.view.name(leader)?.identifier)))
        };
        match (key, shape.names_someone) {
            (ProfileKey::Person(person), _) if self.may_have(person, shape)? => slices_of(person),
            (ProfileKey::Person(_), _) => Ok(Vec::new()),
            (ProfileKey::Device(_), false) => Ok(timeline.slices_of(&Owner::Anonymous)),
            (ProfileKey::Device(_), true) => match self.holder_of_all(shape)? {
                Some(holder) => Ok(outside(slices_of(holder)?)),
                None => Ok(outside(Vec::new())),
            },
        }
    }

    /// The device that an event of this shape goes by: the first with any marks, else the first.
    pub fn device_of(&self, shape: &Shape) -> Result<Option<NameId>, StoreError> {
        let names = self.view.names_of(shape.id)?;
        let mut devices = Vec::new();
        for named in names.iter().filter(|name| name.role == Role::Device) {
            let placement = self.view.placement(named.name)?.unwrap_or_default();
            let device = placement.same_as.unwrap_or(named.name);
            let is_ignored = placement.is_ignored
                || (placement.same_as.is_some() && self.view.placement(device)?.is_some_and(|same| same.is_ignored));
            if !is_ignored {
                devices.push(self.view.name(device)?);
            }
        }
        devices
            .sort_unstable_by(|one, other| self.rules.rank(&one.identifier).cmp(&self.rules.rank(&other.identifier)));
        if devices.len() > 1 {
            for device in &devices {
                if !self.people_shown_on(device.id)?.is_empty() {
                    return Ok(Some(device.id));
                }
            }
        }
        Ok(devices.first().map(|device| device.id))
    }

    /// Whether a person may own the device's events of this shape: where names were taken out, who holds them all.
    fn may_have(&self, person: NameId, shape: &Shape) -> Result<bool, StoreError> {
        Ok(!shape.names_someone || self.holder_of_all(shape)? == Some(person))
    }

    /// The leader of the one person that holds every account and contact that a shape names.
    fn holder_of_all(&self, shape: &Shape) -> Result<Option<NameId>, StoreError> {
        if shape.lost_names {
            return Ok(None);
        }
        let mut holders = BTreeSet::new();
        for name in self.view.names_of(shape.id)?.iter().filter(|name| matches!(name.role, Role::Lone | Role::Tied)) {
            holders.insert(self.leader(name.name)?);
        }
        Ok(if holders.len() == 1 { holders.pop_first().flatten() } else { None })
    }

    /// The person that a device's timeline gives at this order.
    ///
    /// Of each shape that marks it, only the marks next to the order can matter: the timeline asks who marked it, for
    /// the mark before, for the one behind, and, without one before, for the first.
    fn person_around(&self, device: NameId, order: &Order) -> Result<Option<NameId>, StoreError> {
        let people = self.people_shown_on(device)?;
        if people.len() <= 1 || people.len() > self.rules.device_people_limit {
            return Ok(sole(&people));
        }
        let timeline = Timeline::new(self.marks_around(device, order)?, self.rules);
        match timeline.owner_at(order) {
            Owner::Person(person) => self.find(person, &people),
            Owner::Anonymous => Ok(None),
        }
    }

    fn find(
        &self,
        person: &selvedge_core::identifier::Identifier,
        people: &BTreeSet<NameId>,
    ) -> Result<Option<NameId>, StoreError> {
        for &leader in people.iter().filter(|person| !person.is_nameless()) {
            if self.view.name(leader)?.identifier == *person {
                return Ok(Some(leader));
            }
        }
        Ok(None)
    }

    /// The marks that count on a device right before and right behind an order, of each shape that marks it, and all
    /// that the erased left. An event that goes by the device has an order of its own, which is no mark's.
    pub fn marks_around(&self, device: NameId, order: &Order) -> Result<Vec<Mark>, StoreError> {
        let mut marks = self.nameless_marks(device)?;
        for (shape, leader) in self.counted_marks(device)? {
            let person = self.view.name(leader)?.identifier;
            let before = self.view.last_order_before(shape.id, order)?;
            let behind = self.view.first_order_after(shape.id, order)?;
            marks.extend(before.into_iter().chain(behind).map(|order| Mark { order, person: person.clone() }));
        }
        Ok(marks)
    }

    /// The marks on a device that the erased left, as far as they count.
    fn nameless_marks(&self, device: NameId) -> Result<Vec<Mark>, StoreError> {
        let marks = self.view.nameless_marks(device)?;
        if marks.is_empty() {
            return Ok(Vec::new());
        }
        let rules = self.mark_rules(device, &self.view.anchors_on(device)?)?;
        let counted = marks.into_iter().filter(|mark| rules.count(mark.rank, mark.guard));
        Ok(counted.map(|mark| Mark { order: mark.order, person: nameless(mark.person.0) }).collect())
    }

    /// The timeline of a device. Where one person marked it, or too many, when they did so says nothing.
    pub fn timeline(&self, device: NameId) -> Result<Timeline, StoreError> {
        let people = self.people_shown_on(device)?.len();
        if people > self.rules.device_people_limit {
            return Ok(Timeline::new(Vec::new(), self.rules));
        }
        let is_shared = people > 1;
        let mut marks = self.nameless_marks(device)?;
        for (shape, leader) in self.counted_marks(device)? {
            let person = self.view.name(leader)?.identifier;
            let orders = if is_shared { self.view.orders_of(shape.id)? } else { vec![shape.first] };
            marks.extend(orders.into_iter().map(|order| Mark { order, person: person.clone() }));
        }
        Ok(Timeline::new(marks, self.rules))
    }
}

/// The one of a set of one, if it has a name.
pub(crate) fn sole(people: &BTreeSet<NameId>) -> Option<NameId> {
    people.first().copied().filter(|person| people.len() == 1 && !person.is_nameless())
}

/// What lies outside sorted slices that do not overlap.
fn outside(slices: Vec<Slice>) -> Vec<Slice> {
    let mut gaps = Vec::new();
    let mut from = Some(None);
    for slice in slices {
        if let (Some(from), Some(to)) = (from, slice.from) {
            gaps.push(Slice { from, to: Some(to) });
        }
        from = slice.to.map(Some);
    }
    gaps.extend(from.map(|from| Slice { from, to: None }));
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::UnixMillis;

    #[test]
    fn what_lies_outside_nothing_is_everything() {
        assert_eq!(outside(Vec::new()), [Slice { from: None, to: None }]);
        assert_eq!(outside(vec![Slice { from: None, to: None }]), []);
    }

    #[test]
    fn gaps_lie_before_between_and_behind_slices() {
        let at = |time| Some(Order { time: UnixMillis(time), message_id: "".into() });
        let slices = vec![Slice { from: at(1), to: at(2) }, Slice { from: at(4), to: at(5) }];
        let gaps = [Slice { from: None, to: at(1) }, Slice { from: at(2), to: at(4) }, Slice { from: at(5), to: None }];
        assert_eq!(outside(slices), gaps);
    }
}
