//! identity.md, whole, on a real ledger: random stories of events of every sort with decisions and withdrawals between
//! them, held to the oracle after every step. `SELVEDGE_STORIES` and `SELVEDGE_ORDERS` say how many are tried.

mod in_process;
#[path = "logs/stories.rs"]
mod told;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;
use in_process::{Consumer, House, WORKSPACE, without_version};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use selvedge_collector::event::{Claimed, Order, Snapshot, Strength, Trust, UnixMillis};
use selvedge_collector::identity::{DecisionVerb, Rules, profile_id};
use selvedge_collector::ingest::commit::{Decision, Erasure};
use selvedge_collector::store::{DecisionId, Lookup};
use selvedge_core::identifier::{Class, Identifier, Kind};
use selvedge_tests::oracle::{self, Conflict, Event, Ledger, Op, Replay, Whose, replay_ledger};
use serde_json::{Value, json};
use told::{Step, Story, story, story_with_erasures};

#[test]
fn after_every_step_of_a_story_the_people_are_those_of_the_oracle() -> anyhow::Result<()> {
    hold_all(&story(30))
}

#[test]
fn what_follows_after_an_erasure_is_what_the_oracle_makes_of_what_it_leaves() -> anyhow::Result<()> {
    hold_all(&story_with_erasures(30))
}

fn hold_all(any_story: &impl Strategy<Value = Story>) -> anyhow::Result<()> {
    let (stories, orders) = (counted("SELVEDGE_STORIES", 25)?, counted("SELVEDGE_ORDERS", 2)?);
    let mut runner = TestRunner::deterministic();
    let (mut steps, mut compared) = (0, 0);
    for _ in 0..stories {
        let mut tree = any_story.new_tree(&mut runner).expect("nothing is filtered out");
        for order in 0..orders {
            let mut told = tree.current();
            told.rules.trait_rules.clear();
            told.steps = in_order(told.steps, order);
            steps += told.steps.len();
            let every = match order {
                0 => 1,
                1 | 2 => 7,
                _ => usize::MAX,
            };
            match hold(&told, every) {
                Ok(times) => compared += times,
                Err(failure) => return Err(shrunk(&mut tree, order, failure)),
            }
        }
    }
    println!("{stories} stories in {orders} orders each: {steps} steps, {compared} times equal to the oracle");
    Ok(())
}

#[test]
fn a_device_with_a_profile_of_its_own_says_who_its_one_person_is_now() -> anyhow::Result<()> {
    let address = claimed("email", "ada@example.com", Strength::Asserted);
    let cookie = |strength| claimed("cookie._ga", "c-1", strength);
    let stranger = vec![claimed("user_id", "u-2", Strength::Observed), cookie(Strength::Observed)];
    let mut steps = steps([
        vec![address.clone(), cookie(Strength::Asserted)],
        vec![claimed("user_id", "u-1", Strength::Asserted), address],
    ]);
    // Whom it names does not count, and is not the person of the cookie either: the event is the cookie's own.
    let order = Order { time: UnixMillis(0), message_id: "m0".into() };
    steps.insert(0, Step::Hear(Event { trust: Trust::Strict, ..Event::naming(order, stranger) }));
    hold(&Story { steps, rules: oracle::Rules::default() }, 1).map(drop)
}

#[test]
fn whoever_had_an_event_by_a_device_that_a_digest_names_hears_that_it_left() -> anyhow::Result<()> {
    let observed = |kind, value| claimed(kind, value, Strength::Observed);
    let steps = steps([
        vec![observed("email", "ada@example.com"), observed("idfa", "i-1")],
        vec![observed("anonymous_id", "a-1"), observed("idfa", &oracle::digest("sha256", "i-1"))],
        // The visitor comes first of that event's devices, and is somebody now.
        vec![observed("user_id", "u-1"), observed("anonymous_id", "a-1")],
    ]);
    hold(&Story { steps, rules: oracle::Rules::default() }, 1).map(drop)
}

#[test]
fn a_device_with_a_profile_of_its_own_says_when_it_was_seen_though_the_event_is_a_persons() -> anyhow::Result<()> {
    let cookie = |strength| claimed("cookie._ga", "c-1", strength);
    let stranger = vec![claimed("user_id", "u-2", Strength::Observed), cookie(Strength::Observed)];
    let mut steps = steps([vec![claimed("user_id", "u-1", Strength::Asserted), cookie(Strength::Asserted)]]);
    let order = Order { time: UnixMillis(10 * 60_000), message_id: "m0".into() };
    steps.insert(0, Step::Hear(Event { trust: Trust::Strict, ..Event::naming(order, stranger) }));
    let order = Order { time: UnixMillis(0), message_id: "m2".into() };
    steps.push(Step::Hear(Event::naming(order, vec![cookie(Strength::Observed)])));
    hold(&Story { steps, rules: oracle::Rules::default() }, 1).map(drop)
}

