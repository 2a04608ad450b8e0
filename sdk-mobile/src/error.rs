//! What a developer must mend before a tracker begins. Nothing that happens later is an error: it is reported.

use std::io;

/// Why there is no tracker. Nothing was stored and nothing will be sent.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum TrackerError {
    /// `write_key` is empty.
    #[error("the write key is empty: give the public key (pk_…) that the collector printed")]
    EmptyWriteKey,
    /// `host` is not where a collector can be.
    #[error("{host:?} is no host: give scheme and authority, such as https://collect.example")]
    BadHost {
        /// As it was given.
        host: String,
    },
    /// `context` is not what an event may carry.
    #[error("the context is not the JSON text of an object within the limits of an event (32 KiB, depth 32, 512 keys)")]
    BadContext,
    /// `directory` does not take files.
    #[error("{directory:?} cannot be written: give a directory of the app's own ({source})")]
    DirectoryNotWritable {
        /// As it was given.
        directory: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system has no thread left for the tracker.
    #[error("the system gives the tracker no thread ({source})")]
    NoThread {
        /// What the system said.
        source: io::Error,
    },
}

/// An app's listener failed. Nobody but the app can mend it, so the tracker goes on.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum ListenerError {
    /// It threw, or answered what it may not.
    #[error("the listener failed")]
    Failed,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for ListenerError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}
