//! Who has a data directory to themselves: a server for as long as it runs, and who builds its ledger again.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use super::CommandError;

/// Held for as long as the file is. `None` when another process holds it.
pub(super) fn take(directory: &Path) -> Result<Option<File>, CommandError> {
    let failed = |source| CommandError::System { what: "the data directory cannot be locked", source };
    fs::create_dir_all(directory).map_err(failed)?;
    let file = File::create(directory.join("serve.lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