#[test]
fn an_event_that_says_a_device_in_clear_and_by_its_digest_is_one_event() -> anyhow::Result<()> {
    let observed = |value: &str| claimed("idfa", value, Strength::Observed);
    let steps = steps([vec![observed("i-1"), observed(&oracle::digest("sha256", "i-1"))]]);
    hold(&Story { steps, rules: oracle::Rules::default() }, 1).map(drop)
}

#[test]
fn a_trusted_mark_of_whom_a_decision_keeps_apart_guards_the_device_from_nobody() -> anyhow::Result<()> {
    let device = |strength| claimed("anonymous_id", "a-1", strength);
    let mut steps = steps([
        vec![claimed("user_id", "u-1", Strength::Asserted), device(Strength::Asserted)],
        vec![claimed("user_id", "u-2", Strength::Observed), device(Strength::Observed)],
        vec![device(Strength::Observed)],
    ]);
    let op =
        Op::KeepApart(device(Strength::Observed).identifier, claimed("user_id", "u-1", Strength::Asserted).identifier);
    steps.push(Step::Decide(oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false }));
    // An event behind the decision finds the device as the decision left it.
    let order = Order { time: UnixMillis(4 * 60_000), message_id: "m4".into() };
    steps.push(Step::Hear(Event::naming(order, vec![device(Strength::Observed)])));
    let rules = oracle::Rules { guard_from: Some(UnixMillis(0)), ..oracle::Rules::default() };
    hold(&Story { steps, rules }, 1).map(drop)
}

#[test]
fn whoever_was_kept_apart_from_a_device_leaves_nothing_there_when_erased() -> anyhow::Result<()> {
    let device = claimed("anonymous_id", "a-1", Strength::Asserted);
    let user = |value| claimed("user_id", value, Strength::Asserted);
    let mut steps = steps([vec![user("u-1"), device.clone()], vec![user("u-2"), device.clone()]]);
    // A day later: to whom the device gives it, if it is not shared.
    let order = Order { time: UnixMillis(24 * 60 * 60_000), message_id: "m3".into() };
    steps.push(Step::Hear(Event::naming(order, vec![device.clone()])));
    let op = Op::KeepApart(device.identifier, user("u-1").identifier.clone());
    steps.push(Step::Decide(oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false }));
    steps.push(Step::Erase(user("u-1").identifier, UnixMillis(48 * 60 * 60_000), false));
    hold(&Story { steps, rules: oracle::Rules::default() }, 1).map(drop)
}

#[test]
fn digests_are_devices_of_their_own_again_when_the_row_that_said_the_clear_value_says_it_no_more() -> anyhow::Result<()>
{
    let asserted = |kind, value: &str| claimed(kind, value, Strength::Asserted);
    let mut steps = steps([
        vec![asserted("idfa", &oracle::digest("sha256", "i-1")), asserted("anonymous_id", "a-1")],
        vec![asserted("idfa", &oracle::digest("md5", "i-1"))],
    ]);
    for (version, device) in [(1, Some("i-1")), (2, None)] {
        let order = Order { time: UnixMillis(0), message_id: "import:1:1".into() };
        let claim = [Some(asserted("user_id", "u-1")), device.map(|device| asserted("idfa", device))];
        let snapshot = Some(Snapshot { subject: "import:1:1".into(), version });
        let row = Event { snapshot, ..Event::naming(order, claim.into_iter().flatten().collect()) };
        steps.push(Step::Hear(row));
    }
    hold(&Story { steps, rules: oracle::Rules::default() }, 1).map(drop)
}

#[test]
fn a_device_shows_whom_a_name_hid_there_once_that_name_is_a_crowds() -> anyhow::Result<()> {
    let observed = |kind, value| claimed(kind, value, Strength::Observed);
    let address = || observed("email", "ada@example.com");
    let mut steps = steps([
        vec![observed("user_id", "u-0"), address()],
        vec![observed("user_id", "u-0"), observed("anonymous_id", "a-0")],
        vec![observed("user_id", "u-1"), observed("anonymous_id", "a-0")],
        vec![observed("user_id", "u-2"), address()],
        vec![observed("user_id", "u-3"), address()],
        vec![observed("user_id", "u-4"), address()],
    ]);
    let op = Op::KeepApart(observed("anonymous_id", "a-0").identifier, address().identifier);
    steps.insert(3, Step::Decide(oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false }));
    hold(&Story { steps, rules: oracle::Rules { beside_a_contact: 3, ..oracle::Rules::default() } }, 1).map(drop)
}

