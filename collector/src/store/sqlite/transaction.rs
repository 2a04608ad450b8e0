//! What can be done to the file: one statement per deed.

use rusqlite::named_params;
use selvedge_core::identifier::{Identifier, Kind};

use super::column::Code;
use super::folds::MANY_EVENTS;
use super::row::{CREATED, DELETED, MERGED, SPLIT, names_someone, said_by};
use super::session::Session;
use crate::event::{BatchFrame, Order, Source, Strength, UnixMillis, Workspace};
use crate::identity::normal::Digest;
use crate::identity_key::{IdentityKeyId, NewIdentityKey};
use crate::key::NewKey;
use crate::store::{
    BatchId, ChangeSeq, ConflictRow, DeadLetter, DecisionId, DecisionRow, DigestPrefix, NameId, NewDecision, NewEvent,
    NewName, NewShape, Parent, Placement, Position, Seq, Shape, ShapeId, ShapeName, SnapshotRow, Stood, StoreError,
    Transaction, Transition, TransitionRow,
};

impl Transaction for Session<'_> {
    fn insert_batch(&self, frame: &BatchFrame) -> Result<BatchId, StoreError> {
        const SQL: &str = "
            insert into batch (workspace, source, received_at, sent_at, via, context)
            values (:workspace, :source, :received_at, :sent_at, :via, :context)";
        let row = self.insert(
            SQL,
            named_params! {
                ":workspace": frame.workspace,
                ":source": frame.source,
                ":received_at": frame.received_at,
                ":sent_at": frame.sent_at,
                ":via": Code(frame.via),
                ":context": &*frame.context,
            },
        )?;
        Ok(BatchId(row))
    }

    fn delete_batch(&self, batch: BatchId) -> Result<(), StoreError> {
        const SQL: &str = "delete from batch where id = :batch";
        self.execute(SQL, named_params! { ":batch": batch }).map(drop)
    }

    fn insert_event(&self, event: &NewEvent<'_>) -> Result<Option<Seq>, StoreError> {
        const SQL: &str = "
            insert into event (workspace, message_id, batch, shape, type, name, time, raw)
            values (:workspace, :message_id, :batch, :shape, :type, :name, :time, :raw)
            on conflict (workspace, message_id) do nothing";
        let inserted = self.execute(
            SQL,
            named_params! {
                ":workspace": event.workspace,
                ":message_id": &*event.order.message_id,
                ":batch": event.batch,
                ":shape": event.shape,
                ":type": Code(event.event_type),
                ":name": event.name,
                ":time": event.order.time,
                ":raw": event.raw,
            },
        )?;
        Ok((inserted == 1).then(|| Seq(self.last_row())))
    }

    fn replace_event(&self, old: Seq, event: &NewEvent<'_>) -> Result<Seq, StoreError> {
        const SQL: &str = "
            update event set seq = (select max(seq) + 1 from event), message_id = :message_id, batch = :batch,
                shape = :shape, type = :type, name = :name, time = :time, raw = :raw
            where seq = :old returning seq";
        let params = named_params! {
            ":old": old,
            ":message_id": &*event.order.message_id,
            ":batch": event.batch,
            ":shape": event.shape,
            ":type": Code(event.event_type),
            ":name": event.name,
            ":time": event.order.time,
            ":raw": event.raw,
        };
        self.one(SQL, params, |row| row.get(0))
    }

    fn insert_trait(&self, shape: ShapeId, order: &Order, name: &str, value: &str) -> Result<(), StoreError> {
        const SQL: &str = "
            insert into trait_set (shape, name, time, message_id, value)
            values (:shape, :name, :time, :message_id, :value)
            on conflict (shape, name, time, message_id) do update set value = excluded.value";
        let params = named_params! {
            ":shape": shape,
            ":name": name,
            ":time": order.time,
            ":message_id": &*order.message_id,
            ":value": value,
        };
        self.execute(SQL, params).map(drop)
    }

    fn put_snapshot(&self, workspace: Workspace, subject: &str, row: &SnapshotRow) -> Result<(), StoreError> {
        const SQL: &str = "
            insert into snapshot (workspace, subject, version, seq, shape)
            values (:workspace, :subject, :version, :seq, :shape)
            on conflict (workspace, subject) do update
                set version = excluded.version, seq = excluded.seq, shape = excluded.shape";
        let params = named_params! {
            ":workspace": workspace,
            ":subject": subject,
            ":version": number(row.version),
            ":seq": row.seq,
            ":shape": row.shape,
        };
        self.execute(SQL, params).map(drop)
    }

    fn insert_name(&self, workspace: Workspace, name: &NewName<'_>) -> Result<NameId, StoreError> {
        const SQL: &str = "
            insert into identifier (workspace, class, kind, value, profile_id)
            values (:workspace, :class, :kind, :value, :profile_id)";
        let row = self.insert(
            SQL,
            named_params! {
                ":workspace": workspace,
                ":class": Code(name.class),
                ":kind": name.identifier.kind.as_str(),
                ":value": &*name.identifier.value,
                ":profile_id": name.profile_id.as_bytes(),
            },
        )?;
        Ok(NameId(row))
    }

    fn insert_digest(
        &self,
        workspace: Workspace,
        kind: &Kind,
        prefix: DigestPrefix,
        name: NameId,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            insert into digest (workspace, kind, prefix, identifier) values (:workspace, :kind, :prefix, :name)
            on conflict do nothing";
        let params = named_params! {
            ":workspace": workspace, ":kind": kind.as_str(), ":prefix": prefix, ":name": name,
        };
        self.execute(SQL, params).map(drop)
    }

    fn keep_digest(&self, name: NameId, digest: &Digest) -> Result<(), StoreError> {
        self.insert_kept_digest(name, digest)
    }

    fn keep_veil_check(&self, check: &[u8; 32]) -> Result<(), StoreError> {
        self.insert_veil_check(check)
    }

    fn insert_shape(&self, shape: &NewShape<'_>) -> Result<ShapeId, StoreError> {
        let id = self.insert_shape_row(shape)?;
        shape.names.iter().try_for_each(|name| self.insert_shape_name(id, name))?;
        Ok(id)
    }

    fn delete_shape(&self, shape: ShapeId) -> Result<(), StoreError> {
        const SHAPE: &str = "delete from shape where id = :shape";
        const NAMES: &str = "delete from shape_identifier where shape = :shape";
        const TRAITS: &str = "delete from trait_set where shape = :shape";
        [SHAPE, NAMES, TRAITS]
            .into_iter()
            .try_for_each(|sql| self.execute(sql, named_params! { ":shape": shape }).map(drop))
    }

    fn set_first(&self, shape: ShapeId, first: &Order) -> Result<(), StoreError> {
        const SQL: &str = "update shape set first_time = :time, first_message_id = :message_id where id = :shape";
        let params = named_params! { ":shape": shape, ":time": first.time, ":message_id": &*first.message_id };
        self.execute(SQL, params).map(drop)
    }

    fn set_event_count(&self, shape: ShapeId, event_count: u64) -> Result<(), StoreError> {
        const SQL: &str = "update shape set event_count = :event_count where id = :shape";
        if number(event_count) < MANY_EVENTS {
            return Ok(());
        }
        self.execute(SQL, named_params! { ":shape": shape, ":event_count": number(event_count) }).map(drop)
    }

    fn set_anchor(&self, shape: ShapeId, anchor: Option<NameId>, rank: Strength) -> Result<(), StoreError> {
        const SQL: &str = "update shape set anchor = :anchor, rank = :rank where id = :shape";
        self.execute(SQL, named_params! { ":shape": shape, ":anchor": anchor, ":rank": Code(rank) }).map(drop)
    }

    fn set_placement(&self, name: NameId, placement: Option<&Placement>) -> Result<(), StoreError> {
        match placement {
            Some(placement) => self.put_placement(name, placement),
            None => self.delete_placement(name),
        }
    }

    fn put_conflict(&self, workspace: Workspace, conflict: &ConflictRow) -> Result<(), StoreError> {
        const SQL: &str = "
            replace into conflict (x, y, workspace, reason, time, message_id, said_by, source, strength, decision)
            values (:x, :y, :workspace, :reason, :time, :message_id, :said_by, :source, :strength, :decision)";
        let (said_by, source, strength, decision) = said_by(conflict.said_by);
        let params = named_params! {
            ":x": conflict.x,
            ":y": conflict.y,
            ":workspace": workspace,
            ":reason": Code(conflict.reason),
            ":time": conflict.order.time,
            ":message_id": &*conflict.order.message_id,
            ":said_by": said_by,
            ":source": source,
            ":strength": strength,
            ":decision": decision,
        };
        self.execute(SQL, params).map(drop)
    }

    fn delete_conflict(&self, x: NameId, y: NameId) -> Result<(), StoreError> {
        const SQL: &str = "delete from conflict where x = :x and y = :y";
        self.execute(SQL, named_params! { ":x": x, ":y": y }).map(drop)
    }

    fn set_rule(&self, workspace: Workspace, name: &str, value: &str) -> Result<(), StoreError> {
        const SQL: &str = "replace into rule (workspace, name, value) values (:workspace, :name, :value)";
        self.execute(SQL, named_params! { ":workspace": workspace, ":name": name, ":value": value }).map(drop)
    }

    fn guard_shape(&self, shape: &Shape, digest: &[u8; 16], from: UnixMillis) -> Result<ShapeId, StoreError> {
        self.guard(shape, digest, from)
    }

    fn insert_set_aside(
        &self,
        workspace: Workspace,
        message_id: &str,
        identifier: &Identifier,
    ) -> Result<(), StoreError> {
        self.put_set_aside(workspace, message_id, identifier)
    }

    fn restore_decision(&self, workspace: Workspace, decision: &DecisionRow) -> Result<(), StoreError> {
        self.put_decision_again(workspace, decision)
    }

    fn insert_decision(&self, workspace: Workspace, decision: &NewDecision) -> Result<DecisionId, StoreError> {
        const SQL: &str = "
            insert into decision (workspace, verb, x, y, reason, author, at)
            values (:workspace, :verb, :x, :y, :reason, :author, :at)";
        let params = named_params! {
            ":workspace": workspace,
            ":verb": Code(decision.verb),
            ":x": decision.x,
            ":y": decision.y,
            ":reason": decision.reason,
            ":author": decision.author,
            ":at": decision.at,
        };
        self.insert(SQL, params).map(DecisionId)
    }

    fn withdraw_decision(&self, workspace: Workspace, id: DecisionId, at: UnixMillis) -> Result<bool, StoreError> {
        const SQL: &str = "
            update decision set withdrawn_at = :at
            where id = :id and workspace = :workspace and withdrawn_at is null";
        Ok(self.execute(SQL, named_params! { ":id": id, ":workspace": workspace, ":at": at })? == 1)
    }

    fn renew_profile(&self, key: NameId, seq: ChangeSeq) -> Result<bool, StoreError> {
        const SQL: &str = "
            update profile set version = version + 1, change_seq = :seq where identifier = :key and is_alive";
        let stands = self.execute(SQL, named_params! { ":key": key, ":seq": seq })? == 1;
        if stands {
            self.insert_renewal(key, seq)?;
        }
        Ok(stands)
    }

    fn raise_profile(&self, workspace: Workspace, key: NameId, seq: ChangeSeq) -> Result<(), StoreError> {
        const SQL: &str = "
            insert into profile (identifier, workspace, version, change_seq, is_alive)
            values (:key, :workspace, 1, :seq, true)
            on conflict (identifier) do update
                set version = version + 1, change_seq = excluded.change_seq, is_alive = true";
        self.execute(SQL, named_params! { ":key": key, ":workspace": workspace, ":seq": seq })?;
        self.insert_renewal(key, seq)
    }

    fn bury_profile(&self, key: NameId, heir: Option<NameId>) -> Result<(), StoreError> {
        const SQL: &str = "
            update profile set is_alive = false, heir = :heir, version = version + 1 where identifier = :key";
        self.execute(SQL, named_params! { ":key": key, ":heir": heir }).map(drop)
    }

    fn insert_transition(&self, workspace: Workspace, row: &TransitionRow) -> Result<(), StoreError> {
        const SQL: &str = "
            insert into change (seq, workspace, kind, profile, other, because)
            values (:seq, :workspace, :kind, :profile, :other, :because)";
        let (kind, other) = match row.transition {
            Transition::Created => (CREATED, None),
            Transition::MergedInto(other) => (MERGED, Some(other)),
            Transition::SplitFrom(other) => (SPLIT, Some(other)),
            Transition::Deleted => (DELETED, None),
        };
        let params = named_params! {
            ":seq": row.seq,
            ":workspace": workspace,
            ":kind": kind,
            ":profile": row.profile,
            ":other": other,
            ":because": &*row.because,
        };
        self.execute(SQL, params).map(drop)
    }

    fn insert_key(&self, key: &NewKey) -> Result<Source, StoreError> {
        self.put_key(key)
    }

    fn revoke_key(&self, key: Source, at: UnixMillis) -> Result<bool, StoreError> {
        const SQL: &str = "update write_key set revoked_at = :at where id = :key and revoked_at is null";
        Ok(self.execute(SQL, named_params! { ":key": key, ":at": at })? == 1)
    }

    fn insert_identity_key(&self, key: &NewIdentityKey) -> Result<IdentityKeyId, StoreError> {
        self.put_identity_key(key)
    }

    fn revoke_identity_key(&self, key: IdentityKeyId, at: UnixMillis) -> Result<bool, StoreError> {
        self.end_identity_key(key, at)
    }

    fn set_position(&self, destination: &str, position: Position) -> Result<(), StoreError> {
        const SQL: &str = "
            insert into destination (name, event_seq, change_seq) values (:name, :event_seq, :change_seq)
            on conflict (name) do update set event_seq = excluded.event_seq, change_seq = excluded.change_seq";
        let params = named_params! {
            ":name": destination,
            ":event_seq": position.event_seq,
            ":change_seq": position.change_seq,
        };
        self.execute(SQL, params).map(drop)
    }

    fn insert_dead_letter(&self, letter: &DeadLetter) -> Result<(), StoreError> {
        const SQL: &str = "
            insert into dead_letter (destination, message_id, reason, body, at)
            values (:destination, :message_id, :reason, :body, :at)";
        let params = named_params! {
            ":destination": letter.destination,
            ":message_id": letter.message_id,
            ":reason": letter.reason,
            ":body": &*letter.body,
            ":at": letter.at,
        };
        self.execute(SQL, params).map(drop)
    }

    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.end()
    }
}

