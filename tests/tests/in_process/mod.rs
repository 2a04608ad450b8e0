//! The collector's own committer on a real ledger file, without a socket: event after event, and what follows from it
//! read as the API reads it.

#![allow(dead_code, reason = "each test uses its part")]

mod message;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use selvedge_collector::event::{AcceptedEvent, BatchFrame, Claimed, Source, Strength, UnixMillis, Via, Workspace};
use selvedge_collector::identity::{DecisionVerb, ProfileId, Rules, TraitRule};
use selvedge_collector::ingest::commit::{Committer, Decision};
use selvedge_collector::ingest::writer::{Committed, Submission};
use selvedge_collector::store::sqlite::SqliteStore;
use selvedge_collector::store::{ChangeKind, ChangeSeq, EventQuery, Lookup, Reader, ShownConflict, StoredEvent};
use selvedge_core::identifier::{Class, Identifier, Kind};
use selvedge_tests::oracle::{self, Conflict, Event, Op};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A ledger that one thread writes and reads.
pub(crate) struct House {
    pub(crate) store: SqliteStore,
    pub(crate) rules: Arc<Rules>,
    pub(crate) committer: Committer,
    _directory: TempDir,
}

pub(crate) const WORKSPACE: Workspace = Workspace(1);

impl House {
    /// In memory where the system has such a directory: what is tested is who is who, not the disk.
    pub(crate) fn open(rules: Rules) -> anyhow::Result<Self> {
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? };
        let rules = Arc::new(rules);
        Ok(Self {
            store: SqliteStore::open(directory.path())?,
            committer: Committer::new(Arc::clone(&rules)),
            rules,
            _directory: directory,
        })
    }

    /// Commits some events in one transaction, each as its own request.
    pub(crate) fn commit(&mut self, events: &[Event]) -> anyhow::Result<Committed> {
        let group: Vec<Submission> = events
            .iter()
            .map(|event| Submission::of(frame(message::source(event)), vec![accepted(event, &self.rules)]))
            .collect();
        let mut all = Committed::default();
        for committed in self.committer.commit(&self.store, &group)? {
            all.accepted += committed.accepted;
            all.duplicates += committed.duplicates;
            all.erased.extend(committed.erased);
        }
        Ok(all)
    }

    /// The same with events as the intake makes them.
    pub(crate) fn commit_accepted(&mut self, events: Vec<AcceptedEvent>) -> anyhow::Result<Committed> {
        self.commit_from(Source(1), events)
    }

    /// The same as another key sends them.
    pub(crate) fn commit_from(&mut self, source: Source, events: Vec<AcceptedEvent>) -> anyhow::Result<Committed> {
        let committed = self.committer.commit(&self.store, &[Submission::of(frame(source), events)])?;
        Ok(committed.into_iter().next().unwrap_or_default())
    }

    pub(crate) fn reader(&self) -> anyhow::Result<Reader<'_>> {
        Ok(Reader::open(&self.store, &self.rules, WORKSPACE)?)
    }

    /// The profile of a name, as the API shows it; null where there is none.
    pub(crate) fn profile(&self, name: &Identifier) -> anyhow::Result<Value> {
        self.profile_of(&Lookup::Identifier(name.clone()))
    }

    pub(crate) fn profile_of(&self, lookup: &Lookup) -> anyhow::Result<Value> {
        let profile = self.reader()?.profile(lookup)?;
        Ok(profile.map_or(Value::Null, |profile| json!(profile)))
    }

    /// The messageIds of a name's profile, newest first.
    pub(crate) fn events(&self, name: &Identifier) -> anyhow::Result<Vec<String>> {
        events(&self.reader()?, name)
    }

    /// All conflicts as the oracle tells them.
    pub(crate) fn conflicts(&self) -> anyhow::Result<BTreeSet<Conflict>> {
        conflicts(&self.reader()?)
    }
}

/// The messageIds of a name's profile, newest first.
pub(crate) fn events(reader: &Reader<'_>, name: &Identifier) -> anyhow::Result<Vec<String>> {
    let events = events_proven(reader, &Lookup::Identifier(name.clone()))?;
    Ok(events.into_iter().map(|(message_id, _)| message_id).collect())
}

