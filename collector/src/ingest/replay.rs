//! Reads what a ledger recorded once more, by other rules: the parts of every event from the message as it came, in the
//! order of commits. What the message alone cannot say again is taken as it was recorded: messageId, time, source, and
//! what a token proved. Refuses nothing: what is stored was accepted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use selvedge_core::identifier::{Class, Identifier, Kind};

use super::commit::Committer;
use super::parts::{ContextParts, Parts};
use super::verdict::{EventRefusal, Warnings};
use super::writer::Submission;
use super::{Desk, Limits, alias, claim, normalise};
use crate::event::{AcceptedEvent, BatchFrame, Claimed, Guard, Source, Strength, Trust, UnixMillis, Workspace};
use crate::identity::Rules;
use crate::identity::normal::may_name;
use crate::identity_key::IdentityKeys;
use crate::key::{Right, StoredKey};
use crate::store::{BatchId, RecordedEvent, Role, Seq, ShapeId, Store, StoreError, View};

/// The events of a ledger, group by group.
pub struct Replay<'a> {
    from: &'a dyn View,
    workspace: Workspace,
    rules: &'a Rules,
    keys: HashMap<Source, StoredKey>,
    no_identity_keys: IdentityKeys,
    limits: Limits,
    shapes: HashMap<ShapeId, Arc<Recorded>>,
    at: Seq,
    set_aside: Vec<(Arc<str>, Identifier)>,
}

/// What a shape recorded of the claim of its events.
struct Recorded {
    named: Vec<Claimed>,
    trust: Trust,
    lost_names: bool,
}

impl<'a> Replay<'a> {
    /// Of the events that a view holds, by these rules.
    pub fn new(from: &'a dyn View, workspace: Workspace, rules: &'a Rules) -> Result<Self, StoreError> {
        Ok(Self {
            from,
            workspace,
            rules,
            keys: from.keys(workspace)?.into_iter().map(|key| (key.id, key)).collect(),
            no_identity_keys: IdentityKeys::of(from.workspace_name(workspace)?.into(), Vec::new()),
            limits: Limits::default(),
            shapes: HashMap::new(),
            at: Seq::default(),
            set_aside: Vec::new(),
        })
    }

    /// Commits the next events to another ledger. The place in the order of commits up to which they are read; `None`
    /// when there are no more.
    pub fn step(&mut self, committer: &mut Committer, into: &dyn Store) -> Result<Option<Seq>, StoreError> {
        let recorded = self.from.recorded_after(self.workspace, self.at, GROUP_EVENTS)?;
        let Some(last) = recorded.last() else { return Ok(None) };
        self.at = last.event.seq;
        if self.shapes.len() > SHAPES {
            self.shapes.clear();
        }
        let mut group: Vec<Submission> = Vec::new();
        let mut batch: Option<BatchId> = None;
        for recorded in &recorded {
            let event = self.reread(recorded)?;
            match group.last_mut().filter(|_| batch == Some(recorded.batch)) {
                Some(submission) => submission.events.push(event),
                None => group.push(Submission::of(self.frame(recorded), vec![event])),
            }
            batch = Some(recorded.batch);
        }
        committer.commit(into, &group)?;
        if !self.set_aside.is_empty() {
            let transaction = into.transaction()?;
            for (message_id, identifier) in self.set_aside.drain(..) {
                transaction.insert_set_aside(self.workspace, &message_id, &identifier)?;
            }
            transaction.commit()?;
        }
        Ok(Some(self.at))
    }

    fn frame(&self, recorded: &RecordedEvent) -> BatchFrame {
        BatchFrame {
            workspace: self.workspace,
            source: recorded.event.source,
            received_at: recorded.event.received_at,
            sent_at: recorded.sent_at,
            context: recorded.event.batch_context.clone(),
            via: recorded.event.via,
        }
    }

