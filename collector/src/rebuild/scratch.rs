//! The file in which a ledger is built: gone with whoever built it, however that ends, unless it took another's place.

use std::path::{Path, PathBuf};

use crate::store::sqlite::SqliteStore;

pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Beside the file of a ledger, on the same disk: so that it can take its place in one step.
    pub(super) fn beside(ledger: &SqliteStore, suffix: &str) -> Self {
        let mut name = ledger.file().as_os_str().to_owned();
        name.push(".");
        name.push(suffix);
        Self(name.into())
    }

    pub(super) fn file(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = SqliteStore::remove(&self.0) {
            tracing::warn!(file = %self.0.display(), error = &error as &dyn std::error::Error, "a file was left behind");
        }
    }
}
