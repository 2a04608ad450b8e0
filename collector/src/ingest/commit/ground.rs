//! The ledger as the placing engine asks for it: the edges of names, from the claims that are left.
//!
//! A name is known by the one that is placed for it: its account's, or the clear value of a digest. What was found out
//! about names since the group began (`Flags`) lies over what is stored.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use selvedge_core::identifier::Identifier;

use super::in_force::InForce;
use crate::event::{Claimed, Guard, Strength, Workspace};
use crate::identity::incremental::{Ground, Standing, Stood, Tie, sequence};
use crate::identity::{ParentEdge, Quarantine, Rules, anchor, linked_units};
use crate::store::{self, Flags, NameId, Parent, Place, Role, ShapeId, ShapeName, StoreError, View};

/// The claims of the ledger, less what is taken out. Remembers what it was asked, for one group.
pub(super) struct Claims<'a> {
    view: &'a dyn View,
    rules: &'a Rules,
    workspace: Workspace,
    in_force: Arc<InForce>,
    names: RefCell<HashMap<NameId, Identifier>>,
    rows: RefCell<HashMap<Identifier, NameId>>,
    flags: RefCell<HashMap<NameId, Flags>>,
    /// By the name that is placed for them: the names that are known to be, or to have been, the same.
    same: RefCell<HashMap<NameId, BTreeSet<NameId>>>,
    /// The units that links make, of names that were asked for.
    linked: RefCell<HashMap<Identifier, Rc<[Identifier]>>>,
}

/// A claim without the names that were taken out of it.
pub(super) struct Left {
    /// Those that are left, by the names that are placed for them, the anchor first.
    pub(super) names: Vec<Claimed>,
    pub(super) shape: store::Shape,
}

impl<'a> Claims<'a> {
    pub(super) fn new(view: &'a dyn View, rules: &'a Rules, workspace: Workspace) -> Self {
        Self {
            view,
            rules,
            workspace,
            in_force: Arc::default(),
            names: RefCell::default(),
            rows: RefCell::default(),
            flags: RefCell::default(),
            same: RefCell::default(),
            linked: RefCell::default(),
        }
    }

    /// From now on, these decisions stand.
    pub(super) fn set_in_force(&mut self, in_force: Arc<InForce>) {
        self.in_force = in_force;
        self.linked.borrow_mut().clear();
    }

    pub(super) fn in_force(&self) -> &InForce {
        &self.in_force
    }

    /// A name by its row.
    pub(super) fn identifier(&self, name: NameId) -> Result<Identifier, StoreError> {
        if let Some(identifier) = self.names.borrow().get(&name) {
            return Ok(identifier.clone());
        }
        let identifier = self.view.name(name)?.identifier;
        self.names.borrow_mut().insert(name, identifier.clone());
        self.rows.borrow_mut().insert(identifier.clone(), name);
        Ok(identifier)
    }

    /// The row of a name of the ledger.
    pub(super) fn row(&self, identifier: &Identifier) -> Result<NameId, StoreError> {
        if let Some(name) = self.rows.borrow().get(identifier) {
            return Ok(*name);
        }
        let name = self.view.name_id(self.workspace, identifier)?;
        let name = name.ok_or(StoreError::Impossible { what: "identifier without a row" })?;
        self.rows.borrow_mut().insert(identifier.clone(), name);
        self.names.borrow_mut().insert(name, identifier.clone());
        Ok(name)
    }

    /// What keeps a name out of claims, as was stored or as was found since.
    pub(super) fn flags(&self, name: NameId) -> Result<Flags, StoreError> {
        if let Some(flags) = self.flags.borrow().get(&name) {
            return Ok(*flags);
        }
        let flags = self.view.placement(name)?.map_or(Flags::default(), |placement| Flags::of(&placement));
        self.set_flags(name, flags);
        Ok(flags)
    }

    pub(super) fn set_flags(&self, name: NameId, flags: Flags) {
        if let Some(placed) = flags.same_as {
            self.same.borrow_mut().entry(placed).or_default().insert(name);
        }
        self.flags.borrow_mut().insert(name, flags);
    }

    /// The name that is placed for a name: itself, for most.
    pub(super) fn placed(&self, name: NameId) -> Result<NameId, StoreError> {
        Ok(self.flags(name)?.same_as.unwrap_or(name))
    }

