//! Names and what is said or decided about them: aliases, digests, decisions. One statement per question.

use rusqlite::named_params;
use selvedge_core::identifier::Kind;

use super::column::Code;
use super::row::{order, rows};
use super::session::Session;
use crate::event::{Guard, Source, Strength, Workspace};
use crate::identity::DecisionVerb;
use crate::store::{AliasRow, DecisionRow, DigestPrefix, Mention, NameId, Role, ShapeId, StoreError};

impl Session<'_> {
    pub(super) fn read_aliases_of(&self, name: NameId) -> Result<Vec<AliasRow>, StoreError> {
        // 3 is Role::Alias, 1 and 2 are accounts and contacts: written out, or the partial index would not serve.
        const SQL: &str = "
            select shape.first_time, shape.first_message_id, account.identifier, older.identifier, shape.source
            from shape_identifier named
            join shape_identifier older on older.shape = named.shape and older.role = 3
            join shape on shape.id = named.shape
            join shape_identifier account on account.shape = named.shape and account.role in (1, 2)
            join identifier on identifier.id = account.identifier and identifier.kind = 'user_id'
            where named.identifier = :name";
        let found = self.all(SQL, named_params! { ":name": name }, |row| {
            Ok(AliasRow { order: order(row, 0)?, account: row.get(2)?, older: row.get(3)?, source: row.get(4)? })
        })?;
        Ok(found.into_iter().filter(|alias| alias.account == name || alias.older == name).collect())
    }

    pub(super) fn read_has_aliases(&self) -> Result<bool, StoreError> {
        const SQL: &str = "select 1 from shape_identifier where role = 3 limit 1";
        Ok(self.first(SQL, [], |_| Ok(()))?.is_some())
    }

    pub(super) fn read_other_names_of(&self, name: NameId) -> Result<Vec<NameId>, StoreError> {
        const SQL: &str = "select identifier from placement where same_as = :name";
        self.all(SQL, named_params! { ":name": name }, |row| row.get(0))
    }

    pub(super) fn read_claims_of(&self, name: NameId) -> Result<Vec<(Guard, Strength)>, StoreError> {
        const SQL: &str = "
            select distinct shape.guard, named.strength
            from shape_identifier named join shape on shape.id = named.shape
            where named.identifier = :name and named.role <> :alias";
        self.all(SQL, named_params! { ":name": name, ":alias": Code(Role::Alias) }, |row| {
            Ok((row.get::<_, Code<_>>(0)?.0, row.get::<_, Code<_>>(1)?.0))
        })
    }

    pub(super) fn read_shapes_tying(
        &self,
        name: NameId,
        least: Strength,
        limit: usize,
    ) -> Result<Vec<ShapeId>, StoreError> {
        const SQL: &str = "
            select shape from shape_identifier
            where identifier = :name and role = :role and strength >= :least limit :limit";
        let params = named_params! {
            ":name": name, ":role": Code(Role::Tied), ":least": Code(least), ":limit": rows(limit),
        };
        self.all(SQL, params, |row| row.get(0))
    }

    pub(super) fn read_is_named(&self, name: NameId) -> Result<bool, StoreError> {
        const SQL: &str = "select 1 from shape_identifier where identifier = :name limit 1";
        Ok(self.first(SQL, named_params! { ":name": name }, |_| Ok(()))?.is_some())
    }

    pub(super) fn read_mentions_of(&self, name: NameId) -> Result<Vec<Mention>, StoreError> {
        const SQL: &str = "
            select shape.first_time, shape.first_message_id, named.strength, shape.guard, shape.source,
                case when not is_snapshot then (select max(time) from event where event.shape = shape.id) end,
                case when shape.anchor is not null then shape.rank end
            from shape_identifier named join shape on shape.id = named.shape
            where named.identifier = :name";
        self.all(SQL, named_params! { ":name": name }, |row| {
            Ok(Mention {
                first: order(row, 0)?,
                strength: row.get::<_, Code<_>>(2)?.0,
                guard: row.get::<_, Code<_>>(3)?.0,
                source: row.get(4)?,
                last: row.get(5)?,
                marks_with: row.get::<_, Option<Code<_>>>(6)?.map(|rank| rank.0),
            })
        })
    }

    pub(super) fn read_name_of_key(&self, source: Source) -> Result<Box<str>, StoreError> {
        const SQL: &str = "select name from write_key where id = :source and name is not null";
        let name = self.first(SQL, named_params! { ":source": source }, |row| row.get::<_, Box<str>>(0))?;
        Ok(name.unwrap_or_else(|| format!("key {}", source.0).into()))
    }

    pub(super) fn read_devices_gone_by_without(&self, name: NameId) -> Result<Vec<NameId>, StoreError> {
        const SQL: &str = "
            select distinct coalesce(placement.same_as, device.identifier)
            from shape_identifier named
            join shape on shape.id = named.shape and shape.anchor is null
            join shape_identifier device on device.shape = shape.id and device.role = :device
            left join placement on placement.identifier = device.identifier
            where named.identifier = :name and named.role in (:lone, :tied)";
        let params = named_params! {
            ":name": name,
            ":device": Code(Role::Device),
            ":lone": Code(Role::Lone),
            ":tied": Code(Role::Tied),
        };
        self.all(SQL, params, |row| row.get(0))
    }

    pub(super) fn read_kept_apart_from(&self, name: NameId) -> Result<Vec<NameId>, StoreError> {
        const SQL: &str = "
            with named as (select :name union select identifier from placement where same_as = :name)
            select y from decision where x in named and verb = :verb and withdrawn_at is null
            union select x from decision where y in named and verb = :verb and withdrawn_at is null";
        self.all(SQL, named_params! { ":name": name, ":verb": Code(DecisionVerb::KeepApart) }, |row| row.get(0))
    }

    pub(super) fn read_decisions(&self, workspace: Workspace) -> Result<Vec<DecisionRow>, StoreError> {
        const SQL: &str = "
            select id, verb, x, y, reason, author, at, withdrawn_at from decision
            where workspace = :workspace order by id";
        self.all(SQL, named_params! { ":workspace": workspace }, |row| {
            Ok(DecisionRow {
                id: row.get(0)?,
                verb: row.get::<_, Code<_>>(1)?.0,
                x: row.get(2)?,
                y: row.get(3)?,
                reason: row.get(4)?,
                author: row.get(5)?,
                at: row.get(6)?,
                withdrawn_at: row.get(7)?,
            })
        })
    }

    pub(super) fn read_clear_values(
        &self,
        workspace: Workspace,
        kind: &Kind,
        prefix: DigestPrefix,
    ) -> Result<Vec<NameId>, StoreError> {
        const SQL: &str =
            "select identifier from digest where workspace = :workspace and kind = :kind and prefix = :prefix";
        let params = named_params! { ":workspace": workspace, ":kind": kind.as_str(), ":prefix": prefix };
        self.all(SQL, params, |row| row.get(0))
    }
}
