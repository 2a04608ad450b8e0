//! The ledger as the placing engine asks for it: the edges of names, from the claims that are left.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use selvedge_core::identifier::Identifier;

use crate::event::{Claimed, Workspace};
use crate::identity::incremental::{Ground, Standing, Stood, Tie, sequence};
use crate::identity::{ParentEdge, Quarantine, Rules, anchor};
use crate::store::{self, NameId, Parent, Place, Role, ShapeId, StoreError, View};

/// The claims of the ledger, less the crowds. Remembers what it was asked, for one group.
pub(super) struct Claims<'a> {
    view: &'a dyn View,
    rules: &'a Rules,
    workspace: Workspace,
    names: RefCell<HashMap<NameId, Identifier>>,
    rows: RefCell<HashMap<Identifier, NameId>>,
    crowds: RefCell<HashMap<NameId, Option<Quarantine>>>,
}

/// A claim without the names that were taken out of it, by rows.
struct Left {
    /// Those that are left, its anchor first.
    names: Vec<Claimed>,
    shape: store::Shape,
}

impl<'a> Claims<'a> {
    pub(super) fn new(view: &'a dyn View, rules: &'a Rules, workspace: Workspace) -> Self {
        Self { view, rules, workspace, names: RefCell::default(), rows: RefCell::default(), crowds: RefCell::default() }
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

    /// The row of a name that a claim of the ledger names.
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

    /// Whether a crowd uses a name, as was stored or as was found since.
    pub(super) fn quarantine(&self, name: NameId) -> Result<Option<Quarantine>, StoreError> {
        if let Some(quarantine) = self.crowds.borrow().get(&name) {
            return Ok(*quarantine);
        }
        let quarantine = self.view.placement(name)?.and_then(|placement| placement.quarantine);
        self.crowds.borrow_mut().insert(name, quarantine);
        Ok(quarantine)
    }

    /// From now on, a crowd uses a name so.
    pub(super) fn set_quarantine(&self, name: NameId, quarantine: Option<Quarantine>) {
        self.crowds.borrow_mut().insert(name, quarantine);
    }

    /// Whether a name that was claimed with this strength is left of its claim.
    fn is_left(&self, named: &store::ShapeName) -> Result<bool, StoreError> {
        Ok(match self.quarantine(named.name)? {
            None => true,
            Some(Quarantine::Observed) => named.strength.is_trusted(),
            Some(Quarantine::Everywhere) => false,
        })
    }

    fn left(&self, shape: ShapeId) -> Result<Left, StoreError> {
        let mut names = Vec::new();
        for named in self.view.names_of(shape)? {
            if named.role == Role::Tied && self.is_left(&named)? {
                names.push(Claimed { identifier: self.identifier(named.name)?, strength: named.strength });
            }
        }
        if let Some(place) = anchor(&names, self.rules).and_then(|anchor| names.iter().position(|n| n == anchor)) {
            names.swap(0, place);
        }
        Ok(Left { names, shape: self.view.shape(shape)? })
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
        let mut ties = Vec::new();
        for shape in self.view.shapes_naming(self.row(name)?, Role::Tied)? {
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
        let row = self.row(name)?;
        Ok(match self.quarantine(row)? {
            None => self.view.strongest(row)?.is_some(),
            Some(Quarantine::Observed) => self.view.strongest(row)?.is_some_and(|strongest| strongest.is_trusted()),
            Some(Quarantine::Everywhere) => false,
        })
    }

    fn linked(&self, name: &Identifier) -> Result<Rc<[Identifier]>, StoreError> {
        Ok([name.clone()].into())
    }

    fn kept_apart(&self, _name: &Identifier) -> Result<Rc<[Identifier]>, StoreError> {
        Ok([].into())
    }

    fn stood(&self, name: &Identifier) -> Result<Option<Standing>, StoreError> {
        let placement = self.view.placement(self.row(name)?)?;
        placement.and_then(|placement| placement.place).map(|place| self.standing(place)).transpose()
    }

    fn trusted_person(&self, head: &Identifier) -> Result<Vec<Identifier>, StoreError> {
        self.view.trusted_person(self.row(head)?)?.into_iter().map(|name| self.identifier(name)).collect()
    }
}
