//! What operators decide about names: taking a decision, listing all, withdrawing one (protocol.md, section 5).

use std::sync::Arc;

use axum::extract::{self, Request};
use axum::response::Response;
use selvedge_core::identifier::{Identifier, Kind};
use serde::Deserialize;
use serde_json::json;

use super::routes::{Head, Segment};
use super::{Refusal, State, body, error, keys, profiles, query};
use crate::event::Workspace;
use crate::identity::DecisionVerb;
use crate::ingest::commit::{Decision, DecisionRefusal};
use crate::ingest::writer::DecisionTask;
use crate::key::source_name;
use crate::store::{DecisionId, DecisionRow, Lookup};

/// `POST /v1/decisions`.
pub(super) async fn take(
    extract::State(state): extract::State<Arc<State>>,
    request: Request,
) -> Result<Response, Refusal> {
    state.admits()?;
    let (head, body) = request.into_parts();
    let key = keys::for_deciding(&state, &head)?;
    let received = body::receive(&state, &head.headers, body).await?.inflated(&state, &head.headers)?;
    let asked: Asked = serde_json::from_slice(&received.bytes).map_err(|fault| Refusal::BadDecision { fault })?;
    let verb = DecisionVerb::parse(&asked.op).ok_or(Refusal::UnknownDecision)?;
    let reason = reason(&state, &asked);
    let decision = Decision {
        workspace: key.workspace,
        verb,
        x: asked.x.identifier(&state, key.workspace).await?,
        y: match asked.y {
            Some(y) => Some(y.identifier(&state, key.workspace).await?),
            None => None,
        },
        reason,
        author: source_name(key.id, std::slice::from_ref(&key)),
        at: state.inside.clock.now(),
    };
    let taken = state.inside.intake.decide(DecisionTask::Decide(decision)).await?.map_err(refused)?;
    shown(state, key.workspace, taken).await
}

/// Why, in the words of who decides; where no clear values are kept, without those that it is about.
fn reason(state: &State, asked: &Asked) -> Box<str> {
    let about = std::iter::once(&asked.x).chain(&asked.y).map(|name| (&*name.kind, &*name.value));
    match &state.inside.concealment {
        Some(concealment) => concealment.words(&asked.reason, about).into(),
        None => (&*asked.reason).into(),
    }
}

/// `GET /v1/decisions`.
pub(super) async fn list(extract::State(state): extract::State<Arc<State>>, head: Head) -> Result<Response, Refusal> {
    let key = keys::for_reading(&state, &head)?;
    query::asked(&head, &[])?;
    let decisions = profiles::read(state, key.workspace, |reader| reader.decisions()).await?;
    Ok(error::json(&json!({ "decisions": decisions })))
}

/// `DELETE /v1/decisions/{id}`.
pub(super) async fn withdraw(
    extract::State(state): extract::State<Arc<State>>,
    Segment(id): Segment,
    head: Head,
) -> Result<Response, Refusal> {
    state.admits()?;
    let key = keys::for_deciding(&state, &head)?;
    let id = id.parse().map_err(|_| Refusal::NoSuchDecision)?;
    let task = DecisionTask::Withdraw(key.workspace, DecisionId(id), state.inside.clock.now());
    let withdrawn = state.inside.intake.decide(task).await?.map_err(refused)?;
    shown(state, key.workspace, withdrawn).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with op, x, y and reason")]
struct Asked {
    op: String,
    x: AskedName,
    y: Option<AskedName>,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with kind and value")]
struct AskedName {
    kind: String,
    value: String,
}

impl AskedName {
    /// The name that is meant, as the ledger has it.
    async fn identifier(self, state: &Arc<State>, workspace: Workspace) -> Result<Identifier, Refusal> {
        let never_named = || Refusal::NeverNamed { name: format!("{}:{}", self.kind, self.value) };
        let lookup = profiles::lookup_of(state, Kind::new(&self.kind), &self.value).map_err(|_| never_named())?;
        let asked = lookup.clone();
        let known = profiles::read(Arc::clone(state), workspace, move |reader| reader.named(&asked)).await?;
        known.ok_or_else(|| match lookup {
            Lookup::Identifier(name) => Refusal::NeverNamed { name: name.to_string() },
            Lookup::Concealed(_) | Lookup::ProfileId(_) => never_named(),
        })
    }
}

fn refused(refusal: DecisionRefusal) -> Refusal {
    match refusal {
        DecisionRefusal::NoSuchDecision { .. } => Refusal::NoSuchDecision,
        DecisionRefusal::Unknown { name } => Refusal::NeverNamed { name: name.to_string() },
        refusal @ (DecisionRefusal::NoReason
        | DecisionRefusal::ReasonTooLong
        | DecisionRefusal::NoSecond { .. }
        | DecisionRefusal::OneTooMany
        | DecisionRefusal::Same { .. }
        | DecisionRefusal::DeviceLinked { .. }
        | DecisionRefusal::TwoDevices { .. }) => Refusal::Decision(refusal),
    }
}

async fn shown(state: Arc<State>, workspace: Workspace, row: DecisionRow) -> Result<Response, Refusal> {
    Ok(error::json(&profiles::read(state, workspace, move |reader| reader.shown(&row)).await?))
}
