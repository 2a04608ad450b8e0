//! Writes the events of a group: each once, with its claim shape and its traits. Notes what may have moved.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use selvedge_core::identifier::{Class, Identifier};

use super::memory::KnownShape;
use super::told::{Told, digest};
use super::{Cause, Settling, Touched};
use crate::event::{AcceptedEvent, Claimed, Guard, Order, Snapshot, Source, Strength, UnixMillis, Verdict};
use crate::identity::{anchor, profile_id, strength};
use crate::ingest::verdict::EventRefusal;
use crate::ingest::writer::{Committed, Submission};
use crate::store::{
    BatchId, NameId, NewEvent, NewName, NewShape, Role, Shape, ShapeId, ShapeName, SnapshotRow, StoreError,
};

impl Settling<'_> {
    /// Writes the events of one request.
    pub(super) fn take(&mut self, submission: &Submission) -> Result<Committed, StoreError> {
        let batch = self.transaction.insert_batch(&submission.frame)?;
        let mut committed = Committed::default();
        self.said_by = Arc::clone(&submission.said_by);
        for event in &submission.events {
            self.cause = Cause { arrival: self.cause.arrival + 1, message_id: event.order.message_id.clone() };
            let became = match &event.snapshot {
                Some(snapshot) => self.restate(event, snapshot, (batch, submission.frame.source))?,
                None => self.record(event, (batch, submission.frame.source))?,
            };
            match became {
                Arrival::New => committed.accepted += 1,
                Arrival::Known => committed.duplicates += 1,
                Arrival::Erased => committed.erased.push(erased_verdict(event)),
            }
        }
        if committed.accepted == 0 {
            self.transaction.delete_batch(batch)?;
        }
        Ok(committed)
    }

    /// Writes an event that is new.
    fn record(&mut self, event: &AcceptedEvent, (batch, source): (BatchId, Source)) -> Result<Arrival, StoreError> {
        let claims = digest(&Told::by(event, (self.workspace, source), self.guard_of(event)).bytes());
        let shape = match self.memory.shapes.get(&claims) {
            Some(shape) if event.order.time < shape.erased_until => return Ok(Arrival::Erased),
            Some(shape) => shape.clone(),
            None => {
                let erased_until = self.erased_until(event)?;
                if event.order.time < erased_until {
                    return Ok(Arrival::Erased);
                }
                // A shape begins with an event of its own: a duplicate that claims something else claims nothing.
                if self.transaction.has_event(self.workspace, &event.order.message_id)? {
                    return Ok(Arrival::Known);
                }
                let shape = KnownShape { erased_until, ..self.find_or_make_shape(&claims, event, source)? };
                self.memory.shapes.put(claims, shape.clone());
                shape
            }
        };
        if self.transaction.insert_event(&self.row(event, batch, shape.id))?.is_none() {
            return Ok(Arrival::Known);
        }
        if let Some(known) = self.memory.shapes.get_mut(&claims) {
            known.event_count += 1;
            if event.order < known.first {
                known.first = event.order.clone();
            }
        }
        if event.order < shape.first && (shape.people.len() > 1 || event.older_account.is_some()) {
            // Its edges, or its alias, have an earlier order now.
            self.unsettle_people(&shape)?;
        }
        self.insert_traits(event, shape.id)?;
        self.touch(shape, &event.order);
        Ok(Arrival::New)
    }

    /// Puts a newer version of a snapshot in the place of the stored one.
    fn restate(
        &mut self,
        event: &AcceptedEvent,
        snapshot: &Snapshot,
        (batch, source): (BatchId, Source),
    ) -> Result<Arrival, StoreError> {
        if event.order.time < self.erased_until(event)? {
            return Ok(Arrival::Erased);
        }
        let stored = self.transaction.snapshot(self.workspace, &snapshot.subject)?;
        if self.is_settled(event, snapshot, stored)? {
            return Ok(Arrival::Known);
        }
        if let Some(stored) = stored {
            self.withdraw(stored.shape)?;
        }
        let claims = Told::by(event, (self.workspace, source), self.guard_of(event)).bytes();
        let shape = self.make_shape(&digest(&claims), event, source)?;
        let row = self.row(event, batch, shape.id);
        let seq = match stored {
            Some(stored) => self.transaction.replace_event(stored.seq, &row)?,
            None => match self.transaction.insert_event(&row)? {
                Some(seq) => seq,
                None => return Err(StoreError::Impossible { what: "message that was not there a moment ago" }),
            },
        };
        let row = SnapshotRow { version: snapshot.version, seq, shape: shape.id };
        self.transaction.put_snapshot(self.workspace, &snapshot.subject, &row)?;
        self.insert_traits(event, shape.id)?;
        self.touch(shape, &event.order);
        Ok(Arrival::New)
    }

    /// Whether the ledger needs nothing of a snapshot: it holds this version or a newer one, or an event of its id.
    fn is_settled(
        &self,
        event: &AcceptedEvent,
        snapshot: &Snapshot,
        stored: Option<SnapshotRow>,
    ) -> Result<bool, StoreError> {
        let Some(stored) = stored else {
            return self.transaction.has_event(self.workspace, &event.order.message_id);
        };
        // As the ledger counts: what is beyond that is one version.
        if stored.version >= snapshot.version.min(i64::MAX as u64) {
            return Ok(true);
        }
        let replaces_itself = self.transaction.event(stored.seq)?.order.message_id == event.order.message_id;
        Ok(!replaces_itself && self.transaction.has_event(self.workspace, &event.order.message_id)?)
    }

    /// Takes back what a superseded snapshot claimed.
    fn withdraw(&mut self, shape: ShapeId) -> Result<(), StoreError> {
        let lost = self.transaction.shape(shape)?.anchor.filter(|_| self.was_there_before(shape));
        for name in self.transaction.names_of(shape)? {
            match name.role {
                Role::Device => {
                    // The last claim of a clear value may be gone: then its digests are devices of their own.
                    self.new_devices.insert(name.name);
                    self.remark(name.name)?;
                    if let Some(lost) = lost {
                        self.note_lost_mark(name.name, lost)?;
                    }
                }
                Role::Lone | Role::Tied | Role::Alias => {
                    self.unsettle(&[name.name]);
                    // Also who stays where it was had what the claim's device has.
                    if let Some(leader) = self.memory.leader(self.transaction, name.name)? {
                        self.changes.renew(leader, &self.cause.message_id);
                    }
                }
            }
        }
        self.touched.remove(&shape);
        self.transaction.delete_shape(shape)
    }

    fn row<'e>(&self, event: &'e AcceptedEvent, batch: BatchId, shape: ShapeId) -> NewEvent<'e> {
        NewEvent {
            workspace: self.workspace,
            batch,
            shape,
            order: &event.order,
            event_type: event.event_type,
            name: event.name.as_deref(),
            raw: &event.raw,
        }
    }

    fn insert_traits(&self, event: &AcceptedEvent, shape: ShapeId) -> Result<(), StoreError> {
        let set =
            |(name, value): &(Box<str>, Box<str>)| self.transaction.insert_trait(shape, &event.order, name, value);
        event.traits.iter().try_for_each(set)
    }

    fn touch(&mut self, shape: KnownShape, order: &Order) {
        match self.touched.entry(shape.id) {
            Entry::Occupied(mut entry) => {
                let touched = entry.get_mut();
                touched.orders.push(order.clone());
                touched.cause = self.cause.clone();
            }
            Entry::Vacant(entry) => {
                entry.insert(Touched { shape, orders: vec![order.clone()], cause: self.cause.clone() });
            }
        }
    }

    /// Notes of each shape what its new events change about all of them.
    pub(super) fn settle_shapes(&self) -> Result<(), StoreError> {
        for (id, Touched { shape, orders, .. }) in &self.touched {
            if let Some(earlier) = orders.iter().min().filter(|order| **order < shape.first) {
                self.transaction.set_first(*id, earlier)?;
            }
            self.transaction.set_event_count(*id, shape.event_count + orders.len() as u64)?;
        }
        Ok(())
    }

    /// Has names placed anew, because of the event at hand.
    pub(super) fn unsettle(&mut self, names: &[NameId]) {
        self.names.extend(names.iter().map(|name| (*name, self.cause.clone())));
    }

    /// The same, of all accounts and contacts of a claim but those that are held, and out of it for that: however many
    /// strangers claim to stand beside one, it costs none of them more than the first.
    fn unsettle_people(&mut self, shape: &KnownShape) -> Result<(), StoreError> {
        for named in &*shape.people {
            if !self.is_held_back(named, shape.guard)? {
                self.unsettle(&[named.name]);
            }
        }
        Ok(())
    }

    /// Whether a claim does not have a name because that is held: then nothing about it depends on the claim.
    fn is_held_back(&mut self, named: &ShapeName, guard: Guard) -> Result<bool, StoreError> {
        if !guard.is_on() || named.strength.is_trusted() {
            return Ok(false);
        }
        let own = self.memory.standing(self.transaction, named.name)?.flags;
        let placed = match own.same_as {
            // A clear value is placed by its digest only while nobody says it.
            Some(_) if self.is_clear_value(named.name)? => return Ok(false),
            Some(same) => self.memory.standing(self.transaction, same)?.flags,
            None => own,
        };
        Ok(placed.is_held)
    }

    /// Has a device's history looked at again, because of the event at hand.
    pub(super) fn remark(&mut self, device: NameId) -> Result<(), StoreError> {
        self.unsteady.insert(device);
        self.note_mark(device)
    }

    /// The same where a mark is new, and all that were there stay.
    fn note_mark(&mut self, device: NameId) -> Result<(), StoreError> {
        self.devices.insert(device, self.cause.clone());
        self.memory.forget_marks(self.transaction, device)
    }

    fn find_or_make_shape(
        &mut self,
        claims: &[u8; 16],
        event: &AcceptedEvent,
        source: Source,
    ) -> Result<KnownShape, StoreError> {
        match self.transaction.shape_of_digest(self.workspace, claims)? {
            Some(shape) => self.known(&shape, event),
            None => self.make_shape(claims, event, source),
        }
    }

    /// A stored shape, as it is remembered.
    fn known(&mut self, shape: &Shape, event: &AcceptedEvent) -> Result<KnownShape, StoreError> {
        let names = self.names_in(event)?;
        let event_count = self.transaction.fold_of_shape(shape)?.event_count;
        Ok(KnownShape {
            lost_names: shape.lost_names,
            ..remembered(shape.id, (shape.first.clone(), event_count), (shape.anchor, shape.rank, shape.guard), &names)
        })
    }

    /// Stores what an event claims as the first to do so.
    fn make_shape(
        &mut self,
        digest: &[u8; 16],
        event: &AcceptedEvent,
        source: Source,
    ) -> Result<KnownShape, StoreError> {
        let names = self.names_in(event)?;
        let guard = self.guard_of(event);
        let (anchor, rank) = self.anchor_of(&event.claim, guard)?;
        self.note_devices_said_again(&names)?;
        let better_known = self.devices_better_known(&names, (rank, guard))?;
        let id = self.transaction.insert_shape(&NewShape {
            workspace: self.workspace,
            digest,
            source,
            guard,
            is_snapshot: event.snapshot.is_some(),
            first: &event.order,
            anchor,
            rank,
            names: &names,
            lost_names: event.lost_names,
        })?;
        self.first_new_shape.get_or_insert(id);
        let shape = KnownShape {
            lost_names: event.lost_names,
            ..remembered(id, (event.order.clone(), 0), (anchor, rank, guard), &names)
        };
        self.note_new_claim(&shape, event)?;
        better_known.into_iter().try_for_each(|device| self.note_mark(device))?;
        Ok(shape)
    }

    /// The devices that a mark may not count on, and that no claim before trusts as far as its own: how far a device is
    /// trusted is told whether or not the mark counts.
    fn devices_better_known(
        &self,
        names: &[ShapeName],
        (rank, guard): (Strength, Guard),
    ) -> Result<Vec<NameId>, StoreError> {
        let mut better_known = Vec::new();
        if rank.is_trusted() || !guard.is_on() {
            return Ok(better_known);
        }
        for named in names.iter().filter(|named| named.role == Role::Device && named.strength.is_trusted()) {
            if self.transaction.strength_as(Role::Device, named.name)? < Some(named.strength) {
                better_known.push(named.name);
            }
        }
        Ok(better_known)
    }

    /// A new claim makes edges when it names several; when it names one, it may be the first to name it at all, or to
    /// do so with trust.
    fn note_new_claim(&mut self, shape: &KnownShape, event: &AcceptedEvent) -> Result<(), StoreError> {
        match *shape.people {
            [] => {}
            [alone] => {
                let placed = self.memory.standing(self.transaction, alone.name)?.flags.same_as.unwrap_or(alone.name);
                let standing = self.memory.standing(self.transaction, placed)?;
                let tells_more =
                    alone.strength.is_trusted() && (!standing.flags.is_held || self.may_settle_digests(alone.name)?);
                // Its digest was placed for it while nobody said it.
                let is_said_again = placed != alone.name && self.is_clear_value(alone.name)?;
                if standing.leader.is_none() || tells_more || is_said_again {
                    self.unsettle(&[alone.name]);
                }
            }
            // A snapshot may be gone tomorrow: nothing is left out because of it.
            _ if event.snapshot.is_none() && self.memory.is_tied_before(&shape.people, shape.guard, &event.order) => {}
            _ => self.unsettle_people(shape)?,
        }
        if let Some(older) = shape.older_account {
            self.memory.note_alias();
            self.unsettle(&[older.name]);
            self.unsettle_people(shape)?;
        }
        if shape.anchor.is_some() || !shape.people.is_empty() {
            shape.devices.iter().try_for_each(|device| self.note_new_mark(*device, shape))?;
        }
        Ok(())
    }

    /// A mark that counts changes whose the device is. One that does not, beside trusted ones, changes nothing for them:
    /// whoever guesses a device's id updates nobody.
    fn note_new_mark(&mut self, named: NameId, shape: &KnownShape) -> Result<(), StoreError> {
        let device = self.device_of(named)?;
        if shape.anchor.is_some() && !self.marks_on(device)?.rules.count(shape.rank, shape.guard) {
            return Ok(());
        }
        self.note_mark(named)
    }

    /// What is taken out of what an event observes.
    fn guard_of(&self, event: &AcceptedEvent) -> Guard {
        Guard::of(event.trust, event.order.time, self.guard_from)
    }

    /// The rows of a claim's identifiers, in its order. Kinds that nobody declared name no one.
    fn names_in(&mut self, event: &AcceptedEvent) -> Result<Vec<ShapeName>, StoreError> {
        let claim = &event.claim;
        let class = |claimed: &Claimed| self.rules.class(&claimed.identifier.kind);
        let is_person = |class: Class| matches!(class, Class::Account | Class::Contact);
        let people = claim.iter().filter(|claimed| is_person(class(claimed))).count();
        let classes: Vec<Class> = claim.iter().map(class).collect();
        let mut names = Vec::with_capacity(claim.len());
        for (claimed, class) in claim.iter().zip(classes) {
            let role = match class {
                Class::Undeclared => continue,
                Class::Device => Role::Device,
                Class::Account | Class::Contact if people > 1 => Role::Tied,
                Class::Account | Class::Contact => Role::Lone,
            };
            let name = self.name(&claimed.identifier, class)?;
            names.push(ShapeName { name, strength: claimed.strength, role });
        }
        if let Some(older) = &event.older_account {
            let name = self.name(older, Class::Account)?;
            if !names.iter().any(|named| named.name == name) {
                names.push(ShapeName { name, strength: Strength::Asserted, role: Role::Alias });
            }
        }
        Ok(names)
    }

    fn name(&mut self, identifier: &Identifier, class: Class) -> Result<NameId, StoreError> {
        let key = (self.workspace, identifier.clone());
        if let Some(name) = self.memory.names.get(&key) {
            return Ok(*name);
        }
        let name = match self.transaction.name_id(self.workspace, identifier)? {
            Some(name) => {
                self.note_lacking_digests(name, identifier)?;
                name
            }
            None => {
                let profile_id = profile_id(&self.workspace_name, identifier);
                let new = NewName { identifier, class, profile_id };
                let erased = match self.memory.erasure_key(self.transaction)? {
                    Some(_) => self.transaction.revive_name(self.workspace, &new)?,
                    None => None,
                };
                let name = erased.map_or_else(|| self.transaction.insert_name(self.workspace, &new), Ok)?;
                self.note_digests(name, identifier, class)?;
                name
            }
        };
        self.memory.names.put(key, name);
        Ok(name)
    }

    /// Who speaks for a claim once what is known to be taken out of it is, and how far its traits are trusted. What the
    /// claim itself changes about that is settled behind it.
    fn anchor_of(&mut self, claim: &[Claimed], guard: Guard) -> Result<(Option<NameId>, Strength), StoreError> {
        let mut left: Vec<(Claimed, NameId)> = Vec::new();
        for claimed in claim {
            let class = self.rules.class(&claimed.identifier.kind);
            if class == Class::Undeclared {
                continue;
            }
            let name = self.name(&claimed.identifier, class)?;
            let own = self.memory.standing(self.transaction, name)?.flags;
            let placed = own.same_as.unwrap_or(name);
            let is_left = match class {
                Class::Device => !own.is_ignored && !self.memory.standing(self.transaction, placed)?.flags.is_ignored,
                Class::Account | Class::Contact | Class::Undeclared => {
                    let named = ShapeName { name, strength: claimed.strength, role: Role::Lone };
                    self.memory.is_left(self.transaction, &named, guard)?
                }
            };
            if is_left {
                let identifier = match own.same_as {
                    Some(same) => self.transaction.name(same)?.identifier,
                    None => claimed.identifier.clone(),
                };
                match left.iter_mut().find(|(_, known)| *known == placed) {
                    // In another form.
                    Some((known, _)) => known.strength = known.strength.max(claimed.strength),
                    None => left.push((Claimed { identifier, strength: claimed.strength }, placed)),
                }
            }
        }
        let rank = strength(left.iter().map(|(claimed, _)| claimed), self.rules).unwrap_or(Strength::Observed);
        let anchor = anchor(left.iter().map(|(claimed, _)| claimed), self.rules);
        let placed = anchor.and_then(|anchor| left.iter().find(|(claimed, _)| claimed == anchor));
        Ok((placed.map(|(_, placed)| *placed), rank))
    }
}

fn remembered(
    id: ShapeId,
    (first, event_count): (Order, u64),
    (anchor, rank, guard): (Option<NameId>, Strength, Guard),
    names: &[ShapeName],
) -> KnownShape {
    let devices = names.iter().filter(|named| named.role == Role::Device).map(|named| named.name).collect();
    let people = names.iter().filter(|named| matches!(named.role, Role::Lone | Role::Tied)).copied().collect();
    let older_account = names.iter().find(|named| named.role == Role::Alias).copied();
    let (lost_names, erased_until) = (false, UnixMillis(i64::MIN));
    KnownShape { id, first, event_count, anchor, devices, people, older_account, guard, rank, lost_names, erased_until }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// It is stored.
    New,
    /// It, or a newer version of what it restates, was stored before. Nothing was done.
    Known,
    /// It is of somebody who was erased since. Nothing was done.
    Erased,
}

fn erased_verdict(event: &AcceptedEvent) -> Verdict {
    let refusal = EventRefusal::Erased;
    Verdict {
        index: event.index,
        message_id: Some((&*event.order.message_id).into()),
        code: refusal.code(),
        pointer: refusal.pointer().into(),
        reason: refusal.to_string().into(),
    }
}
