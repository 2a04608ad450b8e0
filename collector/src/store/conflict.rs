//! A conflict as the ledger keeps it: what was said of two people, and by whom.

use super::{DecisionId, NameId};
use crate::event::{Order, Source, Strength};
use crate::identity::Reason;

/// An edge, an alias or a link whose ends are two people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictRow {
    /// Of an edge the anchor of its claim; of an alias and of a link the first end by (class, kind priority, value).
    pub x: NameId,
    /// The other end.
    pub y: NameId,
    /// Why they are not one person.
    pub reason: Reason,
    /// Who says that they are.
    pub said_by: SaidBy,
    /// The order of that event; of a link when it was decided, and `decision:ID`.
    pub order: Order,
}

/// Who says of two names that they are one person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaidBy {
    /// An event that names both, as far as it is trusted about the weaker of them.
    Edge {
        /// The key that it came with.
        source: Source,
        /// That of the weaker end.
        strength: Strength,
    },
    /// An alias of a server: an event that is trusted about both.
    Alias {
        /// The key that it came with.
        source: Source,
    },
    /// A decision.
    Link(DecisionId),
}
