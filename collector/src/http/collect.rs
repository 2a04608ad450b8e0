//! Takes events in: judges key, size and rate, lets `ingest` judge the events, and answers once they are on disk.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use selvedge_core::wire::{Judgement, Receipt};

use super::{Peer, Refusal, State, body, error, keys};
use crate::event::{UnixMillis, Verdict, Workspace};
use crate::ingest::writer::{Committed, Submission};
use crate::ingest::{self, Accepted, Desk, Envelope, Shape};
use crate::key::{Right, StoredKey};
use crate::store::StoreError;

/// A request whose body holds events.
pub(super) async fn collect(state: Arc<State>, shape: Shape, request: Request) -> Result<Response, Refusal> {
    state.admits()?;
    let (head, body) = request.into_parts();
    let received = body::receive(&state, &head.headers, body).await?;
    // A key outside the body is judged before the body is looked at, and wins over one inside.
    let carried = keys::carried(&head);
    let judged = carried.map(|key| keys::for_intake(&state, Some(&key), &head.headers)).transpose()?;
    let received = received.inflated(&state, &head.headers)?;
    let envelope = Envelope::open(&received.bytes, shape, state.limits())?;
    let key = match judged {
        Some(key) => key,
        None => keys::for_intake(&state, envelope.write_key.as_deref(), &head.headers)?,
    };
    let outcome = commit(&state, &key, sender(&head), &envelope).await?;
    Ok(outcome.receipt(envelope.batch_id.as_deref()))
}

/// What became of a request's events.
pub(super) struct Outcome {
    committed: Committed,
    rejected: Vec<Verdict>,
    warnings: Vec<Verdict>,
    received_at: UnixMillis,
}

/// Judges an envelope's events and commits those that pass.
pub(super) async fn commit(
    state: &State,
    key: &StoredKey,
    sender: Option<IpAddr>,
    envelope: &Envelope,
) -> Result<Outcome, Refusal> {
    let received_at = state.inside.clock.now();
    state.rates.admit(key, sender, envelope.events.len(), received_at)?;
    let identity_keys = state.identity_keys(key.workspace).await?;
    let desk = Desk {
        key,
        rules: &state.inside.rules,
        identity_keys: &identity_keys,
        concealment: state.inside.concealment.as_deref(),
        limits: state.limits(),
        received_at,
    };
    let Accepted { frame, mut events, said_by, mut rejected, warnings } = ingest::accept(envelope, &desk);
    let repeated = match key.right {
        Right::Public => state.untold.take_out_repeated(key.workspace, &mut events),
        Right::Secret | Right::Admin => 0,
    };
    let mut committed = if events.is_empty() {
        Committed::default()
    } else {
        state.inside.intake.commit(Submission { frame, events, said_by: Arc::new(said_by) }).await?
    };
    committed.duplicates = committed.duplicates.saturating_add(repeated);
    let mut erased = std::mem::take(&mut committed.erased);
    state.counts.judged(&erased, &[]);
    state.counts.judged(&rejected, &warnings);
    match key.right {
        Right::Public => {
            let repeated = take_out_stored(state, key.workspace, &mut erased).await?;
            committed.duplicates = committed.duplicates.saturating_add(repeated);
            state.untold.count(key.workspace, &erased, &mut committed);
        }
        Right::Secret | Right::Admin => {
            for verdict in &mut erased {
                verdict.message_id = ingest::stated_id(envelope, verdict.index).or(verdict.message_id.take());
            }
            rejected.extend(erased);
        }
    }
    rejected.sort_by_key(|verdict| verdict.index);
    Ok(Outcome { committed, rejected, warnings, received_at })
}

/// Takes out the verdicts on messages whose ids the ledger has: whoever was erased since, their senders know them to be
/// sent before. How many.
async fn take_out_stored(state: &State, workspace: Workspace, erased: &mut Vec<Verdict>) -> Result<u32, Refusal> {
    if erased.is_empty() {
        return Ok(0);
    }
    let store = Arc::clone(&state.inside.store);
    let verdicts = std::mem::take(erased);
    let sorted = tokio::task::spawn_blocking(move || {
        let view = store.view()?;
        let (mut stored, mut left) = (0_u32, Vec::new());
        for verdict in verdicts {
            let id = verdict.message_id.as_deref().unwrap_or_default();
            if view.has_event(workspace, id)? {
                stored = stored.saturating_add(1);
            } else {
                left.push(verdict);
            }
        }
        Ok::<_, StoreError>((stored, left))
    });
    // The thread ends early only when the collector stops.
    let (stored, left) = sorted.await.map_err(|_| Refusal::Draining)??;
    *erased = left;
    Ok(stored)
}

/// Whom a request comes from: the peer or, where that is a proxy on this machine, the last one that the proxy names.
pub(super) fn sender(head: &Parts) -> Option<IpAddr> {
    let Peer(peer) = *head.extensions.get::<Peer>()?;
    if peer.to_canonical().is_loopback() { Some(forwarded_for(&head.headers).unwrap_or(peer)) } else { Some(peer) }
}

fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

impl Outcome {
    /// The answer of protocol.md, section 2: always 200 and a JSON object.
    fn receipt(&self, batch_id: Option<&str>) -> Response {
        error::json(&Receipt {
            success: true,
            accepted: self.committed.accepted,
            duplicates: self.committed.duplicates,
            rejected: self.rejected.iter().map(judgement).collect(),
            warnings: self.warnings.iter().map(judgement).collect(),
            receipt: batch_id.map(Into::into),
            received_at: self.received_at.rfc3339().into(),
        })
    }
}

fn judgement(verdict: &Verdict) -> Judgement<'_> {
    Judgement {
        index: verdict.index,
        message_id: verdict.message_id.as_deref().map(Into::into),
        code: verdict.code.into(),
        pointer: (&*verdict.pointer).into(),
        reason: (&*verdict.reason).into(),
    }
}
