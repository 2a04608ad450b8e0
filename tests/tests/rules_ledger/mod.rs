//! A ledger of messages as senders write them, told through the intake, that other rules can be applied to; and random
//! logs and rules for it.

#![allow(dead_code, reason = "each test uses its part")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use proptest::prelude::*;
use selvedge_collector::event::{Claimed, Source, Strength, UnixMillis};
use selvedge_collector::identity::Rules;
use selvedge_collector::identity::normal::{Veil, Veiled, may_name};
use selvedge_collector::identity_key::IdentityKeys;
use selvedge_collector::ingest::commit::Committer;
use selvedge_collector::ingest::writer::{Committed, Submission};
use selvedge_collector::ingest::{Concealment, Desk, Envelope, Limits, Shape, accept};
use selvedge_collector::key::{KeyDigest, NewKey, Right, Trust};
use selvedge_collector::rebuild::{self, Report, Task};
use selvedge_collector::store::sqlite::SqliteStore;
use selvedge_collector::store::{EventQuery, Lookup, Store};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::Event;
use serde_json::{Map, Value, json};

use crate::in_process::{House, WORKSPACE, without_version};
use crate::logs::{self, DAYS, Wildness, another_arrival};

/// A message, the key that it goes with, and what a token proves of it.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) message: Value,
    pub(crate) is_secret: bool,
    pub(crate) proven: Vec<Identifier>,
}

impl Said {
    pub(crate) fn publicly(message: Value) -> Self {
        Self { message, is_secret: false, proven: Vec::new() }
    }

    pub(crate) fn secretly(message: Value) -> Self {
        Self { is_secret: true, ..Self::publicly(message) }
    }
}

/// A ledger, and the rules that it was built with.
pub(crate) struct Kept {
    pub(crate) house: House,
    /// By what it conceals clear values, if it keeps none.
    veil: Option<Veil>,
    /// The store that stands in for the ledger's while that is exchanged.
    spare: tempfile::TempDir,
}

impl Kept {
    pub(crate) fn new(rules: &Rules) -> anyhow::Result<Self> {
        let house = House::open(rules.clone())?;
        rebuild::keep_rules(&house.store, WORKSPACE, rules)?;
        let transaction = house.store.transaction()?;
        for (number, right) in (0..).zip([Right::Public, Right::Secret]) {
            transaction.insert_key(&NewKey {
                workspace: WORKSPACE,
                right,
                digest: KeyDigest([number; 32]),
                name: Some(right.as_str().into()),
                origins: Vec::new(),
                trust: Trust::Guarded,
                created_at: UnixMillis(0),
            })?;
        }
        transaction.commit()?;
        Ok(Self { house, veil: None, spare: tempfile::tempdir()? })
    }

    pub(crate) fn telling(rules: &Rules, log: &[Said]) -> anyhow::Result<Self> {
        let mut kept = Self::new(rules)?;
        kept.tell_all(log)?;
        Ok(kept)
    }

    /// The same of a ledger that keeps no clear values.
    pub(crate) fn concealing(rules: &Rules, veil: &Veil, log: &[Said]) -> anyhow::Result<Self> {
        let mut kept = Self { veil: Some(veil.clone()), ..Self::new(rules)? };
        kept.run_by(rules);
        kept.tell_all(log)?;
        Ok(kept)
    }

    fn tell_all(&mut self, log: &[Said]) -> anyhow::Result<()> {
        log.chunks(7).try_for_each(|some| self.tell(some).map(drop))
    }

    fn run_by(&mut self, rules: &Rules) {
        self.house.rules = Arc::new(self.under(rules));
        self.house.committer = Committer::new(Arc::clone(&self.house.rules));
    }

    /// Rules as the ledger needs them.
    fn under(&self, rules: &Rules) -> Rules {
        self.veil.as_ref().map_or(rules.clone(), |veil| rules.clone().under(veil))
    }

