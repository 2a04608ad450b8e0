//! The laws of identity.md, section 7, over random logs: the pure modules against the naive oracle.

mod logs;

use std::collections::{BTreeMap, BTreeSet};

use logs::{Wildness, another_arrival, log};
use proptest::prelude::*;
use selvedge_collector::event::{Claimed, Order, Source};
use selvedge_collector::identity::{
    self, Belonging, Claim, Mark, Owner, Placing, Rules, Slice, Timeline, left, owner_by_device,
};
use selvedge_collector::profile::{TraitSet, fold_traits};
use selvedge_core::identifier::{Class, Identifier};
use selvedge_tests::oracle::{Event, People, Whose, replay};
use serde_json::value::RawValue;

const WILD: Wildness = Wildness { events: 60, values_per_kind: 2 };

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_people_are_those_of_the_naive_full_replay(log in log(0, 0, WILD)) {
        prop_assert_eq!(stitch(&log), replay(&log));
    }

    #[test]
    fn any_permutation_and_duplication_of_the_same_events_gives_identical_people(
        (log, arrived) in log(0, 0, WILD).prop_flat_map(|log| (Just(log.clone()), another_arrival(log)))
    ) {
        let people = stitch(&log);
        prop_assert_eq!(&stitch(&arrived), &people);
        prop_assert_eq!(replay(&arrived), people);
    }

    #[test]
    fn a_neighbourhood_placed_alone_is_placed_as_in_the_whole_ledger(log in log(0, 0, WILD)) {
        let claims = claims(&log);
        let mut alone = Placing::default();
        for neighbourhood in neighbourhoods(&claims) {
            let placing = identity::place(&neighbourhood, &Rules::default());
            alone.people.extend(placing.people);
            alone.quarantined.extend(placing.quarantined);
            alone.conflicts.extend(placing.conflicts);
        }
        let mut whole = identity::place(&claims, &Rules::default());
        alone.conflicts.sort();
        whole.conflicts.sort();
        prop_assert_eq!(alone, whole);
    }

    #[test]
    fn repeating_what_was_said_later_moves_no_one(log in log(0, 0, WILD)) {
        let said = claims(&log);
        let again = said.iter().cloned().map(|mut claim| {
            claim.order.time.0 += 1;
            claim
        });
        let repeated: Vec<Claim> = said.iter().cloned().chain(again).collect();
        prop_assert_eq!(identity::place(&repeated, &Rules::default()), identity::place(&said, &Rules::default()));
    }

    #[test]
    fn no_event_is_owned_by_two_profiles_and_only_unattributed_ones_by_none(log in log(0, 0, WILD)) {
        let rules = Rules::default();
        let people = stitch(&log);
        let quarantined = identity::place(&claims(&log), &rules).quarantined;
        for event in &log {
            let has_device = event.claim.iter().any(|claimed| rules.class(&claimed.identifier.kind) == Class::Device);
            let names_someone = identity::anchor(left(&event.claim, &quarantined), &rules).is_some();
            let owner = &people.owner[&*event.order.message_id];
            prop_assert_eq!(*owner == Whose::Unattributed, !has_device && !names_someone);
        }
        for (device, marks) in marks(&log, &people.leader) {
            let timeline = Timeline::new(marks, &rules);
            let owners: Vec<Owner> =
                timeline.people().iter().cloned().map(Owner::Person).chain([Owner::Anonymous]).collect();
            for event in log.iter().filter(|event| event.claim.iter().any(|said| said.identifier == device)) {
                let owning: Vec<&Owner> = owners
                    .iter()
                    .filter(|owner| timeline.slices_of(owner).iter().any(|slice| holds(slice, &event.order)))
                    .collect();
                prop_assert_eq!(owning, vec![timeline.owner_at(&event.order)]);
            }
        }
    }

    #[test]
    fn no_person_holds_two_accounts_of_one_kind(log in log(0, 0, WILD)) {
        let rules = Rules::default();
        let mut accounts = BTreeSet::new();
        for (name, leader) in stitch(&log).leader {
            if rules.class(&name.kind) == Class::Account {
                prop_assert!(accounts.insert((leader, name.kind)));
            }
        }
    }

    #[test]
    fn what_is_said_without_proof_never_moves_what_was_said_with_it(log in log(0, 0, WILD)) {
        // Where only the userId was observed, taking it out would give the rest an anchor that the claim never had.
        let anchored_in_trust = |claim: &Claim| {
            identity::anchor(&claim.identifiers, &Rules::default()).is_none_or(|anchor| anchor.strength.is_trusted())
        };
        let (said, _): (Vec<Claim>, Vec<Claim>) = claims(&log).into_iter().partition(|claim| {
            anchored_in_trust(claim) || claim.identifiers.iter().all(|claimed| !claimed.strength.is_trusted())
        });
        let mut trusted = said.clone();
        trusted.iter_mut().for_each(|claim| claim.identifiers.retain(|claimed| claimed.strength.is_trusted()));
        let by_trust = identity::place(&trusted, &Rules::default()).people;
        let by_all = identity::place(&said, &Rules::default()).people;
        let mut together: BTreeMap<&Identifier, BTreeSet<&Identifier>> = BTreeMap::new();
        for (name, place) in &by_trust {
            together.entry(&place.leader).or_default().insert(&by_all[name].leader);
        }
        for leaders in together.values() {
            prop_assert_eq!(leaders.len(), 1);
        }
    }
}

