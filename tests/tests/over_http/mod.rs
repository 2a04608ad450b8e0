//! Logs sent to a real collector, and its answers compared with the people that they must come to.

#![allow(dead_code, unused_imports, reason = "each test uses its part")]

mod proving;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use selvedge_collector::event::Strength;
use selvedge_collector::identity::profile_id;
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::Collector;
use selvedge_tests::oracle::{Event, People, Replay, Whose};
use serde_json::{Map, Value, json};

pub(crate) use self::proving::Proving;
use self::proving::is_provable;

/// The wall clock, ms since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Sends a log in its order. Neighbours that go with the same key go in one batch.
pub(crate) fn send(collector: &Collector, log: &[Event]) -> anyhow::Result<()> {
    for batch in log.chunk_by(|a, b| is_observed(a) == is_observed(b)) {
        let key = if is_observed(&batch[0]) { &collector.public_key } else { &collector.secret_key };
        post(collector, key, batch.iter().map(message).collect())?;
    }
    Ok(())
}

/// The same from a site that proves logins: what a token can prove is proven by one. How many did, and did not.
pub(crate) fn send_proving(collector: &Collector, proving: &Proving, log: &[Event]) -> anyhow::Result<(usize, usize)> {
    let is_said_by_page = |event: &Event| is_observed(event) || is_provable(event);
    let (mut proven, mut unproven) = (0, 0);
    for batch in log.chunk_by(|a, b| is_said_by_page(a) == is_said_by_page(b)) {
        if !is_said_by_page(&batch[0]) {
            post(collector, &collector.secret_key, batch.iter().map(message).collect())?;
            continue;
        }
        let (mut messages, mut warned) = (Vec::new(), Vec::new());
        for event in batch {
            let mut message = message(event);
            message.as_object_mut().context("a message is an object")?.remove("context");
            if let Some(code) = proving.sign(event, &mut message)? {
                warned.push((event.order.message_id.to_string(), code.to_owned()));
            }
            messages.push(message);
        }
        proven += batch.iter().filter(|event| !is_observed(event)).count();
        unproven += warned.len();
        let answer = post(collector, &proving.open_key, messages)?;
        let told = answer["warnings"].as_array().into_iter().flatten();
        let told = told.map(|it| (text(&it["messageId"]), text(&it["code"])));
        let told: Vec<_> = told.filter(|(_, code)| code.starts_with("token_")).collect();
        ensure!(told == warned, "warned {told:?}, not {warned:?}");
    }
    Ok((proven, unproven))
}

fn post(collector: &Collector, key: &str, messages: Vec<Value>) -> anyhow::Result<Value> {
    let sent = messages.len() as u64;
    let answer = collector.post("/v1/batch", key, &json!({ "batch": messages }))?;
    let stored = answer.json["accepted"].as_u64().unwrap_or(0) + answer.json["duplicates"].as_u64().unwrap_or(0);
    ensure!(answer.status == 200 && stored == sent, "{} {}", answer.status, answer.text());
    Ok(answer.json)
}

fn is_observed(event: &Event) -> bool {
    event.claim.iter().all(|claimed| claimed.strength == Strength::Observed)
}

/// The message that makes this event. Strengths below asserted are said as a forwarding collector says them.
fn message(event: &Event) -> Value {
    let moment = jiff::Timestamp::from_millisecond(event.order.time.0).unwrap_or_default();
    let mut message = json!({ "messageId": &*event.order.message_id, "timestamp": format!("{moment:.3}") });
    let mut strengths = Map::new();
    for claimed in &event.claim {
        let Identifier { kind, value } = &claimed.identifier;
        if *kind == Kind::USER_ID {
            message["userId"] = json!(&**value);
        } else if *kind == Kind::ANONYMOUS_ID {
            message["anonymousId"] = json!(&**value);
        }
        strengths.insert(kind.to_string(), json!(word(claimed.strength)));
    }
    if event.traits.is_empty() {
        message["type"] = json!("track");
        message["event"] = json!("Seen");
    } else {
        message["type"] = json!("identify");
        message["traits"] = event.traits.iter().cloned().collect::<Map<_, _>>().into();
    }
    if strengths.values().any(|strength| strength != "asserted") && !is_observed(event) {
        message["context"] = json!({ "selvedge": { "strength": strengths } });
    }
    message
}

fn word(strength: Strength) -> &'static str {
    match strength {
        Strength::Observed => "observed",
        Strength::Proven => "proven",
        Strength::Asserted => "asserted",
    }
}

/// Everything that `/v1/conflicts` lists, by `kind:value` of x and y: reason, messageId, strength.
pub(crate) type Conflicts = BTreeMap<(String, String), (String, String, String)>;

/// All pages of the collector's conflicts.
pub(crate) fn conflicts(collector: &Collector) -> anyhow::Result<Conflicts> {
    let mut found = Conflicts::new();
    let mut path = "/v1/conflicts?limit=500".to_owned();
    loop {
        let page = read(collector, &path)?.with_context(|| format!("{path}: not found"))?;
        let listed = page["conflicts"].as_array().context("no list of conflicts")?;
        for conflict in listed {
            let name = |end: &str| format!("{}:{}", text(&conflict[end]["kind"]), text(&conflict[end]["value"]));
            let why = [&conflict["reason"], &conflict["messageId"], &conflict["strength"]].map(text);
            let twice = found.insert((name("x"), name("y")), why.into());
            ensure!(twice.is_none(), "listed twice: {conflict}");
        }
        match page["next"].as_str() {
            Some(cursor) => path = format!("/v1/conflicts?limit=500&cursor={}", encoded(cursor)),
            None => return Ok(found),
        }
    }
}