    /// Takes messages in, in one transaction.
    pub(crate) fn tell(&mut self, log: &[Said]) -> anyhow::Result<Vec<Committed>> {
        let keys = self.house.store.view()?.keys(WORKSPACE)?;
        let identity_keys = IdentityKeys::of("default".into(), Vec::new());
        let rules = Arc::clone(&self.house.rules);
        let concealment = self.veil.clone().map(|veil| Concealment::new(veil, &rules));
        let mut group = Vec::new();
        for said in log {
            let body = json!({ "batch": [said.message] }).to_string().into();
            let envelope = Envelope::open(&body, Shape::Batch, &Limits::default())?;
            let id = Source(if said.is_secret { 2 } else { 1 });
            let key = keys.iter().find(|key| key.id == id).expect("both keys are made");
            let desk = Desk {
                key,
                rules: &rules,
                identity_keys: &identity_keys,
                concealment: concealment.as_ref(),
                limits: &Limits::default(),
                received_at: UnixMillis(RECEIVED_MS),
            };
            let mut accepted = accept(&envelope, &desk);
            anyhow::ensure!(accepted.rejected.is_empty(), "{:?}", accepted.rejected);
            let mut said_by = accepted.said_by;
            let mut proven = said.proven.clone();
            for (name, concealment) in proven.iter_mut().zip(concealment.iter().cycle()) {
                let Veiled { identifier, digests } = concealment.cover(name);
                said_by.insert(identifier.clone(), digests);
                *name = identifier;
            }
            for event in &mut accepted.events {
                prove(&mut event.claim, &proven, &rules);
            }
            let said_by = Arc::new(said_by);
            group.push(Submission { frame: accepted.frame, events: accepted.events, said_by });
        }
        Ok(self.house.committer.commit(&self.house.store, &group)?)
    }

    /// Takes a whole request in, as a server sends it.
    pub(crate) fn tell_batch(&mut self, body: &Value) -> anyhow::Result<Vec<Committed>> {
        let keys = self.house.store.view()?.keys(WORKSPACE)?;
        let identity_keys = IdentityKeys::of("default".into(), Vec::new());
        let body = body.to_string().into();
        let limits = Limits::default();
        let envelope = Envelope::open(&body, Shape::Batch, &limits)?;
        let desk = Desk {
            key: keys.iter().find(|key| key.right == Right::Secret).expect("it is made"),
            rules: &Arc::clone(&self.house.rules),
            identity_keys: &identity_keys,
            concealment: None,
            limits: &limits,
            received_at: UnixMillis(RECEIVED_MS),
        };
        let accepted = accept(&envelope, &desk);
        anyhow::ensure!(accepted.rejected.is_empty(), "{:?}", accepted.rejected);
        let group = [Submission { frame: accepted.frame, events: accepted.events, said_by: Arc::default() }];
        Ok(self.house.committer.commit(&self.house.store, &group)?)
    }

    pub(crate) fn check(&self, after: &Rules) -> anyhow::Result<Report> {
        let before = Arc::clone(&self.house.rules);
        let after = &self.under(after);
        let task = Task { before: &before, after, workspace: WORKSPACE, progress: &mut |_| {} };
        Ok(rebuild::check(&self.house.store, task)?)
    }

    pub(crate) fn apply(&mut self, after: &Rules) -> anyhow::Result<Report> {
        let before = Arc::clone(&self.house.rules);
        let store = std::mem::replace(&mut self.house.store, SqliteStore::open(self.spare.path())?);
        let file = store.file().to_owned();
        let built_by = self.under(after);
        let task = Task { before: &before, after: &built_by, workspace: WORKSPACE, progress: &mut |_| {} };
        let (report, kept) = rebuild::apply(store, task, ("rules:apply", UnixMillis(RECEIVED_MS)))?;
        anyhow::ensure!(kept.exists() && !file.with_extension("db.new").exists(), "the old ledger is not kept");
        self.house.store = SqliteStore::open(file.parent().expect("it lies in a directory"))?;
        let stored = rebuild::stored_rules(&*self.house.store.view()?, WORKSPACE)?;
        anyhow::ensure!(stored.as_ref() == Some(after), "{stored:?} are not the rules that were applied");
        self.run_by(after);
        Ok(report)
    }

