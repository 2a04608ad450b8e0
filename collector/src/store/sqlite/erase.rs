//! Takes names out of the file, so that no row holds them. One statement per deed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, ffi, named_params};
use selvedge_core::identifier::Kind;

use super::SqliteStore;
use super::column::Code;
use super::connection::BUSY_TIMEOUT;
use super::rebuild::BEFORE;
use super::row::names_someone;
use super::session::Session;
use super::traits::{stored_trait, with_names_of_traits};
use crate::event::{Guard, Order, UnixMillis, Workspace};
use crate::identity::normal::digest::is_hashable;
use crate::store::{
    BatchId, ChangeSeq, DeadLetter, DecisionId, Erasing, ErasureCount, ErasureRow, KeptLetter, NameHash, NameId,
    NamelessMark, NewName, Role, ScannedEvent, Seq, Shape, ShapeId, ShapeName, StoreError, StoredTrait,
};

/// Whether a claim, a decision, a mark that somebody left or a placement speaks of a name.
macro_rules! is_spoken_of {
    ($name:literal) => {
        concat!(
            "exists (select 1 from shape_identifier where identifier = ",
            $name,
            ") or exists (select 1 from decision where x = ",
            $name,
            " or y = ",
            $name,
            ") or exists (select 1 from nameless_mark where device = ",
            $name,
            ") or exists (select 1 from placement where identifier = ",
            $name,
            " or same_as = ",
            $name,
            ")"
        )
    };
}

