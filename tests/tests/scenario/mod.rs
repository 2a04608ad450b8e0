//! A worked scenario: `tests/vectors/identity/*.json`, a log with its decisions and what it must come to. The form is in
//! `tests/vectors/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;
use selvedge_collector::event::{Order, UnixMillis};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::{Decision, Event, Ledger, Op, Replay, Rules, Whose, digest};
use serde::Deserialize;
use serde_json::{Map, Value, json};

mod line;
mod site;

pub(crate) use line::Said;
use line::{Line, ROWS};
pub(crate) use site::Site;

/// One row of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The row's number.
    #[serde(skip)]
    pub(crate) row: usize,
    /// The row in words.
    pub(crate) title: String,
    /// Whether the site proves logins, so that guarded sources are guarded.
    #[serde(default)]
    tokens: bool,
    log: Vec<Line>,
    #[serde(default)]
    decisions: Vec<Decided>,
    profiles: Vec<Expected>,
    conflicts: Vec<Refused>,
    #[serde(default)]
    quarantined: BTreeSet<String>,
    /// Whose devices are.
    #[serde(default)]
    devices: BTreeMap<String, String>,
    /// Why names are not one person's.
    #[serde(default)]
    apart: Vec<Apart>,
    /// Who is as before.
    untouched: Option<Untouched>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Decided {
    op: Verb,
    x: String,
    y: Option<String>,
    minute: i64,
    #[serde(default)]
    withdrawn: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verb {
    Link,
    KeepApart,
    Ignore,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    leader: String,
    /// Accounts and contacts; none for a device's own profile.
    identifiers: BTreeSet<String>,
    events: BTreeSet<String>,
    /// Those that matter; null of one that it has not.
    traits: Option<BTreeMap<String, Value>>,
    #[serde(default = "once")]
    times: usize,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    x: String,
    y: String,
    reason: String,
}

/// What `explain` says of two names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Apart {
    x: String,
    y: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Untouched {
    names: Vec<String>,
    /// By every event that the log has behind this one.
    after: String,
}

/// Every scenario, by file name.
pub(crate) fn all() -> anyhow::Result<Vec<Scenario>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/identity");
    let mut paths: Vec<_> = folder.read_dir()?.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.iter().map(|path| read(path).with_context(|| path.display().to_string())).collect()
}

fn read(path: &Path) -> anyhow::Result<Scenario> {
    let name = path.file_name().context("a file")?.to_string_lossy();
    let row = name.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default().parse()?;
    Ok(Scenario { row, ..serde_json::from_slice(&std::fs::read(path)?)? })
}

impl Scenario {
    /// Its events, with names that no other number has. Minutes count from `start_ms`.
    pub(crate) fn said(&self, number: usize, start_ms: i64) -> Vec<Said> {
        self.log.iter().flat_map(|line| line.said(number, start_ms)).collect()
    }

    /// Its events as they are to be understood, and its decisions.
    pub(crate) fn ledger(&self, number: usize, start_ms: i64) -> Ledger {
        let decisions = self.decisions.iter().zip(1..);
        Ledger {
            events: self.said(number, start_ms).into_iter().map(|said| said.event).collect(),
            decisions: decisions.map(|(decided, running)| decided.decision(running, number, start_ms)).collect(),
            ..Ledger::default()
        }
    }

    /// The rules that it is about.
    pub(crate) fn rules(&self, start_ms: i64) -> Rules {
        let guard_from = self.tokens.then(|| at_minute(EARLIEST_MINUTE, start_ms));
        Rules { guard_from, ..Rules::default() }
    }

    /// Whether it is about a site that proves logins.
    pub(crate) fn has_tokens(&self) -> bool {
        self.tokens
    }

    /// Whether it is about events alone, and those say everything in clear.
    pub(crate) fn is_plain(&self) -> bool {
        !self.has_tokens() && self.decisions.is_empty() && self.log.iter().all(Line::is_plain)
    }

