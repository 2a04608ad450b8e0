//! Whether a claim keeps a name: what the engine asks when it places names, and readers when they say who was seen.

use super::{NameId, Placement};
use crate::event::{Guard, Strength};
use crate::identity::Quarantine;

/// What keeps a name out of claims, or another in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// Whether a crowd uses it.
    pub quarantine: Option<Quarantine>,
    /// The name that is placed in its stead.
    pub same_as: Option<NameId>,
    /// Whether a trusted claim names it, or another name of the same.
    pub is_held: bool,
    /// Whether a decision takes it out of every claim.
    pub is_ignored: bool,
}

impl Flags {
    /// Those of a stored placement.
    pub fn of(placement: &Placement) -> Self {
        Self {
            quarantine: placement.quarantine,
            same_as: placement.same_as,
            is_held: placement.is_held,
            is_ignored: placement.is_ignored,
        }
    }

    /// Whether a claim of this strength under this guard keeps the name whose flags these are (identity.md, section 4).
    pub fn let_stand(self, strength: Strength, guard: Guard) -> bool {
        let crowd_admits = match self.quarantine {
            None => true,
            Some(Quarantine::Observed) => strength.is_trusted(),
            Some(Quarantine::Everywhere) => false,
        };
        let guard_admits = strength.is_trusted()
            || match guard {
                Guard::Nothing | Guard::NothingYet => true,
                Guard::Held => !self.is_held,
                Guard::Everyone => false,
            };
        crowd_admits && guard_admits && !self.is_ignored
    }
}
