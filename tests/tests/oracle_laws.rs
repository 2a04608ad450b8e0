//! The laws of identity.md, section 7, over random ledgers with everything in them: the oracle held to itself.

#[path = "logs/stories.rs"]
mod stories;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence, TestRunner};
use selvedge_collector::event::{Claimed, Strength};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::{Event, Ledger, Op, Replay, Whose, replay_ledger};
use serde_json::Value;
use stories::{Story, guarded_story, story};

/// As many cases; what fails is written down, and tried first from then on.
fn kept(cases: u32) -> ProptestConfig {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/logs/oracle_laws.seeds");
    let persistence = Some(Box::new(FileFailurePersistence::Direct(file)) as Box<dyn FailurePersistence>);
    ProptestConfig { cases, failure_persistence: persistence, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(kept(400))]

    #[test]
    fn any_permutation_and_duplication_of_the_same_events_gives_identical_people(
        (story, arrived) in story(STEPS).prop_flat_map(|story| {
            let events = story.ledger().events;
            let twice = prop::sample::subsequence(events.clone(), 0..=events.len());
            let arrived = twice.prop_flat_map(move |again| Just([events.clone(), again].concat()).prop_shuffle());
            (Just(story), arrived)
        })
    ) {
        let ledger = story.ledger();
        let mut decisions = ledger.decisions.clone();
        decisions.reverse();
        let rearranged = Ledger { events: arrived, decisions, ..ledger.clone() };
        prop_assert_eq!(replay_ledger(&rearranged, &story.rules), replay_ledger(&ledger, &story.rules));
    }

    #[test]
    fn a_decision_and_its_withdrawal_leave_everything_as_it_was(story in story(STEPS)) {
        let mut ledger = story.ledger();
        let after = replay_ledger(&ledger, &story.rules);
        ledger.decisions.retain(|decision| !decision.is_withdrawn);
        prop_assert_eq!(replay_ledger(&ledger, &story.rules), after);
    }

    #[test]
    fn each_event_has_one_owner_and_only_what_names_nothing_has_none(story in story(STEPS)) {
        let ledger = story.ledger();
        let replay = replay_ledger(&ledger, &story.rules);
        let leaders: BTreeSet<&Identifier> = replay.people.leader.values().collect();
        let heard: BTreeSet<&str> = ledger.events.iter().map(|event| &*event.order.message_id).collect();
        prop_assert_eq!(heard, replay.people.owner.keys().map(String::as_str).collect());
        for (message_id, whose) in &replay.people.owner {
            let names_something = replay.strength.contains_key(message_id);
            match whose {
                Whose::Person(leader) => prop_assert!(names_something && leaders.contains(leader)),
                Whose::Device(device) => prop_assert!(names_something && replay.devices.contains(device)),
                Whose::Unattributed => prop_assert!(!names_something),
            }
        }
    }

    #[test]
    fn no_person_holds_two_accounts_of_one_kind_too_many_contacts_or_a_pair_that_is_kept_apart(story in story(STEPS)) {
        let ledger = story.ledger();
        let replay = replay_ledger(&ledger, &story.rules);
        for names in people(&replay).values() {
            for kind in story.rules.account_kinds.iter().chain(&story.rules.contact_kinds) {
                let most = if story.rules.account_kinds.contains(kind) { 1 } else { story.rules.contacts_per_person };
                // All names of one account are one.
                let values = names.iter().map(|name| &replay.canonical[*name]).filter(|name| name.kind == *kind);
                prop_assert!(values.collect::<BTreeSet<_>>().len() <= most, "{names:?}");
            }
        }
        for (x, y) in kept_apart(&ledger) {
            let one = |x: &Identifier| replay.people.leader.get(replay.canonical.get(x)?);
            let are_one_name = replay.canonical.get(x) == replay.canonical.get(y);
            prop_assert!(one(x).is_none() || one(x) != one(y) || are_one_name, "{x} and {y}");
        }
    }

    #[test]
    fn a_link_holds_or_is_a_conflict(story in story(STEPS)) {
        let ledger = story.ledger();
        let replay = replay_ledger(&ledger, &story.rules);
        let name = |x: &Identifier| replay.canonical.get(x).filter(|x| replay.people.leader.contains_key(*x));
        for op in in_force(&ledger) {
            let Op::Link(x, y) = op else { continue };
            let (Some(x), Some(y)) = (name(x), name(y)) else { continue };
            let is_refused = replay.people.conflicts.iter().any(|(a, b, ..)| [a, b] == [x, y] || [a, b] == [y, x]);
            prop_assert_eq!(is_refused, replay.people.leader[x] != replay.people.leader[y], "{} and {}", x, y);
        }
    }
}

