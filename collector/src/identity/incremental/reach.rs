//! How near a unit is to a leader: by a search that ends at the first one.

use std::cell::RefCell;
use std::collections::HashMap;

use selvedge_core::identifier::Identifier;

use super::layer::{Reach, Units};
use crate::identity::follow::MAX_STEPS;

/// Reaches as they are now, each found once: what a unit is asked is answered by what its neighbours are asked with one
/// step less, so that however many stand around, each is asked a few times.
pub(super) struct Reaches<'a, U> {
    units: &'a U,
    /// By unit and kind: whether a leader of the kind is within one step, two and so on, as far as that was asked.
    found: RefCell<HashMap<Identifier, Vec<Within>>>,
}

type Within = [Option<bool>; MAX_STEPS];

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
    /// Asked only of a unit that is left itself.
    fn steps_to(&self, unit: &Identifier, kind: usize) -> Result<Option<usize>, U::Error> {
        for steps in 1..=MAX_STEPS {
            if self.is_within(unit, kind, steps)? {
                return Ok(Some(steps));
            }
        }
        Ok(None)
    }

    fn is_within(&self, unit: &Identifier, kind: usize, steps: usize) -> Result<bool, U::Error> {
        let known = self.found.borrow().get(unit).and_then(|kinds| kinds.get(kind)).copied();
        if let Some(is_within) = known.and_then(|within| within.get(steps - 1).copied().flatten()) {
            return Ok(is_within);
        }
        let mut is_within = steps > 1 && self.is_within(unit, kind, steps - 1)?;
        if !is_within {
            for (_, to) in &*self.units.ties(unit)? {
                if !self.is_left(to, kind)? {
                    continue;
                }
                if self.units.kind(to) == kind || (steps > 1 && self.is_within(to, kind, steps - 1)?) {
                    is_within = true;
                    break;
                }
            }
        }
        let mut found = self.found.borrow_mut();
        let kinds = found.entry(unit.clone()).or_default();
        if kinds.len() <= kind {
            kinds.resize(kind + 1, Within::default());
        }
        if let Some(answer) = kinds.get_mut(kind).and_then(|within| within.get_mut(steps - 1)) {
            *answer = Some(is_within);
        }
        Ok(is_within)
    }
}
