//! `GET /v1/conflicts?cursor&limit`: what was said about who is who and could not hold.

use std::sync::Arc;

use axum::extract;
use axum::response::Response;
use serde::Serialize;

use super::routes::Head;
use super::{Refusal, State, error, events, keys, profiles, query};
use crate::store::ShownConflict;

/// A page, newest first.
pub(super) async fn page(extract::State(state): extract::State<Arc<State>>, head: Head) -> Result<Response, Refusal> {
    let key = keys::for_reading(&state, &head)?;
    let asked = query::asked(&head, &["limit", "cursor"])?;
    let limit = events::limit(asked)?;
    let cursor = events::parsed(asked, "cursor", "`next` of the page before")?;
    let page = profiles::read(state, key.workspace, move |reader| reader.conflicts(cursor.as_ref(), limit)).await?;
    Ok(error::json(&Page { conflicts: page.conflicts, next: page.next.map(|cursor| cursor.to_string()) }))
}

#[derive(Serialize)]
struct Page {
    conflicts: Vec<ShownConflict>,
    next: Option<String>,
}
