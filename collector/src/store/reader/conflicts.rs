//! Edges that were said and could not hold, for the operator.

use super::{ConflictCursor, Reader};
use crate::identity::Conflict;
use crate::store::StoreError;

/// Some conflicts, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictPage {
    /// The conflicts.
    pub conflicts: Vec<Conflict>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<ConflictCursor>,
}

impl Reader<'_> {
    /// A page of the workspace's conflicts.
    pub fn conflicts(&self, cursor: Option<&ConflictCursor>, limit: usize) -> Result<ConflictPage, StoreError> {
        let mut rows = self.view.conflicts(self.workspace, cursor, limit.saturating_add(1))?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let cursor_at =
            |row: &crate::store::ConflictRow| ConflictCursor { order: row.order.clone(), x: row.x, y: row.y };
        let next = rows.last().filter(|_| more).map(cursor_at);
        let mut conflicts = Vec::with_capacity(rows.len());
        for row in rows {
            conflicts.push(Conflict {
                x: self.view.name(row.x)?.identifier,
                y: self.view.name(row.y)?.identifier,
                reason: row.reason,
                order: row.order,
                source: row.source,
                strength: row.strength,
            });
        }
        Ok(ConflictPage { conflicts, next })
    }
}
