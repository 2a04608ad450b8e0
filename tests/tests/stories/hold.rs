//! A story on a real ledger, held to the oracle.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use selvedge_collector::event::{Order, Strength, UnixMillis};
use selvedge_collector::identity::{ProfileId, Rules, profile_id};
use selvedge_collector::ingest::commit::Erasure;
use selvedge_collector::store::{DecisionId, Lookup, ProfileKey, Reader};
use selvedge_core::identifier::{Class, Identifier, Kind};
use selvedge_tests::oracle::{self, Conflict, Event, Ledger, Replay, Whose, replay_ledger};
use serde_json::{Value, json};

use super::counted::Counted;
use super::in_process::{
    Consumer, House, WORKSPACE, conflicts, decision, events_proven, rules, sessions, without_version,
};
use super::rules_ledger::Kept;
use super::told::{Step, Story};

/// How a story is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Events in a commit, at most, that follow each other.
    pub(crate) group: usize,
    /// Steps between two comparisons.
    pub(crate) every: usize,
}

/// Tells a new ledger a story, a commit a step, and compares after each.
pub(crate) fn hold(story: &Story) -> anyhow::Result<Counted> {
    hold_at(story, Pace { group: 1, every: 1 })
}

/// Tells a new ledger a story; what it held. It is compared before and after it is built again, too.
pub(crate) fn hold_at(story: &Story, pace: Pace) -> anyhow::Result<Counted> {
    let mut telling = Telling::new(&story.rules)?;
    let is_rule = |at: usize| matches!(story.steps.get(at), Some(Step::Rule(_)));
    let (mut told, mut waiting) = (0, pace.every);
    while let Some(step) = story.steps.get(told) {
        let heard =
            story.steps[told..].iter().map_while(|step| if let Step::Hear(event) = step { Some(event) } else { None });
        let group: Vec<&Event> = heard.take(pace.group).collect();
        match &*group {
            [] => telling.take(step)?,
            events => telling.hear(events)?,
        }
        let steps = group.len().max(1);
        (told, waiting) = (told + steps, waiting.saturating_sub(steps));
        if waiting == 0 || told == story.steps.len() || is_rule(told) || is_rule(told - 1) {
            let held = telling.compare();
            let Telling { rules, known, .. } = &telling;
            held.with_context(|| format!("after {told} steps: {rules:#?}\n{known:#?}"))?;
            waiting = pace.every;
        }
    }
    telling.counted.steps = told;
    Ok(telling.counted)
}

/// A ledger to which a story is told, and what is known of it.
struct Telling {
    kept: Kept,
    rules: oracle::Rules,
    known: Ledger,
    /// Of the decisions that were taken, by their numbers.
    ids: BTreeMap<u64, DecisionId>,
    consumer: Consumer,
    counted: Counted,
}

impl Telling {
    fn new(of_oracle: &oracle::Rules) -> anyhow::Result<Self> {
        Ok(Self {
            kept: Kept::new(&rules(of_oracle))?,
            rules: of_oracle.clone(),
            known: Ledger::default(),
            ids: BTreeMap::new(),
            consumer: Consumer::default(),
            counted: Counted::default(),
        })
    }

    fn compare(&mut self) -> anyhow::Result<()> {
        let Self { kept: Kept { house, .. }, known, ids, consumer, .. } = self;
        let replay = replay_ledger(known, &self.rules);
        consumer.catch_up(house)?;
        let mut now = Now::of(house)?;
        let mut differences = differences(&mut now, known, &replay)?;
        differences.extend(still_found(&mut now, known, (&replay, &self.rules))?);
        differences.extend(other_conflicts(&now.reader, &replay, ids)?);
        ensure!(differences.is_empty(), "{differences:#?}");
        hold_the_consumer(consumer, &mut now, &replay)?;
        hold_the_ended(consumer, &mut now, (known, &replay))?;
        self.counted.compared += 1;
        Ok(())
    }

    /// Events that come in one commit.
    fn hear(&mut self, events: &[&Event]) -> anyhow::Result<()> {
        let group: Vec<Event> = events.iter().map(|event| (*event).clone()).collect();
        for event in &group {
            let latest = self.known.events.iter().map(|event| event.order.time).max();
            self.counted.hear(event, latest);
        }
        let committed = self.kept.house.commit(&group)?;
        let is_admitted = |event: &Event| self.known.admits(event, &self.rules);
        let (admitted, erased): (Vec<Event>, Vec<Event>) = group.into_iter().partition(is_admitted);
        ensure!(committed.erased.len() == erased.len(), "erased {:?}, not {erased:#?}", committed.erased);
        self.known.events.extend(admitted);
        Ok(())
    }