impl Session<'_> {
    fn insert_shape_row(&self, shape: &NewShape<'_>) -> Result<ShapeId, StoreError> {
        const SQL: &str = "
            insert into shape (workspace, digest, source, is_snapshot, anchor, rank, guard, names_someone,
                first_time, first_message_id)
            values (:workspace, :digest, :source, :is_snapshot, :anchor, :rank, :guard, :names_someone,
                :time, :message_id)";
        let row = self.insert(
            SQL,
            named_params! {
                ":workspace": shape.workspace,
                ":digest": shape.digest,
                ":source": shape.source,
                ":is_snapshot": shape.is_snapshot,
                ":anchor": shape.anchor,
                ":rank": Code(shape.rank),
                ":guard": Code(shape.guard),
                ":names_someone": names_someone(shape.names, shape.lost_names),
                ":time": shape.first.time,
                ":message_id": &*shape.first.message_id,
            },
        )?;
        Ok(ShapeId(row))
    }

    fn insert_renewal(&self, profile: NameId, seq: ChangeSeq) -> Result<(), StoreError> {
        const SQL: &str = "insert into renewal (seq, profile) values (:seq, :profile)";
        self.execute(SQL, named_params! { ":seq": seq, ":profile": profile }).map(drop)
    }

    pub(super) fn insert_shape_name(&self, shape: ShapeId, name: &ShapeName) -> Result<(), StoreError> {
        const SQL: &str = "
            insert into shape_identifier (shape, identifier, role, strength)
            values (:shape, :name, :role, :strength)";
        let params = named_params! {
            ":shape": shape,
            ":name": name.name,
            ":role": Code(name.role),
            ":strength": Code(name.strength),
        };
        self.execute(SQL, params).map(drop)
    }

    fn put_placement(&self, name: NameId, placement: &Placement) -> Result<(), StoreError> {
        const SQL: &str = "
            replace into placement
                (identifier, leader, quarantine, same_as, is_held, is_ignored, trusted_head,
                 trusted_kind, trusted_steps, trusted_from, trusted_to, trusted_time, trusted_message_id,
                 kind, steps, parent_from, parent_to, parent_time, parent_message_id)
            values (:name, :leader, :quarantine, :same_as, :is_held, :is_ignored, :trusted_head,
                :trusted_kind, :trusted_steps, :trusted_from, :trusted_to, :trusted_time, :trusted_message_id,
                :kind, :steps, :parent_from, :parent_to, :parent_time, :parent_message_id)";
        let among_trusted = placement.place.as_ref().map(|place| &place.among_trusted);
        let among_all = placement.place.as_ref().and_then(|place| place.among_all.as_ref());
        let (by_trust, by_all) = (parent(among_trusted), parent(among_all));
        let params = named_params! {
            ":name": name,
            ":leader": placement.leader(),
            ":quarantine": placement.quarantine.map(Code),
            ":same_as": placement.same_as,
            ":is_held": placement.is_held,
            ":is_ignored": placement.is_ignored,
            ":trusted_head": among_trusted.map(|stood| stood.head),
            ":trusted_kind": among_trusted.map(|stood| small(stood.reach.kind)),
            ":trusted_steps": among_trusted.map(|stood| small(stood.reach.steps)),
            ":trusted_from": by_trust.map(|parent| parent.from),
            ":trusted_to": by_trust.map(|parent| parent.to),
            ":trusted_time": by_trust.map(|parent| parent.order.time),
            ":trusted_message_id": by_trust.map(|parent| &*parent.order.message_id),
            ":kind": among_all.map(|stood| small(stood.reach.kind)),
            ":steps": among_all.map(|stood| small(stood.reach.steps)),
            ":parent_from": by_all.map(|parent| parent.from),
            ":parent_to": by_all.map(|parent| parent.to),
            ":parent_time": by_all.map(|parent| parent.order.time),
            ":parent_message_id": by_all.map(|parent| &*parent.order.message_id),
        };
        self.execute(SQL, params).map(drop)
    }

    fn delete_placement(&self, name: NameId) -> Result<(), StoreError> {
        const SQL: &str = "delete from placement where identifier = :name";
        self.execute(SQL, named_params! { ":name": name }).map(drop)
    }
}

fn parent(stood: Option<&Stood>) -> Option<&Parent> {
    stood.and_then(|stood| stood.parent.as_ref())
}

/// The place of a kind, or a number of steps, as SQLite takes it.
fn small(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count as SQLite takes it.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
