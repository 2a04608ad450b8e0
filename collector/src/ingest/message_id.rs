//! The messageId of an event: the one it states, or the one that it is given. One messageId is one event, for ever.

use std::fmt::Write;
use std::sync::Arc;

use selvedge_core::json;
use selvedge_core::wire::field;
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::Desk;
use super::parts::text_of;
use super::verdict::EventRefusal;
use crate::clock::Chance;
use crate::event::{EventType, Strength, UnixMillis};

/// Snapshots that another collector sends; not for public keys.
pub(super) const PROFILE_PREFIX: &str = "profile:";
/// Rows of an import; not for public keys.
pub(super) const IMPORT_PREFIX: &str = "import:";

/// The messageId that an event states.
pub(super) fn stated(part: Option<&[u8]>, desk: &Desk<'_>) -> Result<Option<Arc<str>>, EventRefusal> {
    let Some(message_id) = text_of(part, "/messageId")? else { return Ok(None) };
    if message_id.len() > desk.limits.message_id_bytes {
        return Err(EventRefusal::MessageIdTooLong { limit_bytes: desk.limits.message_id_bytes });
    }
    let is_reserved = message_id.starts_with(PROFILE_PREFIX) || message_id.starts_with(IMPORT_PREFIX);
    if is_reserved && desk.strength() == Strength::Observed {
        return Err(EventRefusal::ReservedMessageId);
    }
    Ok(Some(message_id.as_ref().into()))
}

/// Of which profile, and which version of it, a messageId of another collector's snapshot is.
pub(super) fn of_profile(message_id: &str) -> Option<(&str, u64)> {
    let (profile, version) = message_id.strip_prefix(PROFILE_PREFIX)?.rsplit_once(':')?;
    Some((profile, version.parse().ok()?))
}

/// Whether an event is another collector's snapshot of a profile.
pub(super) fn is_of_profile(part: Option<&[u8]>, desk: &Desk<'_>) -> bool {
    let message_id = text_of(part, "/messageId").ok().flatten();
    desk.strength() > Strength::Observed && message_id.is_some_and(|id| of_profile(&id).is_some())
}

/// For an event with a time of its own, and what its batch shares: a resend, which differs in `sentAt` alone, is the same
/// event.
pub(super) fn by_hash([event, batch_context]: [&[u8]; 2], event_type: EventType) -> Arc<str> {
    let mut digest = Sha256::new().chain_update(event_type.as_str());
    for (key, value) in json::members(event).filter_map(Result::ok) {
        if !key.is(field::SENT_AT) && !key.is(field::BATCH_ID) {
            // Neither a key nor a value holds a bare control character: the parts cannot run into each other.
            digest = digest.chain_update(key.as_bytes()).chain_update([1]).chain_update(value).chain_update([2]);
        }
    }
    digest.update(batch_context);
    let mut message_id = String::from("hash-");
    for byte in digest.finalize().iter().take(16) {
        // Writing into a String cannot fail.
        let _ = write!(message_id, "{byte:02x}");
    }
    message_id.into()
}

/// For an event that states no time: two that are alike may well be two. UUIDv7, whose rising values cost the store
/// least. A system without chance falls back to the hash.
pub(super) fn by_chance(content: [&[u8]; 2], event_type: EventType, received_at: UnixMillis) -> Arc<str> {
    match Chance::bytes() {
        Ok(chance) => {
            let millis = u64::try_from(received_at.0).unwrap_or_default();
            Builder::from_unix_timestamp_millis(millis, &chance).into_uuid().to_string().into()
        }
        Err(_) => by_hash(content, event_type),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resend_with_another_sent_at_is_the_same_event() {
        let first = by_hash([br#"{"event":"Paid","timestamp":"t","sentAt":"1"}"#, b""], EventType::Track);
        let again = by_hash([br#"{"event":"Paid","timestamp":"t","sentAt":"2"}"#, b""], EventType::Track);
        assert_eq!(first, again);
        assert_eq!(first.len(), "hash-".len() + 32);
    }

    #[test]
    fn another_value_or_type_is_another_event() {
        let event = |text: &str| by_hash([text.as_bytes(), b""], EventType::Track);
        assert_ne!(event(r#"{"event":"Paid","n":1}"#), event(r#"{"event":"Paid","n":2}"#));
        assert_ne!(event("{}"), by_hash([b"{}", b""], EventType::Page));
        assert_ne!(event("{}"), by_hash([b"{}", br#"{"device":{"id":"F-1"}}"#], EventType::Track));
    }

    #[test]
    fn chance_gives_two_like_events_two_ids_that_rise_with_time() {
        let at = |millis| by_chance([b"{}", b""], EventType::Track, UnixMillis(millis));
        assert_ne!(at(1_767_225_600_000), at(1_767_225_600_000));
        assert!(at(1_767_225_600_000) < at(1_767_225_600_001));
    }
}
