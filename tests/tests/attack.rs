//! What a public key can do to people whose names are held (identity.md, section 7, law 6; promise P9): nothing.
//! `SELVEDGE_HOSTILE_LOGS` and `SELVEDGE_GUESSES` say how hard it is tried.

mod in_process;

use std::collections::BTreeMap;
use std::time::SystemTime;

use anyhow::ensure;
use in_process::{House, WORKSPACE, without_version};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use selvedge_collector::event::{AcceptedEvent, Claimed, EventType, Order, Source, Strength, Trust, UnixMillis};
use selvedge_collector::identity::{Rules, profile_id};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::backend::Backend;
use selvedge_tests::{Collector, oracle};
use serde_json::{Value, json};

#[test]
fn no_hostile_log_changes_what_is_known_of_held_people() -> anyhow::Result<()> {
    let logs = counted("SELVEDGE_HOSTILE_LOGS", 60)?;
    let mut runner = TestRunner::deterministic();
    let mut events = 0;
    for trust in [Trust::Guarded, Trust::Strict] {
        for _ in 0..logs {
            let hostile = hostile_log(trust).new_tree(&mut runner).expect("nothing is filtered out").current();
            events += hostile.len();
            hold_against(&hostile)?;
        }
    }
    println!("{logs} hostile logs in guarded and in strict mode each, {events} events: held people equal to before");
    Ok(())
}

#[test]
fn a_public_key_reads_no_one_whomever_it_guesses_and_changes_nobody() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let settings = "[limits]\nip_events_per_s = 1000000\nkey_events_per_s = 1000000\n";
    let collector = Collector::start_with_settings(directory.path(), settings)?;
    // The site proves logins: what its server says of people is held from now on.
    let (_site, forger) = (Backend::of(&collector)?, Backend::of_nobody());
    let guesses = counted("SELVEDGE_GUESSES", 2_000)?;
    let people: Vec<usize> = (0..PEOPLE).map(|n| n * guesses / PEOPLE).collect();
    let secret = json!({"batch": people.iter().map(|n| json!({
        "type": "identify", "userId": format!("u{n}"), "anonymousId": format!("d{n}"), "messageId": format!("m{n}"),
        "traits": {"plan": "secret-plan", "email": format!("u{n}@shop.example")}
    })).collect::<Vec<_>>()});
    ensure!(collector.post("/v1/batch", &collector.secret_key, &secret)?.status == 200, "the people are there");
    let before = profiles(&collector, &people)?;
    for n in &people {
        read_nothing_of(&collector, *n)?;
        attack(&collector, *n)?;
    }
    for n in 0..guesses {
        let part = ["", "/traits", "/identifiers", "/events", "/sessions", "/export"][n % 6];
        let name = if n % 2 == 0 { format!("user_id:u{n}") } else { format!("email:u{n}@shop.example") };
        let answer = collector.get(&format!("/v1/profiles/{name}{part}"), &collector.public_key)?;
        ensure!(answer.status == 403 && answer.json["code"] == "wrong_right", "{} {}", answer.status, answer.text());
        ensure!(!answer.text().contains("secret-plan"), "read: {}", answer.text());
        if n % 10 == 0 {
            // What comes back to who sends is the same, whether it names someone who is there or not.
            let event = json!({"batch": [{"type": "identify", "userId": format!("u{n}"), "anonymousId": format!("a{n}"),
                "traits": {"plan": "mine", "email": format!("u{n}@shop.example")}}]});
            let answer = collector.post("/v1/batch", &collector.public_key, &event)?;
            ensure!(answer.json["accepted"] == 1 && answer.json["warnings"].is_null(), "{}", answer.text());
            let token = forger.token(&json!({"sub": format!("u{n}"), "iat": now_s()?, "exp": now_s()? + 60}))?;
            let event = json!({"batch": [{"type": "identify", "userId": format!("u{n}"),
                "context": {"identityToken": token}, "traits": {"plan": "mine"}}]});
            let answer = collector.post("/v1/batch", &collector.public_key, &event)?;
            ensure!(answer.json["warnings"][0]["code"] == "token_invalid", "{}", answer.text());
        }
    }
    for (before, after) in before.iter().zip(profiles(&collector, &people)?) {
        ensure!(*before == after, "somebody who is held changed: {before}, then {after}");
    }
    println!("{guesses} guessed people with a public key: 0 traits read, {PEOPLE} who are there byte-equal to before");
    Ok(())
}