#[test]
fn who_is_kept_apart_from_a_digest_of_a_device_is_kept_apart_from_the_device() -> anyhow::Result<()> {
    let observed = |kind, value: &str| claimed(kind, value, Strength::Observed);
    let digest = oracle::digest("md5", "i-1");
    let mut steps = steps([
        vec![observed("email", "ada@example.com"), observed("idfa", &digest)],
        vec![observed("idfa", "i-1")],
        vec![observed("idfa", &digest)],
    ]);
    let op = Op::KeepApart(observed("idfa", &digest).identifier, observed("email", "ada@example.com").identifier);
    steps.insert(1, Step::Decide(oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false }));
    steps.push(Step::Withdraw(1));
    hold(&Story { steps, rules: oracle::Rules::default() }, 1).map(drop)
}

#[test]
fn whoever_had_an_event_by_a_mark_of_an_import_hears_that_a_newer_row_took_it_away() -> anyhow::Result<()> {
    let asserted = |kind, value| claimed(kind, value, Strength::Asserted);
    let mut steps = steps([
        vec![asserted("user_id", "u-1")],
        vec![asserted("user_id", "u-1"), asserted("anonymous_id", "a-1")],
        vec![claimed("anonymous_id", "a-1", Strength::Observed)],
        vec![asserted("user_id", "u-2")],
    ]);
    for (place, version) in [(1, 1), (3, 2)] {
        if let Step::Hear(event) = &mut steps[place] {
            event.order.message_id = "import:crm:7".into();
            event.snapshot = Some(Snapshot { subject: "import:crm:7".into(), version });
        }
    }
    hold(&Story { steps, rules: oracle::Rules::default() }, 1).map(drop)
}

#[test]
fn a_digest_that_is_ignored_stays_so_when_its_clear_value_is_said_and_no_longer() -> anyhow::Result<()> {
    let observed = |kind, value: &str| claimed(kind, value, Strength::Observed);
    for (kind, value) in [("email", "ada@example.com"), ("idfa", "i-1")] {
        let digest = oracle::digest("sha256", value);
        let mut steps = steps([
            vec![observed(kind, &digest), observed("anonymous_id", "a-1")],
            vec![observed(kind, value), observed("anonymous_id", "a-2")],
            vec![observed(kind, &digest), observed("user_id", "u-1")],
            vec![observed(kind, value)],
        ]);
        let op = Op::Ignore(observed(kind, &digest).identifier);
        steps.insert(1, Step::Decide(oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false }));
        steps.push(Step::Withdraw(1));
        hold(&Story { steps, rules: oracle::Rules::default() }, 1)?;
    }
    Ok(())
}

fn claimed(kind: &str, value: &str, strength: Strength) -> Claimed {
    Claimed { identifier: Identifier::new(Kind::new(kind), value), strength }
}

/// Events that claim this, a minute apart.
fn steps<const N: usize>(claims: [Vec<Claimed>; N]) -> Vec<Step> {
    let events = claims.into_iter().zip(1..).map(|(claim, minute)| {
        let order = Order { time: UnixMillis(minute * 60_000), message_id: format!("m{minute}").into() };
        Step::Hear(Event::naming(order, claim))
    });
    events.collect()
}

/// The same steps as told, from another one on, backwards, or shuffled: events arrive late, decisions come before what
/// they are about.
fn in_order(mut steps: Vec<Step>, order: usize) -> Vec<Step> {
    match order {
        0 => return steps,
        1 => {
            let third = steps.len() / 3;
            steps.rotate_left(third);
        }
        2 => steps.reverse(),
        seed => shuffle(&mut steps, seed as u64),
    }
    // A withdrawal stands behind its decision.
    let (withdrawals, mut others): (Vec<Step>, Vec<Step>) =
        steps.into_iter().partition(|step| matches!(step, Step::Withdraw(_)));
    others.extend(withdrawals);
    others
}

/// Into one of all orders, always the same for a seed (Fisher and Yates; numbers by splitmix64).
fn shuffle(steps: &mut [Step], seed: u64) {
    let mut state = seed;
    for place in (1..steps.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        steps.swap(place, ((mixed ^ (mixed >> 31)) % (place as u64 + 1)) as usize);
    }
}

