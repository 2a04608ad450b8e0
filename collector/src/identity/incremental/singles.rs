//! The units of the first placing: single names, or those that links join, tied by what was said with trust.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use selvedge_core::identifier::Identifier;

use super::ground::{Ground, Stood};
use super::layer::{Outcome, UnitTies, Units, sequence};
use crate::identity::Rules;

/// Every account and contact that a claim names.
pub(super) struct Singles<'a, G> {
    ground: &'a G,
    rules: &'a Rules,
    ties: RefCell<HashMap<Identifier, UnitTies>>,
}

impl<'a, G: Ground> Singles<'a, G> {
    pub(super) fn new(ground: &'a G, rules: &'a Rules) -> Self {
        Self { ground, rules, ties: RefCell::default() }
    }

    /// The units that names belong to, those that they were themselves, and those tied to them: a link can bring a
    /// leader nearer to someone of whom nothing else changed.
    pub(super) fn touched_by(&self, dirty: &BTreeSet<Identifier>) -> Result<BTreeSet<Identifier>, G::Error> {
        let mut touched = dirty.clone();
        for name in dirty {
            let unit = self.unit_of(name)?;
            if self.exists(&unit)? {
                touched.extend(self.ties(&unit)?.iter().map(|(_, to)| to.clone()));
            }
            touched.insert(unit);
        }
        Ok(touched)
    }

    /// What the placing of units means for names: each stands as its unit does.
    pub(super) fn by_name(&self, dirty: &BTreeSet<Identifier>, by_unit: &Outcome) -> Result<Outcome, G::Error> {
        let mut names = dirty.clone();
        for unit in by_unit.keys() {
            names.extend(self.members(unit)?.iter().cloned());
        }
        let mut by_name = Outcome::new();
        for name in names {
            let now = if self.ground.is_named(&name)? { self.now(&self.unit_of(&name)?, by_unit)? } else { None };
            if now != self.ground.stood(&name)?.map(|standing| standing.among_trusted) {
                by_name.insert(name, now);
            }
        }
        Ok(by_name)
    }

    fn now(&self, unit: &Identifier, by_unit: &Outcome) -> Result<Option<Stood>, G::Error> {
        match by_unit.get(unit) {
            Some(now) => Ok(now.clone()),
            None => self.stood(unit),
        }
    }
}

impl<G: Ground> Units for Singles<'_, G> {
    type Error = G::Error;

    fn exists(&self, unit: &Identifier) -> Result<bool, G::Error> {
        Ok(self.ground.is_named(unit)? && self.unit_of(unit)? == *unit)
    }

    fn kind(&self, unit: &Identifier) -> usize {
        self.rules.place_of_kind(&unit.kind)
    }

    fn ties(&self, unit: &Identifier) -> Result<UnitTies, G::Error> {
        if let Some(ties) = self.ties.borrow().get(unit) {
            return Ok(Rc::clone(ties));
        }
        let mut ties = Vec::new();
        for name in &*self.members(unit)? {
            for tie in self.ground.ties(name)?.iter().filter(|tie| tie.strength.is_trusted()) {
                let to = self.unit_of(tie.far_end(name))?;
                if to != *unit {
                    ties.push((tie.clone(), to));
                }
            }
        }
        ties.sort_by(|(one, _), (other, _)| sequence(one, self.rules).cmp(&sequence(other, self.rules)));
        let ties: UnitTies = ties.into();
        self.ties.borrow_mut().insert(unit.clone(), Rc::clone(&ties));
        Ok(ties)
    }

    fn members(&self, unit: &Identifier) -> Result<Rc<[Identifier]>, G::Error> {
        self.ground.linked(unit)
    }

    fn stood(&self, unit: &Identifier) -> Result<Option<Stood>, G::Error> {
        Ok(self.ground.stood(unit)?.map(|standing| standing.among_trusted))
    }

    fn kept_apart(&self, name: &Identifier) -> Result<Rc<[Identifier]>, G::Error> {
        self.ground.kept_apart(name)
    }

    fn unit_of(&self, name: &Identifier) -> Result<Identifier, G::Error> {
        Ok(self.ground.linked(name)?.first().unwrap_or(name).clone())
    }
}