/// The people of a log by the pure modules, used as the collector uses them.
fn stitch(arrived: &[Event]) -> People {
    let rules = Rules::default();
    let mut log: BTreeMap<&str, &Event> = BTreeMap::new();
    for event in arrived {
        log.entry(&event.order.message_id).or_insert(event);
    }
    let log: Vec<Event> = log.into_values().cloned().collect();
    let Placing { people, conflicts, quarantined } = identity::place(&claims(&log), &rules);
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
            value: RawValue::from_string(value.to_string()).unwrap(),
        }));
    }
    let parsed = |value: Box<RawValue>| serde_json::from_str(value.get()).unwrap();
    let folded = sets.into_iter().map(|(whose, sets)| {
        let traits = fold_traits(sets).into_iter().map(|(name, value)| (name.into_string(), parsed(value)));
        (whose, traits.collect::<BTreeMap<_, _>>())
    });
    folded.filter(|(_, traits)| !traits.is_empty()).collect()
}

/// What a log says, once each: the same names with the same strength at their first order, as the ledger keeps it.
fn claims(log: &[Event]) -> Vec<Claim> {
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

fn marks(log: &[Event], leader: &BTreeMap<Identifier, Identifier>) -> BTreeMap<Identifier, Vec<Mark>> {
    let rules = Rules::default();
    let quarantined = identity::place(&claims(log), &rules).quarantined;
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

/// Claims that share an account or a contact, directly or through others.
fn neighbourhoods(claims: &[Claim]) -> Vec<Vec<Claim>> {
    let rules = Rules::default();
    let mut found: Vec<(BTreeSet<Identifier>, Vec<Claim>)> = Vec::new();
    for claim in claims {
        let names = claim.identifiers.iter().map(|claimed| claimed.identifier.clone());
        let names: BTreeSet<_> = names.filter(|name| rules.class(&name.kind) != Class::Device).collect();
        let (near, apart): (Vec<_>, Vec<_>) = found.into_iter().partition(|(known, _)| !known.is_disjoint(&names));
        let mut joined = (names, vec![claim.clone()]);
        for (names, claims) in near {
            joined.0.extend(names);
            joined.1.extend(claims);
        }
        found = apart;
        found.push(joined);
    }
    found.into_iter().map(|(_, claims)| claims).collect()
}

fn holds(slice: &Slice, order: &Order) -> bool {
    slice.from.as_ref().is_none_or(|from| from <= order) && slice.to.as_ref().is_none_or(|to| order < to)
}
