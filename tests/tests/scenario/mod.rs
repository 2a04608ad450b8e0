//! A worked scenario: `tests/vectors/identity/*.json`, a log and what it must come to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use selvedge_collector::event::{Claimed, Order, Strength, UnixMillis};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::{Event, People, Whose};
use serde::Deserialize;
use serde_json::json;

/// One row of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The row in words.
    pub(crate) title: String,
    log: Vec<Line>,
    profiles: Vec<Expected>,
    conflicts: Vec<Refused>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    minute: i64,
    #[serde(default)]
    key: Right,
    user_id: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    anonymous_id: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Right {
    #[default]
    Public,
    Secret,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    leader: String,
    /// Accounts and contacts; none for a device's own profile.
    identifiers: BTreeSet<String>,
    events: BTreeSet<String>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    x: String,
    y: String,
    reason: String,
}

/// Every scenario, by file name.
pub(crate) fn all() -> anyhow::Result<Vec<Scenario>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/identity");
    let mut paths: Vec<PathBuf> = directory.read_dir()?.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: &PathBuf| -> anyhow::Result<Scenario> {
        serde_json::from_slice(&std::fs::read(path)?).with_context(|| path.display().to_string())
    };
    paths.iter().map(read).collect()
}

impl Scenario {
    /// Its events, with names that no other number has. Minutes count from `start_ms`.
    pub(crate) fn events(&self, number: usize, start_ms: i64) -> Vec<Event> {
        self.log.iter().map(|line| line.event(number, start_ms)).collect()
    }

    /// Where people that the events of that number came to are not those of the table.
    pub(crate) fn contradictions(&self, number: usize, people: &People) -> Vec<String> {
        let mut found = Vec::new();
        let mut held: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut owned: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, leader) in &people.leader {
            held.entry(leader.to_string()).or_default().insert(name.to_string());
        }
        for (message_id, whose) in &people.owner {
            let (Whose::Person(of) | Whose::Device(of)) = whose else { continue };
            owned.entry(of.to_string()).or_default().insert(message_id.clone());
        }
        for expected in &self.profiles {
            let leader = renamed(&expected.leader, number);
            let names: BTreeSet<String> = expected.identifiers.iter().map(|name| renamed(name, number)).collect();
            let events: BTreeSet<String> = expected.events.iter().map(|id| message_id(id, number)).collect();
            let (has, owns) = (held.remove(&leader).unwrap_or_default(), owned.remove(&leader).unwrap_or_default());
            if (&has, &owns) != (&names, &events) {
                found.push(format!("{leader} holds {has:?} and owns {owns:?}, not {names:?} and {events:?}"));
            }
        }
        found.extend(held.into_keys().chain(owned.into_keys()).map(|leader| format!("{leader} is one too many")));
        let expected: BTreeSet<Refused> = self.conflicts.iter().map(|refused| refused.renamed(number)).collect();
        let refused = |(x, y, reason, ..): &(Identifier, Identifier, &str, String, Strength)| Refused {
            x: x.to_string(),
            y: y.to_string(),
            reason: (*reason).to_owned(),
        };
        let conflicts: BTreeSet<Refused> = people.conflicts.iter().map(refused).collect();
        if conflicts != expected {
            found.push(format!("conflicts are {conflicts:?}, not {expected:?}"));
        }
        found
    }
}

impl Line {
    fn event(&self, number: usize, start_ms: i64) -> Event {
        let names = [
            (Kind::USER_ID, &self.user_id),
            (Kind::EMAIL, &self.email),
            (Kind::PHONE, &self.phone),
            (Kind::ANONYMOUS_ID, &self.anonymous_id),
        ];
        let strength = match self.key {
            Right::Public => Strength::Observed,
            Right::Secret => Strength::Asserted,
        };
        let claim: Vec<Claimed> = names
            .into_iter()
            .filter_map(|(kind, value)| {
                let value = renamed_value(kind.as_str(), value.as_ref()?, number);
                Some(Claimed { identifier: Identifier::new(kind, value), strength })
            })
            .collect();
        let contacts = claim.iter().map(|claimed| &claimed.identifier);
        let contacts = contacts.filter(|name| name.kind == Kind::EMAIL || name.kind == Kind::PHONE);
        let traits = contacts.map(|name| (name.kind.to_string(), json!(&*name.value))).collect();
        let time = UnixMillis(start_ms + self.minute * 60_000);
        Event { order: Order { time, message_id: message_id(&self.id, number).into() }, claim, traits }
    }
}

impl Refused {
    fn renamed(&self, number: usize) -> Self {
        Self { x: renamed(&self.x, number), y: renamed(&self.y, number), reason: self.reason.clone() }
    }
}

fn renamed(name: &str, number: usize) -> String {
    let (kind, value) = name.split_once(':').expect("kind:value");
    format!("{kind}:{}", renamed_value(kind, value, number))
}

/// Another value for each number, in the same order of values.
fn renamed_value(kind: &str, value: &str, number: usize) -> String {
    match kind {
        "phone" => format!("{value}{number:03}"),
        "email" => format!("s{number}-{value}"),
        _ => format!("{value}-s{number}"),
    }
}

fn message_id(id: &str, number: usize) -> String {
    format!("{id}-s{number}")
}
