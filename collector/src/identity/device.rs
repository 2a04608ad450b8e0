//! Whose a device was at a moment: a timeline of marks, not a merge (identity.md, section 5).

use std::collections::BTreeSet;

use selvedge_core::identifier::Identifier;

use super::Rules;
use crate::event::{Order, UnixMillis};

/// An event on a device that named a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// When.
    pub order: Order,
    /// The leader of the person that the event's anchor names.
    pub person: Identifier,
}

/// Whose a device is at a moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// The person of this leader.
    Person(Identifier),
    /// The device's own anonymous profile.
    Anonymous,
}

/// A stretch of orders with one owner: from `from` (included) to `to` (excluded); `None` is without bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The first order that may lie in it.
    pub from: Option<Order>,
    /// The first order behind it.
    pub to: Option<Order>,
}

/// Whose one device was, at every order. Says nothing about a device without marks: whether another of the event's
/// devices is asked is for [`super::Belonging`] to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    people: BTreeSet<Identifier>,
    /// Each owner from its order on until the next; neighbours differ. The first begins before all orders.
    changes: Vec<(Option<Order>, Owner)>,
}

impl Timeline {
    /// The timeline that a device's marks draw, given in any order. O(marks log marks).
    pub fn new(mut marks: Vec<Mark>, rules: &Rules) -> Self {
        marks.sort_unstable();
        let people: BTreeSet<Identifier> = marks.iter().map(|mark| mark.person.clone()).collect();
        let mut timeline = Self { people, changes: Vec::new() };
        if let Some(person) = timeline.sole_person().cloned() {
            timeline.begin(None, Owner::Person(person));
        } else {
            timeline.begin(None, Owner::Anonymous);
            if !timeline.is_quarantined(rules) {
                timeline.share(&marks, rules);
            }
        }
        timeline
    }

    /// Whose an event of this order is, if it names no person itself.
    pub fn owner_at(&self, order: &Order) -> &Owner {
        let behind = self.changes.partition_point(|(from, _)| from.as_ref() <= Some(order));
        self.changes.get(behind.saturating_sub(1)).map_or(&Owner::Anonymous, |(_, owner)| owner)
    }

    /// The one person of its marks: whose the device itself is. `None` when several share it, or no one marked it.
    pub fn sole_person(&self) -> Option<&Identifier> {
        self.people.first().filter(|_| self.people.len() == 1)
    }

    /// The leaders of all who marked it.
    pub fn people(&self) -> &BTreeSet<Identifier> {
        &self.people
    }

    /// Whether it shows so many people that it says nothing about any of them.
    pub fn is_quarantined(&self, rules: &Rules) -> bool {
        self.people.len() > rules.device_people_limit
    }

    /// The stretches that are this owner's, in order: its events are a few range reads.
    pub fn slices_of(&self, owner: &Owner) -> Vec<Slice> {
        let ends = self.changes.iter().skip(1).map(|(from, _)| from.clone()).chain([None]);
        self.changes
            .iter()
            .zip(ends)
            .filter(|((_, whose), _)| whose == owner)
            .map(|((from, _), to)| Slice { from: from.clone(), to })
            .collect()
    }

    /// The timeline of a device that several people marked.
    fn share(&mut self, marks: &[Mark], rules: &Rules) {
        if let Some(first) = marks.first() {
            self.begin(Some(start_of(first.order.time, -rules.shared_device_span_ms)), first.person());
        }
        for (place, mark) in marks.iter().enumerate() {
            self.begin(Some(mark.order.clone()), mark.person());
            let fades = start_of(mark.order.time, rules.shared_device_gap_ms.saturating_add(1));
            let next = marks.get(place + 1);
            if next.is_some_and(|next| next.order <= fades || spans(mark, next, rules)) {
                continue;
            }
            self.begin(Some(fades), Owner::Anonymous);
        }
    }

    fn begin(&mut self, from: Option<Order>, owner: Owner) {
        if self.changes.last().is_none_or(|(_, before)| *before != owner) {
            self.changes.push((from, owner));
        }
    }
}

impl Mark {
    fn person(&self) -> Owner {
        Owner::Person(self.person.clone())
    }
}

/// Whether two consecutive marks speak for all that lies between them.
fn spans(mark: &Mark, next: &Mark, rules: &Rules) -> bool {
    let apart_ms = next.order.time.0.saturating_sub(mark.order.time.0);
    mark.person == next.person && apart_ms <= rules.shared_device_span_ms
}

/// The least order of the moment `offset_ms` after `time`: no messageId is empty.
fn start_of(time: UnixMillis, offset_ms: i64) -> Order {
    Order { time: UnixMillis(time.0.saturating_add(offset_ms)), message_id: "".into() }
}
