//! Section 5: the marks on devices, and who owns an event.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_collector::event::Order;
use selvedge_core::identifier::Identifier;

use super::claims::{Claim, anchor, devices, is_guarded};
use super::decisions::InForce;
use super::erasure::{NamelessMark, is_nameless};
use super::rules::Rules;
use super::{Event, Whose};

/// Of every device: the marks that count, in order, each with its person.
pub(super) type Marks = BTreeMap<Identifier, Vec<Mark>>;

/// That a claim shows a person on a device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) order: Order,
    pub(super) person: Identifier,
    pub(super) is_trusted: bool,
    is_guarded: bool,
}

/// The marks that count: not those of a person that a decision hides there, nor, where one of those left is trusted,
/// what is observed and guarded.
pub(super) fn marks(
    claims: &[Claim],
    leader: &BTreeMap<Identifier, Identifier>,
    decisions: &InForce,
    (nameless, rules): (&[(Identifier, NamelessMark)], &Rules),
) -> Marks {
    let mut all = Marks::new();
    for claim in claims {
        let Some(anchor) = anchor(&claim.left, rules) else { continue };
        let person = &leader[&anchor.identifier];
        for device in devices(&claim.left, rules) {
            let is_hidden =
                |(hidden, x): &(Identifier, Identifier)| *hidden == device.identifier && leader.get(x) == Some(person);
            if decisions.hidden.iter().any(is_hidden) {
                continue;
            }
            all.entry(device.identifier.clone()).or_default().push(Mark {
                order: claim.event.order.clone(),
                person: person.clone(),
                is_trusted: anchor.strength.is_trusted(),
                is_guarded: is_guarded(&claim.event, rules),
            });
        }
    }
    for (device, mark) in nameless {
        let event = Event { trust: mark.trust, ..Event::naming(mark.order.clone(), Vec::new()) };
        all.entry(device.clone()).or_default().push(Mark {
            order: mark.order.clone(),
            person: mark.person.clone(),
            is_trusted: mark.is_trusted,
            is_guarded: is_guarded(&event, rules),
        });
    }
    for marks in all.values_mut() {
        if marks.iter().any(|mark| mark.is_trusted) {
            marks.retain(|mark| mark.is_trusted || !mark.is_guarded);
        }
        marks.sort();
    }
    all
}

/// Who owns the event of a claim.
pub(super) fn owner(claim: &Claim, marks: &Marks, leader: &BTreeMap<Identifier, Identifier>, rules: &Rules) -> Whose {
    if let Some(anchor) = anchor(&claim.left, rules) {
        return Whose::Person(leader[&anchor.identifier].clone());
    }
    let devices: Vec<&Identifier> =
        devices(&claim.left, rules).into_iter().map(|claimed| &claimed.identifier).collect();
    let Some(device) = devices.iter().find(|device| marks.contains_key(**device)).or(devices.first()) else {
        return Whose::Unattributed;
    };
    let of_device = marks.get(*device).map_or(&[][..], Vec::as_slice);
    match person_at(of_device, &claim.event.order, rules) {
        // What names one person never ends at another.
        Some(person)
            if !is_nameless(&person)
                && !claim.event.lost_names
                && claim.gave.iter().all(|name| leader.get(name) == Some(&person)) =>
        {
            Whose::Person(person)
        }
        _ => Whose::Device((*device).clone()),
    }
}

/// Whose a device was, by its marks.
fn person_at(marks: &[Mark], at: &Order, rules: &Rules) -> Option<Identifier> {
    let people: BTreeSet<&Identifier> = marks.iter().map(|mark| &mark.person).collect();
    if people.len() == 1 {
        return people.first().map(|person| (*person).clone());
    }
    if people.len() > rules.people_per_device {
        return None;
    }
    let before = marks.iter().rev().find(|mark| mark.order < *at);
    let after = marks.iter().find(|mark| mark.order > *at);
    let between_ms = |from: &Order, to: &Order| to.time.0 - from.time.0;
    let person = match (before, after) {
        (Some(before), _) if between_ms(&before.order, at) <= rules.shared_device_gap_ms => &before.person,
        (Some(before), Some(after))
            if before.person == after.person && between_ms(&before.order, &after.order) <= rules.device_memory_ms =>
        {
            &before.person
        }
        (None, Some(after)) if between_ms(at, &after.order) <= rules.device_memory_ms => &after.person,
        _ => return None,
    };
    Some(person.clone())
}
