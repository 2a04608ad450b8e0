//! One placing, done again where something changed. Knows units and the ties between them; neither trust nor names.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use selvedge_core::identifier::Identifier;

use super::ground::{Stood, Tie};
use super::reach::Reaches;
use crate::identity::follow::{MAX_STEPS, limit};
use crate::identity::{ParentEdge, Rules};

/// How near a unit is to a leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reach {
    /// The place of the leader's kind among account and contact kinds.
    pub kind: usize,
    /// 0 for the leader itself.
    pub steps: usize,
}

/// What one placing places. A unit is named by the identifier that leads it.
pub(super) trait Units {
    type Error;

    fn exists(&self, unit: &Identifier) -> Result<bool, Self::Error>;
    /// The place of its leader's kind among account and contact kinds.
    fn kind(&self, unit: &Identifier) -> usize;
    /// Its edges to other units, first ones first, each with the unit at the other end.
    fn ties(&self, unit: &Identifier) -> Result<UnitTies, Self::Error>;
    fn members(&self, unit: &Identifier) -> Result<Rc<[Identifier]>, Self::Error>;
    /// Where it stood before; `None` for one that was none.
    fn stood(&self, unit: &Identifier) -> Result<Option<Stood>, Self::Error>;
    /// The names that may not be one person's with a name.
    fn kept_apart(&self, name: &Identifier) -> Result<Rc<[Identifier]>, Self::Error>;
    /// Which unit a name belongs to now.
    fn unit_of(&self, name: &Identifier) -> Result<Identifier, Self::Error>;
}

/// The edges of a unit to others, first ones first, each with the unit at the other end.
pub(super) type UnitTies = Rc<[(Tie, Identifier)]>;

/// Where each unit stands that stands elsewhere than before; `None` for one that is none any more.
pub(super) type Outcome = BTreeMap<Identifier, Option<Stood>>;

/// A placing at work.
pub(super) struct Layer<'a, U> {
    units: &'a U,
    rules: &'a Rules,
    reaches: Reaches<'a, U>,
    /// Units that were asked again; `None` for one that is none any more.
    now: HashMap<Identifier, Option<Reach>>,
    parents: HashMap<Identifier, Option<(Tie, Identifier)>>,
}

impl<'a, U: Units> Layer<'a, U> {
    pub(super) fn new(units: &'a U, rules: &'a Rules) -> Self {
        Self { units, rules, reaches: Reaches::new(units), now: HashMap::new(), parents: HashMap::new() }
    }

    /// Places again the units of which something changed, and whoever that moves.
    pub(super) fn replace(mut self, dirty: &BTreeSet<Identifier>) -> Result<Outcome, U::Error> {
        let around = self.spread(dirty)?;
        let roots = self.find_parents(&around, dirty)?;
        let mut outcome = Outcome::new();
        for unit in dirty {
            if !self.units.exists(unit)? && self.units.stood(unit)?.is_some() {
                outcome.insert(unit.clone(), None);
            }
        }
        for root in roots {
            self.cut(&root, &mut outcome)?;
        }
        Ok(outcome)
    }

    /// Finds who is reached otherwise than before; returns all whose parent that can change.
    fn spread(&mut self, dirty: &BTreeSet<Identifier>) -> Result<BTreeSet<Identifier>, U::Error> {
        let mut open: Vec<Identifier> = dirty.iter().cloned().collect();
        let mut around = dirty.clone();
        for unit in dirty {
            if self.units.exists(unit)? {
                around.extend(self.units.ties(unit)?.iter().map(|(_, to)| to.clone()));
            }
        }
        while let Some(unit) = open.pop() {
            if self.now.contains_key(&unit) {
                continue;
            }
            let reach = if self.units.exists(&unit)? { Some(self.reaches.of(&unit)?) } else { None };
            self.now.insert(unit.clone(), reach);
            if reach == self.units.stood(&unit)?.map(|stood| stood.reach) || reach.is_none() {
                continue;
            }
            for (_, neighbour) in &*self.units.ties(&unit)? {
                around.insert(neighbour.clone());
                open.push(neighbour.clone());
            }
        }
        Ok(around)
    }

