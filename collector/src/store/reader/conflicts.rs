//! What was said of two people as of one, for the operator.

use selvedge_core::identifier::Identifier;
use serde::Serialize;

use super::{ConflictCursor, Reader, Said};
use crate::event::Strength;
use crate::key::{StoredKey, source_name};
use crate::store::{ConflictRow, DecisionRow, SaidBy, StoreError};

/// Some conflicts, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictPage {
    /// The conflicts.
    pub conflicts: Vec<ShownConflict>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<ConflictCursor>,
}

/// A conflict with its names (protocol.md, section 5).
///
/// ```json
/// {"x": {"kind": "user_id", "value": "u-2"}, "y": {"kind": "email", "value": "ada@example.com"},
///  "reason": "account_conflict", "messageId": "m-7", "time": "2026-01-31T10:20:30.412Z", "source": "public",
///  "strength": "observed"}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownConflict {
    /// Of an edge the anchor of its claim.
    pub x: Identifier,
    /// The other end.
    pub y: Identifier,
    /// `decision`, `account_conflict`, `limit` or `nearest`.
    pub reason: &'static str,
    /// Who says that they are one person's; of a link the decision.
    #[serde(flatten)]
    pub said: Said,
}

impl Reader<'_> {
    /// A page of the workspace's conflicts.
    pub fn conflicts(&self, cursor: Option<&ConflictCursor>, limit: usize) -> Result<ConflictPage, StoreError> {
        let mut rows = self.view.conflicts(self.workspace, cursor, limit.saturating_add(1))?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let cursor_at = |row: &ConflictRow| ConflictCursor { order: row.order.clone(), x: row.x, y: row.y };
        let next = rows.last().filter(|_| more).map(cursor_at);
        let (keys, decisions) = (self.view.keys(self.workspace)?, self.view.decisions(self.workspace)?);
        let mut conflicts = Vec::with_capacity(rows.len());
        for row in rows {
            conflicts.push(ShownConflict {
                x: self.view.name(row.x)?.identifier,
                y: self.view.name(row.y)?.identifier,
                reason: row.reason.as_str(),
                said: self.said_of(&row, &keys, &decisions)?,
            });
        }
        Ok(ConflictPage { conflicts, next })
    }

    /// Who says what a conflict is about.
    pub(super) fn said_of(
        &self,
        row: &ConflictRow,
        keys: &[StoredKey],
        decisions: &[DecisionRow],
    ) -> Result<Said, StoreError> {
        let (source, strength) = match row.said_by {
            SaidBy::Edge { source, strength } => (source, strength),
            SaidBy::Alias { source } => (source, Strength::Asserted),
            SaidBy::Link(id) => {
                let decision = decisions.iter().find(|decision| decision.id == id);
                return self.said_by_decision(decision.ok_or(NO_DECISION)?);
            }
        };
        Ok(Said::by_event(&row.order, source_name(source, keys), strength))
    }
}

const NO_DECISION: StoreError = StoreError::Impossible { what: "refused link without its decision" };
