//! The people of a log by the collector's pure modules, used as the collector uses them: the same names with the same
//! strength are one claim, devices have timelines, traits are folded.

use std::collections::BTreeMap;

use selvedge_collector::event::{Claimed, Order, Source};
use selvedge_collector::identity::{
    self, Belonging, Claim, Mark, Owner, Placing, Rules, Timeline, left, owner_by_device,
};
use selvedge_collector::profile::{TraitSet, fold_traits};
use selvedge_core::identifier::{Class, Identifier};
use selvedge_tests::oracle::{Event, People, Whose};
use serde_json::value::RawValue;

pub(crate) fn stitch(arrived: &[Event]) -> People {
    let rules = Rules::default();
    let mut log: BTreeMap<&str, &Event> = BTreeMap::new();
    for event in arrived {
        log.entry(&event.order.message_id).or_insert(event);
    }
    let log: Vec<Event> = log.into_values().cloned().collect();
    let Placing { people, conflicts, quarantined } =
        identity::place(&claims(&log), &identity::Decisions::default(), &rules);
    let leader: BTreeMap<Identifier, Identifier> =
        people.iter().map(|(name, place)| (name.clone(), place.leader.clone())).collect();
    let timelines: BTreeMap<Identifier, Timeline> =
        marks(&log, &leader).into_iter().map(|(device, marks)| (device, Timeline::new(marks, &rules))).collect();
    let owner: BTreeMap<String, Whose> = log
        .iter()
        .map(|event| {
            let whose = match Belonging::of(&event.claim, &quarantined, &rules) {
                Belonging::Person(anchor) => Whose::Person(leader[anchor].clone()),
                Belonging::Unattributed => Whose::Unattributed,
                Belonging::Device { devices, taken_out } => {
                    let device = devices.iter().find(|device| timelines.contains_key(**device)).unwrap_or(&devices[0]);
                    let leader_of = |name: &Identifier| leader.get(name).cloned();
                    let by_marks = timelines
                        .get(*device)
                        .map(|timeline| owner_by_device(timeline, &event.order, &taken_out, leader_of));
                    match by_marks {
                        Some(Owner::Person(person)) => Whose::Person(person),
                        Some(Owner::Anonymous) | None => Whose::Device((*device).clone()),
                    }
                }
            };
            (event.order.message_id.to_string(), whose)
        })
        .collect();
    let message_of = |order: &Order| order.message_id.to_string();
    People {
        traits: traits(&log, &quarantined, &owner, &rules),
        marked_by: timelines.iter().map(|(device, timeline)| (device.clone(), timeline.people().clone())).collect(),
        conflicts: conflicts
            .iter()
            .map(|c| (c.x.clone(), c.y.clone(), c.reason.as_str(), message_of(&c.order), c.strength))
            .collect(),
        parent: people
            .iter()
            .filter_map(|(name, place)| Some((name.clone(), message_of(&place.parent.as_ref()?.order))))
            .collect(),
        leader,
        owner,
    }
}

fn traits(
    log: &[Event],
    quarantined: &BTreeMap<Identifier, identity::Quarantine>,
    owner: &BTreeMap<String, Whose>,
    rules: &Rules,
) -> BTreeMap<Whose, BTreeMap<String, serde_json::Value>> {
    let mut sets: BTreeMap<Whose, Vec<TraitSet>> = BTreeMap::new();
    for event in log {
        let Some(strength) = identity::strength(left(&event.claim, quarantined), rules) else { continue };
        let whose = &owner[&*event.order.message_id];
        sets.entry(whose.clone()).or_default().extend(event.traits.iter().map(|(name, value)| TraitSet {
            name: name.as_str().into(),
            strength,
            order: event.order.clone(),
            value: RawValue::from_string(value.to_string()).expect("JSON text"),
        }));
    }
    let parsed = |value: Box<RawValue>| serde_json::from_str(value.get()).expect("JSON text");
    let folded = sets.into_iter().map(|(whose, sets)| {
        let traits =
            fold_traits(sets, &BTreeMap::new()).into_iter().map(|(name, value)| (name.into_string(), parsed(value)));
        (whose, traits.collect::<BTreeMap<_, _>>())
    });
    folded.filter(|(_, traits)| !traits.is_empty()).collect()
}

/// What a log says, once each: the same names with the same strength at their first order, as the ledger keeps it.
pub(crate) fn claims(log: &[Event]) -> Vec<Claim> {
    let mut shapes: BTreeMap<&[Claimed], &Order> = BTreeMap::new();
    for event in log {
        let first = shapes.entry(&event.claim).or_insert(&event.order);
        *first = (*first).min(&event.order);
    }
    let claim = |(names, order): (&[Claimed], &Order)| Claim {
        order: order.clone(),
        identifiers: names.to_vec(),
        source: Source(1),
    };
    shapes.into_iter().map(claim).collect()
}

/// The marks on every device.
pub(crate) fn marks(log: &[Event], leader: &BTreeMap<Identifier, Identifier>) -> BTreeMap<Identifier, Vec<Mark>> {
    let rules = Rules::default();
    let quarantined = identity::place(&claims(log), &identity::Decisions::default(), &rules).quarantined;
    let mut marks: BTreeMap<Identifier, Vec<Mark>> = BTreeMap::new();
    for event in log {
        let Belonging::Person(anchor) = Belonging::of(&event.claim, &quarantined, &rules) else { continue };
        let names = event.claim.iter().map(|claimed| &claimed.identifier);
        for device in names.filter(|name| rules.class(&name.kind) == Class::Device) {
            let mark = Mark { order: event.order.clone(), person: leader[anchor].clone() };
            marks.entry(device.clone()).or_default().push(mark);
        }
    }
    marks
}