    /// All names that one is placed for, itself among them.
    pub(super) fn names_of(&self, placed: NameId) -> Result<BTreeSet<NameId>, StoreError> {
        let mut names = BTreeSet::from([placed]);
        names.extend(self.view.other_names_of(placed)?);
        names.extend(self.same.borrow().get(&placed).into_iter().flatten());
        let mut of_it = BTreeSet::new();
        for name in names {
            if self.placed(name)? == placed {
                of_it.insert(name);
            }
        }
        Ok(of_it)
    }

    /// The shapes that name it, or another name of the same, beside others.
    pub(super) fn shapes_tying(&self, placed: NameId) -> Result<BTreeSet<ShapeId>, StoreError> {
        let mut shapes = BTreeSet::new();
        for name in self.names_of(placed)? {
            shapes.extend(self.view.shapes_naming(name, Role::Tied)?);
        }
        Ok(shapes)
    }

    /// The same of shapes that name it at least as strongly as that, at most so many by each of its names.
    pub(super) fn some_shapes_tying(
        &self,
        placed: NameId,
        least: Strength,
        limit: usize,
    ) -> Result<BTreeSet<ShapeId>, StoreError> {
        let mut shapes = BTreeSet::new();
        for name in self.names_of(placed)? {
            shapes.extend(self.view.shapes_tying(name, least, limit)?);
        }
        Ok(shapes)
    }

    /// The shapes in which a name may be left beside others: what a crowd uses is not looked through.
    fn shapes_leaving(&self, placed: NameId) -> Result<BTreeSet<ShapeId>, StoreError> {
        let flags = self.flags(placed)?;
        let least = match flags.quarantine {
            _ if flags.is_ignored => return Ok(BTreeSet::new()),
            Some(Quarantine::Everywhere) => return Ok(BTreeSet::new()),
            Some(Quarantine::Observed) => Strength::Proven,
            None => return self.shapes_tying(placed),
        };
        self.some_shapes_tying(placed, least, usize::MAX)
    }

    /// Whether a name is left of its claim.
    pub(super) fn is_left(&self, named: &ShapeName, guard: Guard) -> Result<bool, StoreError> {
        let own = self.flags(named.name)?;
        let placed = own.same_as.map_or(Ok(own), |same| self.flags(same))?;
        Ok(!own.is_ignored && placed.let_stand(named.strength, guard))
    }

    /// What is left of a claim.
    pub(super) fn left(&self, shape: ShapeId) -> Result<Left, StoreError> {
        let names = self.view.names_of(shape)?;
        let shape = self.view.shape(shape)?;
        let names = self.left_of(&names, shape.guard)?;
        Ok(Left { names, shape })
    }

    /// The accounts and contacts that are left of a claim, each once, by the name that is placed for it; the anchor
    /// first.
    pub(super) fn left_of(&self, named: &[ShapeName], guard: Guard) -> Result<Vec<Claimed>, StoreError> {
        let mut left: BTreeMap<Identifier, Claimed> = BTreeMap::new();
        for named in named.iter().filter(|named| matches!(named.role, Role::Lone | Role::Tied)) {
            if self.is_left(named, guard)? {
                let identifier = self.identifier(self.placed(named.name)?)?;
                let claimed = Claimed { identifier: identifier.clone(), strength: named.strength };
                let known = left.entry(identifier).or_insert(claimed);
                known.strength = known.strength.max(named.strength);
            }
        }
        let mut names: Vec<Claimed> = left.into_values().collect();
        if let Some(place) = anchor(&names, self.rules).and_then(|anchor| names.iter().position(|n| n == anchor)) {
            names.swap(0, place);
        }
        Ok(names)
    }

    /// The unit that links make of a name and others that are there. Looks at all that is linked to it, however far.
    fn linked_unit(&self, name: &Identifier) -> Result<Rc<[Identifier]>, StoreError> {
        if let Some(unit) = self.linked.borrow().get(name) {
            return Ok(Rc::clone(unit));
        }
        let linked = self.in_force.linked_to(BTreeSet::from([name.clone()]));
        let mut units: HashMap<_, Rc<[Identifier]>> =
            linked.iter().map(|name| (name.clone(), [name.clone()].into())).collect();
        let mut named = BTreeSet::new();
        for name in linked {
            if self.is_named(&name)? {
                named.insert(name);
            }
        }
        let links = self.in_force.links_among(&named);
        for unit in linked_units(&named, links, &self.in_force.decisions, self.rules) {
            units.extend(unit.iter().map(|name| (name.clone(), Rc::clone(&unit))));
        }
        let unit = units.get(name).cloned().unwrap_or_else(|| [name.clone()].into());
        self.linked.borrow_mut().extend(units);
        Ok(unit)
    }