#[test]
fn nothing_observed_changes_a_person_that_is_held() {
    let [cases, with_people, compared] = [const { Cell::new(0_usize) }; 3];
    let mut runner = TestRunner::new(kept(400));
    let held = runner.run(&guarded_story(STEPS), |(story, observed)| {
        let people = hold_what_is_held(&story, observed)?;
        cases.set(cases.get() + 1);
        with_people.set(with_people.get() + usize::from(people > 0));
        compared.set(compared.get() + people);
        Ok(())
    });
    let [cases, with_people] = [cases.get(), with_people.get()];
    println!("{cases} cases, {with_people} of them with somebody held: {} people compared", compared.get());
    held.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(with_people * 3 > cases, "hardly anybody was held");
}

/// Adds what is only observed to a guarded story; how many people were held before and are as they were.
fn hold_what_is_held(story: &Story, observed: Vec<Event>) -> Result<usize, TestCaseError> {
    let before = story.ledger();
    let mut after = before.clone();
    after.events.extend(observed);
    let (now, then) = (replay_ledger(&before, &story.rules), replay_ledger(&after, &story.rules));
    // A clear value can reveal a digest to be the one or the other.
    if now.canonical.iter().any(|(name, canonical)| then.canonical.get(name) != Some(canonical)) {
        return Ok(0);
    }
    // A decision about a name that nobody has said yet begins to hold with whoever says it; ledgers take none such.
    let is_said = |x: &Identifier| now.canonical.contains_key(x);
    let is_about_said = |op: &Op| match op {
        Op::Link(x, y) | Op::KeepApart(x, y) => is_said(x) && is_said(y),
        Op::Ignore(x) => is_said(x),
    };
    if !in_force(&before).all(is_about_said) {
        return Ok(0);
    }
    let held = steady(story, &now);
    for leader in &held {
        prop_assert_eq!(Held::of(leader, &then), Held::of(leader, &now));
    }
    Ok(held.len())
}

fn people(replay: &Replay) -> BTreeMap<&Identifier, BTreeSet<&Identifier>> {
    let mut people: BTreeMap<&Identifier, BTreeSet<&Identifier>> = BTreeMap::new();
    for (name, leader) in &replay.people.leader {
        people.entry(leader).or_default().insert(name);
    }
    people
}

/// Pairs of names that a decision in force keeps apart.
fn kept_apart(ledger: &Ledger) -> impl Iterator<Item = (&Identifier, &Identifier)> {
    in_force(ledger).filter_map(|op| match op {
        Op::KeepApart(x, y) => Some((x, y)),
        Op::Link(..) | Op::Ignore(_) => None,
    })
}

/// What nothing observed may change.
#[derive(Debug, PartialEq)]
struct Held {
    names: BTreeSet<Identifier>,
    trusted_traits: BTreeMap<String, Value>,
    trusted_events: BTreeSet<String>,
}

impl Held {
    fn of(leader: &Identifier, replay: &Replay) -> Self {
        let whose = Whose::Person(leader.clone());
        let names = replay.people.leader.iter().filter(|(_, leads)| *leads == leader).map(|(name, _)| name.clone());
        let traits = replay.people.traits.get(&whose).into_iter().flatten();
        let traits = traits.filter(|(name, _)| replay.rank[&whose][*name].is_trusted());
        let events = replay.people.owner.iter().filter(|(_, owner)| **owner == whose).map(|(id, _)| id.clone());
        Self {
            names: names.collect(),
            trusted_traits: traits.map(|(name, value)| (name.clone(), value.clone())).collect(),
            trusted_events: events.filter(|id| replay.strength[id].is_trusted()).collect(),
        }
    }
}

