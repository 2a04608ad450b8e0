//! What can be asked of the file: one statement per question.

use std::sync::Arc;

use rusqlite::named_params;
use selvedge_core::identifier::{Identifier, Kind};

use super::column::Code;
use super::row::{bounds, conflict, count, event, order, placement, rows, shape};
use super::session::Session;
use crate::event::{Guard, Order, Source, Strength, UnixMillis, Workspace};
use crate::identity::normal::Digest;
use crate::identity::{ProfileId, profile_id};
use crate::identity_key::StoredIdentityKey;
use crate::key::StoredKey;
use crate::store::{
    AliasRow, ChangeSeq, ConflictCursor, ConflictRow, DeadLetter, DecisionRow, DeviceAnchor, DigestPrefix,
    ErasureCount, EventSlice, Fold, Mention, Name, NameId, NamelessMark, Placement, Position, ProfileRow,
    RecordedEvent, Role, Seq, Shape, ShapeId, ShapeName, Sizes, SnapshotRow, StoreError, StoredEvent, StoredTrait,
    TransitionRow, View,
};

macro_rules! shape_columns {
    () => {
        "shape.id, shape.source, shape.first_time, shape.first_message_id, shape.event_count, shape.anchor,
         shape.rank, shape.names_someone, shape.is_snapshot, shape.guard "
    };
}

macro_rules! event_columns {
    () => {
        "event.seq, event.shape, event.time, event.message_id, event.type, event.name, batch.received_at,
         batch.source, batch.via, batch.context, event.raw "
    };
}

/// A device by all its names: its own, and the digests of it.
macro_rules! any_name_of_device {
    () => {
        " named.identifier in (select :device union select identifier from placement where same_as = :device)
          and named.role = :role "
    };
}

macro_rules! within_slice {
    () => {
        " time >= :from_time and time <= :to_time
          and (time > :from_time or message_id >= :from_message_id)
          and (time < :to_time or message_id < :to_message_id) "
    };
}
pub(super) use {any_name_of_device, event_columns, within_slice};

