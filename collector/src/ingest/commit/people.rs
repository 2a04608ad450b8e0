//! Places the unsettled names anew, stores what differs, and notes what it means for profiles.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use selvedge_core::identifier::{Class, Identifier};

use super::ground::{Claims, Left};
use super::memory::Standing;
use super::{Cause, Settling};
use crate::event::Strength;
use crate::identity::incremental::replace;
use crate::store::{Flags, NameId, Parent, Place, Placement, Role, ShapeId, ShapeName, StoreError};

/// A name whose person is led by another than before.
struct Move {
    name: NameId,
    from: Option<NameId>,
    /// Who led the person that it was another name of.
    by_other_name: Option<NameId>,
    to: Option<NameId>,
}

impl Settling<'_> {
    /// Places every unsettled name, and whoever that moves; asks claims anew whom they name that say something else now.
    pub(super) fn settle_people(&mut self) -> Result<(), StoreError> {
        if self.names.is_empty() && self.reguarded.is_empty() {
            return Ok(());
        }
        let mut claims = Claims::new(self.transaction, self.rules, self.workspace);
        let reflagged = self.settle_flags(&mut claims)?;
        let causes = std::mem::take(&mut self.names);
        let dirty = self.touched_by_links(&causes, &claims)?;
        let mut placed = BTreeMap::new();
        for (name, standing) in replace(&claims, self.rules, &dirty)? {
            let place = standing.as_ref().map(|standing| claims.place_of(standing)).transpose()?;
            placed.insert(claims.row(&name)?, place);
        }
        for &name in reflagged.keys() {
            if let Entry::Vacant(stays) = placed.entry(name) {
                stays.insert(self.transaction.placement(name)?.and_then(|stored| stored.place));
            }
        }
        let mut moves = Vec::new();
        for (name, place) in placed {
            let Flags { quarantine, same_as, is_held, is_ignored } = claims.flags(name)?;
            moves.extend(self.put(name, Placement { place, quarantine, same_as, is_held, is_ignored })?);
        }
        let touched = causes.keys().copied().chain(moves.iter().map(|step| step.name)).collect();
        let mut people = self.note_renamed(&reflagged, &causes, &claims)?;
        people.extend(moves.iter().flat_map(|step| step.from.into_iter().chain(step.to)));
        self.settle_conflicts(touched, people, &claims)?;
        for name in self.reanchored(&reflagged, &claims)? {
            let cause = cause_of(name, &causes);
            self.anchor_anew(name, &cause, &claims)?;
            // Claims that keep it no more, or do again, say when it was seen.
            self.renew_leader(name, &cause.message_id)?;
        }
        for shape in std::mem::take(&mut self.reguarded) {
            let cause = self.cause.clone();
            self.anchor_shape_anew(shape, &cause, &claims)?;
            for named in self.transaction.names_of(shape)?.iter().filter(|named| named.role != Role::Device) {
                self.renew_leader(named.name, &cause.message_id)?;
            }
        }
        self.note_moves(&moves, &causes)
    }

    /// What it means that names are placed by others than before. Returns the people by whom they are placed, or were:
    /// what is decided about such a name was a reason of theirs, or is one.
    fn note_renamed(
        &mut self,
        reflagged: &BTreeMap<NameId, Flags>,
        causes: &BTreeMap<NameId, Cause>,
        claims: &Claims<'_>,
    ) -> Result<BTreeSet<NameId>, StoreError> {
        let mut people = BTreeSet::new();
        for (&name, before) in reflagged {
            let (was, is) = (before.same_as.unwrap_or(name), claims.placed(name)?);
            if was == is {
                continue;
            }
            let cause = cause_of(name, causes);
            for placed in [was, is] {
                if let Some(person) = self.memory.leader(self.transaction, placed)? {
                    // Its claims say when the person's own name was seen.
                    self.changes.renew(person, &cause.message_id);
                    people.insert(person);
                }
            }
            self.look_at_devices_of(name, &cause)?;
        }
        Ok(people)
    }

    /// The names whose claims may have another anchor: those whose flags changed, and the other names of the same. That
    /// a name is held is nothing to its claims while no hold is on.
    fn reanchored(
        &self,
        reflagged: &BTreeMap<NameId, Flags>,
        claims: &Claims<'_>,
    ) -> Result<BTreeSet<NameId>, StoreError> {
        let mut names = BTreeSet::new();
        for (&name, &before) in reflagged {
            let now = claims.flags(name)?;
            if self.guard_from.is_some() || (Flags { is_held: before.is_held, ..now }) != before {
                names.insert(name);
                names.extend(claims.names_of(name)?);
            }
        }
        Ok(names)
    }

    /// Stores where a name stands now; what that changes about its person.
    fn put(&mut self, name: NameId, after: Placement) -> Result<Option<Move>, StoreError> {
        let before = self.transaction.placement(name)?;
        let from = before.as_ref().and_then(Placement::leader);
        let to = after.leader();
        self.memory.set_standing(name, Standing { leader: to, flags: Flags::of(&after) });
        let stands = (after != Placement::default()).then_some(&after);
        self.transaction.set_placement(name, stands)?;
        if from == to {
            return Ok(None);
        }
        self.came_from.insert(name, from);
        let by_other_name = match before.and_then(|placement| placement.same_as) {
            Some(same) => match self.came_from.get(&same) {
                Some(leader) => *leader,
                None => self.transaction.placement(same)?.as_ref().and_then(Placement::leader),
            },
            None => None,
        };
        Ok(Some(Move { name, from, by_other_name, to }))
    }

    /// The unsettled names by those that are placed for them, and all that a link ties to one of them.
    fn touched_by_links(
        &self,
        causes: &BTreeMap<NameId, Cause>,
        claims: &Claims<'_>,
    ) -> Result<BTreeSet<Identifier>, StoreError> {
        let mut dirty = BTreeSet::new();
        for name in causes.keys() {
            dirty.insert(claims.identifier(*name)?);
            dirty.insert(claims.identifier(claims.placed(*name)?)?);
        }
        Ok(claims.in_force().linked_to(dirty))
    }

    /// Asks again who speaks for the claims that name it: one that is taken out does not, or does again.
    pub(super) fn anchor_anew(&mut self, name: NameId, cause: &Cause, claims: &Claims<'_>) -> Result<(), StoreError> {
        let mut shapes: BTreeSet<ShapeId> = BTreeSet::new();
        for role in [Role::Device, Role::Lone, Role::Tied] {
            shapes.extend(self.transaction.shapes_naming(name, role)?);
        }
        shapes.into_iter().try_for_each(|shape| self.anchor_shape_anew(shape, cause, claims))
    }

    fn anchor_shape_anew(&mut self, id: ShapeId, cause: &Cause, claims: &Claims<'_>) -> Result<(), StoreError> {
        let Left { names, shape } = claims.left(id)?;
        let anchor = names.first().map(|anchor| claims.row(&anchor.identifier)).transpose()?;
        let named = self.transaction.names_of(id)?;
        let rank = match names.first() {
            Some(anchor) => anchor.strength,
            None => self.rank_by_device(&named, claims)?,
        };
        if (shape.anchor, shape.rank) == (anchor, rank) {
            return Ok(());
        }
        self.transaction.set_anchor(id, anchor, rank)?;
        self.unsteady.extend(anchor);
        self.memory.shapes.clear();
        if let Some(touched) = self.touched.get_mut(&id) {
            touched.shape.anchor = anchor;
            touched.shape.rank = rank;
        }
        self.note_new_owner(shape.anchor, anchor, cause)?;
        for named in named.iter().filter(|named| named.role == Role::Device) {
            self.memory.forget_marks(self.transaction, named.name)?;
            self.devices.insert(named.name, cause.clone());
            self.unsteady.insert(named.name);
            let is_new = self.touched.contains_key(&id) && !self.was_there_before(id);
            if let Some(lost) = shape.anchor.filter(|_| !is_new) {
                self.note_lost_mark(named.name, lost)?;
            }
        }
        Ok(())
    }

    /// Whether a shape is older than the group.
    pub(super) fn was_there_before(&self, shape: ShapeId) -> bool {
        self.first_new_shape.is_none_or(|first_new| shape < first_new)
    }

    /// How far a claim that names nobody any more is trusted: as its first device that is left.
    fn rank_by_device(&self, named: &[ShapeName], claims: &Claims<'_>) -> Result<Strength, StoreError> {
        let mut devices: BTreeMap<NameId, Strength> = BTreeMap::new();
        for device in named.iter().filter(|named| named.role == Role::Device) {
            let placed = claims.placed(device.name)?;
            if !claims.flags(device.name)?.is_ignored && !claims.flags(placed)?.is_ignored {
                let known = devices.entry(placed).or_insert(device.strength);
                *known = device.strength.max(*known);
            }
        }
        let of = |(device, strength)| Ok((claims.identifier(device)?, strength));
        let devices = devices.into_iter().map(of).collect::<Result<Vec<_>, StoreError>>()?;
        let first = devices.iter().min_by_key(|(device, _)| self.rules.rank(device));
        Ok(first.map_or(Strength::Observed, |(_, strength)| *strength))
    }

    /// The events of a shape go from one anchor's person to another's.
    fn note_new_owner(&mut self, from: Option<NameId>, to: Option<NameId>, cause: &Cause) -> Result<(), StoreError> {
        for anchor in from.into_iter().chain(to) {
            if let Some(leader) = self.memory.leader(self.transaction, anchor)? {
                self.changes.renew(leader, &cause.message_id);
            }
        }
        Ok(())
    }

    /// What moved names mean for profiles and for the devices that they marked.
    fn note_moves(&mut self, moves: &[Move], causes: &BTreeMap<NameId, Cause>) -> Result<(), StoreError> {
        self.unsteady.extend(moves.iter().map(|step| step.name));
        let by_event: HashMap<&str, &Cause> = causes.values().map(|cause| (&*cause.message_id, cause)).collect();
        for step in moves {
            let because = self.because(step, causes, &by_event)?;
            let (was_leader, is_leader) = (step.from == Some(step.name), step.to == Some(step.name));
            if is_leader && !was_leader {
                self.changes.begin(step.name, step.from.or(step.by_other_name), &because.message_id);
            }
            if was_leader && !is_leader {
                // It may be another name of the heir's now.
                let heir = match self.memory.leader(self.transaction, step.name)?.or_else(|| heir(step.name, moves)) {
                    None => self.heir_by_digest(step.name)?,
                    heir => heir,
                };
                self.changes.end(step.name, heir, &because.message_id);
            }
            for leader in step.from.into_iter().chain(step.to) {
                if self.memory.standing(self.transaction, leader)?.leader == Some(leader) {
                    self.changes.renew(leader, &because.message_id);
                }
            }
            let others = self.transaction.other_names_of(step.name)?;
            others.into_iter().chain([step.name]).try_for_each(|name| self.look_at_devices_of(name, &because))?;
            for device in self.transaction.devices_marked_by(step.name)? {
                // A device that one name alone marked follows it wherever it goes. What strangers did there, some of whom
                // may be the ones that it goes to or comes from, is looked at; a profile of its own says whose it is.
                let marks = self.marks_on(device)?;
                if !marks.may_count(step.name) {
                    continue;
                }
                let has_profile = self.transaction.profile(device)?.is_some_and(|row| row.is_alive);
                let is_ones_own = marks.anchors.len() <= 1 && marks.rules.hidden.is_empty() && !marks.keeps_strangers;
                if !is_ones_own || has_profile {
                    self.devices.insert(device, because.clone());
                }
            }
        }
        Ok(())
    }

    /// Who is the person of the other form of a name that no claim says any more.
    fn heir_by_digest(&self, name: NameId) -> Result<Option<NameId>, StoreError> {
        let form = self.form_left_of(name)?;
        Ok(self.ownership().leader(form)?.filter(|_| form != name))
    }

    /// Has devices looked at again, because a name is another person's than before.
    fn look_at_devices_of(&mut self, name: NameId, because: &Cause) -> Result<(), StoreError> {
        // What named it and lost it goes by its device, and to whom the device gives it only if they hold the name.
        for device in self.transaction.devices_gone_by_without(name)? {
            self.devices.insert(device, because.clone());
        }
        // Whom a decision hides on a device is the person that the name is of now.
        for apart in self.transaction.kept_apart_from(name)? {
            if self.transaction.name(apart)?.class == Class::Device {
                self.devices.insert(apart, because.clone());
            }
        }
        Ok(())
    }

    /// The event of the group that moved a name: the one that makes its edge, if it is among them; else the last that
    /// spoke of it, of whom it joined or of whom it left; else the last of all.
    fn because(
        &self,
        step: &Move,
        causes: &BTreeMap<NameId, Cause>,
        by_event: &HashMap<&str, &Cause>,
    ) -> Result<Cause, StoreError> {
        let edge = self.followed_edge(step.name)?;
        let evidence = edge.and_then(|edge| by_event.get(&*edge.order.message_id).copied());
        let spoken_of =
            || [Some(step.name), step.to, step.from].into_iter().flatten().find_map(|name| causes.get(&name));
        let cause = evidence.or_else(spoken_of).or_else(|| causes.values().max());
        Ok(cause.cloned().unwrap_or_else(Cause::unknown))
    }

    /// The edge by which a name follows, or by which the trusted person that it heads does.
    fn followed_edge(&self, name: NameId) -> Result<Option<Parent>, StoreError> {
        let place = |name| -> Result<Option<Place>, StoreError> {
            Ok(self.transaction.placement(name)?.and_then(|placement| placement.place))
        };
        let Some(own) = place(name)? else { return Ok(None) };
        let head = own.among_trusted.head;
        let Some(of_head) = place(head)? else { return Ok(None) };
        // Who follows stands farther off than the head. What stands as near is the head, or a link ties it to the head:
        // it goes where that goes, and the edge that it shares with the head was refused.
        if of_head.among_trusted.reach != own.among_trusted.reach {
            return Ok(own.among_trusted.parent);
        }
        Ok(of_head.among_all.filter(|stands| stands.head != head).and_then(|stands| stands.parent))
    }
}

fn cause_of(name: NameId, causes: &BTreeMap<NameId, Cause>) -> Cause {
    causes.get(&name).or_else(|| causes.values().max()).cloned().unwrap_or_else(Cause::unknown)
}

/// Where what a vanished leader led went first.
fn heir(leader: NameId, moves: &[Move]) -> Option<NameId> {
    moves.iter().filter(|step| step.from.or(step.by_other_name) == Some(leader)).find_map(|step| step.to)
}

impl Cause {
    pub(super) fn unknown() -> Self {
        Self { arrival: 0, message_id: Arc::from("") }
    }
}
