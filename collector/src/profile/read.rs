//! The shape in which a profile is read and sent on (protocol.md, section 5).

use std::collections::BTreeMap;

use selvedge_core::identifier::Identifier;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::event::UnixMillis;
use crate::identity::ProfileId;

/// A person, or a device that nobody or several people marked.
#[derive(Debug, Clone, Serialize)]
pub struct Profile {
    /// That of its leader.
    pub id: ProfileId,
    /// Rises with every change; consumers keep the highest.
    pub version: u64,
    /// All that names it, and the devices that are its alone, by (class, kind priority, value).
    pub identifiers: Vec<SeenIdentifier>,
    /// See [`super::fold_traits`].
    pub traits: BTreeMap<Box<str>, Box<RawValue>>,
    /// Computed labels.
    pub tags: Vec<Box<str>>,
    /// The audiences that it is in.
    pub audiences: Vec<Box<str>>,
    /// The time of its first event. `None` for one that owns no event.
    #[serde(serialize_with = "rfc3339")]
    pub first_seen: Option<UnixMillis>,
    /// The time of its latest event.
    #[serde(serialize_with = "rfc3339")]
    pub last_seen: Option<UnixMillis>,
    /// The events that it owns.
    pub event_count: u64,
    /// Of a shared device: the people who share it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<ProfileId>,
}

/// An identifier and when it was named.
#[derive(Debug, Clone, Serialize)]
pub struct SeenIdentifier {
    /// `kind` and `value`.
    #[serde(flatten)]
    pub identifier: Identifier,
    /// The time of the first event that names it.
    #[serde(serialize_with = "rfc3339")]
    pub first_seen: Option<UnixMillis>,
    /// The time of the latest event that names it.
    #[serde(serialize_with = "rfc3339")]
    pub last_seen: Option<UnixMillis>,
    /// The name of the write key that named it first.
    pub source: Box<str>,
    /// Whether it is a device that several people marked.
    pub shared: bool,
}

/// RFC 3339 in UTC with milliseconds, which sorts as text; null where there is none.
pub(super) fn rfc3339<S: Serializer>(time: &Option<UnixMillis>, serializer: S) -> Result<S::Ok, S::Error> {
    let moment = time.and_then(|time| jiff::Timestamp::from_millisecond(time.0).ok());
    moment.map(|moment| format!("{moment:.3}")).serialize(serializer)
}
