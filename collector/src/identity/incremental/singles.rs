//! The units of the first placing: single names, tied by what was said with trust.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use selvedge_core::identifier::Identifier;

use super::ground::{Ground, Stood};
use super::layer::{UnitTies, Units};
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
}

impl<G: Ground> Units for Singles<'_, G> {
    type Error = G::Error;

    fn exists(&self, name: &Identifier) -> Result<bool, G::Error> {
        self.ground.is_named(name)
    }

    fn kind(&self, name: &Identifier) -> usize {
        self.rules.place_of_kind(&name.kind)
    }

    fn ties(&self, name: &Identifier) -> Result<UnitTies, G::Error> {
        if let Some(ties) = self.ties.borrow().get(name) {
            return Ok(Rc::clone(ties));
        }
        let of_name = self.ground.ties(name)?;
        let trusted = of_name.iter().filter(|tie| tie.strength.is_trusted());
        let ties: UnitTies = trusted.map(|tie| (tie.clone(), tie.far_end(name).clone())).collect();
        self.ties.borrow_mut().insert(name.clone(), Rc::clone(&ties));
        Ok(ties)
    }

    fn members(&self, name: &Identifier) -> Result<Rc<[Identifier]>, G::Error> {
        Ok([name.clone()].into())
    }

    fn stood(&self, name: &Identifier) -> Result<Option<Stood>, G::Error> {
        Ok(self.ground.stood(name)?.map(|standing| standing.among_trusted))
    }

    fn unit_of(&self, name: &Identifier) -> Result<Identifier, G::Error> {
        Ok(name.clone())
    }
}