/// Where the collector's answers about the names of a log are not what that log comes to.
pub(crate) fn differences(
    collector: &Collector,
    log: &[Event],
    replay: &Replay,
    conflicts: &Conflicts,
) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut expect = |what: String, got: Value, expected: Value| {
        if got != expected {
            found.push(format!("{what}: {got}, not {expected}"));
        }
    };
    let people = &replay.people;
    // A device that is one person's may yet have a profile of its own, which only its id finds.
    let mut everyone: BTreeSet<Whose> = people.owner.values().cloned().collect();
    for name in replay.canonical.keys() {
        let profile = read(collector, &format!("/v1/profiles/{}", path_of(name)))?.unwrap_or(Value::Null);
        let whose = replay.whose(name);
        expect(format!("id of {name}"), profile["id"].clone(), whose.as_ref().map_or(Value::Null, id));
        everyone.extend(whose);
    }
    for whose in everyone.iter().filter(|whose| **whose != Whose::Unattributed) {
        let path = format!("/v1/profiles/{}", id(whose).as_str().unwrap_or_default());
        let profile = read(collector, &path)?.unwrap_or(Value::Null);
        expect(format!("id of {whose:?}"), profile["id"].clone(), id(whose));
        expect(format!("names of {whose:?}"), names_in(&profile), json!(names_of(whose, people)));
        let traits = people.traits.get(whose).cloned().unwrap_or_default();
        expect(format!("traits of {whose:?}"), profile["traits"].clone(), json!(traits));
        expect(format!("people of {whose:?}"), sharing(&profile), json!(sharers(whose, people)));
        let events = events_of(whose, log, people);
        expect(format!("event count of {whose:?}"), profile["event_count"].clone(), json!(events.len()));
        expect(format!("events of {whose:?}"), events_at(collector, &path)?, json!(events));
    }
    let listed = conflicts_of(log, conflicts);
    let refused = refused(people);
    if listed != refused {
        found.push(format!("conflicts: {listed:?}, not {refused:?}"));
    }
    Ok(found)
}

/// The conflicts that the events of a log made, of all that are listed.
fn conflicts_of(log: &[Event], conflicts: &Conflicts) -> Conflicts {
    let of_log: BTreeSet<&str> = log.iter().map(|event| &*event.order.message_id).collect();
    conflicts.iter().filter(|(_, why)| of_log.contains(&*why.1)).map(cloned).collect()
}

fn refused(people: &People) -> Conflicts {
    let refused = people.conflicts.iter().map(|(x, y, reason, message_id, strength)| {
        let why = ((*reason).to_owned(), message_id.clone(), word(*strength).to_owned());
        ((x.to_string(), y.to_string()), why)
    });
    refused.collect()
}

/// The accounts and contacts of a person. A device's own profile has none.
fn names_of(whose: &Whose, people: &People) -> BTreeSet<String> {
    let held = people.leader.iter().filter(|(_, leader)| *whose == Whose::Person((*leader).clone()));
    held.map(|(name, _)| name.to_string()).collect()
}

fn names_in(profile: &Value) -> Value {
    let names = profile["identifiers"].as_array().into_iter().flatten();
    let names = names.filter(|name| name["kind"] != "anonymous_id");
    json!(names.map(|name| format!("{}:{}", text(&name["kind"]), text(&name["value"]))).collect::<BTreeSet<_>>())
}

fn sharers(whose: &Whose, people: &People) -> BTreeSet<String> {
    let Whose::Device(device) = whose else { return BTreeSet::new() };
    let marked_by = people.marked_by.get(device).into_iter().flatten();
    marked_by.map(|person| profile_id("default", person).to_string()).collect()
}

fn sharing(profile: &Value) -> Value {
    let people = profile["people"].as_array().into_iter().flatten();
    json!(people.map(text).collect::<BTreeSet<_>>())
}

/// The messageIds of what it owns, newest first; rows of imports are no events.
fn events_of(whose: &Whose, log: &[Event], people: &People) -> Vec<String> {
    let is_owned = |event: &&Event| event.snapshot.is_none() && people.owner[&*event.order.message_id] == *whose;
    let mut events: Vec<&Event> = log.iter().filter(is_owned).collect();
    events.sort_by(|a, b| b.order.cmp(&a.order));
    events.dedup_by(|a, b| a.order == b.order);
    events.into_iter().map(|event| event.order.message_id.to_string()).collect()
}

fn events_at(collector: &Collector, path: &str) -> anyhow::Result<Value> {
    let page = read(collector, &format!("{path}/events?limit=500"))?.unwrap_or(Value::Null);
    let events = page["events"].as_array().into_iter().flatten();
    Ok(events.map(|event| event["messageId"].clone()).collect())
}

/// Null of what belongs to no one.
fn id(whose: &Whose) -> Value {
    match whose {
        Whose::Person(leader) | Whose::Device(leader) => json!(profile_id("default", leader).to_string()),
        Whose::Unattributed => Value::Null,
    }
}

/// The JSON of an answer; `None` where nothing was found.
pub(crate) fn read(collector: &Collector, path: &str) -> anyhow::Result<Option<Value>> {
    let answer = collector.get(path, &collector.secret_key)?;
    ensure!(matches!(answer.status, 200 | 404), "{path}: {} {}", answer.status, answer.text());
    Ok((answer.status == 200).then_some(answer.json))
}

/// An identifier as it stands in a path.
pub(crate) fn path_of(name: &Identifier) -> String {
    format!("{}:{}", name.kind, encoded(&name.value))
}

fn encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.as_bytes()
        .iter()
        .map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn cloned<K: Clone, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (key.clone(), value.clone())
}
