//! Erases a person (identity.md, section 7, law 7): the events that it owns, and every occurrence of its identifiers
//! elsewhere. What it leaves: marks without a name on devices that others used too, and keyed hashes with the time.
//!
//! One transaction. Here the claims go, those of others without the person's names; then the people that are left
//! settle, as after any change; `scrubbing` takes the names out of all that stands in the ledger as text, and last of
//! all out of the table of names.

use std::collections::BTreeSet;
use std::sync::Arc;

use selvedge_core::identifier::{Class, Kind};
use serde::Serialize;

use super::doomed::{Doomed, Whose};
use super::erased::hash_of_message;
use super::ground::Claims;
use super::scrubbing::{Scrubbed, said_by_nobody, scrub};
use super::{Cause, Committer, Settling};
use crate::clock::Chance;
use crate::event::{Order, UnixMillis, Workspace};
use crate::identity::ProfileId;
use crate::identity::normal::Veiled;
use crate::ingest::SaidBy;
use crate::ingest::redact::Redaction;
use crate::store::{
    ErasureRow, EventSlice, Lookup, Name, NameHash, NameId, NamelessMark, Role, Seq, Shape, ShapeId, ShapeName, Store,
    StoreError, Transaction,
};

/// Whom an operator erases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Whose ledger.
    pub workspace: Workspace,
    /// Who: by anything that names the person, or by the id of its profile.
    pub whom: Lookup,
    /// When: what was said before is not taken in any more.
    pub at: UnixMillis,
    /// Whether nothing that names the person is ever taken in again.
    pub is_suppression: bool,
}

/// The receipt of an erasure: how much is gone. Names nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Erased {
    /// The id that the profile had; `None` when it was erased before, or nobody held the name.
    pub profile: Option<ProfileId>,
    /// Events that the person owned.
    pub events: u64,
    /// Names that it had, their digests among them.
    pub identifiers: u64,
    /// Values of traits that its events had set.
    pub traits: u64,
    /// Messages of others that named it, and say so no more.
    pub redacted: u64,
    /// Decisions about it.
    pub decisions: u64,
    /// What destinations had refused of it.
    pub dead_letters: u64,
    /// Whether nothing that names it is ever taken in again, by this erasure or by one before.
    pub suppressed: bool,
}

/// Why nobody was erased. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ErasureRefusal {
    /// The ledger holds no such name, and never erased it; or it is a digest of two values, and nobody's.
    #[error(
        "no event names it, or it is a digest of two values: check kind and value, and that the rules declare a kind of \
         your own"
    )]
    Unknown,
}

impl Committer {
    /// Erases a person, and what is kept of the ledger from before.
    pub fn erase(
        &mut self,
        store: &dyn Store,
        erasure: &Erasure,
    ) -> Result<Result<Erased, ErasureRefusal>, StoreError> {
        // What is remembered speaks of names that will be gone.
        self.memory.forget();
        let done = self.try_erase(store, erasure);
        self.memory.forget();
        done
    }

    fn try_erase(
        &mut self,
        store: &dyn Store,
        erasure: &Erasure,
    ) -> Result<Result<Erased, ErasureRefusal>, StoreError> {
        let transaction = store.transaction()?;
        let mut settling = Settling::new(&*transaction, &self.rules, &mut self.memory, erasure.workspace)?;
        settling.cause = Cause { arrival: 1, message_id: CAUSE.into() };
        settling.said_by = said_by(&erasure.whom);
        if settling.is_of_two_values(&erasure.whom)? {
            return Ok(Err(ErasureRefusal::Unknown));
        }
        let key = settling.key()?;
        let Some(whose) = settling.find(&erasure.whom)? else {
            let Some(hashes) = settling.hashes_of_lookup(&erasure.whom, &key)? else {
                return Ok(Err(ErasureRefusal::Unknown));
            };
            let suppressed = note(&*transaction, erasure, hashes)?;
            transaction.commit()?;
            return Ok(Ok(Erased { suppressed, ..Erased::default() }));
        };
        // Before the commit: whatever happens, no copy outlives it.
        store.forget_copies()?;
        transaction.overwrite_deleted()?;
        let doomed = settling.doom(whose)?;
        let hashes = settling.hashes(&doomed, &key)?;
        let mut erased = Erased { profile: doomed.profile, ..Erased::default() };
        let names = doomed.identifiers();
        let redaction = Redaction::new(&names, &self.rules);
        let of_before = settling.names_of_before(doomed.whose)?;
        let gone = settling.take_out(&doomed, &redaction, &mut erased)?;
        let workspace = erasure.workspace;
        let Scrubbed { redacted, dead_letters, other_traits } = scrub(&*transaction, workspace, &redaction, &gone)?;
        settling.other_traits = other_traits;
        // What decisions come to was asked for while rows went.
        settling.memory.forget_decisions();
        settling.settle()?;
        let unnamed: BTreeSet<NameId> = doomed.names.keys().chain(&gone.beside).chain(&of_before).copied().collect();
        let told = transaction.told_among(&unnamed)?;
        for name in doomed.names.keys() {
            transaction.unname(workspace, *name, told.contains(name))?;
        }
        let of_before = said_by_nobody(&*transaction, workspace, of_before)?;
        for name in gone.beside.union(&of_before).filter(|name| !doomed.has(**name)) {
            if !transaction.is_spoken_of(*name)? {
                transaction.unname(workspace, *name, told.contains(name))?;
            }
        }
        transaction.drop_untold_names(workspace)?;
        let suppressed = note(&*transaction, erasure, hashes)?;
        transaction.keep_last_seq(gone.last_seq)?;
        transaction.commit()?;
        Ok(Ok(Erased { redacted, dead_letters, suppressed, ..erased }))
    }
}