    /// All that can be read about the names of a log, as text.
    pub(crate) fn reads(&self, log: &[Said]) -> anyhow::Result<String> {
        let asked = names(log).into_iter().map(|name| (name.to_string(), Lookup::Identifier(name)));
        self.reads_of(&asked.collect::<Vec<_>>())
    }

    /// All that can be read about some names, as text.
    pub(crate) fn reads_of(&self, asked: &[(String, Lookup)]) -> anyhow::Result<String> {
        let mut text = String::new();
        for (name, lookup) in asked {
            let profile = without_version(self.house.profile_of(lookup)?);
            writeln!(text, "{name}: {profile} {}", self.events(lookup)?)?;
        }
        for conflict in self.house.reader()?.conflicts(None, 10_000)?.conflicts {
            writeln!(text, "{conflict:?}")?;
        }
        Ok(text)
    }

    /// The same without the orders that follow from which name came first.
    pub(crate) fn unordered(&self, log: &[Said]) -> anyhow::Result<BTreeMap<String, String>> {
        let mut reads = BTreeMap::new();
        for name in names(log) {
            let mut profile = without_version(self.house.profile(&name)?);
            if let Some(people) = profile["people"].as_array_mut() {
                people.sort_by_key(Value::to_string);
            }
            reads.insert(name.to_string(), format!("{profile} {}", self.events(&Lookup::Identifier(name.clone()))?));
        }
        let conflicts = self.house.reader()?.conflicts(None, 10_000)?.conflicts;
        reads.extend(conflicts.into_iter().map(|conflict| (format!("{conflict:?}"), String::new())));
        Ok(reads)
    }

    fn events(&self, lookup: &Lookup) -> anyhow::Result<String> {
        let all = EventQuery { limit: 10_000, cursor: None, from: None, to: None, name: None };
        let page = self.house.reader()?.profile_events(lookup, &all)?;
        let events = page.map(|page| page.events).unwrap_or_default();
        let read = events.into_iter().map(|event| {
            let raw = String::from_utf8_lossy(&event.raw).into_owned();
            format!("{:?} {:?} {:?} {:?} {raw}", event.order, event.received_at, event.source, event.via)
        });
        Ok(read.collect::<Vec<_>>().join("\n  "))
    }
}

/// What the intake does with a token: the account is proven, and so is what the site has verified.
fn prove(claim: &mut Vec<Claimed>, proven: &[Identifier], rules: &Rules) {
    // A blocked account is none that a token could prove.
    if proven.is_empty() || proven.iter().any(|name| name.kind == Kind::USER_ID && !may_name(name, rules)) {
        return;
    }
    for claimed in claim.iter_mut().filter(|claimed| claimed.identifier.kind == Kind::USER_ID) {
        claimed.strength = Strength::Proven;
    }
    for identifier in proven.iter().filter(|name| may_name(name, rules)) {
        claim.retain(|claimed| claimed.identifier != *identifier);
        claim.push(Claimed { identifier: identifier.clone(), strength: Strength::Proven });
    }
    claim.sort_by(|a, b| rules.rank(&a.identifier).cmp(&rules.rank(&b.identifier)));
}

/// Every name that a log could make known.
pub(crate) fn names(log: &[Said]) -> BTreeSet<Identifier> {
    let mut names = BTreeSet::new();
    for said in log {
        names.extend(said.proven.iter().cloned());
        let message = &said.message;
        let external = message["context"]["externalIds"].as_array().into_iter().flatten();
        let external = external.map(|id| (Kind::new(id["type"].as_str().unwrap_or_default()), &id["id"]));
        let own = [
            (Kind::USER_ID, &message["userId"]),
            (Kind::ANONYMOUS_ID, &message["anonymousId"]),
            (Kind::EMAIL, &message["traits"]["email"]),
            (Kind::PHONE, &message["traits"]["phone"]),
        ];
        let said = own.into_iter().chain(external);
        names.extend(said.filter_map(|(kind, value)| Some(Identifier::new(kind, value.as_str()?))));
    }
    names
}

