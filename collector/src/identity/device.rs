//! Whose a device was at a moment: a timeline of marks, not a merge (identity.md, section 5).

use std::collections::BTreeSet;

use selvedge_core::identifier::{Identifier, Kind};

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
        if timeline.people.len() == 1 && timeline.people.iter().any(is_nameless) {
            timeline.begin(None, Owner::Anonymous);
        } else if let Some(person) = timeline.sole_person().cloned() {
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
        self.people.first().filter(|person| self.people.len() == 1 && !is_nameless(person))
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
        if is_nameless(&self.person) { Owner::Anonymous } else { Owner::Person(self.person.clone()) }
    }
}

/// Somebody who was erased: their marks still say that the device was theirs, and what lies at them is nobody's.
pub fn nameless(number: i64) -> Identifier {
    Identifier::new(Kind::new(NAMELESS), number.to_string())
}

fn is_nameless(person: &Identifier) -> bool {
    person.kind.as_str() == NAMELESS
}

/// No kind that anyone could declare.
const NAMELESS: &str = "";

/// Whether two consecutive marks speak for all that lies between them.
fn spans(mark: &Mark, next: &Mark, rules: &Rules) -> bool {
    let apart_ms = next.order.time.0.saturating_sub(mark.order.time.0);
    mark.person == next.person && apart_ms <= rules.shared_device_span_ms
}

/// The least order of the moment `offset_ms` after `time`: no messageId is empty.
fn start_of(time: UnixMillis, offset_ms: i64) -> Order {
    Order { time: UnixMillis(time.0.saturating_add(offset_ms)), message_id: "".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_person_of_all_marks_has_the_device_before_and_after() {
        let timeline = drawn(&[(50 * DAY, "U1"), (0, "U1")]);
        assert_eq!(timeline.sole_person(), Some(&person("U1")));
        for minute in [-1_000 * DAY, 0, 25 * DAY, 1_000 * DAY] {
            assert_eq!(owner(&timeline, minute), "U1");
        }
        assert_eq!(timeline.slices_of(&Owner::Person(person("U1"))), [Slice { from: None, to: None }]);
        assert_eq!(timeline.slices_of(&Owner::Anonymous), []);
    }

    #[test]
    fn a_mark_on_a_shared_device_speaks_for_half_an_hour() {
        let timeline = drawn(&[(0, "U1"), (60, "U2")]);
        assert_eq!(timeline.sole_person(), None);
        assert_eq!(owner(&timeline, 30), "U1");
        assert_eq!(timeline.owner_at(&moment_ms(30 * 60_000 + 1)), &Owner::Anonymous);
        assert_eq!(owner(&timeline, 59), "nobody");
        assert_eq!(owner(&timeline, 90), "U2");
        assert_eq!(owner(&timeline, 91), "nobody");
    }

    #[test]
    fn a_newer_mark_ends_the_half_hour_of_the_one_before() {
        let timeline = drawn(&[(0, "U1"), (10, "U2")]);
        assert_eq!(owner(&timeline, 9), "U1");
        assert_eq!(owner(&timeline, 11), "U2");
    }

    #[test]
    fn two_marks_of_one_person_speak_for_what_lies_between_up_to_thirty_days() {
        let timeline = drawn(&[(0, "U1"), (30 * DAY, "U1"), (60 * DAY + 1, "U1"), (70 * DAY, "U2")]);
        assert_eq!(owner(&timeline, 15 * DAY), "U1");
        assert_eq!(owner(&timeline, 30 * DAY + 30), "U1");
        assert_eq!(owner(&timeline, 45 * DAY), "nobody");
    }

    #[test]
    fn the_first_mark_speaks_for_the_thirty_days_before_it() {
        let timeline = drawn(&[(0, "U1"), (10, "U2")]);
        assert_eq!(owner(&timeline, -30 * DAY), "U1");
        assert_eq!(owner(&timeline, -30 * DAY - 1), "nobody");
    }

    #[test]
    fn marks_of_one_time_follow_each_other_by_message_id() {
        let order = |message_id: &str| Order { time: UnixMillis(0), message_id: message_id.into() };
        let mark = |message_id, leader| Mark { order: order(message_id), person: person(leader) };
        let timeline = Timeline::new(vec![mark("d", "U2"), mark("b", "U1")], &Rules::default());
        assert_eq!(timeline.owner_at(&order("a")), &Owner::Person(person("U1")));
        assert_eq!(timeline.owner_at(&order("c")), &Owner::Person(person("U1")));
        assert_eq!(timeline.owner_at(&order("e")), &Owner::Person(person("U2")));
    }

    #[test]
    fn more_than_twenty_people_quarantine_a_device() {
        let marks: Vec<(i64, String)> = (0..21).map(|n| (n, format!("U{n:02}"))).collect();
        let marks: Vec<(i64, &str)> = marks.iter().map(|(minute, leader)| (*minute, leader.as_str())).collect();
        assert_eq!(owner(&drawn(&marks[..20]), 5), "U05");
        let crowded = drawn(&marks);
        assert!(crowded.is_quarantined(&Rules::default()));
        assert_eq!(owner(&crowded, 5), "nobody");
        assert_eq!(crowded.people().len(), 21);
    }

    #[test]
    fn without_marks_a_device_is_its_own() {
        assert_eq!(owner(&drawn(&[]), 0), "nobody");
    }

    #[test]
    fn marks_at_the_ends_of_time_are_no_special_case() {
        let mark = |time, leader| Mark { order: moment_ms(time), person: person(leader) };
        let timeline = Timeline::new(vec![mark(i64::MIN, "U1"), mark(i64::MAX, "U2")], &Rules::default());
        assert_eq!(owner(&timeline, 0), "nobody");
    }

    const DAY: i64 = 24 * 60;

    fn drawn(marks: &[(i64, &str)]) -> Timeline {
        let mark = |&(minute, leader): &(i64, &str)| Mark { order: moment_ms(minute * 60_000), person: person(leader) };
        Timeline::new(marks.iter().map(mark).collect(), &Rules::default())
    }

    fn owner(timeline: &Timeline, minute: i64) -> String {
        match timeline.owner_at(&moment_ms(minute * 60_000)) {
            Owner::Person(person) => person.value.to_string(),
            Owner::Anonymous => "nobody".to_owned(),
        }
    }

    fn moment_ms(time: i64) -> Order {
        Order { time: UnixMillis(time), message_id: "m".into() }
    }

    fn person(leader: &str) -> Identifier {
        Identifier::new(Kind::USER_ID, leader)
    }
}