/// By what else a name may be said that is asked for by a clear value which the ledger does not keep.
fn said_by(whom: &Lookup) -> Arc<SaidBy> {
    let Lookup::Concealed(sought) = whom else { return Arc::default() };
    let Veiled { identifier, digests } = sought.veiled.clone();
    Arc::new(SaidBy::from([(identifier, digests)]))
}

/// Notes of each hash since when, or that for ever, nothing that names it is taken in. Whether it is for ever of all
/// that was said: a suppression from before stays one.
fn note(transaction: &dyn Transaction, erasure: &Erasure, hashes: Vec<(NameHash, bool)>) -> Result<bool, StoreError> {
    let mut is_for_ever = true;
    for (hash, is_derived) in hashes {
        let row = ErasureRow { at: erasure.at, is_suppressed: erasure.is_suppression, is_derived };
        transaction.put_erasure(erasure.workspace, &hash, &row)?;
        let stands = transaction.erasure(erasure.workspace, &hash)?;
        is_for_ever &= is_derived || stands.is_some_and(|row| row.is_suppressed);
    }
    Ok(is_for_ever)
}

/// What went, as `scrubbing` needs to know it.
pub(super) struct Gone {
    /// The messageIds of the deleted events.
    pub(super) messages: BTreeSet<Box<str>>,
    /// The events of others that said one of the names.
    pub(super) saying: BTreeSet<Seq>,
    /// The ids of the profiles of the names.
    pub(super) profiles: Vec<ProfileId>,
    /// The names that stood in the claims that went, or changed.
    beside: BTreeSet<NameId>,
    /// The last place in the order of commits, from before.
    last_seq: Seq,
}

/// An event that goes.
struct Owned {
    seq: Seq,
    shape: ShapeId,
    order: Order,
    /// Whether all events of its shape go, whose traits are gone already.
    is_whole: bool,
    is_snapshot: bool,
}