/// The least story of the tree that fails too.
fn shrunk(tree: &mut impl ValueTree<Value = Story>, order: usize, failure: anyhow::Error) -> anyhow::Error {
    let mut least = failure;
    for _ in 0..400 {
        if !tree.simplify() {
            break;
        }
        let mut told = tree.current();
        told.rules.trait_rules.clear();
        told.steps = in_order(told.steps, order);
        match hold(&told, 1) {
            Err(failure) => least = failure,
            Ok(_) if tree.complicate() => {}
            Ok(_) => break,
        }
    }
    least
}

/// Tells a new ledger a story, a commit a step; how often it was compared.
fn hold(story: &Story, every: usize) -> anyhow::Result<usize> {
    let mut house = House::open(rules(&story.rules))?;
    let mut consumer = Consumer::default();
    let mut known = Ledger::default();
    let mut ids: BTreeMap<u64, DecisionId> = BTreeMap::new();
    let mut compared = 0;
    for (place, step) in story.steps.iter().enumerate() {
        take(step, (&mut house, &story.rules), &mut known, &mut ids)?;
        if place % every == 0 || place + 1 == story.steps.len() {
            let replay = replay_ledger(&known, &story.rules);
            let mut differences = differences(&house, &known, &replay)?;
            differences.extend(other_conflicts(&house, &replay, &ids)?);
            ensure!(differences.is_empty(), "step {place}: {differences:#?}\n{:#?}\n{known:#?}", story.rules);
            consumer.catch_up(&house).map_err(|error| error.context(format!("step {place}: {known:#?}")))?;
            hold_the_consumer(&consumer, &house, &replay)
                .map_err(|error| error.context(format!("step {place}: {known:#?}")))?;
            compared += 1;
        }
    }
    Ok(compared)
}

fn take(
    step: &Step,
    (house, rules): (&mut House, &oracle::Rules),
    known: &mut Ledger,
    ids: &mut BTreeMap<u64, DecisionId>,
) -> anyhow::Result<()> {
    match step {
        Step::Hear(event) => {
            let committed = house.commit(std::slice::from_ref(event))?;
            let admitted = known.admits(event, rules);
            ensure!(
                committed.erased.is_empty() == admitted,
                "{event:#?}: erased {:?}, admitted {admitted}",
                committed.erased
            );
            if admitted {
                known.events.push(event.clone());
            }
        }
        Step::Erase(whom, at, is_suppression) => {
            // Of a name that nothing says any more, only the time of its erasure changes.
            if known.erase(whom, (*at, *is_suppression), rules) {
                let whom = Lookup::Identifier(whom.clone());
                let erasure = Erasure { workspace: WORKSPACE, whom, at: *at, is_suppression: *is_suppression };
                ensure!(house.committer.erase(&house.store, &erasure)?.is_ok(), "{erasure:?}");
            }
        }
        Step::Decide(told) => {
            // What is refused (an unknown name, a device that is linked) changes nothing, and is nothing to the oracle.
            if let Ok(row) = house.committer.decide(&house.store, &decision(told))? {
                ids.insert(told.number, row.id);
                known.decisions.push(told.clone());
            }
        }
        Step::Withdraw(number) => {
            // One that spoke of somebody who was erased is gone.
            let stands = known.decisions.iter().any(|decision| decision.number == *number);
            if let Some(id) = ids.remove(number).filter(|_| stands) {
                let at = (id, UnixMillis(0));
                ensure!(house.committer.withdraw(&house.store, WORKSPACE, at)?.is_ok(), "decision {number} stood");
                let decided = known.decisions.iter_mut().filter(|decision| decision.number == *number);
                decided.for_each(|decision| decision.is_withdrawn = true);
            }
        }
    }
    Ok(())
}

fn decision(told: &oracle::Decision) -> Decision {
    let (verb, x, y) = match &told.op {
        Op::Link(x, y) => (DecisionVerb::Link, x, Some(y)),
        Op::KeepApart(x, y) => (DecisionVerb::KeepApart, x, Some(y)),
        Op::Ignore(x) => (DecisionVerb::Ignore, x, None),
    };
    Decision {
        workspace: WORKSPACE,
        verb,
        x: x.clone(),
        y: y.cloned(),
        reason: "told".into(),
        author: "test".into(),
        at: told.at,
    }
}

fn rules(of_oracle: &oracle::Rules) -> Rules {
    Rules {
        account_kinds: of_oracle.account_kinds.clone(),
        contact_limit: of_oracle.contacts_per_person,
        crowd_limit: of_oracle.beside_a_contact,
        device_people_limit: of_oracle.people_per_device,
        guard_from: of_oracle.guard_from,
        ..Rules::default()
    }
}

