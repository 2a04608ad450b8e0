//! The sessions of a profile, newest first, in pages.

use std::sync::Arc;

use axum::extract;
use axum::response::Response;
use serde_json::json;

use super::routes::{Head, Segment};
use super::{Refusal, State, error, events, keys, profiles, query};

/// `GET /v1/profiles/{profile}/sessions?limit&cursor`.
pub(super) async fn page(
    extract::State(state): extract::State<Arc<State>>,
    Segment(name): Segment,
    head: Head,
) -> Result<Response, Refusal> {
    let key = keys::for_reading(&state, &head)?;
    let asked = query::asked(&head, &["limit", "cursor"])?;
    let lookup = profiles::lookup(&state, &name)?;
    let limit = events::limit(asked)?;
    let cursor = events::parsed(asked, "cursor", "`next` of the page before")?;
    let read = profiles::read(state, key.workspace, move |reader| reader.profile_sessions(&lookup, cursor, limit));
    let page = read.await?.ok_or(Refusal::NoSuchProfile)?;
    Ok(error::json(&json!({ "sessions": page.sessions, "next": page.next.map(|cursor| cursor.to_string()) })))
}
