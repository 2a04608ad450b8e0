//! Places the unsettled names anew, stores what differs, and notes what it means for profiles.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ground::Claims;
use super::memory::Standing;
use super::{Cause, Settling};
use crate::event::Claimed;
use crate::identity::incremental::replace;
use crate::store::{NameId, Placement, Role, ShapeId, StoreError};

/// A name whose person is led by another than before.
struct Move {
    name: NameId,
    from: Option<NameId>,
    to: Option<NameId>,
}

impl Settling<'_> {
    /// Places every unsettled name, and whoever that moves.
    pub(super) fn settle_people(&mut self) -> Result<(), StoreError> {
        if self.names.is_empty() {
            return Ok(());
        }
        let claims = Claims::new(self.transaction, self.rules, self.workspace);
        let recounted = self.settle_crowds(&claims)?;
        let causes = std::mem::take(&mut self.names);
        let dirty = causes.keys().map(|name| claims.identifier(*name)).collect::<Result<BTreeSet<_>, _>>()?;
        let mut placed = BTreeMap::new();
        for (name, standing) in replace(&claims, self.rules, &dirty)? {
            let place = standing.as_ref().map(|standing| claims.place_of(standing)).transpose()?;
            placed.insert(claims.row(&name)?, place);
        }
        for &name in &recounted {
            if let Entry::Vacant(stays) = placed.entry(name) {
                stays.insert(self.transaction.placement(name)?.and_then(|stored| stored.place));
            }
        }
        let mut moves = Vec::new();
        for (name, place) in placed {
            moves.extend(self.put(name, Placement { place, quarantine: claims.quarantine(name)? })?);
        }
        let touched = causes.keys().copied().chain(moves.iter().map(|step| step.name)).collect();
        let people = moves.iter().flat_map(|step| step.from.into_iter().chain(step.to)).collect();
        self.settle_conflicts(touched, people, &claims)?;
        for name in recounted {
            self.anchor_anew(name, &cause_of(name, &causes))?;
        }
        self.note_moves(&moves, &causes)
    }

    /// Stores where a name stands now; what that changes about its person.
    fn put(&mut self, name: NameId, after: Placement) -> Result<Option<Move>, StoreError> {
        let from = self.transaction.placement(name)?.as_ref().and_then(Placement::leader);
        let to = after.leader();
        self.memory.set_standing(name, Standing { leader: to, quarantine: after.quarantine });
        let stands = (after != Placement::default()).then_some(&after);
        self.transaction.set_placement(name, stands)?;
        Ok((from != to).then_some(Move { name, from, to }))
    }

    /// Asks again who speaks for the claims that name it: a crowd's contact does not, or does again.
    fn anchor_anew(&mut self, name: NameId, cause: &Cause) -> Result<(), StoreError> {
        let mut shapes: BTreeSet<ShapeId> = BTreeSet::new();
        for role in [Role::Lone, Role::Tied] {
            shapes.extend(self.transaction.shapes_naming(name, role)?);
        }
        for id in shapes {
            let shape = self.transaction.shape(id)?;
            let mut claim = Vec::new();
            for named in self.transaction.names_of(id)? {
                let identifier = self.transaction.name(named.name)?.identifier;
                claim.push(Claimed { identifier, strength: named.strength });
            }
            let (anchor, rank) = self.anchor_of(&claim)?;
            if (shape.anchor, shape.rank) == (anchor, rank) {
                continue;
            }
            self.transaction.set_anchor(id, anchor, rank)?;
            self.memory.shapes.clear();
            if let Some(touched) = self.touched.get_mut(&id) {
                touched.shape.anchor = anchor;
            }
            self.note_new_owner(shape.anchor, anchor, cause)?;
            for named in self.transaction.names_of(id)?.iter().filter(|named| named.role == Role::Device) {
                self.memory.forget_anchors(named.name);
                self.devices.insert(named.name, cause.clone());
            }
        }
        Ok(())
    }

    /// The events of a shape go from one anchor's person to another's.
    fn note_new_owner(&mut self, from: Option<NameId>, to: Option<NameId>, cause: &Cause) -> Result<(), StoreError> {
        for anchor in from.into_iter().chain(to) {
            if let Some(leader) = self.memory.standing(self.transaction, anchor)?.leader {
                self.changes.renew(leader, &cause.message_id);
            }
        }
        Ok(())
    }

    /// What moved names mean for profiles and for the devices that they marked.
    fn note_moves(&mut self, moves: &[Move], causes: &BTreeMap<NameId, Cause>) -> Result<(), StoreError> {
        for step in moves {
            let because = self.because(step, causes)?;
            let (was_leader, is_leader) = (step.from == Some(step.name), step.to == Some(step.name));
            if is_leader && !was_leader {
                self.changes.begin(step.name, step.from, &because.message_id);
            }
            if was_leader && !is_leader {
                let heir = step.to.or_else(|| heir(step.name, moves));
                self.changes.end(step.name, heir, &because.message_id);
            }
            for leader in step.from.into_iter().chain(step.to) {
                if self.memory.standing(self.transaction, leader)?.leader == Some(leader) {
                    self.changes.renew(leader, &because.message_id);
                }
            }
            for device in self.transaction.devices_marked_by(step.name)? {
                // A device that one name alone marked follows it wherever it goes.
                if self.memory.anchors(self.transaction, device)?.len() > 1 {
                    self.devices.insert(device, because.clone());
                }
            }
        }
        Ok(())
    }

    /// The event of the group that moved a name: the one that makes its edge, if it is among them; else the last that
    /// spoke of it, of whom it joined or of whom it left; else the last of all.
    fn because(&self, step: &Move, causes: &BTreeMap<NameId, Cause>) -> Result<Cause, StoreError> {
        let place = self.transaction.placement(step.name)?.and_then(|placement| placement.place);
        let parent = place.as_ref().and_then(|place| place.parent(step.name));
        let evidence = |cause: &&Cause| parent.is_some_and(|parent| parent.order.message_id == cause.message_id);
        let spoken_of =
            || [Some(step.name), step.to, step.from].into_iter().flatten().find_map(|name| causes.get(&name));
        let cause = causes.values().find(evidence).or_else(spoken_of).or_else(|| causes.values().max());
        Ok(cause.cloned().unwrap_or_else(Cause::unknown))
    }
}

fn cause_of(name: NameId, causes: &BTreeMap<NameId, Cause>) -> Cause {
    causes.get(&name).or_else(|| causes.values().max()).cloned().unwrap_or_else(Cause::unknown)
}

/// Where most of what a vanished leader led went first.
fn heir(leader: NameId, moves: &[Move]) -> Option<NameId> {
    moves.iter().filter(|step| step.from == Some(leader)).find_map(|step| step.to)
}

impl Cause {
    fn unknown() -> Self {
        Self { arrival: 0, message_id: Arc::from("") }
    }
}