    /// Who is untouched by all but the first events, and how many those are.
    pub(crate) fn untouched(&self, number: usize) -> Option<(Vec<Identifier>, usize)> {
        let Untouched { names, after } = self.untouched.as_ref()?;
        let last = self.log.iter().position(|line| line.is(after)).expect("an event of the log");
        let first = self.log[..=last].iter().map(Line::times).sum();
        Some((names.iter().map(|name| named(name, number)).collect(), first))
    }

    /// What `explain` is to say of which two names.
    pub(crate) fn apart(&self, number: usize) -> impl Iterator<Item = (Identifier, Identifier, &str)> {
        self.apart.iter().map(move |Apart { x, y, reason }| (named(x, number), named(y, number), &**reason))
    }

    /// Where what the ledger of that number came to is not what the table says.
    pub(crate) fn contradictions(&self, number: usize, replay: &Replay) -> Vec<String> {
        let mut found = Vec::new();
        let mut expect = |what: &str, got: Value, expected: Value| {
            if got != expected {
                found.push(format!("{what}: {got}, not {expected}"));
            }
        };
        let profiles = self.profiles.iter().flat_map(|expected| expected.each(number));
        let profiles: BTreeMap<String, Value> = profiles.collect();
        expect("profiles", self.profiles_of(replay, &profiles), json!(profiles));
        let refused: BTreeSet<Refused> = self.conflicts.iter().map(|refused| refused.renamed(number)).collect();
        let conflicts: BTreeSet<Refused> = replay.people.conflicts.iter().map(Refused::of).collect();
        expect("conflicts", json!(format!("{conflicts:?}")), json!(format!("{refused:?}")));
        let quarantined: BTreeSet<String> = self.quarantined.iter().map(|name| renamed(name, number)).collect();
        expect(
            "quarantined",
            json!(replay.quarantined.keys().map(ToString::to_string).collect::<BTreeSet<_>>()),
            json!(quarantined),
        );
        let devices: BTreeMap<String, String> =
            self.devices.iter().map(|(device, of)| (renamed(device, number), renamed(of, number))).collect();
        expect("devices", devices_of(replay, devices.keys()), json!(devices));
        let unproven: BTreeSet<String> = self.log.iter().flat_map(|line| line.unproven(number)).collect();
        expect("unproven", json!(replay.unproven), json!(unproven));
        found
    }

    /// What the people are, in the form of [`Expected::each`]; traits only those that the table tells of.
    fn profiles_of(&self, replay: &Replay, expected: &BTreeMap<String, Value>) -> Value {
        let mut profiles: BTreeMap<String, Value> = BTreeMap::new();
        let mut add = |leader: &Identifier, list: &str, what: String| {
            let profile =
                profiles.entry(leader.to_string()).or_insert_with(|| json!({"events": [], "identifiers": []}));
            if let Some(list) = profile[list].as_array_mut() {
                list.push(json!(what));
            }
        };
        for (name, leader) in &replay.people.leader {
            add(leader, "identifiers", name.to_string());
        }
        let is_event = |(id, _): &(&String, _)| !id.starts_with(ROWS);
        for (message_id, whose) in replay.people.owner.iter().filter(is_event) {
            let (Whose::Person(of) | Whose::Device(of)) = whose else { continue };
            add(of, "events", message_id.clone());
        }
        for (leader, told) in expected {
            let (Some(told), Some(profile)) = (told["traits"].as_object(), profiles.get_mut(leader)) else { continue };
            let of = identifier(leader);
            let traits = [Whose::Person(of.clone()), Whose::Device(of)];
            let traits = traits.iter().find_map(|whose| replay.people.traits.get(whose));
            let value = |name: &String| traits.and_then(|traits| traits.get(name)).cloned().unwrap_or_default();
            profile["traits"] = told.keys().map(|name| (name.clone(), value(name))).collect::<Map<_, _>>().into();
        }
        for profile in profiles.values_mut() {
            if let Some(names) = profile["identifiers"].as_array_mut() {
                names.sort_by_key(ToString::to_string);
            }
        }
        json!(profiles)
    }
}

