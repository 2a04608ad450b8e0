//! What can go wrong with a ledger, by what the caller can do about it.

use std::path::PathBuf;

/// Why the ledger did not answer or did not keep something. Whatever a failed transaction wrote is gone.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing more can be written until there is room. What is stored can still be read.
    #[error("the disk that holds the ledger is full: make room; nothing stored is lost, and writing goes on by itself")]
    DiskFull(#[source] Cause),
    /// Somebody else kept the ledger locked for longer than we wait. Try again.
    #[error("another process keeps the ledger locked: try again")]
    Busy(#[source] Cause),
    /// The file is no ledger, or is damaged. It is left as it is.
    #[error("{} is damaged or is no Selvedge ledger: it was left untouched; move it away or restore a backup", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the engine says.
        #[source]
        cause: Cause,
    },
    /// A newer Selvedge wrote it.
    #[error("{} was written by a newer Selvedge (format {found}, this one knows {known}): run that one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// The directory cannot be made or the file not opened.
    #[error("{} cannot be opened: check that it exists and that it may be written", path.display())]
    Unopened {
        /// The directory or the file.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: Cause,
    },
    /// A row holds what no version of Selvedge writes there.
    #[error("the ledger holds an impossible {what}: run `pragma integrity_check`")]
    Impossible {
        /// Which value.
        what: &'static str,
    },
    /// Anything else that the engine says.
    #[error("the ledger's engine failed")]
    Engine(#[source] Cause),
}

/// The error of the home that failed; each has its own type.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;
