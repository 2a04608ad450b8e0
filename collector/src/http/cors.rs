//! What browsers must be told, on every answer: who may ask, and what they may read. Counts what was refused on the
//! way, since every answer passes here.

use std::sync::Arc;

use axum::extract;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::State;
use super::error::RefusedWith;
use crate::key::{Right, StoredKey};
use crate::store::StoreError;

/// Answers preflights, and lets every page read every other answer: none depends on cookies, and the request itself
/// is judged by its key.
pub(super) async fn answer(
    extract::State(state): extract::State<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() == Method::OPTIONS {
        return preflight(&state, request.headers());
    }
    let mut response = next.run(request).await;
    if let Some(RefusedWith(code)) = response.extensions().get() {
        state.counts.refused(code);
    }
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    response
}

/// A preflight carries no key: it admits the union of what all public keys admit.
fn preflight(state: &State, asked: &HeaderMap) -> Response {
    let origin = match admitted(state, asked.get(header::ORIGIN)) {
        Ok(origin) => origin,
        Err(error) => return super::Refusal::from(error).into_response(),
    };
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    headers.insert(header::VARY, HeaderValue::from_name(ORIGIN));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}

/// What to allow a page of this origin: any, itself, or nothing.
fn admitted(state: &State, origin: Option<&HeaderValue>) -> Result<Option<HeaderValue>, StoreError> {
    let view = state.inside.store.view()?;
    let Some(workspace) = view.workspace(WORKSPACE)? else { return Ok(Some(ANY)) };
    let is_in_use = |key: &StoredKey| key.right == Right::Public && key.revoked_at.is_none();
    let keys: Vec<StoredKey> = view.keys(workspace)?.into_iter().filter(is_in_use).collect();
    if keys.is_empty() || keys.iter().any(|key| key.origins.is_empty()) {
        return Ok(Some(ANY));
    }
    let is_admitted = |origin: &&HeaderValue| keys.iter().any(|key| key.admits_origin(Some(origin.as_bytes())));
    Ok(origin.filter(is_admitted).cloned())
}

impl StoredKey {
    /// Whether a page of this origin may use the key. Who sends none is no page, and is judged by the key alone.
    pub(super) fn admits_origin(&self, origin: Option<&[u8]>) -> bool {
        let is_same = |origin: &[u8]| self.origins.iter().any(|own| own.as_str().as_bytes() == origin);
        self.origins.is_empty() || origin.is_none_or(is_same)
    }
}

const ANY: HeaderValue = HeaderValue::from_static("*");
const ORIGIN: HeaderName = header::ORIGIN;
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS");
/// By name: `*` does not stand for Authorization.
const ALLOWED: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Content-Encoding, AnonymousId, SentAt, X-Retry-Count, X-Write-Key",
);
const EXPOSED: HeaderValue = HeaderValue::from_static("Retry-After");
/// Two hours: the longest that Chromium keeps a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
const WORKSPACE: &str = "default";