impl Settling<'_> {
    /// The key of the hashes; made when somebody is erased for the first time.
    fn key(&self) -> Result<[u8; 32], StoreError> {
        let made = Chance::bytes().map_err(|_| StoreError::Impossible { what: "absence of random bytes" })?;
        let key = self.transaction.erasure_key(Some(&made))?;
        key.ok_or(StoreError::Impossible { what: "absence of a key that was made" })
    }

    /// Takes the person's events and all that names it out of what was claimed and decided.
    fn take_out(
        &mut self,
        doomed: &Doomed,
        redaction: &Redaction<'_>,
        erased: &mut Erased,
    ) -> Result<Gone, StoreError> {
        let mut gone = Gone {
            messages: BTreeSet::new(),
            saying: BTreeSet::new(),
            profiles: Vec::new(),
            beside: BTreeSet::new(),
            last_seq: self.transaction.sizes()?.last_seq,
        };
        // Asked while there are some: the last may go now, and what it united comes apart.
        self.memory.has_aliases(self.transaction)?;
        for name in doomed.names.keys() {
            let Name { class, profile_id, .. } = self.transaction.name(*name)?;
            gone.profiles.push(profile_id);
            if class == Class::Device {
                for person in self.ownership().people_on(*name)?.into_iter().filter(|person| !person.is_nameless()) {
                    self.changes.renew(person, &self.cause.message_id);
                }
                self.remark(*name)?;
            } else {
                self.unsettle(&[*name]);
            }
        }
        erased.identifiers = doomed.names.len().try_into().unwrap_or(u64::MAX);
        self.delete_events(doomed, redaction, (&mut gone, erased))?;
        self.redact_claims(doomed, redaction, &mut gone)?;
        erased.decisions = self.delete_decisions(doomed)?;
        Ok(gone)
    }

    fn delete_events(
        &mut self,
        doomed: &Doomed,
        redaction: &Redaction<'_>,
        (gone, erased): (&mut Gone, &mut Erased),
    ) -> Result<(), StoreError> {
        let Whose::Profile(key) = doomed.whose else { return Ok(()) };
        let person = self.transaction.next_nameless()?;
        let mut owned: Vec<Owned> = Vec::new();
        let (mut shapes, mut left) = (BTreeSet::new(), Vec::new());
        for (shape, slice) in self.ownership().slices_of(key)? {
            if shapes.insert(shape.id) {
                self.disturb(shape.id, gone)?;
            }
            let events = self.transaction.events_in(&slice, None, usize::MAX)?;
            if shape.anchor.is_some() {
                let orders = events.iter().map(|(order, _)| order);
                left.extend(self.marks_left(doomed, (&shape, person), orders, redaction)?);
            }
            if !shape.is_snapshot {
                erased.events += events.len() as u64;
            }
            let is_whole = slice.from.is_none() && slice.to.is_none();
            if is_whole {
                erased.traits += self.transaction.delete_traits_of_shape(shape.id)?;
            }
            let of_shape =
                |(order, seq)| Owned { seq, shape: shape.id, order, is_whole, is_snapshot: shape.is_snapshot };
            owned.extend(events.into_iter().map(of_shape));
        }
        for Owned { seq, shape, order, is_whole, is_snapshot } in owned {
            if !is_whole {
                erased.traits += self.transaction.delete_traits(shape, &order)?;
            }
            self.transaction.delete_event(self.workspace, seq, is_snapshot)?;
            gone.messages.insert((&*order.message_id).into());
        }
        for shape in shapes {
            self.transaction.fold_shape_again(shape)?;
        }
        // Only now is it known which names of a device others say.
        for (device, marks) in left {
            let device = self.kept_device(device)?;
            marks.iter().try_for_each(|mark| self.transaction.put_nameless_mark(device, mark))?;
        }
        Ok(())
    }

    /// The marks of a shape's events on the devices that stay, without a name.
    fn marks_left<'o>(
        &self,
        doomed: &Doomed,
        (shape, person): (&Shape, NameId),
        orders: impl Iterator<Item = &'o Order> + Clone,
        redaction: &Redaction<'_>,
    ) -> Result<Vec<(NameId, Vec<NamelessMark>)>, StoreError> {
        let leader = shape.anchor.map(|anchor| self.ownership().leader(anchor)).transpose()?.flatten();
        let key = self.key()?;
        let mut left = Vec::new();
        for named in self.transaction.names_of(shape.id)?.iter().filter(|named| named.role == Role::Device) {
            if doomed.has(named.name) || self.is_hidden(named.name, leader)? {
                continue;
            }
            let mark = |order: &Order| {
                let message_id = match doomed.is_in(&order.message_id) || redaction.is_in(&order.message_id) {
                    true => hash_of_message(&order.message_id, &key).into(),
                    false => order.message_id.clone(),
                };
                let order = Order { message_id, ..order.clone() };
                NamelessMark { order, person, rank: shape.rank, guard: shape.guard }
            };
            left.push((named.name, orders.clone().map(mark).collect()));
        }
        Ok(left)
    }

    /// Whether a device is ignored, or a decision hides a person's marks there.
    fn is_hidden(&self, device: NameId, person: Option<NameId>) -> Result<bool, StoreError> {
        let placed = self.ownership().device(device)?;
        for name in [device, placed] {
            if self.transaction.placement(name)?.is_some_and(|placement| placement.is_ignored) {
                return Ok(true);
            }
        }
        for hidden in self.transaction.kept_apart_from(placed)? {
            if self.ownership().leader(hidden)? == person {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Has everyone looked at again whom a claim that goes, or changes, named.
    fn disturb(&mut self, shape: ShapeId, gone: &mut Gone) -> Result<(), StoreError> {
        let because = self.cause.message_id.clone();
        for named in self.transaction.names_of(shape)? {
            // Once is enough: who was there when the first claim went.
            if !gone.beside.insert(named.name) {
                continue;
            }
            if named.role == Role::Device {
                for person in self.ownership().people_on(self.ownership().device(named.name)?)? {
                    if !person.is_nameless() {
                        self.changes.renew(person, &because);
                    }
                }
                // The last claim of a clear value may be gone: then its digests are devices of their own.
                self.new_devices.insert(named.name);
                self.remark(named.name)?;
            } else {
                self.unsettle(&[named.name]);
                if let Some(leader) = self.ownership().leader(named.name)? {
                    self.changes.renew(leader, &because);
                }
            }
        }
        Ok(())
    }

    /// Takes the names out of the claims of others.
    fn redact_claims(&mut self, doomed: &Doomed, redaction: &Redaction<'_>, gone: &mut Gone) -> Result<(), StoreError> {
        let mut shapes = BTreeSet::new();
        for name in doomed.names.keys() {
            shapes.extend(self.transaction.shapes_saying(*name)?.into_iter().map(|(shape, _)| shape));
        }
        for shape in shapes {
            let whole = EventSlice { shape, from: None, to: None };
            gone.saying.extend(self.transaction.events_in(&whole, None, usize::MAX)?.into_iter().map(|(_, seq)| seq));
            self.disturb(shape, gone)?;
            self.redact_claim(shape, redaction)?;
        }
        Ok(())
    }

    fn redact_claim(&mut self, id: ShapeId, redaction: &Redaction<'_>) -> Result<(), StoreError> {
        let mut shape = self.transaction.shape(id)?;
        let mut left: Vec<ShapeName> = Vec::new();
        for named in self.transaction.names_of(id)? {
            if redaction.is(&self.transaction.name(named.name)?.identifier.value) {
                shape.lost_names |= matches!(named.role, Role::Lone | Role::Tied);
            } else {
                left.push(named);
            }
        }
        let mut names_account = false;
        for named in left.iter().filter(|named| matches!(named.role, Role::Lone | Role::Tied)) {
            names_account |= self.transaction.name(named.name)?.identifier.kind == Kind::USER_ID;
        }
        // Without the account whose older name it says, an alias says nothing.
        left.retain(|named| named.role != Role::Alias || names_account);
        let people = left.iter().filter(|named| matches!(named.role, Role::Lone | Role::Tied)).count();
        for named in left.iter_mut().filter(|named| named.role == Role::Tied && people == 1) {
            named.role = Role::Lone;
        }
        let digest = self.retold(&shape, &left, shape.guard)?;
        match self.transaction.shape_of_digest(self.workspace, &digest)? {
            Some(same) if same.id != id => {
                self.transaction.merge_shape(id, same.id)?;
                self.reguarded.insert(same.id);
            }
            _ => {
                self.transaction.rename_shape(&shape, &digest, (&left, shape.lost_names))?;
                self.reguarded.insert(id);
            }
        }
        Ok(())
    }

    /// Gives every profile its next version in which a trait says another's name no more.
    pub(super) fn renew_retold(&mut self) -> Result<(), StoreError> {
        for (shape, order) in std::mem::take(&mut self.other_traits) {
            let shape = self.transaction.shape(shape)?;
            if let Some(owner) = self.ownership().owner_of(&shape, &order)? {
                self.changes.renew(owner.name(), &self.cause.message_id);
            }
        }
        Ok(())
    }

    fn delete_decisions(&mut self, doomed: &Doomed) -> Result<u64, StoreError> {
        let decisions = self.transaction.decisions(self.workspace)?;
        let names = |end: Option<NameId>| end.is_some_and(|end| doomed.has(end));
        let about: Vec<_> = decisions.into_iter().filter(|row| names(Some(row.x)) || names(row.y)).collect();
        for decision in &about {
            self.transaction.delete_decision(decision.id)?;
        }
        self.memory.forget_decisions();
        for decision in about.iter().filter(|decision| decision.withdrawn_at.is_none()) {
            self.unsettle_names_of(decision)?;
        }
        Ok(about.len() as u64)
    }

    /// The name under which a device stays: its own, or that of the digest that stands for it, where the clear value
    /// went with the claims that said it.
    fn kept_device(&self, name: NameId) -> Result<NameId, StoreError> {
        let claims = Claims::new(self.transaction, self.rules, self.workspace);
        self.decided_about(self.ownership().device(name)?, &claims)
    }
}

/// What consumers of the change feed read as the cause.
pub(super) const CAUSE: &str = "erasure";