/// The people that nothing observed may change. All names of one are held; all its devices are marked with trust.
///
/// And neither it nor anyone whom its devices show hangs on what was only observed: a name that is not held goes where
/// what is observed later takes it, and takes along whom something observed or a link ties to it, and its marks from
/// before the guard.
fn steady<'a>(story: &Story, replay: &'a Replay) -> BTreeSet<&'a Identifier> {
    let ledger = story.ledger();
    let recorded: Vec<&Event> = ledger.events.iter().filter(|event| is_newest(event, &ledger)).collect();
    let said = recorded.iter().flat_map(|event| &event.claim).filter(|claimed| claimed.strength.is_trusted());
    let trusted: BTreeSet<&Identifier> = said.filter_map(|claimed| replay.canonical.get(&claimed.identifier)).collect();
    let mut people = people(replay);
    people.retain(|_, names| {
        names.iter().all(|name| trusted.contains(&replay.canonical[*name]))
            && !recorded.iter().any(|event| ties(names, &names_left(event, &trusted, story, replay)))
            && !in_force(&ledger).any(|op| waits(op, names, &trusted, replay))
    });
    let is_fixed = |device: &Identifier| {
        let hides = |op: &Op| match op {
            Op::KeepApart(x, y) => [(x, y), (y, x)].iter().any(|(x, y)| {
                let one = replay.canonical.get(y).and_then(|y| replay.people.leader.get(y));
                replay.canonical.get(x) == Some(device) && one.is_none_or(|one| !people.contains_key(one))
            }),
            Op::Link(..) | Op::Ignore(_) => false,
        };
        replay.marked_with_trust.contains(device)
            && replay.people.marked_by[device].iter().all(|person| people.contains_key(person))
            && !in_force(&ledger).any(hides)
    };
    let owns = |leader: &Identifier, event: &Event| {
        replay.people.owner[&*event.order.message_id] == Whose::Person(leader.clone())
    };
    let leaders = people.keys().copied();
    let stays = |leader: &&Identifier| {
        let own = recorded.iter().filter(|event| owns(leader, event));
        own.flat_map(|event| devices(event, replay)).all(|device| is_fixed(&device))
    };
    leaders.filter(stays).collect()
}

fn in_force(ledger: &Ledger) -> impl Iterator<Item = &Op> {
    ledger.decisions.iter().filter(|decision| !decision.is_withdrawn).map(|decision| &decision.op)
}

/// Whether a claim ties these to another name by something observed.
fn ties(names: &BTreeSet<&Identifier>, left: &[(&Identifier, Strength)]) -> bool {
    let (own, others): (Vec<_>, Vec<_>) = left.iter().partition(|(name, _)| names.contains(name));
    !own.is_empty() && !others.is_empty() && own.into_iter().chain(others).any(|(_, strength)| !strength.is_trusted())
}

/// Whether it is a link between one of these and a name that no one said with trust.
fn waits(op: &Op, names: &BTreeSet<&Identifier>, trusted: &BTreeSet<&Identifier>, replay: &Replay) -> bool {
    let Op::Link(x, y) = op else { return false };
    let may_be_one = |x: &Identifier| replay.canonical.get(x).is_none_or(|x| names.contains(x));
    let is_trusted = |x: &Identifier| replay.canonical.get(x).is_some_and(|x| trusted.contains(x));
    [(x, y), (y, x)].iter().any(|(x, y)| may_be_one(x) && !is_trusted(y))
}

/// The names that holds leave in an event of a guarded source.
fn names_left<'a>(
    event: &Event,
    trusted: &BTreeSet<&Identifier>,
    story: &Story,
    replay: &'a Replay,
) -> Vec<(&'a Identifier, Strength)> {
    let is_guarded = story.rules.guard_from.is_some_and(|from| event.order.time >= from);
    let canonical = |claimed: &Claimed| Some((replay.canonical.get(&claimed.identifier)?, claimed.strength));
    let names = event.claim.iter().filter_map(canonical).filter(|(name, _)| replay.people.leader.contains_key(name));
    names.filter(|(name, strength)| strength.is_trusted() || !(is_guarded && trusted.contains(name))).collect()
}

fn is_newest(event: &Event, ledger: &Ledger) -> bool {
    let version = |event: &Event| event.snapshot.as_ref().map(|row| row.version);
    let subject = |event: &Event| event.snapshot.as_ref().map(|row| row.subject.clone());
    let same = ledger.events.iter().filter(|other| subject(event).is_some() && subject(other) == subject(event));
    same.map(version).max().is_none_or(|newest| version(event) == newest)
}

/// The devices that an event names, the older name of an alias too.
fn devices(event: &Event, replay: &Replay) -> Vec<Identifier> {
    let older = event.alias.iter().map(|alias| Identifier::new(Kind::ANONYMOUS_ID, alias.previous_id.as_str()));
    let said = event.claim.iter().map(|claimed| claimed.identifier.clone()).chain(older);
    let canonical = said.filter_map(|name| replay.canonical.get(&name).cloned());
    canonical.filter(|name| replay.devices.contains(name)).collect()
}

const STEPS: usize = 40;
