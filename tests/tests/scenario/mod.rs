//! A worked scenario: `tests/vectors/identity/**/*.json`, a log with its decisions and what it must come to. The form is
//! in `tests/vectors/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use selvedge_collector::event::{Order, UnixMillis};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::{Decision, Event, Ledger, Op, Replay, Rules, Whose, digest};
use serde::Deserialize;
use serde_json::{Map, Value, json};

mod line;

use line::Line;

/// One row of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The row in words.
    pub(crate) title: String,
    /// The minute from which guarded sources are guarded.
    guard_from: Option<i64>,
    log: Vec<Line>,
    #[serde(default)]
    decisions: Vec<Decided>,
    profiles: Vec<Expected>,
    conflicts: Vec<Refused>,
    #[serde(default)]
    quarantined: BTreeSet<String>,
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
    /// Those that matter.
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

/// Every scenario that the collector is held to, by file name.
pub(crate) fn all() -> anyhow::Result<Vec<Scenario>> {
    in_folder("vectors/identity")
}

/// Every scenario that only the oracle is held to yet.
pub(crate) fn next() -> anyhow::Result<Vec<Scenario>> {
    in_folder("vectors/identity/next")
}

fn in_folder(folder: &str) -> anyhow::Result<Vec<Scenario>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<PathBuf> = folder.read_dir()?.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |path: &PathBuf| -> anyhow::Result<Scenario> {
        serde_json::from_slice(&std::fs::read(path)?).with_context(|| path.display().to_string())
    };
    paths.iter().map(read).collect()
}

impl Scenario {
    /// Its events, with names that no other number has. Minutes count from `start_ms`.
    pub(crate) fn events(&self, number: usize, start_ms: i64) -> Vec<Event> {
        self.log.iter().flat_map(|line| line.events(number, start_ms)).collect()
    }

    /// Its events and decisions.
    pub(crate) fn ledger(&self, number: usize, start_ms: i64) -> Ledger {
        let decisions = self.decisions.iter().zip(1..);
        Ledger {
            events: self.events(number, start_ms),
            decisions: decisions.map(|(decided, running)| decided.decision(running, number, start_ms)).collect(),
        }
    }

    /// The rules that it is about.
    pub(crate) fn rules(&self, start_ms: i64) -> Rules {
        Rules { guard_from: self.guard_from.map(|minute| at_minute(minute, start_ms)), ..Rules::default() }
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
        for (message_id, whose) in &replay.people.owner {
            let (Whose::Person(of) | Whose::Device(of)) = whose else { continue };
            add(of, "events", message_id.clone());
        }
        for (whose, traits) in &replay.people.traits {
            let (Whose::Person(of) | Whose::Device(of)) = whose else { continue };
            let told = expected.get(&of.to_string()).and_then(|expected| expected["traits"].as_object());
            if let (Some(told), Some(profile)) = (told, profiles.get_mut(&of.to_string())) {
                let traits = traits.iter().filter(|(name, _)| told.contains_key(*name));
                profile["traits"] = json!(traits.collect::<BTreeMap<_, _>>());
            }
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
                profile["traits"] = json!(traits);
            }
            (renamed(&numbered(&self.leader, nth), number), profile)
        })
    }
}

impl Decided {
    fn decision(&self, running: u64, number: usize, start_ms: i64) -> Decision {
        let name = |name: &String| {
            let renamed = renamed(name, number);
            let (kind, value) = renamed.split_once(':').expect("kind:value");
            Identifier::new(Kind::new(kind), value)
        };
        let y = || name(self.y.as_ref().expect("the other of two"));
        let op = match self.op {
            Verb::Link => Op::Link(name(&self.x), y()),
            Verb::KeepApart => Op::KeepApart(name(&self.x), y()),
            Verb::Ignore => Op::Ignore(name(&self.x)),
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

fn at_minute(minute: i64, start_ms: i64) -> UnixMillis {
    UnixMillis(start_ms + minute * 60_000)
}

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
