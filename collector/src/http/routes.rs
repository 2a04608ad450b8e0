//! Which path leads where. A trailing slash is the same path, never a redirect: clients lose their bodies on those.

use std::sync::Arc;

use axum::Router;
use axum::extract::{self, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::middleware;
use axum::routing::{MethodRouter, delete, get, post};

use super::collect::collect;
use super::{
    Refusal, State, assets, conflicts, cors, decisions, erasure, events, explain, export, health, metrics, pixel,
    profiles, redirect, sessions, settings,
};
use crate::event::EventType;
use crate::ingest::Shape;

/// All doors.
pub fn router(state: Arc<State>) -> Router {
    let doors = Doors(Router::new());
    let doors = reads(intake(doors));
    doors
        .at("/selvedge.js", get(assets::script))
        .at("/selvedge.wasm", get(assets::module))
        .at("/healthz", get(health::alive))
        .at("/readyz", get(health::ready))
        .at("/metrics", get(metrics::show))
        .0
        .fallback(async || Refusal::NoSuchPath)
        .method_not_allowed_fallback(async || Refusal::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&state), cors::answer))
        .with_state(state)
}

/// protocol.md, section 1.
fn intake(doors: Doors) -> Doors {
    let doors = EventType::ALL.into_iter().fold(doors, |doors, event_type| {
        let name = event_type.as_str();
        let short: String = name.chars().take(1).collect();
        let door = || events_of(Shape::One(Some(event_type)));
        doors.at(&format!("/v1/{name}"), door()).at(&format!("/v1/{short}"), door())
    });
    ["/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch"]
        .into_iter()
        .fold(doors, |doors, path| doors.at(path, events_of(Shape::Batch)))
        .at("/api/s/{type}", post(jitsu))
        .at("/v1/m", post(metrics::drop_foreign))
        .at("/v1/projects/{write_key}/settings", get(settings::segment))
        .at("/sourceConfig", get(settings::rudderstack))
        .at("/pixel/v1/{type}", get(pixel::pixel))
        .at("/r", get(redirect::redirect))
}

/// protocol.md, section 5.
fn reads(doors: Doors) -> Doors {
    doors
        .at("/v1/profiles/{profile}", get(profiles::whole).delete(erasure::erase))
        .at("/v1/profiles/{profile}/export", get(export::answer))
        .at("/v1/profiles/{profile}/traits", get(profiles::traits))
        .at("/v1/profiles/{profile}/identifiers", get(profiles::identifiers))
        .at("/v1/profiles/{profile}/events", get(events::page))
        .at("/v1/profiles/{profile}/sessions", get(sessions::page))
        .at("/v1/profiles/{profile}/explain", get(explain::answer))
        .at("/v1/conflicts", get(conflicts::page))
        .at("/v1/decisions", get(decisions::list).post(decisions::take))
        .at("/v1/decisions/{id}", delete(decisions::withdraw))
}

fn events_of(shape: Shape) -> MethodRouter<Arc<State>> {
    post(move |extract::State(state): extract::State<Arc<State>>, request: Request| collect(state, shape, request))
}

/// Jitsu's `/api/s/{type}`: the type of its events in the path, where it is not in the event.
async fn jitsu(
    extract::State(state): extract::State<Arc<State>>,
    Segment(name): Segment,
    request: Request,
) -> Result<axum::response::Response, Refusal> {
    let shape = if name == "batch" { Shape::Batch } else { Shape::One(EventType::parse(&name)) };
    collect(state, shape, request).await
}

/// A part of a path, percent-decoded. What is no UTF-8 then names nothing.
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let decoded = Path::<String>::from_request_parts(parts, state).await;
        decoded.map(|Path(text)| Self(text)).map_err(|_| Refusal::NoSuchPath)
    }
}

/// The head of a request whose body nobody reads.
pub(super) type Head = Parts;

struct Doors(Router<Arc<State>>);

impl Doors {
    /// Opens a door, with and without a trailing slash.
    fn at(self, path: &str, door: MethodRouter<Arc<State>>) -> Self {
        Self(self.0.route(path, door.clone()).route(&format!("{path}/"), door))
    }
}
