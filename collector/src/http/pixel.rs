//! Events from places that can only fetch: the 1x1 GIF of mails and old pages. Query parameters become properties.

use std::sync::Arc;

use axum::body::Body;
use axum::extract;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use selvedge_core::json::push_quoted;
use selvedge_core::wire::field;

use super::routes::{Head, Segment};
use super::{Refusal, State, collect, keys, query};
use crate::event::EventType;
use crate::ingest::{Envelope, Shape};

/// `GET /pixel/v1/{track,page}`.
pub(super) async fn pixel(
    extract::State(state): extract::State<Arc<State>>,
    Segment(name): Segment,
    head: Head,
) -> Result<Response, Refusal> {
    let event_type =
        EventType::parse(&name).filter(|event_type| matches!(event_type, EventType::Track | EventType::Page));
    let event_type = event_type.ok_or(Refusal::NoSuchPath)?;
    record(&state, &head, event_type, None).await?;
    let mut response = Response::new(Body::from(GIF));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    headers.insert(header::CACHE_CONTROL, super::assets::NOT_STORED);
    Ok(response)
}

/// Commits the event that a query describes; `name` is its name where the query gives none.
pub(super) async fn record(
    state: &State,
    head: &Head,
    event_type: EventType,
    name: Option<&str>,
) -> Result<(), Refusal> {
    state.admits()?;
    let key = keys::for_intake(state, keys::carried(head).as_deref(), &head.headers)?;
    let event = event_of(head.uri.query().unwrap_or_default(), name);
    let envelope = Envelope::open(&event, Shape::One(Some(event_type)), state.limits())?;
    collect::commit(state, &key, collect::sender(head), &envelope).await.map(|_| ())
}

/// The event that a query describes, as JSON text.
fn event_of(query: &str, name: Option<&str>) -> Bytes {
    let (mut parts, mut properties) = (Object::default(), Object::default());
    let mut is_named = false;
    for (name, value) in query::parameters(query) {
        if name == field::WRITE_KEY {
            continue;
        }
        if PARTS.contains(&name.as_ref()) {
            is_named |= name == field::EVENT;
            parts.push(&name, &value);
        } else {
            properties.push(&name, &value);
        }
    }
    if let Some(name) = name.filter(|_| !is_named) {
        parts.push(field::EVENT, name);
    }
    format!(
        "{{{}{}\"{}\":{{{}}}}}",
        parts.0,
        if parts.0.is_empty() { "" } else { "," },
        field::PROPERTIES,
        properties.0
    )
    .into()
}

/// The members of a JSON object whose values are strings.
#[derive(Default)]
struct Object(String);

impl Object {
    fn push(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        push_quoted(&mut self.0, name);
        self.0.push(':');
        push_quoted(&mut self.0, value);
    }
}

/// Parameters that are parts of the event, not properties.
const PARTS: [&str; 8] = [
    field::MESSAGE_ID,
    field::USER_ID,
    field::ANONYMOUS_ID,
    field::EVENT,
    field::NAME,
    field::CATEGORY,
    field::TIMESTAMP,
    field::SENT_AT,
];

/// A transparent GIF of one pixel, 43 bytes: the smallest that every client draws.
const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff\x21\xf9\x04\x01\x00\x00\x00\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00\x3b";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_properties_but_for_the_parts_of_an_event() {
        let event = event_of("writeKey=pk_x&anonymousId=a1&event=Opened&campaign=spring%20%22sale%22&n=1", None);
        assert_eq!(
            event,
            &br#"{"anonymousId":"a1","event":"Opened","properties":{"campaign":"spring \"sale\"","n":"1"}}"#[..]
        );
    }

    #[test]
    fn a_name_is_given_where_the_query_gives_none() {
        assert_eq!(event_of("to=x", Some("Link Clicked")), &br#"{"event":"Link Clicked","properties":{"to":"x"}}"#[..]);
        assert_eq!(event_of("event=Ad", Some("Link Clicked")), &br#"{"event":"Ad","properties":{}}"#[..]);
        assert_eq!(event_of("", None), &br#"{"properties":{}}"#[..]);
    }
}
