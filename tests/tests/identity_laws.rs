//! The laws of identity.md, section 7, over random logs: the pure modules against the naive oracle.

mod logs;
mod stitched;

use std::collections::{BTreeMap, BTreeSet};

use logs::{Wildness, another_arrival, log};
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence};
use selvedge_collector::event::Order;
use selvedge_collector::identity::{self, Claim, Owner, Placing, Rules, Slice, Timeline, left};
use selvedge_core::identifier::{Class, Identifier, Kind};
use selvedge_tests::oracle::{Event, Whose, replay};
use stitched::{claims, marks, stitch};

fn events() -> impl Strategy<Value = Vec<Event>> {
    log(Wildness { events: 60, values_per_kind: 2 }).prop_map(|log| log.events(0, 0))
}

/// As many cases; what fails is written down, and tried first from then on.
fn kept(cases: u32) -> ProptestConfig {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/logs/identity_laws.seeds");
    let persistence = Some(Box::new(FileFailurePersistence::Direct(file)) as Box<dyn FailurePersistence>);
    ProptestConfig { cases, failure_persistence: persistence, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(kept(400))]

    #[test]
    fn the_people_are_those_of_the_naive_full_replay(log in events()) {
        prop_assert_eq!(stitch(&log), replay(&log));
    }

    #[test]
    fn any_permutation_and_duplication_of_the_same_events_gives_identical_people(
        (log, arrived) in events().prop_flat_map(|log| (Just(log.clone()), another_arrival(log)))
    ) {
        let people = stitch(&log);
        prop_assert_eq!(&stitch(&arrived), &people);
        prop_assert_eq!(replay(&arrived), people);
    }

    #[test]
    fn a_neighbourhood_placed_alone_is_placed_as_in_the_whole_ledger(log in events()) {
        let claims = claims(&log);
        let mut alone = Placing::default();
        for neighbourhood in neighbourhoods(&claims) {
            let placing = identity::place(&neighbourhood, &identity::Decisions::default(), &Rules::default());
            alone.people.extend(placing.people);
            alone.quarantined.extend(placing.quarantined);
            alone.conflicts.extend(placing.conflicts);
        }
        let mut whole = identity::place(&claims, &identity::Decisions::default(), &Rules::default());
        alone.conflicts.sort();
        whole.conflicts.sort();
        prop_assert_eq!(alone, whole);
    }

    #[test]
    fn repeating_what_was_said_later_moves_no_one(log in events()) {
        let said = claims(&log);
        let again = said.iter().cloned().map(|mut claim| {
            claim.order.time.0 += 1;
            claim
        });
        let repeated: Vec<Claim> = said.iter().cloned().chain(again).collect();
        prop_assert_eq!(identity::place(&repeated, &identity::Decisions::default(), &Rules::default()), identity::place(&said, &identity::Decisions::default(), &Rules::default()));
    }

    #[test]
    fn no_event_is_owned_by_two_profiles_and_only_unattributed_ones_by_none(log in events()) {
        let rules = Rules::default();
        let people = stitch(&log);
        let quarantined = identity::place(&claims(&log), &identity::Decisions::default(), &rules).quarantined;
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
    fn no_person_holds_two_accounts_of_one_kind(log in events()) {
        // With one kind of accounts all of them lead. A second kind follows, and could meet itself.
        let rules = Rules {
            account_kinds: vec![Kind::USER_ID, Kind::EMAIL],
            contact_kinds: vec![Kind::PHONE],
            ..Rules::default()
        };
        let mut accounts = BTreeSet::new();
        for (name, place) in identity::place(&claims(&log), &identity::Decisions::default(), &rules).people {
            if rules.class(&name.kind) == Class::Account {
                prop_assert!(accounts.insert((place.leader, name.kind)));
            }
        }
    }

    #[test]
    fn what_is_said_without_proof_never_moves_what_was_said_with_it(log in events()) {
        // Where only the userId was observed, taking it out would give the rest an anchor that the claim never had.
        let anchored_in_trust = |claim: &Claim| {
            identity::anchor(&claim.identifiers, &Rules::default()).is_none_or(|anchor| anchor.strength.is_trusted())
        };
        let (said, _): (Vec<Claim>, Vec<Claim>) = claims(&log).into_iter().partition(|claim| {
            anchored_in_trust(claim) || claim.identifiers.iter().all(|claimed| !claimed.strength.is_trusted())
        });
        let mut trusted = said.clone();
        trusted.iter_mut().for_each(|claim| claim.identifiers.retain(|claimed| claimed.strength.is_trusted()));
        let by_trust = identity::place(&trusted, &identity::Decisions::default(), &Rules::default()).people;
        let by_all = identity::place(&said, &identity::Decisions::default(), &Rules::default()).people;
        let mut together: BTreeMap<&Identifier, BTreeSet<&Identifier>> = BTreeMap::new();
        for (name, place) in &by_trust {
            together.entry(&place.leader).or_default().insert(&by_all[name].leader);
        }
        for leaders in together.values() {
            prop_assert_eq!(leaders.len(), 1);
        }
    }
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