    fn take(&mut self, step: &Step) -> anyhow::Result<()> {
        let Self { kept, rules, known, counted, .. } = self;
        let house = &mut kept.house;
        match step {
            Step::Hear(event) => self.hear(&[event])?,
            Step::Erase(whom, at, is_suppression) => {
                // Of a name that nothing says any more, only the time of its erasure changes.
                if known.erase(whom, (*at, *is_suppression), rules) {
                    let whom = Lookup::Identifier(whom.clone());
                    let erasure = Erasure { workspace: WORKSPACE, whom, at: *at, is_suppression: *is_suppression };
                    ensure!(house.committer.erase(&house.store, &erasure)?.is_ok(), "{erasure:?}");
                    counted.erasures += 1;
                }
            }
            Step::Guard(from) => {
                let guarded = house.committer.guard_from(&house.store, WORKSPACE, *from)?;
                ensure!(guarded == *rules.guard_from.get_or_insert(*from), "guarded from {guarded:?} on");
                counted.guards += 1;
            }
            Step::Rule(others) => {
                kept.apply(&self::rules(others))?;
                *rules = (**others).clone();
                counted.rebuilds += 1;
            }
            Step::Decide(told) => self.decide(told)?,
            Step::Withdraw(number) => self.withdraw(*number)?,
        }
        Ok(())
    }

    /// What is refused (an unknown name, a device that is linked) changes nothing, and is nothing to the oracle.
    fn decide(&mut self, told: &oracle::Decision) -> anyhow::Result<()> {
        let house = &mut self.kept.house;
        if let Ok(row) = house.committer.decide(&house.store, &decision(told))? {
            self.ids.insert(told.number, row.id);
            self.known.decisions.push(told.clone());
            self.counted.decisions += 1;
        }
        Ok(())
    }

    /// A decision that spoke of somebody who was erased is gone.
    fn withdraw(&mut self, number: u64) -> anyhow::Result<()> {
        let stands = self.known.decisions.iter().any(|decision| decision.number == number);
        if let Some(id) = self.ids.remove(&number).filter(|_| stands) {
            let (house, at) = (&mut self.kept.house, (id, UnixMillis(0)));
            ensure!(house.committer.withdraw(&house.store, WORKSPACE, at)?.is_ok(), "decision {number} stood");
            let decided = self.known.decisions.iter_mut().filter(|decision| decision.number == number);
            decided.for_each(|decision| decision.is_withdrawn = true);
            self.counted.withdrawals += 1;
        }
        Ok(())
    }
}

fn differences(now: &mut Now<'_>, known: &Ledger, replay: &Replay) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    // A device that is one person's may yet have a profile of its own, which only its id finds.
    let mut everyone: BTreeSet<Whose> = replay.people.owner.values().cloned().collect();
    for name in replay.canonical.keys() {
        let class = now.rules.class(&name.kind);
        let id = now.profile(&Lookup::Identifier(name.clone()))?["id"].clone();
        let whose = replay.whose(name);
        let expected = whose.as_ref().and_then(id_of).map_or(Value::Null, |id| json!(id));
        // A device has a profile of its own whatever is taken out.
        let is_device_of_nobody = whose.is_none() && class == Class::Device;
        if id != expected && !is_device_of_nobody {
            found.push(format!("id of {name}: {id}, not {expected}"));
        }
        everyone.extend(whose);
    }
    for whose in everyone {
        found.extend(differences_of(now, &whose, (known, replay))?);
    }
    Ok(found)
}

/// Where a profile, read by its id, is not what the oracle makes of it.
fn differences_of(
    now: &mut Now<'_>,
    whose: &Whose,
    (known, replay): (&Ledger, &Replay),
) -> anyhow::Result<Vec<String>> {
    let Some(id) = id_of(whose) else { return Ok(Vec::new()) };
    let lookup = Lookup::ProfileId(id);
    let mut found = Vec::new();
    let mut expect = |what: &str, got: Value, expected: Value| {
        if got != expected {
            found.push(format!("{what} of {whose:?}: {got}, not {expected}"));
        }
    };
    let profile = now.profile(&lookup)?;
    expect("id", profile["id"].clone(), json!(id));
    let traits = replay.people.traits.get(whose).cloned().unwrap_or_default();
    expect("traits", profile["traits"].clone(), json!(traits));
    if matches!(whose, Whose::Person(_)) || is_its_own(whose, replay) {
        expect("identifiers", identifiers(profile), json!(expected_identifiers(whose, replay)));
    }
    expect("people", json!(shared_by(profile)), json!(expected_sharers(whose, replay)));
    let owned = owned(whose, known, replay);
    let span = (owned.last().map(|order| order.time.rfc3339()), owned.first().map(|order| order.time.rfc3339()));
    expect("seen", json!((&profile["first_seen"], &profile["last_seen"])), json!(span));
    expect("count", profile["event_count"].clone(), json!(owned.len()));
    expect("sessions", json!(sessions(&now.reader, &lookup)?), json!(expected_sessions(&owned)));
    let is_proven = |message_id: &str| !replay.unproven.contains(message_id);
    let ids: Vec<_> = owned.iter().map(|order| (&*order.message_id, is_proven(&order.message_id))).collect();
    expect("events", json!(events_proven(&now.reader, &lookup)?), json!(ids));
    Ok(found)
}

