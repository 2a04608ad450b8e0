//! Whether the collector lives, and whether it would take events now.

use std::sync::Arc;

use axum::extract;
use axum::response::Response;
use serde_json::json;

use super::{Refusal, State, error};

/// `GET /healthz`: it answers, so it lives.
pub(super) async fn alive() -> Response {
    error::json(&json!({ "status": "alive" }))
}

/// `GET /readyz`: 503 when events would be refused.
pub(super) async fn ready(extract::State(state): extract::State<Arc<State>>) -> Result<Response, Refusal> {
    state.admits()?;
    if state.inside.intake.is_ready() {
        Ok(error::json(&json!({ "status": "ready" })))
    } else {
        Err(Refusal::Overloaded)
    }
}