impl Erasing for Session<'_> {
    fn overwrite_deleted(&self) -> Result<(), StoreError> {
        self.set_pragma("secure_delete", "on")
    }

    fn erasure_key(&self, make: Option<&[u8; 32]>) -> Result<Option<[u8; 32]>, StoreError> {
        const SQL: &str = "select value from secret where name = 'erasure'";
        const MAKE: &str = "insert into secret (name, value) values ('erasure', :key)";
        let known = self.first(SQL, [], |row| row.get(0))?;
        if let (None, Some(key)) = (known, make) {
            self.execute(MAKE, named_params! { ":key": key })?;
        }
        Ok(known.or(make.copied()))
    }

    fn erasure(&self, workspace: Workspace, hash: &NameHash) -> Result<Option<ErasureRow>, StoreError> {
        const SQL: &str =
            "select at, is_suppressed, is_derived from erasure where workspace = :workspace and hash = :hash";
        self.first(SQL, named_params! { ":workspace": workspace, ":hash": hash.0 }, |row| {
            Ok(ErasureRow { at: row.get(0)?, is_suppressed: row.get(1)?, is_derived: row.get(2)? })
        })
    }

    fn put_erasure(&self, workspace: Workspace, hash: &NameHash, row: &ErasureRow) -> Result<(), StoreError> {
        const SQL: &str = "
            insert into erasure (workspace, hash, at, is_suppressed, is_derived)
            values (:workspace, :hash, :at, :is_suppressed, :is_derived)
            on conflict (workspace, hash) do update set at = max(at, excluded.at),
                is_suppressed = max(is_suppressed, excluded.is_suppressed),
                is_derived = min(is_derived, excluded.is_derived)";
        let params = named_params! {
            ":workspace": workspace,
            ":hash": hash.0,
            ":at": row.at,
            ":is_suppressed": row.is_suppressed,
            ":is_derived": row.is_derived,
        };
        self.execute(SQL, params).map(drop)
    }

    fn revive_name(&self, workspace: Workspace, name: &NewName<'_>) -> Result<Option<NameId>, StoreError> {
        const SQL: &str = "
            update identifier set class = :class, kind = :kind, value = :value
            where workspace = :workspace and profile_id = :profile_id and kind = '' returning id";
        let params = named_params! {
            ":workspace": workspace,
            ":class": Code(name.class),
            ":kind": name.identifier.kind.as_str(),
            ":value": &*name.identifier.value,
            ":profile_id": name.profile_id.as_bytes(),
        };
        self.first(SQL, params, |row| row.get(0))
    }

    fn next_nameless(&self) -> Result<NameId, StoreError> {
        const SQL: &str = "select coalesce(min(person), 0) - 1 from nameless_mark";
        self.one(SQL, [], |row| row.get(0))
    }

    fn put_nameless_mark(&self, device: NameId, mark: &NamelessMark) -> Result<(), StoreError> {
        const SQL: &str = "
            insert into nameless_mark (device, time, message_id, person, rank, guard)
            values (:device, :time, :message_id, :person, :rank, :guard) on conflict do nothing";
        let params = named_params! {
            ":device": device,
            ":time": mark.order.time,
            ":message_id": &*mark.order.message_id,
            ":person": mark.person,
            ":rank": Code(mark.rank),
            ":guard": Code(mark.guard),
        };
        self.execute(SQL, params).map(drop)
    }

    fn guard_nameless(&self, from: UnixMillis) -> Result<BTreeSet<NameId>, StoreError> {
        const SQL: &str = "
            update nameless_mark set guard = :held where guard = :not_yet and time >= :from returning device";
        let params = named_params! { ":held": Code(Guard::Held), ":not_yet": Code(Guard::NothingYet), ":from": from };
        Ok(self.all(SQL, params, |row| row.get(0))?.into_iter().collect())
    }

    fn shapes_saying(&self, name: NameId) -> Result<Vec<(ShapeId, Role)>, StoreError> {
        const SQL: &str = "select shape, role from shape_identifier where identifier = :name";
        self.all(SQL, named_params! { ":name": name }, |row| Ok((row.get(0)?, row.get::<_, Code<_>>(1)?.0)))
    }

    fn delete_event(&self, workspace: Workspace, seq: Seq, is_snapshot: bool) -> Result<(), StoreError> {
        const SET_ASIDE: &str = "
            delete from set_aside where workspace = :workspace
                and message_id = (select message_id from event where seq = :seq)";
        const SNAPSHOT: &str = "delete from snapshot where workspace = :workspace and seq = :seq";
        const EVENT: &str = "delete from event where seq = :seq";
        self.execute(SET_ASIDE, named_params! { ":workspace": workspace, ":seq": seq })?;
        if is_snapshot {
            self.execute(SNAPSHOT, named_params! { ":workspace": workspace, ":seq": seq })?;
        }
        self.execute(EVENT, named_params! { ":seq": seq }).map(drop)
    }

    fn delete_traits(&self, shape: ShapeId, order: &Order) -> Result<u64, StoreError> {
        const SQL: &str = concat!(
            with_names_of_traits!(),
            "delete from trait_set
             where shape = :shape and name in (select name from named) and time = :time and message_id = :message_id"
        );
        let params = named_params! { ":shape": shape, ":time": order.time, ":message_id": &*order.message_id };
        self.execute(SQL, params).map(|deleted| deleted as u64)
    }

    fn delete_traits_of_shape(&self, shape: ShapeId) -> Result<u64, StoreError> {
        const SQL: &str = "delete from trait_set where shape = :shape";
        self.execute(SQL, named_params! { ":shape": shape }).map(|deleted| deleted as u64)
    }

    fn fold_shape_again(&self, shape: ShapeId) -> Result<bool, StoreError> {
        const HAS_ANY: &str = "select exists (select 1 from event where shape = :shape)";
        if self.one(HAS_ANY, named_params! { ":shape": shape }, |row| row.get(0))? {
            self.fold_again(shape)?;
            return Ok(true);
        }
        for sql in [
            "delete from shape where id = :shape",
            "delete from shape_identifier where shape = :shape",
            "delete from trait_set where shape = :shape",
        ] {
            self.execute(sql, named_params! { ":shape": shape })?;
        }
        Ok(false)
    }

    fn rename_shape(
        &self,
        shape: &Shape,
        digest: &[u8; 16],
        (names, lost): (&[ShapeName], bool),
    ) -> Result<(), StoreError> {
        const SHAPE: &str = "update shape set digest = :digest, names_someone = :names_someone where id = :shape";
        const NAMES: &str = "delete from shape_identifier where shape = :shape";
        let params = named_params! {
            ":shape": shape.id, ":digest": digest, ":names_someone": names_someone(names, lost),
        };
        self.execute(SHAPE, params)?;
        self.execute(NAMES, named_params! { ":shape": shape.id })?;
        names.iter().try_for_each(|name| self.insert_shape_name(shape.id, name))
    }

    fn merge_shape(&self, from: ShapeId, into: ShapeId) -> Result<(), StoreError> {
        for sql in [
            "update event set shape = :into where shape = :from",
            "update trait_set set shape = :into where shape = :from",
        ] {
            self.execute(sql, named_params! { ":from": from, ":into": into })?;
        }
        self.fold_shape_again(from)?;
        self.fold_shape_again(into).map(drop)
    }

    fn scan_events(&self, workspace: Workspace, look: &mut dyn FnMut(ScannedEvent<'_>)) -> Result<(), StoreError> {
        const SQL: &str = "
            select seq, shape, batch, message_id, time, name, raw from event where +workspace = :workspace
            order by seq";
        self.each(SQL, named_params! { ":workspace": workspace }, |row| {
            look(ScannedEvent {
                seq: row.get(0)?,
                shape: row.get(1)?,
                batch: row.get(2)?,
                message_id: row.get_ref(3)?.as_str()?,
                time: row.get(4)?,
                name: row.get_ref(5)?.as_str_or_null()?,
                raw: row.get_ref(6)?.as_bytes()?,
            });
            Ok(())
        })
    }

    fn rewrite_event(&self, seq: Seq, name: Option<&str>, raw: &[u8]) -> Result<(), StoreError> {
        const SQL: &str = "update event set name = :name, raw = :raw where seq = :seq";
        self.execute(SQL, named_params! { ":seq": seq, ":name": name, ":raw": raw }).map(drop)
    }

    fn traits_of(&self, shape: ShapeId, order: &Order) -> Result<Vec<StoredTrait>, StoreError> {
        const SQL: &str = concat!(
            with_names_of_traits!(),
            "select name, time, message_id, value from trait_set
             where shape = :shape and name in (select name from named) and time = :time and message_id = :message_id"
        );
        let params = named_params! { ":shape": shape, ":time": order.time, ":message_id": &*order.message_id };
        self.all(SQL, params, stored_trait)
    }

    fn scan_batches(&self, workspace: Workspace, look: &mut dyn FnMut(BatchId, &[u8])) -> Result<(), StoreError> {
        const SQL: &str = "select id, context from batch where workspace = :workspace and length(context) > 0";
        self.each(SQL, named_params! { ":workspace": workspace }, |row| {
            look(row.get(0)?, row.get_ref(1)?.as_bytes()?);
            Ok(())
        })
    }

    fn rewrite_batch(&self, batch: BatchId, context: &[u8]) -> Result<(), StoreError> {
        const SQL: &str = "update batch set context = :context where id = :batch";
        self.execute(SQL, named_params! { ":batch": batch, ":context": context }).map(drop)
    }

    fn keep_last_seq(&self, last: Seq) -> Result<(), StoreError> {
        const HIGHEST: &str = "select coalesce(max(seq), 0) from event";
        const SNAPSHOT: &str = "update snapshot set seq = :last where seq = :highest";
        const EVENT: &str = "update event set seq = :last where seq = :highest";
        const POSITIONS: &str = "update destination set event_seq = 0";
        let highest: Seq = self.one(HIGHEST, [], |row| row.get(0))?;
        if highest == Seq::default() {
            // Nothing is left to be sent: the order of commits begins again.
            return self.execute(POSITIONS, []).map(drop);
        }
        if highest < last {
            // The newest that is left takes the place. It may be sent twice, and nothing behind it is passed over.
            for sql in [SNAPSHOT, EVENT] {
                self.execute(sql, named_params! { ":last": last, ":highest": highest })?;
            }
        }
        Ok(())
    }

    fn kept_letters(&self) -> Result<Vec<KeptLetter>, StoreError> {
        const SQL: &str = "select id, destination, message_id, reason, body, at from dead_letter";
        self.all(SQL, [], |row| {
            let letter = DeadLetter {
                destination: row.get(1)?,
                message_id: row.get(2)?,
                reason: row.get(3)?,
                body: row.get::<_, Vec<u8>>(4)?.into(),
                at: row.get(5)?,
            };
            Ok(KeptLetter { row: row.get(0)?, letter })
        })
    }

    fn delete_letter(&self, row: i64) -> Result<(), StoreError> {
        const SQL: &str = "delete from dead_letter where id = :row";
        self.execute(SQL, named_params! { ":row": row }).map(drop)
    }

    fn rewrite_decision(&self, decision: DecisionId, reason: &str) -> Result<(), StoreError> {
        const SQL: &str = "update decision set reason = :reason where id = :decision";
        self.execute(SQL, named_params! { ":decision": decision, ":reason": reason }).map(drop)
    }

    fn delete_decision(&self, decision: DecisionId) -> Result<(), StoreError> {
        const SQL: &str = "delete from decision where id = :decision";
        self.execute(SQL, named_params! { ":decision": decision }).map(drop)
    }

    fn scan_causes(&self, workspace: Workspace, look: &mut dyn FnMut(ChangeSeq, &str)) -> Result<(), StoreError> {
        const SQL: &str = "select seq, because from change where workspace = :workspace";
        self.each(SQL, named_params! { ":workspace": workspace }, |row| {
            look(row.get(0)?, row.get_ref(1)?.as_str()?);
            Ok(())
        })
    }

    fn rewrite_cause(&self, change: ChangeSeq, because: &str) -> Result<(), StoreError> {
        const SQL: &str = "update change set because = :because where seq = :change";
        self.execute(SQL, named_params! { ":change": change, ":because": because }).map(drop)
    }

    fn told_among(&self, names: &BTreeSet<NameId>) -> Result<BTreeSet<NameId>, StoreError> {
        const FEED: &str = "select profile, other from change";
        const PROFILE: &str = "select exists (select 1 from profile where identifier = :name)";
        let mut told = BTreeSet::new();
        self.each(FEED, [], |row| {
            let ends: [Option<NameId>; 2] = [row.get(0)?, row.get(1)?];
            told.extend(ends.into_iter().flatten().filter(|end| names.contains(end)));
            Ok(())
        })?;
        for name in names {
            if self.one(PROFILE, named_params! { ":name": name }, |row| row.get(0))? {
                told.insert(*name);
            }
        }
        Ok(told)
    }

    fn unname(&self, workspace: Workspace, name: NameId, is_told: bool) -> Result<(), StoreError> {
        const SET_ASIDE: &str = "
            delete from set_aside where workspace = :workspace
                and (kind, value) = (select kind, value from identifier where id = :name)";
        const KIND: &str = "select kind from identifier where id = :name";
        const DIGESTS: &str = "delete from digest where workspace = :workspace and kind = :kind and identifier = :name";
        const KEEP: &str = "update identifier set kind = '', value = '' where id = :name";
        const DELETE: &str = "delete from identifier where id = :name";
        self.execute(SET_ASIDE, named_params! { ":workspace": workspace, ":name": name })?;
        let kind = Kind::new(&self.one(KIND, named_params! { ":name": name }, |row| row.get::<_, Box<str>>(0))?);
        if is_hashable(&kind) {
            let digests = named_params! { ":workspace": workspace, ":kind": kind.as_str(), ":name": name };
            self.execute(DIGESTS, digests)?;
        }
        for sql in [
            "delete from kept_digest where identifier = :name",
            "delete from placement where identifier = :name",
            "delete from conflict where x = :name or y = :name",
            "delete from nameless_mark where device = :name",
        ] {
            self.execute(sql, named_params! { ":name": name })?;
        }
        self.execute(if is_told { KEEP } else { DELETE }, named_params! { ":name": name }).map(drop)
    }

    fn is_spoken_of(&self, name: NameId) -> Result<bool, StoreError> {
        const SQL: &str = concat!("select ", is_spoken_of!(":name"));
        self.one(SQL, named_params! { ":name": name }, |row| row.get(0))
    }

    fn unspoken_leaders(&self, workspace: Workspace) -> Result<Vec<NameId>, StoreError> {
        const SQL: &str = concat!(
            "select id from identifier join profile on profile.identifier = identifier.id
             where identifier.workspace = :workspace and kind <> '' and not (",
            is_spoken_of!("identifier.id"),
            ")"
        );
        self.all(SQL, named_params! { ":workspace": workspace }, |row| row.get(0))
    }

    fn drop_untold_names(&self, workspace: Workspace) -> Result<(), StoreError> {
        const UNTOLD: &str = concat!(
            "select id from identifier
             where workspace = :workspace and not (",
            is_spoken_of!("identifier.id"),
            ") and id not in (select identifier from profile)
             and id not in (select profile from change)
             and id not in (select other from change where other is not null)
             and id not in (select identifier from kept_digest)"
        );
        let untold: Vec<NameId> = self.all(UNTOLD, named_params! { ":workspace": workspace }, |row| row.get(0))?;
        for name in untold {
            for sql in ["delete from digest where identifier = :name", "delete from identifier where id = :name"] {
                self.execute(sql, named_params! { ":name": name })?;
            }
        }
        Ok(())
    }

    fn batches(&self, workspace: Workspace) -> Result<Vec<BatchId>, StoreError> {
        const SQL: &str = "select id from batch where workspace = :workspace";
        self.all(SQL, named_params! { ":workspace": workspace }, |row| row.get(0))
    }

    fn drop_batch(&self, batch: BatchId) -> Result<(), StoreError> {
        const SQL: &str = "delete from batch where id = :batch";
        self.execute(SQL, named_params! { ":batch": batch }).map(drop)
    }
}

impl Session<'_> {
    pub(super) fn read_erasure_count(&self) -> Result<ErasureCount, StoreError> {
        const SQL: &str = "select count(*), coalesce(max(at), 0) from erasure";
        self.one(SQL, [], |row| Ok(ErasureCount(row.get(0)?, row.get(1)?)))
    }
}

impl SqliteStore {
    /// Deletes the ledgers that others took the place of, and those that were never finished.
    pub(super) fn delete_copies(&self) -> Result<(), StoreError> {
        let file = self.file();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let directory = file.parent().unwrap_or(Path::new("."));
        let unread = |cause: io::Error| StoreError::Unopened { path: directory.to_owned(), cause: cause.into() };
        for entry in fs::read_dir(directory).map_err(unread)? {
            let path = entry.map_err(unread)?.path();
            let found = path.file_name().unwrap_or_default().to_string_lossy();
            let suffix = found.strip_prefix(&*name).unwrap_or_default();
            if [BEFORE, NEW, CHECK].iter().any(|copy| suffix.starts_with(copy)) {
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unread(error)),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Writes the file anew, without what was deleted, and empties its log.
    pub(super) fn write_anew(&self) -> Result<(), StoreError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.pragma_update(None, "secure_delete", "on")?;
        // It needs as much room again as the ledger, which may be more than there is memory.
        writer.pragma_update(None, "temp_store", "file")?;
        writer.execute_batch("vacuum")?;
        writer.pragma_update(None, "temp_store", "memory")?;
        // Who waits for readers here keeps a server's writer waiting too.
        writer.busy_timeout(Duration::ZERO)?;
        let emptied = empty_log(&writer);
        writer.busy_timeout(BUSY_TIMEOUT)?;
        emptied
    }
}

/// Copies the log into the file, and cuts it off: as soon as nobody reads from it any more.
fn empty_log(writer: &Connection) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        match writer.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get::<_, bool>(0)) {
            Ok(false) => return Ok(()),
            // Who copies the log beside a writer, or reads, is done in a moment.
            Ok(true) => thread::sleep(PAUSE),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => thread::sleep(PAUSE),
            Err(error) => return Err(error.into()),
        }
    }
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None).into())
}

/// Ledgers that are built beside this one: one to take its place, and one to be looked at. A check that is under way
/// fails: it would hold what is erased.
const NEW: &str = ".new";
const CHECK: &str = ".check-";
/// Ten seconds in all: longer than copying a log takes.
const TRIES: usize = 200;
const PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compacted_ledger_has_an_empty_log_and_nothing_of_what_was_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path()).unwrap();
        {
            let writer = store.writer.lock().unwrap();
            // Enough for the log to be copied beside the writer meanwhile.
            for number in 0..100 {
                let value = format!("somebody-{number} ").repeat(30_000);
                writer.execute("insert into secret values (?1, ?2)", (number.to_string(), value)).unwrap();
            }
            writer.execute("delete from secret where name > '5'", []).unwrap();
        }
        store.write_anew().unwrap();
        let log = fs::metadata(directory.path().join("ledger.db-wal")).unwrap().len();
        let bytes = fs::read(store.file()).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert_eq!((log, holds("somebody-4 "), holds("somebody-6 ")), (0, true, false));
    }
}