fn differences(house: &House, known: &Ledger, replay: &Replay) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut expect = |what: String, got: Value, expected: Value| {
        if got != expected {
            found.push(format!("{what}: {got}, not {expected}"));
        }
    };
    for name in known.erased.keys().filter(|name| !replay.canonical.contains_key(*name)) {
        expect(format!("erased {name}"), house.profile(name)?, Value::Null);
    }
    for name in replay.canonical.keys() {
        let profile = house.profile(name)?;
        let Some(whose) = replay.whose(name) else {
            // A device has a profile of its own whatever is taken out.
            if house.rules.class(&name.kind) != Class::Device {
                expect(format!("id of {name}"), profile["id"].clone(), Value::Null);
            }
            continue;
        };
        let (Whose::Person(leader) | Whose::Device(leader)) = &whose else { continue };
        expect(format!("id of {name}"), profile["id"].clone(), json!(profile_id("default", leader)));
        if leader != name {
            continue;
        }
        let traits = replay.people.traits.get(&whose).cloned().unwrap_or_default();
        expect(format!("traits of {name}"), profile["traits"].clone(), json!(traits));
        let owned = owned(&whose, known, replay);
        expect(format!("count of {name}"), profile["event_count"].clone(), json!(owned.len()));
        expect(format!("sessions of {name}"), json!(house.sessions(name)?), json!(sessions(&owned)));
        let ids: Vec<&str> = owned.iter().map(|order| &*order.message_id).collect();
        expect(format!("events of {name}"), json!(house.events(name)?), json!(ids));
    }
    Ok(found)
}

/// Where the conflicts that the ledger lists are not those of the oracle, which knows decisions by their numbers.
fn other_conflicts(house: &House, replay: &Replay, ids: &BTreeMap<u64, DecisionId>) -> anyhow::Result<Option<String>> {
    let by_id = |by: &str| -> Option<String> {
        let number: u64 = by.strip_prefix("decision:")?.parse().ok()?;
        Some(ids.get(&number)?.said_as().to_string())
    };
    let expected = replay.people.conflicts.iter().map(|(x, y, reason, by, strength)| {
        (x.clone(), y.clone(), *reason, by_id(by).unwrap_or_else(|| by.clone()), *strength)
    });
    let (listed, expected): (_, BTreeSet<Conflict>) = (house.conflicts()?, expected.collect());
    Ok((listed != expected).then(|| format!("conflicts: {listed:?}, not {expected:?}")))
}

/// The orders of what it owns, newest first; rows of imports are no events.
fn owned<'l>(whose: &Whose, known: &'l Ledger, replay: &Replay) -> Vec<&'l Order> {
    let mut owned: Vec<_> = known
        .events
        .iter()
        .filter(|event| event.snapshot.is_none() && replay.people.owner[&*event.order.message_id] == *whose)
        .map(|event| &event.order)
        .collect();
    owned.sort_by(|a, b| b.cmp(a));
    owned.dedup();
    owned
}

/// What no pause of more than half an hour parts, newest first: start, end and events.
fn sessions(owned: &[&Order]) -> Vec<(i64, i64, u64)> {
    let runs = owned.chunk_by(|newer, older| newer.time.0 - older.time.0 <= 30 * 60_000);
    runs.map(|run| (run[run.len() - 1].time.0, run[0].time.0, run.len() as u64)).collect()
}

/// The consumer holds every person, as the ledger reads it now.
fn hold_the_consumer(consumer: &Consumer, house: &House, replay: &Replay) -> anyhow::Result<()> {
    let leaders: BTreeSet<&Identifier> = replay.people.leader.values().collect();
    for leader in &leaders {
        let id = profile_id("default", leader);
        let profile = without_version(house.profile_of(&Lookup::ProfileId(id))?);
        let held = consumer.profiles.get(&id);
        ensure!(held == Some(&profile), "consumer of {leader}: {held:#?}\nledger: {profile:#}");
    }
    for (id, held) in &consumer.profiles {
        let profile = without_version(house.profile_of(&Lookup::ProfileId(*id))?);
        ensure!(profile == *held, "consumer: {held:#}\nledger: {profile:#}");
    }
    Ok(())
}

fn counted(variable: &str, default: usize) -> anyhow::Result<usize> {
    match std::env::var(variable) {
        Ok(text) => Ok(text.parse()?),
        Err(_) => Ok(default),
    }
}