/// Whatever is asked of somebody who is there, by whatever names the person.
fn read_nothing_of(collector: &Collector, n: usize) -> anyhow::Result<()> {
    let id = profile_id("default", &Identifier::new(Kind::USER_ID, format!("u{n}"))).to_string();
    let names = [format!("user_id:u{n}"), format!("email:u{n}@shop.example"), format!("anonymous_id:d{n}"), id];
    let explain = format!("/explain?with=email:u{n}@shop.example");
    for name in names {
        for part in ["", "/traits", "/identifiers", "/events", "/sessions", "/export", &explain] {
            let answer = collector.get(&format!("/v1/profiles/{name}{part}"), &collector.public_key)?;
            ensure!(answer.status == 403 && answer.json["code"] == "wrong_right", "{name}{part}: {}", answer.text());
            ensure!(!answer.text().contains("secret-plan"), "read: {}", answer.text());
        }
    }
    let conflicts = collector.get("/v1/conflicts", &collector.public_key)?;
    ensure!(conflicts.status == 403, "{}", conflicts.text());
    Ok(())
}

/// What a page may say of somebody who is there: strangers on the stolen device, at any time; the person's names on one's
/// own; aliases both ways; and a crowd beside the address.
fn attack(collector: &Collector, n: usize) -> anyhow::Result<()> {
    let (user, mail, device) = (format!("u{n}"), format!("u{n}@shop.example"), format!("d{n}"));
    let mut events = Vec::new();
    for day in [1, 10, 29] {
        let at = UnixMillis((i64::try_from(now_s()?)? - day * 86_400) * 1_000).rfc3339();
        events.extend([
            json!({"type": "identify", "userId": format!("x{n}"), "anonymousId": device, "timestamp": at,
                "traits": {"plan": "mine", "email": format!("x{n}@evil.example")}}),
            json!({"type": "identify", "userId": user, "anonymousId": format!("x{n}"), "timestamp": at,
                "traits": {"plan": "mine", "email": mail}}),
            json!({"type": "alias", "userId": format!("x{n}"), "previousId": user, "timestamp": at}),
            json!({"type": "alias", "userId": user, "previousId": format!("x{n}"), "timestamp": at}),
        ]);
    }
    let crowd = (0..25).map(|k| json!({"type": "identify", "userId": format!("c{k}"), "traits": {"email": mail}}));
    events.extend(crowd);
    let strict = collector.run(&["key", "create", "public", "--trust", "strict"])?;
    let strict = String::from_utf8(strict.stdout)?;
    for (sender, key) in [("guarded", &*collector.public_key), ("strict", strict.trim())] {
        // A strict key's stranger names nobody: the event goes by the device, which is seen then.
        let told = events.iter().filter(|event| sender == "guarded" || event["anonymousId"] != json!(device));
        let told: Vec<Value> = told
            .cloned()
            .enumerate()
            .map(|(place, mut event)| {
                event["messageId"] = json!(format!("{sender}-{n}-{place}"));
                event
            })
            .collect();
        let answer = collector.post("/v1/batch", key, &json!({ "batch": told }))?;
        ensure!(answer.json["accepted"] == told.len(), "{}", answer.text());
    }
    Ok(())
}

/// What a server reads of each, to the byte.
fn profiles(collector: &Collector, people: &[usize]) -> anyhow::Result<Vec<String>> {
    let read = |n: &usize| {
        let answer = collector.get(&format!("/v1/profiles/user_id:u{n}"), &collector.secret_key)?;
        ensure!(answer.status == 200 && answer.json["traits"]["plan"] == "secret-plan", "{}", answer.text());
        Ok(answer.text().to_owned())
    };
    people.iter().map(read).collect()
}

fn now_s() -> anyhow::Result<u64> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs())
}

#[test]
fn a_public_key_that_names_held_people_gives_them_no_new_version() -> anyhow::Result<()> {
    for trust in [Trust::Guarded, Trust::Strict] {
        let mut house = House::open(Rules::default())?;
        house.commit_accepted(held_people())?;
        house.committer.guard_from(&house.store, WORKSPACE, UnixMillis(0))?;
        let account = Identifier::new(Kind::USER_ID, "U1".to_owned());
        let before = house.profile(&account)?;
        for (place, time) in [0, 1_001, 4_000].into_iter().enumerate() {
            let names = vec![
                (Kind::USER_ID, "U1".to_owned()),
                (Kind::EMAIL, "e1@shop.example".to_owned()),
                (Kind::ANONYMOUS_ID, "x9".to_owned()),
            ];
            house.commit_from(PUBLIC, vec![hostile_event(place, (names, time), Some(1), false, trust)])?;
        }
        let after = house.profile(&account)?;
        ensure!(before == after, "before {before:#}\nafter {after:#}");
    }
    Ok(())
}

