//! `GET /v1/conflicts?cursor&limit`: what was said about who is who and could not hold.

use std::sync::Arc;

use axum::extract;
use axum::response::Response;
use selvedge_core::identifier::Identifier;
use serde::Serialize;

use super::routes::Head;
use super::{Refusal, State, error, events, keys, profiles};
use crate::identity::Conflict;
use crate::key::{StoredKey, source_name};

/// A page, newest first.
pub(super) async fn page(extract::State(state): extract::State<Arc<State>>, head: Head) -> Result<Response, Refusal> {
    let key = keys::for_reading(&state, &head)?;
    let asked = head.uri.query().unwrap_or_default();
    let limit = events::limit(asked)?;
    let cursor = events::parsed(asked, "cursor", "`next` of the page before")?;
    let (page, keys) = profiles::read(state, key.workspace, move |reader| {
        Ok((reader.conflicts(cursor.as_ref(), limit)?, reader.view().keys(key.workspace)?))
    })
    .await?;
    Ok(error::json(&Page {
        conflicts: page.conflicts.iter().map(|conflict| ShownConflict::of(conflict, &keys)).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
    }))
}

#[derive(Serialize)]
struct Page<'a> {
    conflicts: Vec<ShownConflict<'a>>,
    next: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownConflict<'a> {
    x: &'a Identifier,
    y: &'a Identifier,
    reason: &'static str,
    message_id: &'a str,
    time: String,
    source: Box<str>,
    strength: &'static str,
}

impl<'a> ShownConflict<'a> {
    fn of(conflict: &'a Conflict, keys: &[StoredKey]) -> Self {
        Self {
            x: &conflict.x,
            y: &conflict.y,
            reason: conflict.reason.as_str(),
            message_id: &conflict.order.message_id,
            time: conflict.order.time.rfc3339(),
            source: source_name(conflict.source, keys),
            strength: conflict.strength.as_str(),
        }
    }
}
