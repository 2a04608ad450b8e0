//! `DELETE /v1/profiles/{profile}`: erases a person, and answers with a receipt of what is gone (protocol.md, section 5).

use std::sync::Arc;

use axum::extract;
use axum::response::Response;
use serde::Serialize;

use super::routes::{Head, Segment};
use super::{Refusal, State, error, keys, profiles, query};
use crate::ingest::commit::{Erased, Erasure, ErasureRefusal};

/// Erases whoever has this name or id, with `?suppress=true` for ever.
pub(super) async fn erase(
    extract::State(state): extract::State<Arc<State>>,
    Segment(name): Segment,
    head: Head,
) -> Result<Response, Refusal> {
    state.admits()?;
    let key = keys::for_deciding(&state, &head)?;
    let is_suppression = query::flag(query::asked(&head, &["suppress"])?, "suppress")?;
    let at = state.inside.clock.now();
    let erasure = Erasure { workspace: key.workspace, whom: profiles::lookup(&state, &name)?, at, is_suppression };
    let erased = state.inside.intake.erase(erasure).await?;
    let erased = erased.map_err(|ErasureRefusal::Unknown| Refusal::NoSuchProfile)?;
    tracing::info!(events = erased.events, is_suppression, "a person was erased");
    Ok(error::json(&Receipt { erased, at: at.rfc3339() }))
}

/// What is gone, and since when nothing of before is taken in.
#[derive(Serialize)]
struct Receipt {
    #[serde(flatten)]
    erased: Erased,
    at: String,
}
