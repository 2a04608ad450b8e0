//! The events of a profile, newest first, in pages (protocol.md, section 5).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract;
use axum::response::Response;
use selvedge_core::identifier::Identifier;
use selvedge_core::json;
use selvedge_core::wire::field;
use serde::Serialize;
use serde_json::value::RawValue;

use super::routes::{Head, Segment};
use super::{Refusal, State, error, keys, profiles, query};
use crate::event::{UnixMillis, Via, stands_over_batch};
use crate::ingest;
use crate::store::{EventQuery, ShapeId, StoredEvent};

/// `GET /v1/profiles/{profile}/events?limit&cursor&from&to&event&raw`.
pub(super) async fn page(
    extract::State(state): extract::State<Arc<State>>,
    Segment(name): Segment,
    head: Head,
) -> Result<Response, Refusal> {
    let key = keys::for_reading(&state, &head)?;
    let asked = query::asked(&head, &["limit", "cursor", "from", "to", "event", "raw"])?;
    let lookup = profiles::lookup(&state, &name)?;
    let query = EventQuery {
        limit: limit(asked)?,
        cursor: parsed(asked, "cursor", "`next` of the page before")?,
        from: time(asked, "from")?,
        to: time(asked, "to")?,
        name: query::parameter(asked, "event").map(|name| name.as_ref().into()),
    };
    let with_raw = query::flag(asked, "raw")?;
    let page = profiles::read(state, key.workspace, move |reader| reader.profile_events(&lookup, &query)).await?;
    let page = page.ok_or(Refusal::NoSuchProfile)?;
    Ok(error::json(&Page {
        events: page.events.iter().map(|event| ShownEvent::of(event, with_raw, &page.unproven)).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// How many a page holds: 1 to 500.
pub(super) fn limit(asked: &str) -> Result<usize, Refusal> {
    let limit = parsed(asked, "limit", "a number from 1 to 500")?.unwrap_or(PAGE_EVENTS);
    if (1..=500).contains(&limit) {
        Ok(limit)
    } else {
        Err(Refusal::BadParameter { name: "limit", wanted: "a number from 1 to 500" })
    }
}

/// A parameter, if it is given and not empty.
pub(super) fn parsed<T: FromStr>(asked: &str, name: &'static str, wanted: &'static str) -> Result<Option<T>, Refusal> {
    let Some(text) = query::parameter(asked, name).filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| Refusal::BadParameter { name, wanted })
}

fn time(asked: &str, name: &'static str) -> Result<Option<UnixMillis>, Refusal> {
    let Some(text) = query::parameter(asked, name).filter(|text| !text.is_empty()) else { return Ok(None) };
    // A plus of a zone that was not encoded arrives as a space.
    let time = ingest::parse_time(&text).or_else(|| ingest::parse_time(&text.replace(' ', "+")));
    time.map(Some).ok_or(Refusal::BadParameter { name, wanted: "an RFC 3339 time" })
}

/// An event as it is read, with the message as it came: JSON text.
pub(super) fn shown(event: &StoredEvent, unproven: &BTreeMap<ShapeId, Vec<Identifier>>) -> String {
    // Only a map with keys that are no strings could fail.
    serde_json::to_string(&ShownEvent::of(event, true, unproven)).unwrap_or_default()
}

#[derive(Serialize)]
struct Page<'a> {
    events: Vec<ShownEvent<'a>>,
    next: Option<String>,
}

/// An event as it is read: what the collector made of it, and the parts of the message as they came.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownEvent<'a> {
    message_id: &'a str,
    r#type: &'static str,
    event: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    time: String,
    received_at: String,
    user_id: Option<Cow<'a, str>>,
    anonymous_id: Option<Cow<'a, str>>,
    group_id: Option<Cow<'a, str>>,
    properties: Option<&'a RawValue>,
    traits: Option<&'a RawValue>,
    context: BTreeMap<Cow<'a, str>, &'a RawValue>,
    via: &'static str,
    /// Names that it gave and that do not count: they are held, and nothing proved them.
    #[serde(rename = "unproven_identity", skip_serializing_if = "<[_]>::is_empty")]
    unproven: &'a [Identifier],
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a RawValue>,
}

impl<'a> ShownEvent<'a> {
    fn of(event: &'a StoredEvent, with_raw: bool, unproven: &'a BTreeMap<ShapeId, Vec<Identifier>>) -> Self {
        let mut parts = members(&event.raw);
        let mut context = members(&event.batch_context);
        if let Some(own) = parts.remove(field::CONTEXT) {
            let own = json::members(own.get().as_bytes()).filter_map(Result::ok);
            for (key, value) in own {
                let stands = stands_over_batch(key, value);
                let Some((name, value)) = shown_member((key, value)) else { continue };
                if stands || !context.contains_key(&name) {
                    context.insert(name, value);
                }
            }
        }
        let text = |name: &str| parts.get(name).copied().and_then(text);
        Self {
            message_id: &event.order.message_id,
            r#type: event.event_type.as_str(),
            event: text(field::EVENT),
            name: text(field::NAME),
            time: event.order.time.rfc3339(),
            received_at: event.received_at.rfc3339(),
            user_id: text(field::USER_ID),
            anonymous_id: text(field::ANONYMOUS_ID),
            group_id: text(field::GROUP_ID),
            properties: parts.get(field::PROPERTIES).copied(),
            traits: parts.get(field::TRAITS).copied(),
            context,
            via: via(event.via),
            unproven: unproven.get(&event.shape).map_or(&[], Vec::as_slice),
            raw: with_raw.then(|| json_of(&event.raw)).flatten(),
        }
    }
}

/// The members of an object as they stand; the last of a name counts. What is no object has none.
fn members(object: &[u8]) -> BTreeMap<Cow<'_, str>, &RawValue> {
    json::members(object).filter_map(Result::ok).filter_map(shown_member).collect()
}

