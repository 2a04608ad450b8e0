//! Takes names out of all that stands in a ledger as text: messages, contexts, traits, reasons, causes, dead letters.
//! Reads the whole ledger once, and again where the contexts of batches, or names of before, ask for it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use selvedge_core::identifier::Identifier;

use super::erasing::{CAUSE, Gone};
use crate::event::{Order, Workspace};
use crate::ingest::normalise::traits_said;
use crate::ingest::redact::{Redaction, Said};
use crate::store::{BatchId, NameId, ScannedEvent, Seq, ShapeId, StoreError, Transaction};

/// How much was changed.
pub(super) struct Scrubbed {
    /// Messages that are other than before.
    pub(super) redacted: u64,
    /// Dead letters that are gone.
    pub(super) dead_letters: u64,
    /// The events that set other traits than before.
    pub(super) other_traits: Vec<(ShapeId, Order)>,
}

/// Takes the names of a redaction out of all texts of a workspace.
pub(super) fn scrub(
    transaction: &dyn Transaction,
    workspace: Workspace,
    redaction: &Redaction<'_>,
    gone: &Gone,
) -> Result<Scrubbed, StoreError> {
    let found = find(transaction, workspace, redaction, gone)?;
    let mut kept = Kept { transaction, names: HashMap::new() };
    let mut scrubbed = Scrubbed { redacted: 0, dead_letters: 0, other_traits: Vec::new() };
    for event in &found.events {
        let said = Said { says_them: gone.saying.contains(&event.seq), kept: kept.names_of(event.shape)? };
        scrubbed.redacted += u64::from(scrub_message(transaction, event, (redaction, said))?);
    }
    let contexts = scrub_batches(transaction, workspace, redaction, (&found, &mut kept))?;
    scrubbed.other_traits = retell_traits(transaction, workspace, (found.events, &contexts))?;
    scrub_words(transaction, workspace, (redaction, gone))?;
    scrubbed.dead_letters = scrub_letters(transaction, redaction, gone)?;
    Ok(scrubbed)
}

/// An event that may hold a name.
struct Found {
    seq: Seq,
    shape: ShapeId,
    batch: BatchId,
    order: Order,
    name: Option<Box<str>>,
}

impl Found {
    fn of(event: &ScannedEvent<'_>) -> Self {
        Self {
            seq: event.seq,
            shape: event.shape,
            batch: event.batch,
            order: Order { time: event.time, message_id: event.message_id.into() },
            name: event.name.map(Into::into),
        }
    }
}

struct FoundAll {
    events: Vec<Found>,
    /// Batches that still have events.
    batches: BTreeSet<BatchId>,
    /// Those of events that say one of the names.
    saying: BTreeSet<BatchId>,
}

fn find(
    transaction: &dyn Transaction,
    workspace: Workspace,
    redaction: &Redaction<'_>,
    gone: &Gone,
) -> Result<FoundAll, StoreError> {
    let mut found = FoundAll { events: Vec::new(), batches: BTreeSet::new(), saying: BTreeSet::new() };
    let nothing_kept = Said { says_them: false, kept: &[] };
    transaction.scan_events(workspace, &mut |event: ScannedEvent<'_>| {
        found.batches.insert(event.batch);
        let says_them = gone.saying.contains(&event.seq);
        if says_them {
            found.saying.insert(event.batch);
        }
        let is_in_message =
            || redaction.may_be_in(event.raw) && redaction.without_in_json(event.raw, nothing_kept).is_some();
        if says_them || is_in_message() {
            found.events.push(Found::of(&event));
        }
    })?;
    Ok(found)
}

/// What is said beside the names, and stays.
struct Kept<'a> {
    transaction: &'a dyn Transaction,
    names: HashMap<ShapeId, Vec<Identifier>>,
}

impl Kept<'_> {
    fn names_of(&mut self, shape: ShapeId) -> Result<&[Identifier], StoreError> {
        Ok(match self.names.entry(shape) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let names = self.transaction.names_of(shape)?;
                let names = names.into_iter().map(|named| Ok(self.transaction.name(named.name)?.identifier));
                unknown.insert(names.collect::<Result<_, StoreError>>()?)
            }
        })
    }
}

/// Has traits say what their messages and the contexts of their batches say now. The events that set others than before.
fn retell_traits(
    transaction: &dyn Transaction,
    workspace: Workspace,
    (mut events, contexts): (Vec<Found>, &BTreeMap<BatchId, Box<[u8]>>),
) -> Result<Vec<(ShapeId, Order)>, StoreError> {
    events.retain(|event| !contexts.contains_key(&event.batch));
    if !contexts.is_empty() {
        transaction.scan_events(workspace, &mut |event: ScannedEvent<'_>| {
            if contexts.contains_key(&event.batch) {
                events.push(Found::of(&event));
            }
        })?;
    }
    let mut other_traits = Vec::new();
    for event in events {
        let before = transaction.traits_of(event.shape, &event.order)?;
        // Where the context of the batch is as before, so are the traits that only that sets.
        let context = contexts.get(&event.batch).map(|context| &**context);
        if before.is_empty() {
            continue;
        }
        let message = transaction.event(event.seq)?.raw;
        let Some(traits) = traits_said(&message, context) else { continue };
        let is_as_before = traits.len() == before.len()
            && before.iter().all(|set| traits.iter().any(|(name, value)| *name == set.name && *value == set.value));
        if !is_as_before {
            transaction.delete_traits(event.shape, &event.order)?;
            for (name, value) in &traits {
                transaction.insert_trait(event.shape, &event.order, name, value)?;
            }
            other_traits.push((event.shape, event.order));
        }
    }
    Ok(other_traits)
}

