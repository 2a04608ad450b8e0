//! Places the neighbourhoods of unsettled names anew, stores what differs, and notes what it means for profiles.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use selvedge_core::identifier::Identifier;

use super::memory::Standing;
use super::neighbourhood::Neighbourhood;
use super::{Cause, Settling};
use crate::event::Claimed;
use crate::identity::{Conflict, Placing, place};
use crate::store::{ConflictRow, NameId, Parent, Placement, Role, ShapeId, StoreError};

/// A name whose person is led by another than before.
struct Move {
    name: NameId,
    from: Option<NameId>,
    to: Option<NameId>,
}

impl Settling<'_> {
    /// Places every unsettled name and all that are tied to it.
    pub(super) fn settle_people(&mut self) -> Result<(), StoreError> {
        while let Some((name, cause)) = self.names.pop_first() {
            let neighbourhood = Neighbourhood::of(name, self.transaction)?;
            let mut causes = vec![cause];
            for name in neighbourhood.names.keys() {
                causes.extend(self.names.remove(name));
            }
            causes.sort_unstable();
            self.settle_neighbourhood(&neighbourhood, &causes)?;
        }
        Ok(())
    }

    fn settle_neighbourhood(&mut self, neighbourhood: &Neighbourhood, causes: &[Cause]) -> Result<(), StoreError> {
        let placing = place(&neighbourhood.claims, self.rules);
        let rows = neighbourhood.by_identifier();
        let mut moves = Vec::new();
        let mut recounted = Vec::new();
        for (&name, identifier) in &neighbourhood.names {
            let before = self.transaction.placement(name)?;
            let after = placement(identifier, &placing, &rows);
            if before == after {
                continue;
            }
            self.transaction.set_placement(name, after.as_ref())?;
            let (from, to) = (standing(before.as_ref()), standing(after.as_ref()));
            self.memory.set_standing(name, to);
            if from.quarantine != to.quarantine {
                recounted.push(name);
            }
            if from.leader != to.leader {
                moves.push(Move { name, from: from.leader, to: to.leader });
            }
        }
        self.write_conflicts(neighbourhood, &placing.conflicts, &rows)?;
        let Some(last) = causes.last() else { return Ok(()) };
        for name in recounted {
            self.anchor_anew(name, last)?;
        }
        self.note_moves(&moves, causes)
    }

    fn write_conflicts(
        &self,
        neighbourhood: &Neighbourhood,
        conflicts: &[Conflict],
        rows: &HashMap<&Identifier, NameId>,
    ) -> Result<(), StoreError> {
        let mut stored = BTreeMap::new();
        for &name in neighbourhood.names.keys() {
            stored.extend(self.transaction.conflicts_from(name)?.into_iter().map(|row| ((row.x, row.y), row)));
        }
        for conflict in conflicts.iter().filter_map(|conflict| row(conflict, rows)) {
            if stored.remove(&(conflict.x, conflict.y)).as_ref() != Some(&conflict) {
                self.transaction.put_conflict(self.workspace, &conflict)?;
            }
        }
        stored.into_keys().try_for_each(|(x, y)| self.transaction.delete_conflict(x, y))
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
    fn note_moves(&mut self, moves: &[Move], causes: &[Cause]) -> Result<(), StoreError> {
        for step in moves {
            let because = self.because(step.name, causes)?;
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

    /// The event of the group that moved a name: the one that makes its edge, if it is among them, else the last.
    fn because(&self, name: NameId, causes: &[Cause]) -> Result<Cause, StoreError> {
        let parent = self.transaction.placement(name)?.and_then(|placement| placement.parent);
        let evidence = |cause: &&Cause| parent.as_ref().is_some_and(|p| p.order.message_id == cause.message_id);
        let cause = causes.iter().find(evidence).or(causes.last());
        Ok(cause.cloned().unwrap_or_else(|| Cause { arrival: 0, message_id: Arc::from("") }))
    }
}

/// Where most of what a vanished leader led went first.
fn heir(leader: NameId, moves: &[Move]) -> Option<NameId> {
    moves.iter().filter(|step| step.from == Some(leader)).find_map(|step| step.to)
}

/// Where a name is placed, in rows; `None` when no claim is left that names it.
fn placement(identifier: &Identifier, placing: &Placing, rows: &HashMap<&Identifier, NameId>) -> Option<Placement> {
    let quarantine = placing.quarantined.get(identifier).copied();
    let Some(found) = placing.people.get(identifier) else {
        return quarantine.map(|how| Placement { leader: None, parent: None, quarantine: Some(how) });
    };
    let parent = found.parent.as_ref().and_then(|edge| {
        let (from, to) = (*rows.get(&edge.from)?, *rows.get(&edge.to)?);
        Some(Parent { from, to, order: edge.order.clone() })
    });
    Some(Placement { leader: rows.get(&found.leader).copied(), parent, quarantine })
}

fn standing(placement: Option<&Placement>) -> Standing {
    placement.map_or(Standing::default(), |placement| Standing {
        leader: placement.leader,
        quarantine: placement.quarantine,
    })
}

fn row(conflict: &Conflict, rows: &HashMap<&Identifier, NameId>) -> Option<ConflictRow> {
    Some(ConflictRow {
        x: *rows.get(&conflict.x)?,
        y: *rows.get(&conflict.y)?,
        reason: conflict.reason,
        order: conflict.order.clone(),
        source: conflict.source,
        strength: conflict.strength,
    })
}
