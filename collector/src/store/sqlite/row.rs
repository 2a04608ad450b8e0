//! How rows read as the ledger's values, and values as the bounds and limits of statements.

use rusqlite::Row;

use super::column::Code;
use crate::event::{Order, Source, Strength};
use crate::identity::incremental::Reach;
use crate::store::{
    ConflictRow, DecisionId, EventSlice, Parent, Place, Placement, Role, SaidBy, Shape, ShapeName, Stood, StoredEvent,
    Transition,
};

pub(super) fn shape(row: &Row<'_>) -> rusqlite::Result<Shape> {
    Ok(Shape {
        id: row.get(0)?,
        source: row.get(1)?,
        first: order(row, 2)?,
        event_count: row.get::<_, Option<i64>>(4)?.map(|_| count(row, 4)).transpose()?,
        anchor: row.get(5)?,
        rank: row.get::<_, Code<_>>(6)?.0,
        names_someone: row.get::<_, i64>(7)? > 0,
        lost_names: row.get::<_, i64>(7)? > 1,
        is_snapshot: row.get(8)?,
        guard: row.get::<_, Code<_>>(9)?.0,
    })
}

pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    Ok(StoredEvent {
        seq: row.get(0)?,
        shape: row.get(1)?,
        order: order(row, 2)?,
        event_type: row.get::<_, Code<_>>(4)?.0,
        name: row.get(5)?,
        received_at: row.get(6)?,
        source: row.get(7)?,
        via: row.get::<_, Code<_>>(8)?.0,
        batch_context: row.get::<_, Vec<u8>>(9)?.into(),
        raw: row.get::<_, Vec<u8>>(10)?.into(),
    })
}

/// A placement from its columns: leader and quarantine, then those of both placings.
pub(super) fn placement(row: &Row<'_>) -> rusqlite::Result<Placement> {
    let quarantine = row.get::<_, Option<Code<_>>>(1)?.map(|code| code.0);
    let place = match (row.get(0)?, stood(row, 2)?) {
        (Some(leader), Some(among_trusted)) => Some(Place { leader, among_trusted, among_all: stood(row, 9)? }),
        _ => None,
    };
    Ok(Placement { place, quarantine, same_as: row.get(16)?, is_held: row.get(17)?, is_ignored: row.get(18)? })
}

/// From kind, steps, the parent's from, to, time and messageId, and the head.
fn stood(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Stood>> {
    let Some(kind) = row.get::<_, Option<i64>>(column)? else { return Ok(None) };
    let number = |at: usize, number: i64| {
        usize::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(at, number))
    };
    let reach = Reach { kind: number(column, kind)?, steps: number(column + 1, row.get(column + 1)?)? };
    let parent = match row.get(column + 2)? {
        Some(from) => Some(Parent { from, to: row.get(column + 3)?, order: order(row, column + 4)? }),
        None => None,
    };
    Ok(Some(Stood { reach, parent, head: row.get(column + 6)? }))
}

pub(super) fn conflict(row: &Row<'_>) -> rusqlite::Result<ConflictRow> {
    Ok(ConflictRow {
        x: row.get(0)?,
        y: row.get(1)?,
        reason: row.get::<_, Code<_>>(2)?.0,
        order: order(row, 3)?,
        said_by: match row.get(5)? {
            EDGE => SaidBy::Edge { source: row.get(6)?, strength: row.get::<_, Code<_>>(7)?.0 },
            ALIAS => SaidBy::Alias { source: row.get(6)? },
            LINK => SaidBy::Link(row.get(8)?),
            other => return Err(rusqlite::Error::IntegralValueOutOfRange(5, other)),
        },
    })
}

/// Who said it in the columns of a conflict: `said_by`, source, strength, decision.
pub(super) type SaidByColumns = (i64, Option<Source>, Option<Code<Strength>>, Option<DecisionId>);

pub(super) fn said_by(said_by: SaidBy) -> SaidByColumns {
    match said_by {
        SaidBy::Edge { source, strength } => (EDGE, Some(source), Some(Code(strength)), None),
        SaidBy::Alias { source } => (ALIAS, Some(source), Some(Code(Strength::Asserted)), None),
        SaidBy::Link(decision) => (LINK, None, None, Some(decision)),
    }
}

/// `shape.names_someone`.
pub(super) fn names_someone(names: &[ShapeName], lost_names: bool) -> i64 {
    match lost_names {
        true => 2,
        false => names.iter().any(|name| matches!(name.role, Role::Lone | Role::Tied)).into(),
    }
}

/// An order from its two columns, of which the first is the time.
pub(super) fn order(row: &Row<'_>, column: usize) -> rusqlite::Result<Order> {
    Ok(Order { time: row.get(column)?, message_id: row.get(column + 1)? })
}

pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let count: i64 = row.get(column)?;
    u64::try_from(count).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, count))
}

pub(super) fn transition(row: &Row<'_>) -> rusqlite::Result<Transition> {
    match row.get(2)? {
        CREATED => Ok(Transition::Created),
        MERGED => Ok(Transition::MergedInto(row.get(3)?)),
        SPLIT => Ok(Transition::SplitFrom(row.get(3)?)),
        DELETED => Ok(Transition::Deleted),
        unknown => Err(rusqlite::Error::IntegralValueOutOfRange(2, unknown)),
    }
}

/// The bounds of a slice as columns compare them; no messageId is empty, and no event is at the end of time.
pub(super) fn bounds(slice: &EventSlice) -> ((i64, &str), (i64, &str)) {
    let from = slice.from.as_ref().map_or((i64::MIN, ""), columns);
    let to = slice.to.as_ref().map_or((i64::MAX, ""), columns);
    (from, to)
}

fn columns(order: &Order) -> (i64, &str) {
    (order.time.0, &order.message_id)
}

/// A limit as SQLite takes it.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// `conflict.said_by`.
const EDGE: i64 = 0;
const ALIAS: i64 = 1;
const LINK: i64 = 2;

/// `change.kind`.
pub(super) const CREATED: i64 = 0;
pub(super) const MERGED: i64 = 1;
pub(super) const SPLIT: i64 = 2;
pub(super) const DELETED: i64 = 3;