    fn reread(&mut self, recorded: &RecordedEvent) -> Result<AcceptedEvent, StoreError> {
        let event = &recorded.event;
        let said = self.recorded(event.shape)?;
        let mut proven: Vec<Identifier> = self.from.set_aside(self.workspace, &event.order.message_id)?;
        let key = self.keys.get(&event.source).cloned().unwrap_or_else(|| unknown_key(event.source, self.workspace));
        let desk = Desk {
            key: &key,
            rules: self.rules,
            // What was recorded is concealed already.
            concealment: None,
            identity_keys: &self.no_identity_keys,
            limits: &self.limits,
            received_at: event.received_at,
        };
        let by_token = |claimed: &&Claimed| desk.strength() == Strength::Observed && claimed.strength.is_trusted();
        proven.extend(said.named.iter().filter(by_token).map(|claimed| claimed.identifier.clone()));
        let parts = parts_of(recorded);
        // What is refused today was accepted once: then the claim is what was recorded of it.
        let read = parts
            .as_ref()
            .ok()
            .and_then(|parts| claim::of(parts, event.event_type, None, &desk, &mut Warnings::default()).ok());
        let read = read.map(|said| said.claim);
        let mut named = read.unwrap_or_else(|| said.named.iter().filter(|said| self.counts(said)).cloned().collect());
        if desk.strength() > Strength::Observed {
            for claimed in &mut named {
                let recorded = said.named.iter().find(|said| said.identifier == claimed.identifier);
                claimed.strength = recorded.map_or(claimed.strength, |recorded| recorded.strength);
            }
        }
        let left_out = self.prove(&mut named, proven);
        named.sort_unstable_by(|a, b| self.rules.rank(&a.identifier).cmp(&self.rules.rank(&b.identifier)));
        let parts = parts.unwrap_or_default();
        let accepted = AcceptedEvent {
            index: 0,
            order: event.order.clone(),
            event_type: event.event_type,
            name: event.name.clone(),
            trust: said.trust,
            older_account: alias::older_account(&parts, event.event_type, &named, &desk),
            claim: named,
            lost_names: said.lost_names,
            traits: normalise::traits_set(&parts, event.event_type),
            snapshot: normalise::snapshot(&event.order.message_id, event.event_type, &parts, &desk),
            raw: event.raw.clone(),
        };
        self.set_aside.extend(left_out.into_iter().map(|name| (Arc::clone(&event.order.message_id), name)));
        Ok(accepted)
    }

    /// Trusts what a token proved. One whose account is not in the claim proves nothing, as at the intake. Returns what
    /// these rules leave out: others may let it count again.
    fn prove(&self, named: &mut Vec<Claimed>, proven: Vec<Identifier>) -> Vec<Identifier> {
        let is_missing = |account: &Identifier| !named.iter().any(|claimed| claimed.identifier == *account);
        if proven.iter().any(|name| name.kind == Kind::USER_ID && is_missing(name)) {
            return proven;
        }
        let mut left_out = Vec::new();
        for identifier in proven {
            let claimed = Claimed { identifier, strength: Strength::Proven };
            match named.iter_mut().find(|known| known.identifier == claimed.identifier) {
                Some(known) => known.strength = Strength::Proven,
                None if self.counts(&claimed) => named.push(claimed),
                None => left_out.push(claimed.identifier),
            }
        }
        left_out
    }

    fn counts(&self, claimed: &Claimed) -> bool {
        let Claimed { identifier, .. } = claimed;
        self.rules.class(&identifier.kind) != Class::Undeclared && may_name(identifier, self.rules)
    }

    fn recorded(&mut self, shape: ShapeId) -> Result<Arc<Recorded>, StoreError> {
        let entry = match self.shapes.entry(shape) {
            Entry::Occupied(entry) => return Ok(Arc::clone(entry.get())),
            Entry::Vacant(entry) => entry,
        };
        let mut named = Vec::new();
        for name in self.from.names_of(shape)?.into_iter().filter(|name| name.role != Role::Alias) {
            named.push(Claimed { identifier: self.from.name(name.name)?.identifier, strength: name.strength });
        }
        let shape = self.from.shape(shape)?;
        let trust = match shape.guard {
            Guard::Nothing => Trust::Open,
            Guard::NothingYet | Guard::Held => Trust::Guarded,
            Guard::Everyone => Trust::Strict,
        };
        Ok(Arc::clone(entry.insert(Arc::new(Recorded { named, trust, lost_names: shape.lost_names }))))
    }
}

fn parts_of(recorded: &RecordedEvent) -> Result<Parts<'_>, EventRefusal> {
    let mut parts = Parts::of(&recorded.event.raw)?;
    parts.context = parts.context.over(ContextParts::of(&recorded.event.batch_context));
    Ok(parts)
}

/// The key of a source that is in no row: it is believed as little as any.
fn unknown_key(id: Source, workspace: Workspace) -> StoredKey {
    StoredKey {
        id,
        workspace,
        right: Right::Public,
        name: None,
        origins: Vec::new(),
        trust: Trust::default(),
        created_at: UnixMillis(0),
        revoked_at: None,
    }
}

/// As many as the writer takes at once.
const GROUP_EVENTS: usize = 2_500;
/// What is remembered of claims; some 50 MiB.
const SHAPES: usize = 100_000;
