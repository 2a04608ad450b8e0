//! Guarding what is stored already: splits shapes at the moment from which held names are taken out of them.

use rusqlite::named_params;

use super::column::Code;
use super::folds::MANY_EVENTS;
use super::session::Session;
use crate::event::{Guard, UnixMillis};
use crate::store::{Shape, ShapeId, StoreError};

impl Session<'_> {
    pub(super) fn guard(&self, shape: &Shape, digest: &[u8; 16], from: UnixMillis) -> Result<ShapeId, StoreError> {
        if shape.first.time >= from {
            const SQL: &str = "update shape set guard = :guard, digest = :digest where id = :shape";
            self.execute(SQL, named_params! { ":guard": Code(Guard::Held), ":digest": digest, ":shape": shape.id })?;
            return Ok(shape.id);
        }
        let guarded = self.copy_shape(shape.id, digest)?;
        self.move_events(shape.id, guarded, from)?;
        self.fold_again(shape.id)?;
        self.fold_again(guarded)?;
        Ok(guarded)
    }

    fn copy_shape(&self, shape: ShapeId, digest: &[u8; 16]) -> Result<ShapeId, StoreError> {
        const SHAPE: &str = "
            insert into shape (workspace, digest, source, is_snapshot, anchor, rank, guard, names_someone,
                first_time, first_message_id)
            select workspace, :digest, source, is_snapshot, anchor, rank, :guard, names_someone,
                first_time, first_message_id
            from shape where id = :shape";
        const NAMES: &str = "
            insert into shape_identifier (shape, identifier, role, strength)
            select :guarded, identifier, role, strength from shape_identifier where shape = :shape";
        let params = named_params! { ":digest": digest, ":guard": Code(Guard::Held), ":shape": shape };
        let guarded = ShapeId(self.insert(SHAPE, params)?);
        self.execute(NAMES, named_params! { ":guarded": guarded, ":shape": shape })?;
        Ok(guarded)
    }

    fn move_events(&self, shape: ShapeId, guarded: ShapeId, from: UnixMillis) -> Result<(), StoreError> {
        const EVENTS: &str = "update event set shape = :guarded where shape = :shape and time >= :from";
        const TRAITS: &str = "update trait_set set shape = :guarded where shape = :shape and time >= :from";
        for sql in [EVENTS, TRAITS] {
            self.execute(sql, named_params! { ":guarded": guarded, ":shape": shape, ":from": from })?;
        }
        Ok(())
    }

    /// A shape's fold over the events that it has now.
    pub(super) fn fold_again(&self, shape: ShapeId) -> Result<(), StoreError> {
        const SQL: &str = "
            update shape set
                event_count = (select case when count(*) >= :many then count(*) end from event where shape = :shape),
                first_time = (select min(time) from event where shape = :shape),
                first_message_id = (
                    select message_id from event where shape = :shape order by time, message_id limit 1)
            where id = :shape";
        self.execute(SQL, named_params! { ":shape": shape, ":many": MANY_EVENTS }).map(drop)
    }
}
