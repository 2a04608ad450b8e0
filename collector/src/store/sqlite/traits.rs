//! The history of traits: the newest set of each, or all sets of one.

use rusqlite::{Row, named_params};

use super::row::{bounds, order};
use super::session::Session;
use super::view::within_slice;
use crate::store::{EventSlice, StoreError, StoredTrait};

/// Jumps from name to name: a trait that was set with every page view costs no more than one that was set once.
macro_rules! with_names_of_traits {
    () => {
        "with recursive named (name) as (
            select min(name) from trait_set where shape = :shape
            union all
            select (select min(name) from trait_set where shape = :shape and name > named.name)
            from named where named.name is not null
         ) "
    };
}
pub(super) use with_names_of_traits;

impl Session<'_> {
    pub(super) fn read_latest_traits(&self, slice: &EventSlice) -> Result<Vec<StoredTrait>, StoreError> {
        const SQL: &str = concat!(
            with_names_of_traits!(),
            "select latest.name, latest.time, latest.message_id, latest.value
             from named join trait_set latest on latest.shape = :shape and latest.name = named.name
             where (latest.time, latest.message_id) = (
                select time, message_id from trait_set where shape = :shape and name = named.name and",
            within_slice!(),
            "order by time desc, message_id desc limit 1)"
        );
        let (from, to) = bounds(slice);
        let params = named_params! {
            ":shape": slice.shape,
            ":from_time": from.0, ":from_message_id": from.1,
            ":to_time": to.0, ":to_message_id": to.1,
        };
        self.all(SQL, params, stored_trait)
    }

    pub(super) fn read_trait_sets(&self, slice: &EventSlice, name: &str) -> Result<Vec<StoredTrait>, StoreError> {
        const SQL: &str = concat!(
            "select name, time, message_id, value from trait_set where shape = :shape and name = :name and",
            within_slice!()
        );
        let (from, to) = bounds(slice);
        let params = named_params! {
            ":shape": slice.shape,
            ":name": name,
            ":from_time": from.0, ":from_message_id": from.1,
            ":to_time": to.0, ":to_message_id": to.1,
        };
        self.all(SQL, params, stored_trait)
    }
}

pub(super) fn stored_trait(row: &Row<'_>) -> rusqlite::Result<StoredTrait> {
    Ok(StoredTrait { name: row.get(0)?, order: order(row, 1)?, value: row.get(3)? })
}