/// Those of a profile, and whether all that each named counts, as far as it takes proof.
pub(crate) fn events_proven(reader: &Reader<'_>, lookup: &Lookup) -> anyhow::Result<Vec<(String, bool)>> {
    let all = EventQuery { limit: 10_000, cursor: None, from: None, to: None, name: None };
    let Some(page) = reader.profile_events(lookup, &all)? else { return Ok(Vec::new()) };
    let is_proven = |event: &StoredEvent| page.unproven.get(&event.shape).is_none_or(Vec::is_empty);
    Ok(page.events.iter().map(|event| (event.order.message_id.to_string(), is_proven(event))).collect())
}

/// The sessions of a profile, newest first: start and end in ms, and events. Read in small pages.
pub(crate) fn sessions(reader: &Reader<'_>, lookup: &Lookup) -> anyhow::Result<Vec<(i64, i64, u64)>> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = reader.profile_sessions(lookup, cursor, 2)?;
        let page = page.with_context(|| format!("nobody is {lookup:?}"))?;
        ensure!(page.sessions.len() <= 2, "{page:?}");
        found.extend(page.sessions.iter().map(|session| (session.start.0, session.end.0, session.event_count)));
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(found),
        }
    }
}

/// All conflicts as the oracle tells them, page by page; a decision by its id.
pub(crate) fn conflicts(reader: &Reader<'_>) -> anyhow::Result<BTreeSet<Conflict>> {
    let mut found = BTreeSet::new();
    let mut cursor = None;
    loop {
        let page = reader.conflicts(cursor.as_ref(), 3)?;
        for ShownConflict { x, y, reason, said } in page.conflicts {
            let decided = said.decision.map(|decision| format!("decision:{}", decision.id));
            let by = said.message_id.map(String::from).or(decided).context("a conflict that nobody said")?;
            let strength = said.strength.unwrap_or(Strength::Asserted);
            let is_new = found.insert((x, y, reason, by, strength));
            ensure!(is_new, "listed twice: {:?}", found.last());
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(found),
        }
    }
}

fn frame(source: Source) -> BatchFrame {
    BatchFrame {
        workspace: WORKSPACE,
        source,
        received_at: UnixMillis(i64::MAX / 2),
        sent_at: None,
        context: Default::default(),
        via: Via::Key,
    }
}

fn accepted(event: &Event, rules: &Rules) -> AcceptedEvent {
    let traits = event.traits.iter().map(|(name, value)| (name.as_str().into(), value.to_string().into()));
    let mut claim: Vec<Claimed> = event.claim.clone();
    if let Some(alias) = &event.alias {
        let strength = if alias.is_asserted { Strength::Asserted } else { Strength::Observed };
        let device = Identifier::new(Kind::ANONYMOUS_ID, alias.previous_id.as_str());
        match claim.iter_mut().find(|claimed| claimed.identifier == device) {
            Some(known) => known.strength = strength.max(known.strength),
            None => claim.push(Claimed { identifier: device, strength }),
        }
    }
    claim.retain(|claimed| rules.class(&claimed.identifier.kind) != Class::Undeclared);
    claim.sort_by(|one, other| rules.rank(&one.identifier).cmp(&rules.rank(&other.identifier)));
    let user_id = claim.iter().find(|claimed| claimed.identifier.kind == Kind::USER_ID);
    let older = event.alias.as_ref().filter(|alias| alias.is_asserted && user_id.is_some());
    let older = older.map(|alias| Identifier::new(Kind::USER_ID, alias.previous_id.as_str()));
    let older_account = older.filter(|older| user_id.is_some_and(|user_id| user_id.identifier != *older));
    AcceptedEvent {
        index: 0,
        order: event.order.clone(),
        event_type: message::event_type(event),
        name: None,
        claim,
        lost_names: event.lost_names,
        trust: event.trust,
        older_account,
        traits: traits.collect(),
        snapshot: event.snapshot.clone(),
        raw: message::message(event).into(),
    }
}

/// Someone downstream who holds the profiles by what the change feed says, and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Consumer {
    at: ChangeSeq,
    /// Without the version, which counts changes that the ledger folded.
    pub(crate) profiles: BTreeMap<ProfileId, Value>,
    /// How far their identifiers are trusted, by kind.
    pub(crate) strengths: BTreeMap<ProfileId, BTreeMap<Kind, Strength>>,
    /// Of those that ended in another: the other.
    merged: BTreeMap<ProfileId, ProfileId>,
    /// The newest of each, which rise also over an end.
    versions: BTreeMap<ProfileId, u64>,
    /// Those that ended in none when it caught up last.
    pub(crate) deleted: BTreeSet<ProfileId>,
    /// The same ever.
    gone: BTreeSet<ProfileId>,
}