    /// Finds the parents of all that may have another; returns the roots of the trees that have to be cut again.
    fn find_parents(
        &mut self,
        around: &BTreeSet<Identifier>,
        dirty: &BTreeSet<Identifier>,
    ) -> Result<BTreeSet<Identifier>, U::Error> {
        let mut moved = Vec::new();
        for unit in around {
            let stood = self.units.stood(unit)?;
            let Some(reach) = self.reach(unit)? else {
                moved.push((unit.clone(), stood));
                continue;
            };
            let parent = self.first_nearer(unit, reach)?;
            let edge = parent.as_ref().map(|(tie, to)| self.parent_edge(unit, tie, to)).transpose()?;
            self.parents.insert(unit.clone(), parent);
            let is_as_before = stood.as_ref().is_some_and(|stood| stood.reach == reach && stood.parent == edge);
            if !is_as_before || dirty.contains(unit) {
                moved.push((unit.clone(), stood));
            }
        }
        let mut roots = BTreeSet::new();
        for (unit, stood) in moved {
            if self.reach(&unit)?.is_some() {
                roots.insert(self.root(&unit)?);
            }
            // Where it was: those whom it left get room.
            if let Some(stood) = stood {
                let root = self.root_before(&unit, stood)?;
                if self.reach(&root)?.is_some() {
                    roots.insert(self.root(&root)?);
                }
            }
        }
        Ok(roots)
    }

    /// As found now, or, where nothing changed, as it was.
    fn reach(&self, unit: &Identifier) -> Result<Option<Reach>, U::Error> {
        match self.now.get(unit) {
            Some(reach) => Ok(*reach),
            None => Ok(self.units.stood(unit)?.map(|stood| stood.reach)),
        }
    }

    fn first_nearer(&self, unit: &Identifier, reach: Reach) -> Result<Option<(Tie, Identifier)>, U::Error> {
        let Some(steps) = reach.steps.checked_sub(1) else { return Ok(None) };
        for (tie, to) in &*self.units.ties(unit)? {
            if self.reach(to)? == Some(Reach { steps, ..reach }) {
                return Ok(Some((tie.clone(), to.clone())));
            }
        }
        Ok(None)
    }

    fn parent(&self, unit: &Identifier) -> Result<Option<(Tie, Identifier)>, U::Error> {
        if let Some(parent) = self.parents.get(unit) {
            return Ok(parent.clone());
        }
        match self.reach(unit)? {
            Some(reach) => self.first_nearer(unit, reach),
            None => Ok(None),
        }
    }

    fn root(&self, unit: &Identifier) -> Result<Identifier, U::Error> {
        let mut root = unit.clone();
        for _ in 0..MAX_STEPS {
            match self.parent(&root)? {
                Some((_, parent)) => root = parent,
                None => break,
            }
        }
        Ok(root)
    }

    /// The leader of the tree that it stood in. Where a unit of then is none any more, its tree is cut for its sake.
    fn root_before(&self, unit: &Identifier, stood: Stood) -> Result<Identifier, U::Error> {
        let (mut root, mut stood) = (unit.clone(), stood);
        for _ in 0..MAX_STEPS {
            let Some(parent) = stood.parent else { break };
            let next = self.units.unit_of(&parent.to)?;
            match self.units.stood(&next)? {
                Some(before) => (root, stood) = (next, before),
                None => return Ok(next),
            }
        }
        Ok(root)
    }

    fn parent_edge(&self, unit: &Identifier, tie: &Tie, to: &Identifier) -> Result<ParentEdge, U::Error> {
        let is_anchor_here = self.units.unit_of(&tie.anchor)? == *unit && self.units.unit_of(&tie.other)? == *to;
        let (from, to) = if is_anchor_here { (&tie.anchor, &tie.other) } else { (&tie.other, &tie.anchor) };
        Ok(ParentEdge { from: from.clone(), to: to.clone(), order: tie.order.clone() })
    }

