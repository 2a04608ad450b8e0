//! identity.md, section 7, on a real ledger: after every event the incremental engine's people are those of the oracle,
//! and whoever applies the change feed holds them too. `SELVEDGE_LOGS` and `SELVEDGE_ORDERS` say how many are tried.

mod in_process;
mod logs;

use std::collections::BTreeMap;

use anyhow::ensure;
use in_process::{Consumer, House, without_version};
use logs::{Log, Wildness, another_arrival, log};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use selvedge_collector::identity::{Rules, profile_id};
use selvedge_collector::store::Lookup;
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::{Event, People, Whose, replay};
use serde_json::{Value, json};

#[test]
fn after_every_event_the_people_are_those_of_the_oracle_and_so_are_the_consumers() -> anyhow::Result<()> {
    let (logs, orders) = (counted("SELVEDGE_LOGS", 30)?, counted("SELVEDGE_ORDERS", 5)?);
    let mut runner = TestRunner::deterministic();
    let (mut events, mut compared) = (0, 0);
    for number in 0..logs {
        let log: Log = drawn(&log(Wildness { events: 40, values_per_kind: 2 }), &mut runner);
        for order in 0..orders {
            let told = log.events(number, 1_700_000_000_000);
            let arrived = if order == 0 { told } else { drawn(&another_arrival(told), &mut runner) };
            events += arrived.len();
            // Every event of the first order; of the others now and then, and the end.
            let every = if order == 0 { 1 } else { arrived.len().div_ceil(3) };
            compared += hold_to_the_oracle(&arrived, every)?;
        }
    }
    println!("{logs} random logs in {orders} orders each: {events} events, {compared} times equal to the oracle");
    Ok(())
}

/// Tells a new ledger an arrival, one event a commit; how often it was compared.
fn hold_to_the_oracle(arrived: &[Event], every: usize) -> anyhow::Result<usize> {
    let mut house = House::open(Rules::default())?;
    let mut consumer = Consumer::default();
    let mut compared = 0;
    for (place, event) in arrived.iter().enumerate() {
        house.commit(std::slice::from_ref(event))?;
        if place % every == 0 || place + 1 == arrived.len() {
            let told = &arrived[..=place];
            let people = replay(told);
            let differences = differences(&house, told, &people)?;
            ensure!(differences.is_empty(), "after {} events: {differences:#?}\n{told:#?}", place + 1);
            consumer.catch_up(&house)?;
            hold_the_consumer(&consumer, &house, &people, told)?;
            compared += 1;
        }
    }
    Ok(compared)
}

fn differences(house: &House, told: &[Event], people: &People) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut expect = |what: String, got: Value, expected: Value| {
        if got != expected {
            found.push(format!("{what}: {got}, not {expected}"));
        }
    };
    for (name, whose) in names(told, people) {
        let profile = house.profile(&name)?;
        let (Whose::Person(leader) | Whose::Device(leader)) = &whose else { continue };
        expect(format!("id of {name}"), profile["id"].clone(), json!(profile_id("default", leader)));
        if *leader != name {
            continue;
        }
        let traits = people.traits.get(&whose).cloned().unwrap_or_default();
        expect(format!("traits of {name}"), profile["traits"].clone(), json!(traits));
        let owned = owned(&whose, told, people);
        expect(format!("count of {name}"), profile["event_count"].clone(), json!(owned.len()));
        expect(format!("events of {name}"), json!(house.events(&name)?), json!(owned));
    }
    let listed = house.conflicts()?;
    if listed != people.conflicts {
        found.push(format!("conflicts: {listed:?}, not {:?}", people.conflicts));
    }
    Ok(found)
}

/// The consumer holds every profile that stands, as it reads now, and no other.
fn hold_the_consumer(consumer: &Consumer, house: &House, people: &People, told: &[Event]) -> anyhow::Result<()> {
    let mut standing = BTreeMap::new();
    for name in names(told, people).into_keys() {
        let is_person = people.leader.get(&name) == Some(&name);
        // A device may belong to a person, and events that named others still be its own.
        let has_events = !owned(&Whose::Device(name.clone()), told, people).is_empty();
        if is_person || has_events {
            let id = profile_id("default", &name);
            standing.insert(id, without_version(house.profile_of(&Lookup::ProfileId(id))?));
        }
    }
    for (id, profile) in &consumer.profiles {
        ensure!(standing.get(id) == Some(profile), "consumer: {profile:#}\nledger: {:#?}\n{told:#?}", standing.get(id));
    }
    let missing: Vec<_> = standing.iter().filter(|(id, _)| !consumer.profiles.contains_key(id)).collect();
    ensure!(missing.is_empty(), "the consumer never heard of {missing:#?}\n{told:#?}");
    Ok(())
}

/// Every name and device of a log, and whose a look-up must say it is.
fn names(told: &[Event], people: &People) -> BTreeMap<Identifier, Whose> {
    let named = told.iter().flat_map(|event| &event.claim).map(|claimed| claimed.identifier.clone());
    let whose = |name: &Identifier| {
        if name.kind != Kind::ANONYMOUS_ID {
            return people.leader.get(name).cloned().map(Whose::Person);
        }
        let marked_by = people.marked_by.get(name).into_iter().flatten().collect::<Vec<_>>();
        Some(match marked_by[..] {
            [person] => Whose::Person(person.clone()),
            _ => Whose::Device(name.clone()),
        })
    };
    named.filter_map(|name| Some((name.clone(), whose(&name)?))).collect()
}

/// The messageIds of what it owns, newest first.
fn owned(whose: &Whose, told: &[Event], people: &People) -> Vec<String> {
    let mut owned: Vec<&Event> = told.iter().filter(|event| people.owner[&*event.order.message_id] == *whose).collect();
    owned.sort_by(|a, b| b.order.cmp(&a.order));
    owned.dedup_by(|a, b| a.order == b.order);
    owned.into_iter().map(|event| event.order.message_id.to_string()).collect()
}

fn drawn<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> S::Value {
    strategy.new_tree(runner).expect("nothing is filtered out").current()
}

fn counted(variable: &str, default: usize) -> anyhow::Result<usize> {
    match std::env::var(variable) {
        Ok(text) => Ok(text.parse()?),
        Err(_) => Ok(default),
    }
}
