//! What the incremental engine stands on: the edges that are left, and where everyone stood before.

use std::rc::Rc;

use selvedge_core::identifier::Identifier;

use super::layer::Reach;
use crate::event::{Order, Source, Strength};

/// Answers about the ledger as it is now, but for where its names stand, which is as it was before.
pub trait Ground {
    /// Why an answer is missing.
    type Error;

    /// The edges of a name that are left, first ones first; of those that say the same with and without trust, the
    /// first each. Empty for a name that has none, or that no claim names.
    fn ties(&self, name: &Identifier) -> Result<Rc<[Tie]>, Self::Error>;

    /// Whether a claim that is left names it.
    fn is_named(&self, name: &Identifier) -> Result<bool, Self::Error>;

    /// The names that links make one with it, by rank, itself among them: the unit of the first placing. Only itself
    /// for most.
    fn linked(&self, name: &Identifier) -> Result<Rc<[Identifier]>, Self::Error>;

    /// The names that may not be one person's with it.
    fn kept_apart(&self, name: &Identifier) -> Result<Rc<[Identifier]>, Self::Error>;

    /// Where it stood; `None` for one that was not placed.
    fn stood(&self, name: &Identifier) -> Result<Option<Standing>, Self::Error>;

    /// The names whose trusted person this one headed, itself among them.
    fn trusted_person(&self, head: &Identifier) -> Result<Vec<Identifier>, Self::Error>;
}

/// An edge as one of its ends sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tie {
    /// The first event that says so.
    pub order: Order,
    /// The anchor of its claim: this end or the other.
    pub anchor: Identifier,
    /// The name beside the anchor.
    pub other: Identifier,
    /// That of its weaker end.
    pub strength: Strength,
    /// The write key that its claim came with.
    pub source: Source,
}

impl Tie {
    /// The end that is not `name`.
    pub fn far_end(&self, name: &Identifier) -> &Identifier {
        if self.anchor == *name { &self.other } else { &self.anchor }
    }
}

/// Where a unit stood, or stands, in one placing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stood {
    /// Which kind leads it, and in how many steps.
    pub reach: Reach,
    /// The edge by which it follows, whether or not it was let in; `None` for a leader. Its `from` is the end within
    /// the unit.
    pub parent: Option<super::super::ParentEdge>,
    /// The unit that heads its group, itself perhaps.
    pub head: Identifier,
}

/// Where a name stands, in both placings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Leads its person.
    pub leader: Identifier,
    /// Among trusted names.
    pub among_trusted: Stood,
    /// Of a name that heads a trusted person: where that person stands among all.
    pub among_all: Option<Stood>,
}
