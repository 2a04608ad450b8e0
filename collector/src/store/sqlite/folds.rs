//! How many events there are, and from when to when: of a shape, or of a slice of one.

use rusqlite::named_params;

use super::row::{bounds, count};
use super::session::Session;
use super::view::within_slice;
use crate::event::UnixMillis;
use crate::store::{EventSlice, Fold, Shape, StoreError};

impl Session<'_> {
    pub(super) fn read_fold(&self, slice: &EventSlice) -> Result<Fold, StoreError> {
        const SQL: &str =
            concat!("select count(*), min(time), max(time) from event where shape = :shape and", within_slice!());
        let (from, to) = bounds(slice);
        let params = named_params! {
            ":shape": slice.shape,
            ":from_time": from.0, ":from_message_id": from.1,
            ":to_time": to.0, ":to_message_id": to.1,
        };
        self.one(SQL, params, |row| {
            let span = row.get::<_, Option<UnixMillis>>(1)?.zip(row.get(2)?);
            Ok(Fold { event_count: count(row, 0)?, span })
        })
    }

    pub(super) fn read_fold_of_shape(&self, shape: &Shape) -> Result<Fold, StoreError> {
        const COUNT: &str = "select count(*) from event where shape = :shape";
        const LAST: &str = "select max(time) from event where shape = :shape";
        let event_count = match shape.event_count {
            _ if shape.is_snapshot => 0,
            Some(event_count) => event_count,
            None => self.one(COUNT, named_params! { ":shape": shape.id }, |row| count(row, 0))?,
        };
        if event_count == 0 {
            return Ok(Fold::default());
        }
        let last = self.one(LAST, named_params! { ":shape": shape.id }, |row| row.get::<_, Option<UnixMillis>>(0))?;
        Ok(Fold { event_count, span: last.map(|last| (shape.first.time, last)) })
    }
}

/// From so many on, a shape's row says how many events it has; fewer are counted in some ten microseconds, and a row
/// that is written with every event is a page of the file for each visitor of a group.
pub(super) const MANY_EVENTS: i64 = 1_000;
