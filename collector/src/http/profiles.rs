//! Who somebody is: the profile behind an identifier or an id, whole or in parts (protocol.md, section 5).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract;
use axum::response::Response;
use selvedge_core::identifier::Kind;
use serde_json::json;

use super::routes::{Head, Segment};
use super::{Refusal, State, error, keys, query};
use crate::event::Workspace;
use crate::identity::normal::{self, Blocked};
use crate::profile::Profile;
use crate::store::{Lookup, Reader, StoreError};

/// `GET /v1/profiles/{kind}:{value}` or `/v1/profiles/{profile_id}`.
pub(super) async fn whole(
    extract::State(state): extract::State<Arc<State>>,
    Segment(name): Segment,
    head: Head,
) -> Result<Response, Refusal> {
    Ok(error::json(&found(state, &name, &head).await?))
}

/// Its traits.
pub(super) async fn traits(
    extract::State(state): extract::State<Arc<State>>,
    Segment(name): Segment,
    head: Head,
) -> Result<Response, Refusal> {
    let traits = found(state, &name, &head).await?.traits;
    // As they were sent: as a value of ours, a number could be another, or none.
    Ok(error::json(&BTreeMap::from([("traits", traits)])))
}

/// Its identifiers.
pub(super) async fn identifiers(
    extract::State(state): extract::State<Arc<State>>,
    Segment(name): Segment,
    head: Head,
) -> Result<Response, Refusal> {
    Ok(error::json(&json!({ "identifiers": found(state, &name, &head).await?.identifiers })))
}

async fn found(state: Arc<State>, name: &str, head: &Head) -> Result<Profile, Refusal> {
    let key = keys::for_reading(&state, head)?;
    query::asked(head, &[])?;
    let lookup = lookup(&state, name)?;
    read(state, key.workspace, move |reader| reader.profile(&lookup)).await?.ok_or(Refusal::NoSuchProfile)
}

/// What a path means by `{kind}:{value}` or `{profile_id}`. A value that can be no identifier was never seen.
pub(super) fn lookup(state: &State, name: &str) -> Result<Lookup, Refusal> {
    match name.split_once(':') {
        Some((kind, value)) => lookup_of(state, Kind::new(kind), value).map_err(|_| Refusal::NoSuchProfile),
        None => name.parse().map(Lookup::ProfileId).map_err(|_| Refusal::NoSuchProfile),
    }
}

/// What an operator means by a value of a kind.
pub(super) fn lookup_of(state: &State, kind: Kind, value: &str) -> Result<Lookup, Blocked> {
    let inside = &state.inside;
    let identifier = normal::identifier(kind, value, &inside.rules)?;
    Ok(match &inside.concealment {
        Some(concealment) => concealment.lookup(identifier),
        None => Lookup::Identifier(identifier),
    })
}

/// Asks the ledger, on a thread where waiting for it holds up nobody else.
pub(super) async fn read<T: Send + 'static>(
    state: Arc<State>,
    workspace: Workspace,
    ask: impl FnOnce(&Reader<'_>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Refusal> {
    // An identity key that was made beside the server counts for who reads first, too.
    state.settle_guard_from(workspace).await?;
    let answer = tokio::task::spawn_blocking(move || {
        let inside = &state.inside;
        ask(&Reader::open(&*inside.store, &inside.rules, workspace)?)
    });
    // The thread ends early only when the collector stops.
    Ok(answer.await.map_err(|_| Refusal::Draining)??)
}
