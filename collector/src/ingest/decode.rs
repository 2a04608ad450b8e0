//! Opens a request's body: splits it into its events and what they share. Knows neither keys nor identifiers.
//!
//! Events stay slices of the body: nothing is built, and what was not understood is kept as it came.

use bytes::Bytes;
use selvedge_core::json::{self, FaultKind, Kind};
use selvedge_core::wire::field;

use super::limits::Limits;
use super::parts::text;
use super::secrets::without_key;
use super::time;
use super::verdict::RequestRefusal;
use crate::event::{EventType, UnixMillis};

/// What a path says about the body that is posted to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One event, of this type where it says none itself.
    One(Option<EventType>),
    /// `{"batch": [ … ]}`.
    Batch,
}

/// An opened body: its events, not yet looked at, and what they share.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The texts of the events, slices of the body.
    pub events: Vec<Bytes>,
    /// The type of an event that says none.
    pub default_type: Option<EventType>,
    /// The moment of this attempt.
    pub sent_at: Option<UnixMillis>,
    /// The batch's `context`: a checked JSON object, empty when absent.
    pub context: Bytes,
    /// The key, where the body carries one.
    pub write_key: Option<Box<str>>,
    /// Echoed as the receipt.
    pub batch_id: Option<Box<str>>,
}

impl Envelope {
    /// Opens a body of this shape.
    ///
    /// # Errors
    /// When there are no events to judge one by one.
    pub fn open(body: &Bytes, shape: Shape, limits: &Limits) -> Result<Self, RequestRefusal> {
        match shape {
            Shape::One(default_type) => Self::of_one(body, default_type, limits),
            Shape::Batch => Self::of_batch(body, limits),
        }
    }

    fn empty() -> Self {
        Self {
            events: Vec::new(),
            default_type: None,
            sent_at: None,
            context: Bytes::new(),
            write_key: None,
            batch_id: None,
        }
    }

    fn of_one(body: &Bytes, default_type: Option<EventType>, limits: &Limits) -> Result<Self, RequestRefusal> {
        let mut envelope = Self { default_type, ..Self::empty() };
        if json::kind(body) != Some(Kind::Object) {
            json::check(body, &limits.json())?;
            envelope.events.push(body.clone());
            return Ok(envelope);
        }
        for member in json::members(body) {
            let (key, value) = member?;
            envelope.take_shared(key, value);
        }
        // What breaks the grammar is no request; what breaks a limit, or is not a number, is an event to be judged.
        if let Err(fault) = json::check(body, &limits.json())
            && matches!(fault.kind, FaultKind::Syntax | FaultKind::Unfinished)
        {
            return Err(fault.into());
        }
        let event = if envelope.write_key.is_some() { without_key(body) } else { body.clone() };
        envelope.events.push(event);
        Ok(envelope)
    }

    fn of_batch(body: &Bytes, limits: &Limits) -> Result<Self, RequestRefusal> {
        let mut envelope = Self::empty();
        let mut batch = None;
        if json::kind(body) != Some(Kind::Object) {
            json::check(body, &limits.json())?;
            return Err(RequestRefusal::NoBatch);
        }
        for member in json::members(body) {
            let (key, value) = member?;
            if key.is(field::BATCH) {
                batch = Some(value);
            } else if key.is(field::CONTEXT) {
                envelope.context = shared_context(body, value, limits)?;
            } else {
                envelope.take_shared(key, value);
            }
        }
        let batch = batch.filter(|value| json::kind(value) == Some(Kind::Array)).ok_or(RequestRefusal::NoBatch)?;
        for event in json::elements(batch) {
            if envelope.events.len() >= limits.events_per_batch {
                return Err(RequestRefusal::BatchTooLarge { limit: limits.events_per_batch });
            }
            envelope.events.push(body.slice_ref(event?));
        }
        Ok(envelope)
    }

    fn take_shared(&mut self, key: json::RawKey<'_>, value: &[u8]) {
        if key.is(field::SENT_AT) {
            self.sent_at = time::read(value);
        } else if key.is(field::WRITE_KEY) {
            self.write_key = text(value).ok().flatten().map(|key| key.as_ref().into());
        } else if key.is(field::BATCH_ID) {
            self.batch_id = text(value).ok().flatten().map(|id| id.as_ref().into());
        }
    }
}

