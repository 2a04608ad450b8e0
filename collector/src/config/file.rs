//! The TOML file as it is written; what it means is settled in `config` and in the destinations.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::identity::IdentityTable;
use crate::ingest::Limits;

/// The whole file. An unknown key is refused: a misspelled setting that is silently ignored costs a day.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) listen: Option<String>,
    pub(super) data: Option<PathBuf>,
    pub(super) store: Option<String>,
    pub(super) upstream: Option<String>,
    pub(super) upstream_key: Option<String>,
    pub(super) store_clear: Option<bool>,
    #[serde(default)]
    pub(super) redirect_hosts: Vec<Box<str>>,
    #[serde(default)]
    pub(super) limits: Limits,
    pub(super) identity: Option<IdentityTable>,
    #[serde(default)]
    pub(super) destination: Vec<DestinationTable>,
}

/// One `[[destination]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DestinationTable {
    /// Keeps its place in the ledger: renamed, it starts anew.
    pub(super) name: String,
    /// What speaks at the other end.
    #[serde(rename = "type")]
    pub(super) destination_type: DestinationType,
    /// Where it is.
    pub(super) url: String,
    /// Write key of a segment destination.
    pub(super) key: Option<String>,
    /// What a webhook is signed with.
    pub(super) secret: Option<String>,
    /// `events`, `profiles` or both.
    pub(super) send: Option<Vec<SendItem>>,
    /// Lets a webhook go to private addresses and over plain http: for intranets and tests.
    #[serde(default)]
    pub(super) allow_private: bool,
}

/// What speaks at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum DestinationType {
    /// A Segment-compatible `/v1/batch`: another collector, Segment, RudderStack, Jitsu.
    Segment,
    /// Signed JSON, one request per profile change.
    Webhook,
}

/// One word of `send`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SendItem {
    /// Every event.
    Events,
    /// Every change of a profile.
    Profiles,
}

impl File {
    /// Reads the file; no file is an empty one.
    pub(super) fn read(path: Option<&Path>) -> Result<Self, FileError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text =
            std::fs::read_to_string(path).map_err(|source| FileError::Unreadable { path: path.to_owned(), source })?;
        toml::from_str(&text)
            .map_err(|source| FileError::NotUnderstood { path: path.to_owned(), source: Box::new(source) })
    }
}

/// The file cannot be read or understood.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say it")]
pub enum FileError {
    #[error("the settings file {} cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the settings file {} is not understood: {source}", path.display())]
    NotUnderstood { path: PathBuf, source: Box<toml::de::Error> },
}
