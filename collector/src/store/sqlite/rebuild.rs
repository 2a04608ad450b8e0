//! A ledger that is built again beside another, and takes its place. What operators set is carried over row by row,
//! and so are the names, so that a row means the same in both; what was said is written again by who reads it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, named_params};
use selvedge_core::identifier::{Identifier, Kind};

use super::column::Code;
use super::connection::{Readers, open_writer};
use super::{FILE, SqliteStore, opening, schema};
use crate::event::{Guard, UnixMillis};
use crate::identity::Rules;
use crate::identity::normal::Digest;
use crate::identity::normal::digest::{digests, is_hashable};
use crate::store::{DigestPrefix, NameId, StoreError};

macro_rules! carried {
    ($($table:literal),*) => {
        /// In this order, whole.
        const CARRIED: &[&str] = &[$(concat!("insert into main.", $table, " select * from old.", $table)),*];
        #[cfg(test)]
        const CARRIED_TABLES: &[&str] = &[$($table),*];
    };
}

carried!(
    "workspace",
    "write_key",
    "identity_key",
    "destination",
    "rule",
    "dead_letter",
    "identifier",
    "kept_digest",
    "secret",
    "erasure",
    "nameless_mark"
);

/// Which ids were given out, to rows that are there no more too. Shapes are made anew.
const CARRIED_COUNTS: &str = "
    delete from main.sqlite_sequence;
    insert into main.sqlite_sequence (name, seq) select name, seq from old.sqlite_sequence where name <> 'shape'";

/// What a commit of anyone else changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataVersion(i64);

impl SqliteStore {
    /// Begins to build the ledger of `old` again, by these rules, in a file of its own; one of that name is deleted.
    /// Until [`SqliteStore::replace`], a crash may leave anything there.
    pub fn rebuilding(file: &Path, old: &Self, rules: &Rules) -> Result<Self, StoreError> {
        Self::remove(file)?;
        let mut writer = open_writer(file).map_err(|error| opening(file, error))?;
        schema::migrate(&mut writer).map_err(|error| error.of(file))?;
        // Nobody relies on it before it is whole: then it is synced once.
        writer.pragma_update(None, "synchronous", "off")?;
        writer.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        writer.execute_batch("delete from workspace")?;
        attached(&mut writer, old, |writer| {
            CARRIED.iter().try_for_each(|sql| writer.execute_batch(sql))?;
            writer.execute_batch(CARRIED_COUNTS)?;
            classify(writer, rules)?;
            guard_nameless_marks(writer, rules)?;
            note_digests(writer, rules)
        })?;
        let readers = Readers::new(file.to_owned());
        Ok(Self { writer: Mutex::new(writer), readers, keys: Mutex::default(), checkpointer: None })
    }

    /// Where it is.
    pub fn file(&self) -> &Path {
        self.readers.file()
    }