/// Whether a device is found by its name, too: it is nobody's.
fn is_its_own(whose: &Whose, replay: &Replay) -> bool {
    matches!(whose, Whose::Device(device) if replay.whose(device).as_ref() == Some(whose))
}

fn id_of(whose: &Whose) -> Option<ProfileId> {
    match whose {
        Whose::Person(leader) | Whose::Device(leader) => Some(profile_id("default", leader)),
        Whose::Unattributed => None,
    }
}

/// Of a device's own profile: who marked the device.
fn shared_by(profile: &Value) -> BTreeSet<String> {
    let people = profile["people"].as_array().into_iter().flatten();
    people.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn expected_sharers(whose: &Whose, replay: &Replay) -> BTreeSet<String> {
    let Whose::Device(device) = whose else { return BTreeSet::new() };
    let people = replay.people.marked_by.get(device).into_iter().flatten();
    // Who was erased has no id.
    people
        .filter(|person| !person.kind.as_str().is_empty())
        .map(|person| profile_id("default", person).to_string())
        .collect()
}

/// Names that were erased and find somebody all the same: only another form, said since, may be found by one.
fn still_found(
    now: &mut Now<'_>,
    known: &Ledger,
    (replay, rules): (&Replay, &oracle::Rules),
) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for name in known.erased.keys().filter(|name| !replay.canonical.contains_key(*name)) {
        let id = now.profile(&Lookup::Identifier(name.clone()))?["id"].clone();
        let leaders = replay.said_as(name, rules).into_iter().filter_map(|said| match replay.whose(said)? {
            Whose::Person(leader) | Whose::Device(leader) => Some(json!(profile_id("default", &leader))),
            Whose::Unattributed => None,
        });
        if id != Value::Null && !leaders.into_iter().any(|leader| leader == id) {
            found.push(format!("erased {name} finds {id}"));
        }
    }
    Ok(found)
}

/// What a profile shows of its identifiers: of contacts and devices also when they were seen.
fn identifiers(profile: &Value) -> Value {
    let shown = profile["identifiers"].as_array().into_iter().flatten().map(|shown| {
        let name = format!("{}:{}", shown["kind"].as_str().unwrap_or(""), shown["value"].as_str().unwrap_or(""));
        let has_times = shown["kind"] != "user_id";
        (name, has_times.then(|| (shown["first_seen"].clone(), shown["last_seen"].clone())))
    });
    json!(shown.collect::<BTreeMap<_, _>>())
}

/// Of a person or an anonymous profile. An account shows all its names, what was hashed its clear value.
fn expected_identifiers(whose: &Whose, replay: &Replay) -> BTreeMap<String, Option<[Option<String>; 2]>> {
    let of_it = replay.canonical.iter().filter(|(name, _)| replay.whose(name).as_ref() == Some(whose));
    let shown = of_it.map(|(name, canonical)| {
        if name.kind == Kind::USER_ID {
            return (name.to_string(), None);
        }
        let seen = replay.seen.get(canonical);
        let times = [seen.map(|(first, _)| first.rfc3339()), seen.map(|(_, last)| last.rfc3339())];
        (canonical.to_string(), Some(times))
    });
    shown.collect()
}

