//! The documents that stock Segment and RudderStack SDKs fetch before they send: the smallest that make them run
//! against this host.

use std::sync::Arc;

use axum::extract;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde_json::json;

use super::routes::{Head, Segment};
use super::{Refusal, State, error, keys};

/// `GET /v1/projects/{writeKey}/settings`: no destination but this host.
pub(super) async fn segment(
    extract::State(state): extract::State<Arc<State>>,
    Segment(write_key): Segment,
    head: Head,
) -> Result<Response, Refusal> {
    keys::for_intake(&state, Some(&write_key), &head.headers)?;
    let host = text(&head.headers, header::HOST.as_str()).unwrap_or_default();
    Ok(error::json(&json!({
        "integrations": {
            "Segment.io": {
                "apiKey": write_key,
                "apiHost": format!("{host}/v1"),
                "protocol": scheme(&head.headers),
                "unbundledIntegrations": [],
                "addBundledMetadata": false,
                "maybeBundledConfigIds": {},
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            },
        },
        "plan": {
            "track": {"__default": {"enabled": true, "integrations": {}}},
            "identify": {"__default": {"enabled": true}},
            "group": {"__default": {"enabled": true}},
        },
        "edgeFunction": {},
        "analyticsNextEnabled": true,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": false,
        "remotePlugins": [],
    })))
}

/// `GET /sourceConfig`: a source that is enabled and has no destinations.
pub(super) async fn rudderstack(
    extract::State(state): extract::State<Arc<State>>,
    head: Head,
) -> Result<Response, Refusal> {
    let carried = keys::carried(&head);
    let key = keys::for_intake(&state, carried.as_deref(), &head.headers)?;
    let id = format!("source-{}", key.id.0);
    Ok(error::json(&json!({
        "source": {
            "id": id,
            "name": key.name,
            "writeKey": carried,
            "workspaceId": format!("workspace-{}", key.workspace.0),
            "enabled": true,
            "config": {"statsCollection": {"errors": {"enabled": false}, "metrics": {"enabled": false}}},
            "sourceDefinition": {"name": "JavaScript"},
            "destinations": [],
            "connections": [],
        },
        "updatedAt": key.created_at.rfc3339(),
    })))
}

/// How the asker reached us: as a proxy says, else as its page was loaded, since a page over https loads nothing plain.
fn scheme(headers: &HeaderMap) -> &'static str {
    let stated = text(headers, "x-forwarded-proto")
        .or_else(|| text(headers, header::ORIGIN.as_str()))
        .or_else(|| text(headers, header::REFERER.as_str()));
    if stated.is_some_and(|stated| stated.starts_with("https")) { "https" } else { "http" }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
