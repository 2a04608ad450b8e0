//! `GET /v1/profiles/{profile}/export`: everything that is known about one person, a JSON object on each line
//! (protocol.md, section 5).

use std::sync::Arc;

use axum::extract;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

use super::routes::{Head, Segment};
use super::{Refusal, State, events, keys, profiles, query};
use crate::event::Strength;
use crate::store::{Export, StoredTrait};

/// The profile, then its traits as they were set, its events, and the decisions about it.
pub(super) async fn answer(
    extract::State(state): extract::State<Arc<State>>,
    Segment(name): Segment,
    head: Head,
) -> Result<Response, Refusal> {
    let key = keys::for_reading(&state, &head)?;
    query::asked(&head, &[])?;
    let lookup = profiles::lookup(&state, &name)?;
    let lines =
        profiles::read(state, key.workspace, move |reader| Ok(reader.export(&lookup)?.map(|export| lines(&export))));
    let mut response = lines.await?.ok_or(Refusal::NoSuchProfile)?.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

/// Text as it stands, never by way of a value of ours: a number may be longer than any of those.
fn lines(export: &Export) -> String {
    let mut text = String::new();
    // Between the parts of what was sent there may be line breaks; within its strings they are escaped.
    let mut line = |what: &str, json: &str| {
        text.push_str(&format!("{{\"{what}\":{}}}\n", json.replace(['\r', '\n'], " ")));
    };
    line("profile", &json_of(&export.profile));
    for (set, strength) in &export.traits {
        line("trait", &json_of(&ShownTrait::of(set, *strength)));
    }
    for event in &export.events {
        line("event", &events::shown(event, &export.unproven));
    }
    for decision in &export.decisions {
        line("decision", &json_of(decision));
    }
    text
}

/// Only a map with keys that are no strings could fail, and nothing of an export has one.
fn json_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownTrait<'a> {
    name: &'a str,
    value: Option<&'a RawValue>,
    time: String,
    message_id: &'a str,
    strength: &'static str,
}

impl<'a> ShownTrait<'a> {
    fn of(set: &'a StoredTrait, strength: Strength) -> Self {
        Self {
            name: &set.name,
            value: serde_json::from_str(&set.value).ok(),
            time: set.order.time.rfc3339(),
            message_id: &set.order.message_id,
            strength: strength.as_str(),
        }
    }
}