/// Where the conflicts that the ledger lists are not those of the oracle, which knows decisions by their numbers.
fn other_conflicts(
    reader: &Reader<'_>,
    replay: &Replay,
    ids: &BTreeMap<u64, DecisionId>,
) -> anyhow::Result<Option<String>> {
    let by_id = |by: &str| -> Option<String> {
        let number: u64 = by.strip_prefix("decision:")?.parse().ok()?;
        Some(ids.get(&number)?.said_as().to_string())
    };
    let expected = replay.people.conflicts.iter().map(|(x, y, reason, by, strength)| {
        (x.clone(), y.clone(), *reason, by_id(by).unwrap_or_else(|| by.clone()), *strength)
    });
    let (listed, expected): (_, BTreeSet<Conflict>) = (conflicts(reader)?, expected.collect());
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
fn expected_sessions(owned: &[&Order]) -> Vec<(i64, i64, u64)> {
    let runs = owned.chunk_by(|newer, older| newer.time.0 - older.time.0 <= 30 * 60_000);
    runs.map(|run| (run[run.len() - 1].time.0, run[0].time.0, run.len() as u64)).collect()
}

/// The consumer holds every person and every device to which an event belongs, as the ledger reads it now.
fn hold_the_consumer(consumer: &Consumer, now: &mut Now<'_>, replay: &Replay) -> anyhow::Result<()> {
    let owners = replay.people.owner.values().filter_map(|whose| match whose {
        Whose::Person(leader) | Whose::Device(leader) => Some(leader),
        Whose::Unattributed => None,
    });
    let leaders: BTreeSet<&Identifier> = replay.people.leader.values().chain(owners).collect();
    for leader in &leaders {
        let id = profile_id("default", leader);
        let (profile, held) = (now.profile(&Lookup::ProfileId(id))?, consumer.profiles.get(&id));
        ensure!(held == Some(profile), "consumer of {leader}: {held:#?}\nledger: {profile:#}");
        let (trusted, expected) = (consumer.strengths.get(&id), strengths(profile, replay));
        ensure!(trusted == Some(&expected), "consumer trusts {leader}: {trusted:?}, not {expected:?}\n{profile:#}");
    }
    let expected: BTreeSet<ProfileId> = leaders.iter().map(|leader| profile_id("default", leader)).collect();
    let too_many: Vec<_> = consumer.profiles.iter().filter(|(id, _)| !expected.contains(id)).collect();
    ensure!(too_many.is_empty(), "the consumer holds who owns nothing: {too_many:#?}");
    Ok(())
}

/// How far the identifiers that a profile shows are trusted: of each kind, as little as the least of them.
fn strengths(profile: &Value, replay: &Replay) -> BTreeMap<Kind, Strength> {
    let mut least = BTreeMap::new();
    for shown in profile["identifiers"].as_array().into_iter().flatten() {
        let [kind, value] = ["kind", "value"].map(|part| shown[part].as_str().unwrap_or(""));
        let name = Identifier::new(Kind::new(kind), value);
        let said = replay.said.get(&name).copied().unwrap_or(Strength::Observed);
        let known = least.entry(name.kind).or_insert(said);
        *known = said.min(*known);
    }
    least
}

/// Every id that was handed out finds a profile of today. Of who was erased none does, nor of what nobody says since.
fn hold_the_ended(consumer: &Consumer, now: &mut Now<'_>, (known, replay): (&Ledger, &Replay)) -> anyhow::Result<()> {
    let said: BTreeSet<ProfileId> = replay.canonical.keys().map(|name| profile_id("default", name)).collect();
    let is_forgotten = |id: &ProfileId| !known.erased.is_empty() && !said.contains(id);
    for id in consumer.ended().filter(|id| !is_forgotten(id)) {
        let profile = now.profile(&Lookup::ProfileId(id))?;
        // A device that no event goes by has a profile still, of which nobody is told.
        let is_empty_device = profile["event_count"] == 0;
        let stands = is_empty_device || consumer.profiles.values().any(|held| held == profile);
        ensure!(stands, "{id}, which ended, finds none that stands: {profile:#}");
    }
    for id in &consumer.deleted {
        let rules = now.rules;
        let profile = now.profile(&Lookup::ProfileId(*id))?;
        // A device, by this or another form, by which no event goes.
        let is_device =
            |shown: &Value| shown["kind"].as_str().is_some_and(|kind| rules.class(&Kind::new(kind)) == Class::Device);
        let is_empty_device = profile["event_count"] == 0
            && profile["identifiers"].as_array().is_some_and(|all| all.iter().all(is_device));
        ensure!(profile.is_null() || is_empty_device, "{id} ended in none, and is found in {profile:#}");
    }
    Ok(())
}

/// The profiles of this moment, each read once, without versions.
struct Now<'h> {
    reader: Reader<'h>,
    rules: &'h Rules,
    read: BTreeMap<ProfileKey, Value>,
}

impl<'h> Now<'h> {
    fn of(house: &'h House) -> anyhow::Result<Self> {
        Ok(Self { reader: house.reader()?, rules: &house.rules, read: BTreeMap::new() })
    }

    /// Null where there is none.
    fn profile(&mut self, lookup: &Lookup) -> anyhow::Result<&Value> {
        let Some(key) = self.reader.find(lookup)? else { return Ok(&Value::Null) };
        Ok(match self.read.entry(key) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(unread) => unread.insert(without_version(json!(self.reader.profile_of(key)?))),
        })
    }
}