/// Whether the message is another than before.
fn scrub_message(
    transaction: &dyn Transaction,
    event: &Found,
    (redaction, said): (&Redaction<'_>, Said<'_>),
) -> Result<bool, StoreError> {
    let raw = redaction.without_in_json(&transaction.event(event.seq)?.raw, said);
    let name = event.name.as_deref().map(|name| redaction.without(name).unwrap_or_else(|| name.to_owned()));
    let is_other = raw.is_some();
    if let Some(raw) = raw {
        transaction.rewrite_event(event.seq, name.as_deref(), &raw)?;
    }
    Ok(is_other || said.says_them)
}

/// Deletes the batches that are empty now, and takes the names out of the contexts of the others. The contexts that are
/// other than before.
fn scrub_batches(
    transaction: &dyn Transaction,
    workspace: Workspace,
    redaction: &Redaction<'_>,
    (found, kept): (&FoundAll, &mut Kept<'_>),
) -> Result<BTreeMap<BatchId, Box<[u8]>>, StoreError> {
    let mut contexts: BTreeMap<BatchId, Box<[u8]>> = BTreeMap::new();
    transaction.scan_batches(workspace, &mut |batch, context| {
        let said = Said { says_them: found.saying.contains(&batch), kept: &[] };
        let may_hold_names = found.batches.contains(&batch) && (said.says_them || redaction.may_be_in(context));
        if may_hold_names && redaction.without_in_json(context, said).is_some() {
            contexts.insert(batch, context.into());
        }
    })?;
    let mut rewritten = BTreeMap::new();
    for (batch, said_in) in shapes_in(transaction, workspace, &contexts)? {
        let mut said = Vec::new();
        for shape in said_in {
            said.extend_from_slice(kept.names_of(shape)?);
        }
        let said = Said { says_them: found.saying.contains(&batch), kept: &said };
        if let Some(context) = contexts.get(&batch).and_then(|context| redaction.without_in_json(context, said)) {
            transaction.rewrite_batch(batch, &context)?;
            rewritten.insert(batch, context.into());
        }
    }
    for batch in transaction.batches(workspace)?.into_iter().filter(|batch| !found.batches.contains(batch)) {
        transaction.drop_batch(batch)?;
    }
    Ok(rewritten)
}

/// What the events of these batches say.
fn shapes_in(
    transaction: &dyn Transaction,
    workspace: Workspace,
    contexts: &BTreeMap<BatchId, Box<[u8]>>,
) -> Result<BTreeMap<BatchId, BTreeSet<ShapeId>>, StoreError> {
    let mut shapes: BTreeMap<BatchId, BTreeSet<ShapeId>> = BTreeMap::new();
    if contexts.is_empty() {
        return Ok(shapes);
    }
    transaction.scan_events(workspace, &mut |event: ScannedEvent<'_>| {
        if contexts.contains_key(&event.batch) {
            shapes.entry(event.batch).or_default().insert(event.shape);
        }
    })?;
    Ok(shapes)
}

/// Those of some names that no message and no context of a batch says any more: as they stand or, of numbers, by their
/// ends, before which those are written in several ways.
pub(super) fn said_by_nobody(
    transaction: &dyn Transaction,
    workspace: Workspace,
    names: BTreeSet<NameId>,
) -> Result<BTreeSet<NameId>, StoreError> {
    let mut left = Vec::new();
    for name in names {
        left.push((name, transaction.name(name)?.identifier.value.to_ascii_lowercase()));
    }
    if left.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut look = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).to_ascii_lowercase();
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        left.retain(|(_, value)| {
            let end = value.strip_prefix('+').and_then(|digits| digits.get(digits.len().saturating_sub(LAST_DIGITS)..));
            !text.contains(value) && !end.is_some_and(|end| digits.contains(end))
        });
    };
    transaction.scan_events(workspace, &mut |event: ScannedEvent<'_>| look(event.raw))?;
    transaction.scan_batches(workspace, &mut |_, context| look(context))?;
    Ok(left.into_iter().map(|(name, _)| name).collect())
}

/// What operators wrote, and what changes were made by.
fn scrub_words(
    transaction: &dyn Transaction,
    workspace: Workspace,
    (redaction, gone): (&Redaction<'_>, &Gone),
) -> Result<(), StoreError> {
    for decision in transaction.decisions(workspace)? {
        if let Some(reason) = redaction.without(&decision.reason) {
            transaction.rewrite_decision(decision.id, &reason)?;
        }
    }
    let mut causes = Vec::new();
    transaction.scan_causes(workspace, &mut |change, because| {
        let redacted = match gone.messages.contains(because) {
            true => Some(CAUSE.to_owned()),
            false => redaction.without(because),
        };
        causes.extend(redacted.map(|because| (change, because)));
    })?;
    causes.into_iter().try_for_each(|(change, because)| transaction.rewrite_cause(change, &because))
}

/// Deletes what destinations refused of the person, or of others while it named the person.
fn scrub_letters(transaction: &dyn Transaction, redaction: &Redaction<'_>, gone: &Gone) -> Result<u64, StoreError> {
    let profiles: Vec<String> = gone.profiles.iter().map(ToString::to_string).collect();
    let mut deleted = 0;
    for kept in transaction.kept_letters()? {
        let letter = &kept.letter;
        let is_of_profile = || profiles.iter().any(|profile| letter.message_id.contains(profile));
        let holds_name = || {
            let said = Said { says_them: true, kept: &[] };
            redaction.is_in(&letter.reason) || redaction.without_in_json(&letter.body, said).is_some()
        };
        if gone.messages.contains(&letter.message_id) || is_of_profile() || holds_name() {
            transaction.delete_letter(kept.row)?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// Digits by which a number is found however it is written.
const LAST_DIGITS: usize = 7;