    fn standing(&self, place: Place) -> Result<Standing, StoreError> {
        Ok(Standing {
            leader: self.identifier(place.leader)?,
            among_trusted: self.stood_of(place.among_trusted)?,
            among_all: place.among_all.map(|stood| self.stood_of(stood)).transpose()?,
        })
    }

    fn stood_of(&self, stood: store::Stood) -> Result<Stood, StoreError> {
        let parent = stood.parent.map(|parent| -> Result<_, StoreError> {
            let (from, to) = (self.identifier(parent.from)?, self.identifier(parent.to)?);
            Ok(ParentEdge { from, to, order: parent.order })
        });
        Ok(Stood { reach: stood.reach, parent: parent.transpose()?, head: self.identifier(stood.head)? })
    }

    /// A standing in rows, as it is stored.
    pub(super) fn place_of(&self, standing: &Standing) -> Result<Place, StoreError> {
        Ok(Place {
            leader: self.row(&standing.leader)?,
            among_trusted: self.stored(&standing.among_trusted)?,
            among_all: standing.among_all.as_ref().map(|stood| self.stored(stood)).transpose()?,
        })
    }

    fn stored(&self, stood: &Stood) -> Result<store::Stood, StoreError> {
        let parent = stood.parent.as_ref().map(|parent| -> Result<_, StoreError> {
            Ok(Parent { from: self.row(&parent.from)?, to: self.row(&parent.to)?, order: parent.order.clone() })
        });
        Ok(store::Stood { reach: stood.reach, parent: parent.transpose()?, head: self.row(&stood.head)? })
    }
}

impl Ground for Claims<'_> {
    type Error = StoreError;

    fn ties(&self, name: &Identifier) -> Result<Rc<[Tie]>, StoreError> {
        let row = self.row(name)?;
        if self.placed(row)? != row {
            return Ok([].into());
        }
        let mut ties = Vec::new();
        for shape in self.shapes_leaving(row)? {
            let Left { names, shape } = self.left(shape)?;
            let Some((anchor, others)) = names.split_first() else { continue };
            let ends_here = |other: &&Claimed| anchor.identifier == *name || other.identifier == *name;
            ties.extend(others.iter().filter(ends_here).map(|other| Tie {
                order: shape.first.clone(),
                anchor: anchor.identifier.clone(),
                other: other.identifier.clone(),
                strength: anchor.strength.min(other.strength),
                source: shape.source,
            }));
        }
        ties.sort_by(|one, other| sequence(one, self.rules).cmp(&sequence(other, self.rules)));
        let mut said = HashSet::new();
        ties.retain(|tie| said.insert((tie.far_end(name).clone(), tie.strength.is_trusted())));
        Ok(ties.into())
    }

    fn is_named(&self, name: &Identifier) -> Result<bool, StoreError> {
        let placed = self.row(name)?;
        if self.placed(placed)? != placed {
            return Ok(false);
        }
        let flags = self.flags(placed)?;
        if flags.is_ignored || flags.quarantine == Some(Quarantine::Everywhere) {
            return Ok(false);
        }
        if flags.quarantine == Some(Quarantine::Observed) {
            let strongest = self.names_of(placed)?.into_iter().map(|name| self.view.strongest(name));
            return Ok(strongest.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().any(Strength::is_trusted));
        }
        for name in self.names_of(placed)? {
            for (guard, strength) in self.view.claims_of(name)? {
                if self.is_left(&ShapeName { name, strength, role: Role::Lone }, guard)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn linked(&self, name: &Identifier) -> Result<Rc<[Identifier]>, StoreError> {
        if self.in_force.decisions.links.is_empty() {
            return Ok([name.clone()].into());
        }
        self.linked_unit(name)
    }

    fn kept_apart(&self, name: &Identifier) -> Result<Rc<[Identifier]>, StoreError> {
        Ok(self.in_force.apart_from(name).into())
    }

    fn stood(&self, name: &Identifier) -> Result<Option<Standing>, StoreError> {
        let placement = self.view.placement(self.row(name)?)?;
        placement.and_then(|placement| placement.place).map(|place| self.standing(place)).transpose()
    }

    fn trusted_person(&self, head: &Identifier) -> Result<Vec<Identifier>, StoreError> {
        self.view.trusted_person(self.row(head)?)?.into_iter().map(|name| self.identifier(name)).collect()
    }
}