    /// Deletes the file of a ledger that nobody relies on, and what stands beside it.
    pub fn remove(file: &Path) -> Result<(), StoreError> {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let mut name = file.as_os_str().to_owned();
            name.push(suffix);
            match fs::remove_file(&name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unopened(file, error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// What the next commit of another connection would change.
    pub fn data_version(&self) -> Result<DataVersion, StoreError> {
        data_version(&self.writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Devices whose digests may be said, by their rows.
    pub fn hashable_devices(&self, rules: &Rules) -> Result<Vec<NameId>, StoreError> {
        const SQL: &str = "select id from identifier where kind = :kind";
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut devices = Vec::new();
        for kind in rules.device_kinds.iter().filter(|kind| is_hashable(kind)) {
            let mut statement = writer.prepare_cached(SQL)?;
            let found = statement.query_map(named_params! { ":kind": kind.as_str() }, |row| row.get(0))?;
            devices.extend(found.collect::<Result<Vec<NameId>, _>>()?);
        }
        Ok(devices)
    }

    /// Gives a built ledger the feed of the one before in place of its own, and each destination its place: events that
    /// were deleted or superseded left gaps, and in a ledger that is built again there are none.
    pub fn carry_feed(&self, old: &Self) -> Result<(), StoreError> {
        const FEED: [&str; 7] = [
            "delete from main.profile",
            "delete from main.renewal",
            "delete from main.change",
            "insert into main.profile select * from old.profile",
            "insert into main.change select * from old.change",
            "insert into main.renewal select change_seq, identifier from old.profile where is_alive",
            "update main.destination set event_seq =
                (select count(*) from old.event where old.event.seq <= main.destination.event_seq)",
        ];
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        attached(&mut writer, old, |writer| FEED.iter().try_for_each(|sql| writer.execute_batch(sql)))
    }

    /// `ok`, or what is broken.
    pub fn integrity(&self) -> Result<Box<str>, StoreError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(writer.query_row("pragma integrity_check(1)", [], |row| row.get(0))?)
    }

    /// Closes a built ledger, whole and on disk.
    pub fn finish(self) -> Result<PathBuf, StoreError> {
        let Self { writer, readers, keys, checkpointer: _ } = self;
        let file = readers.file().to_owned();
        drop((readers, keys));
        let writer = writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        writer.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
        writer.close().map_err(|(_, error)| error)?;
        File::open(&file).and_then(|open| open.sync_all()).map_err(|error| unopened(&file, error))?;
        Ok(file)
    }

    /// Puts a finished ledger in the place of this one, which is kept beside it under the name that is returned; at every
    /// moment one of the two is there. `None`, and nothing done, when anyone has written since `seen`.
    pub fn replace(self, built: &Path, seen: DataVersion, at: UnixMillis) -> Result<Option<PathBuf>, StoreError> {
        let Self { writer, readers, keys, checkpointer } = self;
        let file = readers.file().to_owned();
        drop((readers, keys));
        let mut writer = writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(checkpointer) = checkpointer {
            checkpointer.end(&mut writer)?;
        }
        // From the first transaction on, nobody else can have it open.
        writer.pragma_update(None, "locking_mode", "exclusive")?;
        writer.execute_batch("begin immediate")?;
        if data_version(&writer)? != seen {
            return Ok(None);
        }
        writer.execute_batch("commit")?;
        // Its log must not be taken for that of the new file.
        let mode: Box<str> = writer.query_row("pragma journal_mode = delete", [], |row| row.get(0))?;
        if &*mode != "delete" {
            return Ok(None);
        }
        let kept = exchange(&file, built, at).map_err(|error| unopened(&file, error))?;
        Ok(Some(kept))
    }
}

fn data_version(connection: &Connection) -> Result<DataVersion, StoreError> {
    Ok(DataVersion(connection.query_row("pragma data_version", [], |row| row.get(0))?))
}

/// Does something in one transaction while another ledger is there under the name `old`.
fn attached(
    writer: &mut Connection,
    old: &SqliteStore,
    act: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), StoreError> {
    const ATTACH: &str = "attach database :file as old";
    let path = old.readers.file();
    let file = path.to_str().ok_or_else(|| unopened(path, io::ErrorKind::InvalidFilename.into()))?;
    writer.execute(ATTACH, named_params! { ":file": file })?;
    let done = writer.transaction().and_then(|transaction| {
        act(&transaction)?;
        transaction.commit()
    });
    writer.execute_batch("detach database old")?;
    Ok(done?)
}

/// A kind may name something else than before.
fn classify(writer: &Connection, rules: &Rules) -> rusqlite::Result<()> {
    const KINDS: &str = "select distinct kind from identifier";
    const SQL: &str = "update identifier set class = :class where kind = :kind and class <> :class";
    let mut statement = writer.prepare(KINDS)?;
    let kinds = statement.query_map([], |row| row.get::<_, Box<str>>(0))?.collect::<Result<Vec<_>, _>>()?;
    for kind in kinds {
        let class = rules.class(&Kind::new(&kind));
        writer.execute(SQL, named_params! { ":class": Code(class), ":kind": kind })?;
    }
    Ok(())
}

/// What the erased observed is guarded from another moment on, or not at all.
fn guard_nameless_marks(writer: &Connection, rules: &Rules) -> rusqlite::Result<()> {
    const SQL: &str = "
        update nameless_mark
        set guard = case
            when time >= coalesce(:from, (
                select cast(rule.value as integer) from main.rule join main.identifier using (workspace)
                where identifier.id = nameless_mark.device and rule.name = 'guard_from'))
            then :held else :not_yet end
        where guard in (:held, :not_yet)";
    let params = named_params! {
        ":from": rules.guard_from, ":held": Code(Guard::Held), ":not_yet": Code(Guard::NothingYet),
    };
    writer.execute(SQL, params).map(drop)
}

/// Which digests a value may be said by follows from the region or, where no clear value is kept, is kept itself.
fn note_digests(writer: &Connection, rules: &Rules) -> rusqlite::Result<()> {
    const NAMES: &str = "select id, workspace, kind, value from identifier";
    const SQL: &str = "
        insert into digest (workspace, kind, prefix, identifier) values (:workspace, :kind, :prefix, :name)
        on conflict do nothing";
    const KEPT: &str = "select digest from main.kept_digest where identifier = :name";
    let (mut names, mut insert) = (writer.prepare(NAMES)?, writer.prepare(SQL)?);
    let mut kept = writer.prepare(KEPT)?;
    let mut rows = names.query([])?;
    while let Some(row) = rows.next()? {
        let kind = Kind::new(row.get_ref(2)?.as_str()?);
        if !is_hashable(&kind) {
            continue;
        }
        let (name, workspace): (NameId, i64) = (row.get(0)?, row.get(1)?);
        let identifier = Identifier::new(kind, row.get::<_, Box<str>>(3)?);
        let mut said_by = digests(&identifier, rules);
        let texts = kept.query_map(named_params! { ":name": name }, |row| row.get::<_, Box<str>>(0))?;
        for text in texts {
            said_by.extend(Digest::printed(&text?));
        }
        for digest in said_by {
            insert.execute(named_params! {
                ":workspace": workspace,
                ":kind": identifier.kind.as_str(),
                ":prefix": DigestPrefix::of(&digest.hex),
                ":name": name,
            })?;
        }
    }
    Ok(())
}

/// A hard link, where the file system has any, keeps the old one: the rename then goes from one whole file to another.
fn exchange(file: &Path, built: &Path, at: UnixMillis) -> io::Result<PathBuf> {
    let kept = file.with_file_name(format!("{FILE}{BEFORE}{}", at.rfc3339().replace(':', "-")));
    if fs::hard_link(file, &kept).is_err() {
        fs::copy(file, &kept)?;
        File::open(&kept)?.sync_all()?;
    }
    fs::rename(built, file)?;
    let directory = file.parent().unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()?;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if path != kept && name.is_some_and(|name| name.starts_with(&format!("{FILE}{BEFORE}"))) {
            fs::remove_file(path)?;
        }
    }
    Ok(kept)
}

fn unopened(path: &Path, error: io::Error) -> StoreError {
    StoreError::Unopened { path: path.to_owned(), cause: error.into() }
}

/// 16 MiB of log: pages that many groups change are moved once.
const CHECKPOINT_PAGES: i64 = 4_000;
/// Between the name of the ledger and the time at which another took its place.
pub(super) const BEFORE: &str = ".before-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_carried_over_or_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path()).unwrap();
        let connection = store.writer.lock().unwrap();
        let mut statement = connection
            .prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
            .unwrap();
        let tables = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        for table in tables.map(Result::unwrap) {
            let ways = [CARRIED_TABLES, WRITTEN_AGAIN, FEED_TABLES].concat();
            let found = ways.iter().filter(|known| **known == table).count();
            assert_eq!(found, 1, "{table}: carry it over, or say who writes it again");
        }
    }

    /// By the events, the decisions and what follows from them.
    const WRITTEN_AGAIN: &[&str] = &[
        "batch",
        "event",
        "shape",
        "shape_identifier",
        "trait_set",
        "snapshot",
        "set_aside",
        "decision",
        "digest",
        "placement",
        "conflict",
    ];
    const FEED_TABLES: &[&str] = &["profile", "renewal", "change"];
}