fn shown_member<'a>((key, value): (json::RawKey<'a>, &'a [u8])) -> Option<(Cow<'a, str>, &'a RawValue)> {
    Some((key.decode()?, json_of(value)?))
}

fn json_of(text: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(text).ok()
}

/// A text, a number as it stands, or nothing.
fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let value = value.get();
    match json::kind(value.as_bytes())? {
        json::Kind::String => json::string(value.as_bytes()),
        json::Kind::Number | json::Kind::Bool => Some(Cow::Borrowed(value)),
        json::Kind::Null | json::Kind::Object | json::Kind::Array => None,
    }
}

fn via(via: Via) -> &'static str {
    match via {
        Via::Key => "key",
        Via::Import => "import",
        Via::Forward => "forward",
    }
}

/// A screenful, where the asker names no number.
const PAGE_EVENTS: usize = 50;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::event::{EventType, Order, Source};
    use crate::store::{Seq, ShapeId};

    #[test]
    fn the_parts_of_the_message_are_shown_as_they_came() {
        let event = stored(
            r#"{"userId":7,"event":"Paid","properties":{"big":18446744073709551616,"one":1.0},"context":{"page":{"a":1}}}"#,
            r#"{"page":{"b":2},"library":"x"}"#,
        );
        let shown = serde_json::to_string(&ShownEvent::of(&event, true, &BTreeMap::new())).unwrap();
        assert!(shown.contains(r#""userId":"7""#), "{shown}");
        assert!(shown.contains(r#""properties":{"big":18446744073709551616,"one":1.0}"#), "{shown}");
        assert!(shown.contains(r#""context":{"library":"x","page":{"a":1}}"#), "{shown}");
        assert!(shown.contains(r#""raw":{"userId":7,"#), "{shown}");
        let event =
            stored(r#"{"context":{"traits":null,"locale":null}}"#, r#"{"traits":{"plan":"gold"},"locale":"de"}"#);
        let shown = serde_json::to_string(&ShownEvent::of(&event, false, &BTreeMap::new())).unwrap();
        assert!(shown.contains(r#""context":{"locale":null,"traits":{"plan":"gold"}}"#), "{shown}");
        let alone = stored(r#"{"context":{"device":"Pixel 7"}}"#, "");
        let shown = serde_json::to_string(&ShownEvent::of(&alone, false, &BTreeMap::new())).unwrap();
        assert!(shown.contains(r#""context":{"device":"Pixel 7"}"#), "{shown}");
    }

    #[test]
    fn the_limit_of_a_page_is_from_1_to_500() {
        assert_eq!(limit("").unwrap(), 50);
        assert_eq!(limit("limit=500").unwrap(), 500);
        for asked in ["limit=0", "limit=501", "limit=x", "limit=-1"] {
            assert!(matches!(limit(asked), Err(Refusal::BadParameter { name: "limit", .. })), "{asked}");
        }
    }

    #[test]
    fn a_zone_whose_plus_was_not_encoded_is_read() {
        assert_eq!(time("from=2026-01-01T02:00:00+02:00", "from").unwrap(), Some(UnixMillis(1_767_225_600_000)));
    }

    fn stored(raw: &'static str, batch_context: &'static str) -> StoredEvent {
        StoredEvent {
            seq: Seq(1),
            shape: ShapeId(1),
            order: Order { time: UnixMillis(0), message_id: "m-1".into() },
            event_type: EventType::Track,
            name: None,
            received_at: UnixMillis(0),
            source: Source(1),
            via: Via::Key,
            batch_context: Bytes::from_static(batch_context.as_bytes()),
            raw: Bytes::from_static(raw.as_bytes()),
        }
    }
}