#[test]
fn a_stranger_on_a_held_persons_device_is_not_seen_there() -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    house.commit_accepted(held_people())?;
    house.committer.guard_from(&house.store, WORKSPACE, UnixMillis(0))?;
    let account = Identifier::new(Kind::USER_ID, "U1".to_owned());
    let before = without_version(house.profile(&account)?);
    for (place, time) in [0, 1_001, 4_000].into_iter().enumerate() {
        let stolen = vec![(Kind::USER_ID, "X1".to_owned()), (Kind::ANONYMOUS_ID, "a1".to_owned())];
        let stranger = hostile_event(place, (stolen, time), Some(1), false, Trust::Guarded);
        house.commit_from(PUBLIC, vec![stranger])?;
    }
    let after = without_version(house.profile(&account)?);
    ensure!(before == after, "before {before:#}\nafter {after:#}");
    Ok(())
}

/// Tells a ledger of held people everything hostile, and compares.
fn hold_against(hostile: &[AcceptedEvent]) -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    let trusted = held_people();
    house.commit_accepted(trusted.clone())?;
    house.committer.guard_from(&house.store, WORKSPACE, UnixMillis(0))?;
    let before = known(&house, &trusted)?;
    for event in hostile {
        house.commit_from(PUBLIC, vec![event.clone()])?;
    }
    let after = known(&house, &trusted)?;
    ensure!(before == after, "before {before:#?}\nafter {after:#?}\n{hostile:#?}");
    Ok(())
}

/// Of each held name: its person's names with when and by whom they were seen, the traits that were trusted, and the
/// trusted events. Of devices the names alone: events that name no one go by them, and are seen then.
fn known(house: &House, trusted: &[AcceptedEvent]) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut known = BTreeMap::new();
    for claimed in trusted.iter().flat_map(|event| &event.claim) {
        let profile = house.profile(&claimed.identifier)?;
        let mut names = profile["identifiers"].as_array().cloned().unwrap_or_default();
        for device in names.iter_mut().filter(|name| name["kind"] == "anonymous_id") {
            *device = json!(format!("anonymous_id:{}", device["value"]));
        }
        let events = house.events(&claimed.identifier)?;
        let events: Vec<String> = events.into_iter().filter(|id| id.starts_with("trusted-")).collect();
        let traits = [&profile["traits"]["plan"], &profile["traits"]["email"]];
        known.insert(
            claimed.identifier.to_string(),
            json!({"id": profile["id"], "names": names, "traits": traits, "events": events}),
        );
    }
    Ok(known)
}

/// Three people with an account, an address, a telephone and a device each, all said by the site's server.
fn held_people() -> Vec<AcceptedEvent> {
    let person = |n: u8| {
        let names = [
            (Kind::USER_ID, format!("U{n}")),
            (Kind::EMAIL, format!("e{n}@shop.example")),
            (Kind::PHONE, format!("+49301234567{n}")),
            (Kind::ANONYMOUS_ID, format!("a{n}")),
        ];
        let claim = names
            .into_iter()
            .map(|(kind, value)| Claimed { identifier: Identifier::new(kind, value), strength: Strength::Asserted });
        let order = Order { time: UnixMillis(1_000 + i64::from(n)), message_id: format!("trusted-{n}").into() };
        let traits = vec![("plan".into(), format!("\"gold-{n}\"").into()), ("email".into(), "\"x\"".into())];
        AcceptedEvent { traits, ..event(order, claim.collect(), Trust::Open) }
    };
    (0..3).map(person).collect()
}