impl Consumer {
    /// Applies what is new, in order.
    pub(crate) fn catch_up(&mut self, house: &House) -> anyhow::Result<()> {
        self.deleted.clear();
        loop {
            let changes = house.reader()?.changes_after(self.at, 500)?;
            let Some(last) = changes.last() else { break };
            let last = last.seq;
            for change in changes {
                ensure!(change.seq > self.at, "change {:?} comes after {:?}", change.seq, self.at);
                self.at = change.seq;
                self.apply(change.kind)?;
            }
            ensure!(self.at == last, "the last change was applied last");
        }
        for (id, into) in &self.merged {
            let is_told_of = |id| self.profiles.contains_key(id) || self.merged.contains_key(id);
            let has_ended = self.deleted.contains(into) || self.gone.contains(into);
            ensure!(is_told_of(into) || has_ended, "{id} was merged into {into}, which nobody heard of");
        }
        self.gone.append(&mut self.deleted.clone());
        Ok(())
    }

    fn apply(&mut self, kind: ChangeKind) -> anyhow::Result<()> {
        match kind {
            ChangeKind::Created { profile } | ChangeKind::Split { into: profile, .. } => {
                self.profiles.entry(profile).or_insert(Value::Null);
                self.merged.remove(&profile);
                self.deleted.remove(&profile);
            }
            ChangeKind::Updated(snapshot) => {
                let known = self.profiles.get_mut(&snapshot.profile.id);
                let known = known.with_context(|| format!("{} was updated and never began", snapshot.profile.id))?;
                let newest = self.versions.entry(snapshot.profile.id).or_default();
                ensure!(snapshot.profile.version > *newest, "{} fell back from {newest}", snapshot.profile.id);
                *newest = snapshot.profile.version;
                *known = without_version(json!(snapshot.profile));
                self.strengths.insert(snapshot.profile.id, snapshot.strengths.into_iter().collect());
            }
            ChangeKind::Merged { from, into, .. } => {
                self.end(from)?;
                self.merged.insert(from, into);
            }
            ChangeKind::Deleted { profile, .. } => {
                self.end(profile)?;
                self.deleted.insert(profile);
            }
        }
        Ok(())
    }

    fn end(&mut self, profile: ProfileId) -> anyhow::Result<()> {
        self.profiles.remove(&profile).with_context(|| format!("{profile} ended and never began"))?;
        Ok(())
    }

    /// The ids that ended in a profile that stands, by however many others.
    pub(crate) fn ended(&self) -> impl Iterator<Item = ProfileId> {
        let stands = |id: &ProfileId| self.profiles.contains_key(id);
        let heir = |id: &ProfileId| self.merged.get(id).copied();
        self.merged.keys().copied().filter(move |id| {
            let heirs = std::iter::successors(Some(*id), heir).take(self.merged.len() + 1);
            heirs.skip(1).any(|id| stands(&id))
        })
    }
}

/// The rules of the oracle, as the ledger reads them.
pub(crate) fn rules(of_oracle: &oracle::Rules) -> Rules {
    Rules {
        account_kinds: of_oracle.account_kinds.clone(),
        contact_limit: of_oracle.contacts_per_person,
        crowd_limit: of_oracle.beside_a_contact,
        device_people_limit: of_oracle.people_per_device,
        guard_from: of_oracle.guard_from,
        // The only one that stories are of.
        default_region: of_oracle.region.as_ref().and_then(|_| "DE".parse().ok()),
        trait_rules: of_oracle
            .trait_rules
            .iter()
            .filter_map(|(name, rule)| Some((name.as_str().into(), trait_rule(*rule)?)))
            .collect(),
        ..Rules::default()
    }
}

/// What every trait has anyway is no rule.
fn trait_rule(of_oracle: oracle::TraitRule) -> Option<TraitRule> {
    match of_oracle {
        oracle::TraitRule::Latest => None,
        oracle::TraitRule::First => Some(TraitRule::First),
        oracle::TraitRule::Max => Some(TraitRule::Max),
        oracle::TraitRule::Min => Some(TraitRule::Min),
        oracle::TraitRule::Union => Some(TraitRule::Union),
    }
}

/// What the oracle is told of a decision, as an operator takes it.
pub(crate) fn decision(told: &oracle::Decision) -> Decision {
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

pub(crate) fn without_version(mut profile: Value) -> Value {
    if let Some(fields) = profile.as_object_mut() {
        fields.remove("version");
    }
    profile
}
