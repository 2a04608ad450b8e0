//! One thing to be sent, as text, and its place in the ledger.

use crate::store::Position;

/// What a destination is told of one event or one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// The messageId of an event or a snapshot, or `change:{seq}`: under which a refused one is kept.
    pub(super) id: Box<str>,
    /// JSON object text.
    pub(super) text: String,
}

/// A place in the ledger, and what is said there: nothing, where it does not concern a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Where a destination stands that has heard it.
    pub(super) position: Position,
    pub(super) message: Option<Message>,
}