/// Events of a public key: stolen and invented names side by side, at any time, with aliases and crowds.
fn hostile_log(trust: Trust) -> impl Strategy<Value = Vec<AcceptedEvent>> {
    let name = prop_oneof![
        4 => (0..3u8).prop_map(|n| (Kind::USER_ID, format!("U{n}"))),
        3 => (0..3u8).prop_map(|n| (Kind::EMAIL, format!("e{n}@shop.example"))),
        1 => (0..3u8).prop_map(|n| (Kind::EMAIL, oracle::digest("md5", &format!("e{n}@shop.example")).to_string())),
        2 => (0..3u8).prop_map(|n| (Kind::PHONE, format!("+49301234567{n}"))),
        4 => (0..3u8).prop_map(|n| (Kind::ANONYMOUS_ID, format!("a{n}"))),
        2 => (0..40u8).prop_map(|n| (Kind::USER_ID, format!("X{n}"))),
        1 => (0..5u8).prop_map(|n| (Kind::EMAIL, format!("x{n}@evil.example"))),
        2 => (0..4u8).prop_map(|n| (Kind::ANONYMOUS_ID, format!("x{n}"))),
    ];
    let sketch = (prop::collection::vec(name, 1..5), 0..5_000i64, prop::option::weighted(0.3, 0..4u8), any::<bool>());
    let crowd = prop_oneof![1 => Just(Vec::new()), 1 => (0..9usize, 19..30u8, 0..5_000i64).prop_map(crowd)];
    let shuffled = (prop::collection::vec(sketch, 20..80), crowd)
        .prop_flat_map(|(sketches, crowd)| Just([sketches, crowd].concat()).prop_shuffle());
    shuffled.prop_map(move |sketches| {
        let placed = sketches.into_iter().enumerate();
        placed
            .map(|(place, (names, time, plan, is_alias))| hostile_event(place, (names, time), plan, is_alias, trust))
            .collect()
    })
}

type Sketch = (Vec<(Kind, String)>, i64, Option<u8>, bool);

/// About as many invented accounts beside one held name as it takes to make it a crowd's.
fn crowd((name, accounts, time): (usize, u8, i64)) -> Vec<Sketch> {
    let held = [
        [0, 1, 2].map(|n| (Kind::EMAIL, format!("e{n}@shop.example"))),
        [0, 1, 2].map(|n| (Kind::PHONE, format!("+49301234567{n}"))),
        [0, 1, 2].map(|n| (Kind::ANONYMOUS_ID, format!("a{n}"))),
    ];
    let name = &held[name / 3][name % 3];
    let beside = |n| (vec![(Kind::USER_ID, format!("C{n}")), name.clone()], time + i64::from(n), None, false);
    (0..accounts).map(beside).collect()
}

fn hostile_event(
    place: usize,
    (names, time): (Vec<(Kind, String)>, i64),
    plan: Option<u8>,
    is_alias: bool,
    trust: Trust,
) -> AcceptedEvent {
    let mut claim: Vec<Claimed> = Vec::new();
    for (kind, value) in names {
        let identifier = Identifier::new(kind, value);
        let is_second = claim.iter().any(|known: &Claimed| {
            known.identifier == identifier
                || (identifier.kind == Kind::USER_ID && known.identifier.kind == Kind::USER_ID)
        });
        if !is_second {
            claim.push(Claimed { identifier, strength: Strength::Observed });
        }
    }
    let rules = Rules::default();
    claim.sort_by(|one, other| rules.rank(&one.identifier).cmp(&rules.rank(&other.identifier)));
    let order = Order { time: UnixMillis(time), message_id: format!("hostile-{place}").into() };
    let mut told = event(order, claim, trust);
    told.traits = plan.map(|plan| vec![("plan".into(), format!("\"stolen-{plan}\"").into())]).unwrap_or_default();
    if is_alias {
        // An observed alias is its claim, and nothing more: of the device, too, that it says the account was.
        let previous_id = Identifier::new(Kind::ANONYMOUS_ID, format!("U{}", place % 3));
        told.claim.retain(|claimed| claimed.identifier != previous_id);
        told.claim.push(Claimed { identifier: previous_id, strength: Strength::Observed });
        told.claim.sort_by(|one, other| rules.rank(&one.identifier).cmp(&rules.rank(&other.identifier)));
        told.event_type = EventType::Alias;
    }
    told
}

fn event(order: Order, claim: Vec<Claimed>, trust: Trust) -> AcceptedEvent {
    AcceptedEvent {
        index: 0,
        order,
        event_type: EventType::Identify,
        name: None,
        claim,
        trust,
        older_account: None,
        lost_names: false,
        traits: Vec::new(),
        snapshot: None,
        raw: "{}".into(),
    }
}

/// Who is there, among all that are guessed.
const PEOPLE: usize = 50;
/// The key that the hostile events come with.
const PUBLIC: Source = Source(2);

fn counted(variable: &str, default: usize) -> anyhow::Result<usize> {
    match std::env::var(variable) {
        Ok(text) => Ok(text.parse()?),
        Err(_) => Ok(default),
    }
}