    /// Cuts the tree of a leader into groups.
    fn cut(&self, root: &Identifier, outcome: &mut Outcome) -> Result<(), U::Error> {
        let mut groups = Groups::new(self.units, self.rules);
        groups.found(root)?;
        self.settle(root, None, root, outcome)?;
        let mut nearer = vec![root.clone()];
        for _ in 0..MAX_STEPS {
            let (mut followers, mut known) = (Vec::new(), HashSet::new());
            for parent in &nearer {
                for (_, unit) in &*self.units.ties(parent)? {
                    let Some((tie, to)) = self.parent(unit)? else { continue };
                    if to == *parent && known.insert(unit.clone()) {
                        followers.push((tie, unit.clone(), to));
                    }
                }
            }
            followers.sort_by(|(one, ..), (other, ..)| sequence(one, self.rules).cmp(&sequence(other, self.rules)));
            for (tie, unit, parent) in &followers {
                let head = groups.join(unit, parent)?;
                self.settle(unit, Some((tie, parent)), &head, outcome)?;
            }
            nearer = followers.into_iter().map(|(_, unit, _)| unit).collect();
        }
        Ok(())
    }

    fn settle(
        &self,
        unit: &Identifier,
        parent: Option<(&Tie, &Identifier)>,
        head: &Identifier,
        outcome: &mut Outcome,
    ) -> Result<(), U::Error> {
        let Some(reach) = self.reach(unit)? else { return Ok(()) };
        let parent = parent.map(|(tie, to)| self.parent_edge(unit, tie, to)).transpose()?;
        let stands = Stood { reach, parent, head: head.clone() };
        if self.units.stood(unit)?.as_ref() != Some(&stands) {
            outcome.insert(unit.clone(), Some(stands));
        }
        Ok(())
    }
}

/// Which of two edges is first: by order, then by the ranks of its ends.
pub fn sequence<'t>(tie: &'t Tie, rules: &'t Rules) -> impl Ord + use<'t> {
    (&tie.order, rules.rank(&tie.anchor), rules.rank(&tie.other))
}

/// The groups of one tree as they fill.
struct Groups<'a, U> {
    units: &'a U,
    rules: &'a Rules,
    head: HashMap<Identifier, Identifier>,
    members: HashMap<Identifier, Vec<Identifier>>,
}

impl<'a, U: Units> Groups<'a, U> {
    fn new(units: &'a U, rules: &'a Rules) -> Self {
        Self { units, rules, head: HashMap::new(), members: HashMap::new() }
    }

    /// A unit that heads a group of its own.
    fn found(&mut self, unit: &Identifier) -> Result<(), U::Error> {
        self.head.insert(unit.clone(), unit.clone());
        self.members.insert(unit.clone(), self.units.members(unit)?.to_vec());
        Ok(())
    }

    /// Lets a unit join its parent's group, or, where that would be no one person's, stand for itself.
    fn join(&mut self, unit: &Identifier, parent: &Identifier) -> Result<Identifier, U::Error> {
        let head = self.head.get(parent).unwrap_or(parent).clone();
        let brought = self.units.members(unit)?;
        let held = self.members.entry(head.clone()).or_default();
        let mut is_one_person = fits(held, &brought, self.rules);
        for name in &*brought {
            is_one_person &= !self.units.kept_apart(name)?.iter().any(|other| held.contains(other));
        }
        if !is_one_person {
            self.found(unit)?;
            return Ok(unit.clone());
        }
        held.extend(brought.iter().cloned());
        self.head.insert(unit.clone(), head.clone());
        Ok(head)
    }
}

/// Whether two sets of names are few enough, kind by kind, to be one person's.
fn fits(held: &[Identifier], brought: &[Identifier], rules: &Rules) -> bool {
    brought.iter().all(|name| {
        let of_kind = |names: &[Identifier]| names.iter().filter(|other| other.kind == name.kind).count();
        of_kind(held) + of_kind(brought) <= limit(rules.class(&name.kind), rules)
    })
}