impl Expected {
    /// Its leader and the rest, as often as it stands for.
    fn each(&self, number: usize) -> impl Iterator<Item = (String, Value)> {
        (1..=self.times).map(move |nth| {
            let names = self.identifiers.iter().map(|name| renamed(&numbered(name, nth), number));
            let events = self.events.iter().map(|id| message_id(&numbered(id, nth), number));
            let mut profile = json!({
                "events": events.collect::<BTreeSet<_>>(),
                "identifiers": names.collect::<BTreeSet<_>>(),
            });
            if let Some(traits) = &self.traits {
                let said = |(name, value): (&String, &Value)| (name.clone(), renamed_trait(name, value, number));
                profile["traits"] = traits.iter().map(said).collect::<Map<_, _>>().into();
            }
            (renamed(&numbered(&self.leader, nth), number), profile)
        })
    }
}

impl Decided {
    fn decision(&self, running: u64, number: usize, start_ms: i64) -> Decision {
        let x = named(&self.x, number);
        let y = || named(self.y.as_ref().expect("the other of two"), number);
        let op = match self.op {
            Verb::Link => Op::Link(x, y()),
            Verb::KeepApart => Op::KeepApart(x, y()),
            Verb::Ignore => Op::Ignore(x),
        };
        Decision { number: running, at: at_minute(self.minute, start_ms), op, is_withdrawn: self.withdrawn }
    }
}

impl Refused {
    fn of((x, y, reason, ..): &selvedge_tests::oracle::Conflict) -> Self {
        Self { x: x.to_string(), y: y.to_string(), reason: (*reason).to_owned() }
    }

    fn renamed(&self, number: usize) -> Self {
        Self { x: renamed(&self.x, number), y: renamed(&self.y, number), reason: self.reason.clone() }
    }
}

/// Whose these devices are, by the leader; of one that is no one person's, the device.
fn devices_of<'a>(replay: &Replay, devices: impl Iterator<Item = &'a String>) -> Value {
    let whose = |device: &String| match replay.whose(&identifier(device))? {
        Whose::Person(leader) | Whose::Device(leader) => Some((device.clone(), leader.to_string())),
        Whose::Unattributed => None,
    };
    json!(devices.filter_map(whose).collect::<BTreeMap<_, _>>())
}

fn at_minute(minute: i64, start_ms: i64) -> UnixMillis {
    UnixMillis(start_ms + minute * 60_000)
}

/// As far as a public key can date back, and from when on a site with tokens is guarded: 30 days before it is told, two
/// days after the start.
const EARLIEST_MINUTE: i64 = -28 * 24 * 60;

fn once() -> usize {
    1
}

/// What a line that stands for several is as the nth: `#` is the number.
fn numbered(text: &str, nth: usize) -> String {
    text.replace('#', &format!("{nth:02}"))
}

fn renamed(name: &str, number: usize) -> String {
    let (kind, value) = name.split_once(':').expect("kind:value");
    format!("{kind}:{}", renamed_value(kind, value, number))
}

fn named(name: &str, number: usize) -> Identifier {
    identifier(&renamed(name, number))
}

fn identifier(name: &str) -> Identifier {
    let (kind, value) = name.split_once(':').expect("kind:value");
    Identifier::new(Kind::new(kind), value)
}

/// Contacts set a trait of their own value.
fn renamed_trait(name: &str, value: &Value, number: usize) -> Value {
    match value.as_str().filter(|_| ["email", "phone"].contains(&name)) {
        Some(text) => json!(renamed_value(name, text, number)),
        None => value.clone(),
    }
}

/// Another value for each number, in the same order of values. `md5(…)` is the digest of the other value.
fn renamed_value(kind: &str, value: &str, number: usize) -> String {
    if let Some((algorithm, clear)) = value.strip_suffix(')').and_then(|value| value.split_once('(')) {
        return digest(algorithm, &renamed_value(kind, clear, number));
    }
    match kind {
        "phone" => format!("{value}{number:03}"),
        "email" => format!("s{number}-{value}"),
        _ => format!("{value}-s{number}"),
    }
}

fn message_id(id: &str, number: usize) -> String {
    format!("{id}-s{number}")
}
