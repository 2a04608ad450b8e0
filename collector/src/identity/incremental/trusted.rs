//! The units of the second placing: the people that the first came to, tied by what was observed.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use selvedge_core::identifier::Identifier;

use super::ground::{Ground, Stood};
use super::layer::{Outcome, UnitTies, Units, sequence};
use crate::identity::Rules;

/// Trusted people, each named by the name that heads it.
pub(super) struct TrustedPeople<'a, G> {
    ground: &'a G,
    rules: &'a Rules,
    among_trusted: &'a Outcome,
    /// Of those that the first placing moved: by the name that heads them now, its names in order.
    moved: HashMap<&'a Identifier, Vec<&'a Identifier>>,
    ties: RefCell<HashMap<Identifier, UnitTies>>,
    members: RefCell<HashMap<Identifier, Rc<[Identifier]>>>,
}

impl<'a, G: Ground> TrustedPeople<'a, G> {
    /// Those that stood, less and plus what the first placing moved.
    pub(super) fn new(ground: &'a G, rules: &'a Rules, among_trusted: &'a Outcome) -> Self {
        let mut moved: HashMap<_, Vec<_>> = HashMap::new();
        for (name, stands) in among_trusted {
            if let Some(stands) = stands {
                moved.entry(&stands.head).or_default().push(name);
            }
        }
        Self { ground, rules, among_trusted, moved, ties: RefCell::default(), members: RefCell::default() }
    }

    /// The people whose names, or whose names' edges, changed, and those tied to them.
    pub(super) fn touched_by(
        &self,
        dirty: &BTreeSet<Identifier>,
        among_trusted: &Outcome,
    ) -> Result<BTreeSet<Identifier>, G::Error> {
        let mut touched = BTreeSet::new();
        for name in dirty.iter().chain(among_trusted.keys()) {
            touched.insert(self.unit_of(name)?);
            touched.extend(self.ground.stood(name)?.map(|before| before.among_trusted.head));
        }
        let mut neighbours = BTreeSet::new();
        for person in &touched {
            if self.exists(person)? {
                neighbours.extend(self.ties(person)?.iter().map(|(_, to)| to.clone()));
            }
        }
        touched.extend(neighbours);
        Ok(touched)
    }

    /// Every name that belongs to the person, or did.
    pub(super) fn members_now_and_before(&self, person: &Identifier) -> Result<BTreeSet<Identifier>, G::Error> {
        let mut members: BTreeSet<Identifier> = self.members(person)?.iter().cloned().collect();
        members.extend(self.ground.trusted_person(person)?);
        Ok(members)
    }

    /// Whether a name that stands so is the one that its trusted person is named by.
    pub(super) fn is_headed_by(&self, name: &Identifier, stands: &Stood) -> bool {
        stands.head == *name
    }

    fn head_of(&self, name: &Identifier) -> Result<Option<Identifier>, G::Error> {
        match self.among_trusted.get(name) {
            Some(stands) => Ok(stands.as_ref().map(|stands| stands.head.clone())),
            None => Ok(self.ground.stood(name)?.map(|before| before.among_trusted.head)),
        }
    }
}

impl<G: Ground> Units for TrustedPeople<'_, G> {
    type Error = G::Error;

    fn exists(&self, person: &Identifier) -> Result<bool, G::Error> {
        Ok(self.head_of(person)?.as_ref() == Some(person))
    }

    fn kind(&self, person: &Identifier) -> usize {
        self.rules.place_of_kind(&person.kind)
    }

    fn ties(&self, person: &Identifier) -> Result<UnitTies, G::Error> {
        if let Some(ties) = self.ties.borrow().get(person) {
            return Ok(Rc::clone(ties));
        }
        let mut ties = Vec::new();
        for name in &*self.members(person)? {
            for tie in self.ground.ties(name)?.iter().filter(|tie| !tie.strength.is_trusted()) {
                let to = self.unit_of(tie.far_end(name))?;
                if to != *person {
                    ties.push((tie.clone(), to));
                }
            }
        }
        ties.sort_by(|(one, _), (other, _)| sequence(one, self.rules).cmp(&sequence(other, self.rules)));
        let ties: UnitTies = ties.into();
        self.ties.borrow_mut().insert(person.clone(), Rc::clone(&ties));
        Ok(ties)
    }

    fn members(&self, person: &Identifier) -> Result<Rc<[Identifier]>, G::Error> {
        if let Some(members) = self.members.borrow().get(person) {
            return Ok(Rc::clone(members));
        }
        let is_of = |stands: &Option<Stood>| stands.as_ref().is_some_and(|stands| stands.head == *person);
        let mut members: BTreeSet<Identifier> = self.ground.trusted_person(person)?.into_iter().collect();
        members.retain(|name| self.among_trusted.get(name).is_none_or(is_of));
        members.extend(self.moved.get(person).into_iter().flatten().map(|&name| name.clone()));
        let members: Rc<[_]> = members.into_iter().collect();
        self.members.borrow_mut().insert(person.clone(), Rc::clone(&members));
        Ok(members)
    }

    fn stood(&self, person: &Identifier) -> Result<Option<Stood>, G::Error> {
        Ok(self.ground.stood(person)?.and_then(|standing| standing.among_all))
    }

    fn kept_apart(&self, name: &Identifier) -> Result<Rc<[Identifier]>, G::Error> {
        self.ground.kept_apart(name)
    }

    fn unit_of(&self, name: &Identifier) -> Result<Identifier, G::Error> {
        Ok(self.head_of(name)?.unwrap_or_else(|| name.clone()))
    }
}