/// A random log, as messages: with ids of a CRM that no rule knows by default, and logins with tokens.
pub(crate) fn log(number: usize) -> impl Strategy<Value = Vec<Said>> {
    let wild = logs::log(Wildness { events: 40, values_per_kind: 1 });
    let more = prop::collection::vec((prop::option::weighted(0.3, 0..4u8), prop::bool::weighted(0.2)), 70);
    (wild, more).prop_flat_map(move |(wild, more)| {
        let events = wild.events(number, RECEIVED_MS - (DAYS + 1) * 24 * 60 * 60_000);
        another_arrival(events).prop_map(move |arrived| {
            arrived.iter().zip(more.iter().cycle()).map(|(event, more)| said(event, *more)).collect()
        })
    })
}

fn said(event: &Event, (crm, has_token): (Option<u8>, bool)) -> Said {
    let is_secret = event.claim.iter().any(|claimed| claimed.strength.is_trusted());
    let mut message = json!({ "messageId": &*event.order.message_id, "timestamp": event.order.time.rfc3339() });
    let (mut strengths, mut external, mut traits) = (Map::new(), Vec::new(), Map::new());
    traits.extend(event.traits.iter().cloned());
    for Claimed { identifier, strength } in &event.claim {
        let Identifier { kind, value } = identifier;
        match kind.as_str() {
            "user_id" => message["userId"] = json!(&**value),
            "anonymous_id" => message["anonymousId"] = json!(&**value),
            kind => external.push(json!({ "id": &**value, "type": kind })),
        }
        strengths.insert(kind.to_string(), json!(format!("{strength:?}").to_lowercase()));
    }
    external.extend(crm.map(|id| json!({ "id": format!("crm-{id}"), "type": "crm_id" })));
    message["context"] = json!({ "externalIds": external });
    if is_secret {
        message["context"]["selvedge"] = json!({ "strength": strengths });
    }
    if traits.is_empty() {
        message["type"] = json!("track");
        message["event"] = json!("Seen");
    } else {
        message["type"] = json!("identify");
        message["traits"] = traits.into();
    }
    let proves = has_token && !is_secret && message["userId"].is_string();
    let proven = event.claim.iter().map(|claimed| claimed.identifier.clone());
    let proven = proven.filter(|name| proves && [Kind::USER_ID, Kind::EMAIL].contains(&name.kind)).collect();
    Said { message, is_secret, proven }
}

/// Random rules, as a file.
pub(crate) fn pile() -> impl Strategy<Value = String> {
    let lines = [
        "account_kinds = [\"user_id\", \"crm_id\"]",
        "contact_kinds = [\"phone\", \"email\", \"crm_id\"]",
        "contact_limit = 1",
        "crowd_limit = 2",
        "device_people_limit = 2",
        "shared_device_gap_minutes = 5",
        "shared_device_span_days = 1",
        "session_gap_minutes = 5",
        "guard_from = \"2020-01-01T00:00:00Z\"",
        "blocked_values = [\"crm-1\"]\nblocked_patterns = [\"*-u1\", \"*-e0@*\", \"+4930*001\", \"*-a1\"]",
        "default_region = \"DE\"",
    ];
    let lines = prop::sample::subsequence(lines.to_vec(), 0..=4);
    let traits =
        prop::sample::select(vec!["", "[traits]\nplan = \"max\"", "[traits]\nplan = \"union\"\nphone = \"first\""]);
    (lines, traits).prop_map(|(lines, traits)| {
        // The CRM's ids are of one class.
        let is_account = lines.iter().any(|line| line.starts_with("account_kinds"));
        let fit = lines.into_iter().filter(|line| !(is_account && line.starts_with("contact_kinds")));
        fit.chain([traits]).collect::<Vec<_>>().join("\n")
    })
}

/// When all of it is received.
const RECEIVED_MS: i64 = 1_706_000_000_000;
