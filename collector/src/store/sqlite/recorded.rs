//! What was recorded, for who builds a ledger again: one statement per question.

use rusqlite::named_params;
use selvedge_core::identifier::{Identifier, Kind};

use super::column::Code;
use super::row::{count, event, rows};
use super::session::Session;
use super::view::event_columns;
use crate::event::Workspace;
use crate::store::{DecisionRow, RecordedEvent, Seq, StoreError};

impl Session<'_> {
    pub(super) fn read_recorded_after(
        &self,
        workspace: Workspace,
        seq: Seq,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        const SQL: &str = concat!(
            "select ",
            event_columns!(),
            ", event.batch, batch.sent_at from event join batch on batch.id = event.batch
             where event.seq > :seq and +event.workspace = :workspace order by event.seq limit :limit"
        );
        self.all(SQL, named_params! { ":workspace": workspace, ":seq": seq, ":limit": rows(limit) }, |row| {
            Ok(RecordedEvent { event: event(row)?, batch: row.get(11)?, sent_at: row.get(12)? })
        })
    }

    pub(super) fn read_event_count(&self, workspace: Workspace) -> Result<u64, StoreError> {
        const SQL: &str = "select count(*) from event where workspace = :workspace";
        self.one(SQL, named_params! { ":workspace": workspace }, |row| count(row, 0))
    }

    pub(super) fn read_set_aside(&self, workspace: Workspace, message_id: &str) -> Result<Vec<Identifier>, StoreError> {
        const SQL: &str = "select kind, value from set_aside where workspace = :workspace and message_id = :message_id";
        self.all(SQL, named_params! { ":workspace": workspace, ":message_id": message_id }, |row| {
            Ok(Identifier::new(Kind::new(row.get_ref(0)?.as_str()?), row.get::<_, Box<str>>(1)?))
        })
    }

    pub(super) fn put_set_aside(
        &self,
        workspace: Workspace,
        message_id: &str,
        identifier: &Identifier,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            replace into set_aside (workspace, message_id, kind, value)
            values (:workspace, :message_id, :kind, :value)";
        let params = named_params! {
            ":workspace": workspace,
            ":message_id": message_id,
            ":kind": identifier.kind.as_str(),
            ":value": &*identifier.value,
        };
        self.execute(SQL, params).map(drop)
    }

    pub(super) fn put_decision_again(&self, workspace: Workspace, decision: &DecisionRow) -> Result<(), StoreError> {
        const SQL: &str = "
            insert into decision (id, workspace, verb, x, y, reason, author, at, withdrawn_at)
            values (:id, :workspace, :verb, :x, :y, :reason, :author, :at, :withdrawn_at)";
        let params = named_params! {
            ":id": decision.id,
            ":workspace": workspace,
            ":verb": Code(decision.verb),
            ":x": decision.x,
            ":y": decision.y,
            ":reason": decision.reason,
            ":author": decision.author,
            ":at": decision.at,
            ":withdrawn_at": decision.withdrawn_at,
        };
        self.execute(SQL, params).map(drop)
    }
}
