//! `GET /v1/profiles/{profile}/export`: everything that is known about one person, a JSON object on each line
//! (protocol.md, section 5).

use std::sync::Arc;

use axum::extract;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::value::RawValue;
use serde_json::{Value, json};

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

fn lines(export: &Export) -> String {
    let mut text = String::new();
    let mut line = |value: &dyn std::fmt::Display| {
        text.push_str(&value.to_string());
        text.push('\n');
    };
    line(&json!({ "profile": export.profile }));
    export.traits.iter().for_each(|(set, strength)| line(&of_trait(set, *strength)));
    export
        .events
        .iter()
        .for_each(|event| line(&format_args!("{{\"event\":{}}}", events::shown(event, &export.unproven))));
    export.decisions.iter().for_each(|decision| line(&json!({ "decision": decision })));
    text
}

fn of_trait(set: &StoredTrait, strength: Strength) -> Value {
    let strength = match strength {
        Strength::Observed => "observed",
        Strength::Proven => "proven",
        Strength::Asserted => "asserted",
    };
    json!({ "trait": {
        "name": set.name,
        // As it was sent: a number may be longer than any of ours.
        "value": serde_json::from_str::<&RawValue>(&set.value).ok(),
        "time": set.order.time.rfc3339(),
        "messageId": &*set.order.message_id,
        "strength": strength,
    }})
}