impl View for Session<'_> {
    fn workspace(&self, name: &str) -> Result<Option<Workspace>, StoreError> {
        const SQL: &str = "select id from workspace where name = :name";
        self.first(SQL, named_params! { ":name": name }, |row| row.get(0))
    }

    fn workspace_name(&self, workspace: Workspace) -> Result<Box<str>, StoreError> {
        const SQL: &str = "select name from workspace where id = :workspace";
        self.one(SQL, named_params! { ":workspace": workspace }, |row| row.get(0))
    }

    fn name_id(&self, workspace: Workspace, identifier: &Identifier) -> Result<Option<NameId>, StoreError> {
        // Its own id finds it: an index over kind and value would be one more that every new visitor writes at random.
        let id = profile_id(&self.workspace_name(workspace)?, identifier);
        self.name_of_profile(workspace, &id)
    }

    fn name_of_profile(&self, workspace: Workspace, id: &ProfileId) -> Result<Option<NameId>, StoreError> {
        const SQL: &str = "
            select id from identifier where profile_id = :profile_id and workspace = :workspace and kind <> ''";
        self.first(SQL, named_params! { ":workspace": workspace, ":profile_id": id.as_bytes() }, |row| row.get(0))
    }

    fn name(&self, id: NameId) -> Result<Name, StoreError> {
        const SQL: &str = "select kind, value, class, profile_id from identifier where id = :id";
        self.one(SQL, named_params! { ":id": id }, |row| {
            let kind = Kind::new(row.get_ref(0)?.as_str()?);
            Ok(Name {
                id,
                identifier: Identifier::new(kind, row.get::<_, Arc<str>>(1)?),
                class: row.get::<_, Code<_>>(2)?.0,
                profile_id: ProfileId::from_bytes(row.get(3)?),
            })
        })
    }

    fn clear_values(&self, workspace: Workspace, kind: &Kind, prefix: DigestPrefix) -> Result<Vec<NameId>, StoreError> {
        self.read_clear_values(workspace, kind, prefix)
    }

    fn kept_digests(&self, name: NameId) -> Result<Vec<Digest>, StoreError> {
        self.read_kept_digests(name)
    }

    fn veil_check(&self) -> Result<Option<[u8; 32]>, StoreError> {
        self.read_veil_check()
    }

    fn shape_of_digest(&self, workspace: Workspace, digest: &[u8; 16]) -> Result<Option<Shape>, StoreError> {
        const SQL: &str =
            concat!("select ", shape_columns!(), "from shape where workspace = :workspace and digest = :digest");
        self.first(SQL, named_params! { ":workspace": workspace, ":digest": digest }, shape)
    }

    fn shape(&self, id: ShapeId) -> Result<Shape, StoreError> {
        const SQL: &str = concat!("select ", shape_columns!(), "from shape where id = :id");
        self.one(SQL, named_params! { ":id": id }, shape)
    }

    fn names_of(&self, shape: ShapeId) -> Result<Vec<ShapeName>, StoreError> {
        const SQL: &str = "select identifier, strength, role from shape_identifier where shape = :shape";
        self.all(SQL, named_params! { ":shape": shape }, |row| {
            Ok(ShapeName {
                name: row.get(0)?,
                strength: row.get::<_, Code<_>>(1)?.0,
                role: row.get::<_, Code<_>>(2)?.0,
            })
        })
    }

    fn shapes_naming(&self, name: NameId, role: Role) -> Result<Vec<ShapeId>, StoreError> {
        const SQL: &str = "select shape from shape_identifier where identifier = :name and role = :role";
        self.all(SQL, named_params! { ":name": name, ":role": Code(role) }, |row| row.get(0))
    }

    fn shapes_tying(&self, name: NameId, least: Strength, limit: usize) -> Result<Vec<ShapeId>, StoreError> {
        self.read_shapes_tying(name, least, limit)
    }

    fn strength_as(&self, role: Role, name: NameId) -> Result<Option<Strength>, StoreError> {
        const SQL: &str = "select max(strength) from shape_identifier where identifier = :name and role = :role";
        let params = named_params! { ":name": name, ":role": Code(role) };
        let strongest = self.one(SQL, params, |row| row.get::<_, Option<Code<Strength>>>(0))?;
        Ok(strongest.map(|code| code.0))
    }

    fn shapes_anchored_at(&self, anchor: NameId) -> Result<Vec<Shape>, StoreError> {
        const SQL: &str = concat!("select ", shape_columns!(), "from shape where anchor = :anchor");
        self.all(SQL, named_params! { ":anchor": anchor }, shape)
    }

    // Each once, also where it says a device by two of its names.
    fn shapes_going_by(&self, device: NameId) -> Result<Vec<Shape>, StoreError> {
        const SQL: &str = concat!(
            "select ",
            shape_columns!(),
            "from shape where id in (select named.shape from shape_identifier named where",
            any_name_of_device!(),
            ") and shape.anchor is null"
        );
        self.all(SQL, named_params! { ":device": device, ":role": Code(Role::Device) }, shape)
    }

    fn shapes_marking(&self, device: NameId) -> Result<Vec<Shape>, StoreError> {
        const SQL: &str = concat!(
            "select ",
            shape_columns!(),
            "from shape where id in (select named.shape from shape_identifier named where",
            any_name_of_device!(),
            ") and shape.anchor is not null"
        );
        self.all(SQL, named_params! { ":device": device, ":role": Code(Role::Device) }, shape)
    }

    fn nameless_marks(&self, device: NameId) -> Result<Vec<NamelessMark>, StoreError> {
        self.read_nameless_marks(device)
    }

    fn erasure_count(&self) -> Result<ErasureCount, StoreError> {
        self.read_erasure_count()
    }

    fn anchors_on(&self, device: NameId) -> Result<Vec<DeviceAnchor>, StoreError> {
        self.read_anchors_on(device)
    }

    fn claims_of(&self, name: NameId) -> Result<Vec<(Guard, Strength)>, StoreError> {
        self.read_claims_of(name)
    }

    fn aliases_of(&self, name: NameId) -> Result<Vec<AliasRow>, StoreError> {
        self.read_aliases_of(name)
    }

    fn has_aliases(&self) -> Result<bool, StoreError> {
        self.read_has_aliases()
    }

    fn other_names_of(&self, name: NameId) -> Result<Vec<NameId>, StoreError> {
        self.read_other_names_of(name)
    }

    fn first_marks_on(&self, device: NameId, limit: usize) -> Result<Vec<DeviceAnchor>, StoreError> {
        self.read_first_marks_on(device, limit)
    }

    fn is_marked_with_trust(&self, device: NameId) -> Result<bool, StoreError> {
        self.read_is_marked_with_trust(device)
    }

    fn devices_marked_by(&self, anchor: NameId) -> Result<Vec<NameId>, StoreError> {
        const SQL: &str = "
            select distinct coalesce(placement.same_as, named.identifier)
            from shape join shape_identifier named on named.shape = shape.id
            left join placement on placement.identifier = named.identifier
            where shape.anchor = :anchor and named.role = :role";
        self.all(SQL, named_params! { ":anchor": anchor, ":role": Code(Role::Device) }, |row| row.get(0))
    }

    fn devices_gone_by_without(&self, name: NameId) -> Result<Vec<NameId>, StoreError> {
        self.read_devices_gone_by_without(name)
    }

    fn is_named(&self, name: NameId) -> Result<bool, StoreError> {
        self.read_is_named(name)
    }

    fn mentions_of(&self, name: NameId) -> Result<Vec<Mention>, StoreError> {
        self.read_mentions_of(name)
    }

    fn name_of_key(&self, source: Source) -> Result<Box<str>, StoreError> {
        self.read_name_of_key(source)
    }

    fn placement(&self, name: NameId) -> Result<Option<Placement>, StoreError> {
        const SQL: &str = "
            select leader, quarantine,
                trusted_kind, trusted_steps, trusted_from, trusted_to, trusted_time, trusted_message_id, trusted_head,
                kind, steps, parent_from, parent_to, parent_time, parent_message_id, leader,
                same_as, is_held, is_ignored
            from placement where identifier = :name";
        self.first(SQL, named_params! { ":name": name }, placement)
    }

    fn members(&self, leader: NameId) -> Result<Vec<NameId>, StoreError> {
        const SQL: &str = "select identifier from placement where leader = :leader";
        self.all(SQL, named_params! { ":leader": leader }, |row| row.get(0))
    }

    fn trusted_person(&self, head: NameId) -> Result<Vec<NameId>, StoreError> {
        const SQL: &str = "select identifier from placement where trusted_head = :head";
        self.all(SQL, named_params! { ":head": head }, |row| row.get(0))
    }

    fn conflicts_of(&self, name: NameId) -> Result<Vec<ConflictRow>, StoreError> {
        const SQL: &str = "
            select x, y, reason, time, message_id, said_by, source, strength, decision from conflict where x = :name
            union select x, y, reason, time, message_id, said_by, source, strength, decision from conflict where y = :name";
        self.all(SQL, named_params! { ":name": name }, conflict)
    }

    fn conflicts(
        &self,
        workspace: Workspace,
        before: Option<&ConflictCursor>,
        limit: usize,
    ) -> Result<Vec<ConflictRow>, StoreError> {
        const SQL: &str = "
            select x, y, reason, time, message_id, said_by, source, strength, decision from conflict
            where workspace = :workspace and (time, message_id, x, y) < (:time, :message_id, :x, :y)
            order by time desc, message_id desc, x desc, y desc limit :limit";
        let params = named_params! {
            ":workspace": workspace,
            ":time": before.map_or(i64::MAX, |cursor| cursor.order.time.0),
            ":message_id": before.map_or("", |cursor| &cursor.order.message_id),
            ":x": before.map(|cursor| cursor.x),
            ":y": before.map(|cursor| cursor.y),
            ":limit": rows(limit),
        };
        self.all(SQL, params, conflict)
    }

    fn rule(&self, workspace: Workspace, name: &str) -> Result<Option<Box<str>>, StoreError> {
        const SQL: &str = "select value from rule where workspace = :workspace and name = :name";
        self.first(SQL, named_params! { ":workspace": workspace, ":name": name }, |row| row.get(0))
    }

    fn shapes_to_guard(&self, workspace: Workspace, from: UnixMillis) -> Result<Vec<Shape>, StoreError> {
        // 1 is Guard::NothingYet: written out, or the partial index would not serve.
        const SQL: &str = concat!(
            "select ",
            shape_columns!(),
            "from shape where workspace = :workspace and guard = 1
             and :from <= (select max(time) from event where event.shape = shape.id)"
        );
        self.all(SQL, named_params! { ":workspace": workspace, ":from": from }, shape)
    }

    fn kept_apart_from(&self, name: NameId) -> Result<Vec<NameId>, StoreError> {
        self.read_kept_apart_from(name)
    }

    fn set_aside(&self, workspace: Workspace, message_id: &str) -> Result<Vec<Identifier>, StoreError> {
        self.read_set_aside(workspace, message_id)
    }

    fn decisions(&self, workspace: Workspace) -> Result<Vec<DecisionRow>, StoreError> {
        self.read_decisions(workspace)
    }

    fn has_event(&self, workspace: Workspace, message_id: &str) -> Result<bool, StoreError> {
        const SQL: &str = "select 1 from event where workspace = :workspace and message_id = :message_id";
        let params = named_params! { ":workspace": workspace, ":message_id": message_id };
        Ok(self.first(SQL, params, |_| Ok(()))?.is_some())
    }

    fn events_in(&self, slice: &EventSlice, name: Option<&str>, limit: usize) -> Result<Vec<(Order, Seq)>, StoreError> {
        const SQL: &str = concat!(
            "select time, message_id, seq from event where shape = :shape and",
            within_slice!(),
            "and (:name is null or name = :name) order by time desc, message_id desc limit :limit"
        );
        let (from, to) = bounds(slice);
        let params = named_params! {
            ":shape": slice.shape,
            ":from_time": from.0, ":from_message_id": from.1,
            ":to_time": to.0, ":to_message_id": to.1,
            ":name": name,
            ":limit": rows(limit),
        };
        self.all(SQL, params, |row| Ok((order(row, 0)?, row.get(2)?)))
    }

    fn shape_of_event(&self, workspace: Workspace, message_id: &str) -> Result<Option<ShapeId>, StoreError> {
        const SQL: &str = "select shape from event where workspace = :workspace and message_id = :message_id";
        self.first(SQL, named_params! { ":workspace": workspace, ":message_id": message_id }, |row| row.get(0))
    }

    fn event(&self, seq: Seq) -> Result<StoredEvent, StoreError> {
        const SQL: &str = concat!(
            "select ",
            event_columns!(),
            "from event join batch on batch.id = event.batch where event.seq = :seq"
        );
        self.one(SQL, named_params! { ":seq": seq }, event)
    }

    fn events_after(&self, workspace: Workspace, seq: Seq, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        const SQL: &str = concat!(
            "select ",
            event_columns!(),
            "from event join batch on batch.id = event.batch
             where event.seq > :seq and +event.workspace = :workspace order by event.seq limit :limit"
        );
        self.all(SQL, named_params! { ":workspace": workspace, ":seq": seq, ":limit": rows(limit) }, event)
    }

    fn recorded_after(&self, workspace: Workspace, seq: Seq, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        self.read_recorded_after(workspace, seq, limit)
    }

    fn event_count(&self, workspace: Workspace) -> Result<u64, StoreError> {
        self.read_event_count(workspace)
    }

    fn fold(&self, slice: &EventSlice) -> Result<Fold, StoreError> {
        self.read_fold(slice)
    }

    fn fold_of_shape(&self, shape: &Shape) -> Result<Fold, StoreError> {
        self.read_fold_of_shape(shape)
    }

    fn last_order_before(&self, shape: ShapeId, before: &Order) -> Result<Option<Order>, StoreError> {
        const SQL: &str = "
            select time, message_id from event
            where shape = :shape and time <= :time and (time < :time or message_id < :message_id)
            order by time desc, message_id desc limit 1";
        let params = named_params! { ":shape": shape, ":time": before.time, ":message_id": &*before.message_id };
        self.first(SQL, params, |row| order(row, 0))
    }

    fn first_order_after(&self, shape: ShapeId, after: &Order) -> Result<Option<Order>, StoreError> {
        const SQL: &str = "
            select time, message_id from event
            where shape = :shape and time >= :time and (time > :time or message_id > :message_id)
            order by time, message_id limit 1";
        let params = named_params! { ":shape": shape, ":time": after.time, ":message_id": &*after.message_id };
        self.first(SQL, params, |row| order(row, 0))
    }

    fn orders_of(&self, shape: ShapeId) -> Result<Vec<Order>, StoreError> {
        const SQL: &str = "select time, message_id from event where shape = :shape";
        self.all(SQL, named_params! { ":shape": shape }, |row| order(row, 0))
    }

    fn latest_traits(&self, slice: &EventSlice) -> Result<Vec<StoredTrait>, StoreError> {
        self.read_latest_traits(slice)
    }

    fn trait_sets(&self, slice: &EventSlice, name: &str) -> Result<Vec<StoredTrait>, StoreError> {
        self.read_trait_sets(slice, name)
    }

    fn snapshot(&self, workspace: Workspace, subject: &str) -> Result<Option<SnapshotRow>, StoreError> {
        const SQL: &str =
            "select version, seq, shape from snapshot where workspace = :workspace and subject = :subject";
        self.first(SQL, named_params! { ":workspace": workspace, ":subject": subject }, |row| {
            Ok(SnapshotRow { version: count(row, 0)?, seq: row.get(1)?, shape: row.get(2)? })
        })
    }

    fn profile(&self, key: NameId) -> Result<Option<ProfileRow>, StoreError> {
        const SQL: &str = "select version, change_seq, is_alive, heir from profile where identifier = :key";
        self.first(SQL, named_params! { ":key": key }, |row| {
            let (is_alive, heir) = (row.get(2)?, row.get(3)?);
            Ok(ProfileRow { version: count(row, 0)?, change_seq: row.get(1)?, is_alive, heir })
        })
    }

    fn standing_profiles(&self, workspace: Workspace) -> Result<Vec<NameId>, StoreError> {
        self.read_standing_profiles(workspace)
    }

    fn profiles_after(
        &self,
        workspace: Workspace,
        seq: ChangeSeq,
        limit: usize,
    ) -> Result<Vec<(ChangeSeq, NameId)>, StoreError> {
        self.read_profiles_after(workspace, seq, limit)
    }

    fn transitions_after(
        &self,
        workspace: Workspace,
        seq: ChangeSeq,
        limit: usize,
    ) -> Result<Vec<TransitionRow>, StoreError> {
        self.read_transitions_after(workspace, seq, limit)
    }

    fn last_change(&self) -> Result<ChangeSeq, StoreError> {
        self.read_last_change()
    }

    fn keys(&self, workspace: Workspace) -> Result<Vec<StoredKey>, StoreError> {
        self.keys_of(workspace)
    }

    fn identity_keys(&self, workspace: Workspace) -> Result<Vec<StoredIdentityKey>, StoreError> {
        self.identity_keys_of(workspace)
    }

    fn position(&self, destination: &str) -> Result<Option<Position>, StoreError> {
        const SQL: &str = "select event_seq, change_seq from destination where name = :name";
        self.first(SQL, named_params! { ":name": destination }, |row| {
            Ok(Position { event_seq: row.get(0)?, change_seq: row.get(1)? })
        })
    }

    fn dead_letters(&self, destination: &str, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        const SQL: &str = "
            select destination, message_id, reason, body, at from dead_letter
            where destination = :destination order by id desc limit :limit";
        self.all(SQL, named_params! { ":destination": destination, ":limit": rows(limit) }, |row| {
            Ok(DeadLetter {
                destination: row.get(0)?,
                message_id: row.get(1)?,
                reason: row.get(2)?,
                body: row.get::<_, Vec<u8>>(3)?.into(),
                at: row.get(4)?,
            })
        })
    }

    fn sizes(&self) -> Result<Sizes, StoreError> {
        const SQL: &str = "
            select
                coalesce((select max(seq) from event), 0),
                (select count(*) from profile where is_alive),
                (select count(*) from conflict),
                (select page_count * page_size from pragma_page_count(), pragma_page_size())";
        let last_change = self.last_change()?;
        self.one(SQL, [], |row| {
            Ok(Sizes {
                last_seq: row.get(0)?,
                last_change,
                profiles: count(row, 1)?,
                conflicts: count(row, 2)?,
                bytes: count(row, 3)?,
            })
        })
    }
}