/// The batch's context, if it is one. PHP writes `[]` for `{}`.
fn shared_context(body: &Bytes, value: &[u8], limits: &Limits) -> Result<Bytes, RequestRefusal> {
    json::check(value, &limits.json()).map_err(|_| RequestRefusal::BadContext)?;
    match json::kind(value) {
        Some(Kind::Object) if value.len() <= limits.event_bytes => Ok(body.slice_ref(value)),
        Some(Kind::Null) => Ok(Bytes::new()),
        Some(Kind::Array) if json::elements(value).next().is_none() => Ok(Bytes::new()),
        _ => Err(RequestRefusal::BadContext),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_split_into_slices_of_its_body() {
        let body = Bytes::from_static(br#" {"batch" : [ {"a":1} ,{"b":[2,{}]}], "sentAt":"2026-01-01T00:00:00Z"} "#);
        let envelope = Envelope::open(&body, Shape::Batch, &Limits::default()).unwrap();
        assert_eq!(envelope.events, [&br#"{"a":1}"#[..], br#"{"b":[2,{}]}"#]);
        assert!(body.as_ptr_range().contains(&envelope.events[0].as_ptr()));
        assert_eq!(envelope.sent_at, Some(UnixMillis(1_767_225_600_000)));
    }

    #[test]
    fn the_key_may_be_the_last_member_of_the_body() {
        let envelope = open(r#"{"batch":[{"x":NaN}],"batchId":"b-1","writeKey":"pk_last"}"#).unwrap();
        assert_eq!(envelope.write_key.as_deref(), Some("pk_last"));
        assert_eq!(envelope.batch_id.as_deref(), Some("b-1"));
    }

    #[test]
    fn a_key_in_a_single_event_is_not_kept_with_it() {
        let body = Bytes::from_static(br#"{"writeKey":"sk_x","event":"Paid","properties":{"total":1.0}}"#);
        let envelope = Envelope::open(&body, Shape::One(Some(EventType::Track)), &Limits::default()).unwrap();
        assert_eq!(envelope.events, [&br#"{"event":"Paid","properties":{"total":1.0}}"#[..]]);
        assert_eq!(envelope.write_key.as_deref(), Some("sk_x"));
    }

    #[test]
    fn a_body_without_an_array_of_events_is_refused() {
        for body in ["{}", r#"{"batch":null}"#, r#"{"batch":{}}"#, "[]", "1"] {
            assert_eq!(open(body).unwrap_err(), RequestRefusal::NoBatch, "{body}");
        }
    }

    #[test]
    fn a_body_that_is_not_json_is_refused_with_the_place() {
        for (body, offset_bytes) in [("", 0), ("hello", 0), (r#"{"batch":[{}"#, 12), (r#"{"batch":[]} x"#, 13)] {
            assert_eq!(open(body).unwrap_err(), RequestRefusal::BadJson { offset_bytes }, "{body}");
        }
    }

    #[test]
    fn one_event_too_many_refuses_the_batch() {
        let limits = Limits { events_per_batch: 2, ..Limits::default() };
        let body = |events: &str| Bytes::from(format!("{{\"batch\":[{events}]}}"));
        assert!(Envelope::open(&body("{},{}"), Shape::Batch, &limits).is_ok());
        let refusal = Envelope::open(&body("{},{},{}"), Shape::Batch, &limits).unwrap_err();
        assert_eq!(refusal, RequestRefusal::BatchTooLarge { limit: 2 });
    }

    #[test]
    fn php_writes_an_empty_context_as_an_array() {
        assert_eq!(open(r#"{"context":[],"batch":[]}"#).unwrap().context, Bytes::new());
        assert_eq!(open(r#"{"context":null,"batch":[]}"#).unwrap().context, Bytes::new());
        assert_eq!(open(r#"{"context":[1],"batch":[]}"#).unwrap_err(), RequestRefusal::BadContext);
        assert_eq!(open(r#"{"context":{"a":NaN},"batch":[]}"#).unwrap_err(), RequestRefusal::BadContext);
    }

    fn open(body: &str) -> Result<Envelope, RequestRefusal> {
        Envelope::open(&Bytes::copy_from_slice(body.as_bytes()), Shape::Batch, &Limits::default())
    }
}
