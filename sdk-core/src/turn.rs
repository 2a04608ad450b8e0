//! One input being handled: its moment, its chance, and the effects so far.

use crate::moment::Chance;
use crate::{Effect, Moment};

/// What every sub-machine may use while an input is handled.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) moment: Moment,
    pub(crate) chance: Chance,
    pub(crate) effects: Vec<Effect>,
}

impl Turn {
    pub(crate) fn at(moment: Moment) -> Self {
        Self { moment, chance: Chance::of(&moment), effects: Vec::new() }
    }
}
