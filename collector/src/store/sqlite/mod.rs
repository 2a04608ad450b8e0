//! The ledger in one SQLite file, `ledger.db` of the data directory: the home that needs nothing else.
//!
//! One connection writes, group after group, in WAL mode with `synchronous = full`; a few read beside it, each from
//! its own snapshot. A second process (the command line) may open the same directory: SQLite's locks keep both apart,
//! and [`SqliteStore::key`] sees its commits at once.

mod checkpoint;
mod column;
mod connection;
mod erase;
mod feed;
mod folds;
mod guard;
mod identity_keys;
mod keys;
mod marks;
mod names;
mod rebuild;
mod recorded;
mod row;
mod schema;
mod session;
mod traits;
mod transaction;
mod veil;
mod view;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, ErrorCode};

use self::checkpoint::Checkpointer;
use self::connection::{Held, Readers, open_writer};
use self::keys::KeyCache;
pub use self::rebuild::DataVersion;
use self::schema::SchemaError;
use self::session::Session;
use super::{Store, StoreError, Transaction, View};
use crate::event::Workspace;
use crate::identity_key::IdentityKeys;
use crate::key::{KeyDigest, StoredKey};

/// An open ledger file.
pub struct SqliteStore {
    writer: Mutex<Connection>,
    readers: Readers,
    keys: Mutex<KeyCache>,
    /// The last to be dropped: it ends when the writer is closed.
    checkpointer: Option<Checkpointer>,
}

impl SqliteStore {
    /// Opens the ledger of a data directory, and makes both when they are not there. A file that is damaged or newer
    /// is left as it is.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(directory)
            .map_err(|error| StoreError::Unopened { path: directory.to_owned(), cause: error.into() })?;
        let file = directory.join(FILE);
        let mut writer = open_writer(&file).map_err(|error| opening(&file, error))?;
        schema::migrate(&mut writer).map_err(|error| error.of(&file))?;
        let checkpointer = open_writer(&file).and_then(|beside| Checkpointer::start(&mut writer, beside));
        let checkpointer = Some(checkpointer.map_err(|error| opening(&file, error))?);
        let readers = Readers::new(file);
        Ok(Self { writer: Mutex::new(writer), readers, keys: Mutex::default(), checkpointer })
    }

    /// Whether a data directory holds a ledger.
    pub fn exists(directory: &Path) -> bool {
        directory.join(FILE).is_file()
    }
}

impl Store for SqliteStore {
    fn view(&self) -> Result<Box<dyn View + '_>, StoreError> {
        Ok(Box::new(Session::begin(Held::Reader(self.readers.lend()?))?))
    }

    fn transaction(&self) -> Result<Box<dyn Transaction + '_>, StoreError> {
        // A panic while it was held rolled the transaction back: the connection is as good as before.
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(Session::begin(Held::Writer(writer))?))
    }

    fn key(&self, digest: &KeyDigest) -> Result<Option<StoredKey>, StoreError> {
        // The cache holds only what it can ask for again.
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.find(digest, &self.readers)
    }

    fn forget_copies(&self) -> Result<(), StoreError> {
        self.delete_copies()
    }

    fn compact(&self) -> Result<(), StoreError> {
        self.write_anew()
    }

    fn identity_keys(&self, workspace: Workspace) -> Result<Arc<IdentityKeys>, StoreError> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.identity_keys(workspace, &self.readers)
    }
}

impl SchemaError {
    fn of(self, file: &Path) -> StoreError {
        match self {
            Self::Newer { found } => StoreError::Newer { path: file.to_owned(), found, known: schema::FORMAT },
            Self::Engine(error) => opening(file, error),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::DiskFull(error.into()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(error.into()),
            _ => StoreError::Engine(error.into()),
        }
    }
}

fn opening(file: &Path, error: rusqlite::Error) -> StoreError {
    let path = PathBuf::from(file);
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt { path, cause: error.into() },
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            StoreError::Unopened { path, cause: error.into() }
        }
        _ => error.into(),
    }
}

/// The ledger's name in the data directory.
const FILE: &str = "ledger.db";
