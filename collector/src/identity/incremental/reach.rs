//! How near a unit is to a leader: by a search that ends at the first one.

use std::cell::RefCell;
use std::collections::HashMap;

use selvedge_core::identifier::Identifier;

use super::layer::{Reach, Units};
use crate::identity::follow::MAX_STEPS;

/// Reaches as they are now, each found once.
pub(super) struct Reaches<'a, U> {
    units: &'a U,
    /// By unit: of each kind that was looked for, the steps to the nearest leader of it, if one is near.
    found: RefCell<HashMap<Identifier, Vec<Option<usize>>>>,
}

impl<'a, U: Units> Reaches<'a, U> {
    pub(super) fn new(units: &'a U) -> Self {
        Self { units, found: RefCell::default() }
    }

    /// The first kind, in its order, of which a leader is near; a unit is near to itself.
    pub(super) fn of(&self, unit: &Identifier) -> Result<Reach, U::Error> {
        let own = self.units.kind(unit);
        for kind in 0..own {
            if let Some(steps) = self.steps_to(unit, kind)? {
                return Ok(Reach { kind, steps });
            }
        }
        Ok(Reach { kind: own, steps: 0 })
    }

    /// Whether it is still left when the round of this kind begins: no leader of an earlier kind is near.
    fn is_left(&self, unit: &Identifier, kind: usize) -> Result<bool, U::Error> {
        if self.units.kind(unit) < kind {
            return Ok(false);
        }
        for earlier in 0..kind {
            if self.steps_to(unit, earlier)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The steps to the nearest leader of this kind, over units that are left in its round, if it is near enough.
    /// Asked only of a unit that is left itself, kind after kind.
    fn steps_to(&self, unit: &Identifier, kind: usize) -> Result<Option<usize>, U::Error> {
        if let Some(steps) = self.found.borrow().get(unit).and_then(|found| found.get(kind)) {
            return Ok(*steps);
        }
        let steps = self.search(unit, kind)?;
        let mut found = self.found.borrow_mut();
        let found = found.entry(unit.clone()).or_default();
        if found.len() == kind {
            found.push(steps);
        }
        Ok(steps)
    }

    fn search(&self, unit: &Identifier, kind: usize) -> Result<Option<usize>, U::Error> {
        let mut seen = vec![unit.clone()];
        let mut nearest = vec![unit.clone()];
        for steps in 1..=MAX_STEPS {
            let mut next = Vec::new();
            for from in &nearest {
                for (_, to) in &*self.units.ties(from)? {
                    if seen.contains(to) || !self.is_left(to, kind)? {
                        continue;
                    }
                    if self.units.kind(to) == kind {
                        return Ok(Some(steps));
                    }
                    seen.push(to.clone());
                    next.push(to.clone());
                }
            }
            nearest = next;
        }
        Ok(None)
    }
}
