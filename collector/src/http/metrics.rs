//! What the doors have counted since the start, and `GET /metrics`, where Prometheus reads it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{self, Request};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{Refusal, State, body, error};
use crate::event::Verdict;
use crate::store::{Sizes, StoreError, View};

/// Counts since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    requests_refused: ByCode,
    events_rejected: ByCode,
    events_warned: ByCode,
    foreign_metrics: AtomicU64,
    pub(super) connections_open: AtomicI64,
    pub(super) connections_refused: AtomicU64,
}

impl Counts {
    /// A request was refused as a whole.
    pub(super) fn refused(&self, code: &'static str) {
        self.requests_refused.add(code);
    }

    /// Events were refused, or stored with a warning.
    pub(super) fn judged(&self, rejected: &[Verdict], warnings: &[Verdict]) {
        rejected.iter().for_each(|verdict| self.events_rejected.add(verdict.code));
        warnings.iter().for_each(|verdict| self.events_warned.add(verdict.code));
    }
}

/// `POST /v1/m`: what other vendors' SDKs measure about themselves. Dropped, and counted: they send again on anything
/// but a 200.
pub(super) async fn drop_foreign(
    extract::State(state): extract::State<Arc<State>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    body::receive(&state, &head.headers, body).await?;
    state.counts.foreign_metrics.fetch_add(1, Ordering::Relaxed);
    Ok(error::json(&json!({ "success": true })))
}

/// `GET /metrics`, in Prometheus' text format.
pub(super) async fn show(extract::State(state): extract::State<Arc<State>>) -> Result<Response, Refusal> {
    let view = state.inside.store.view()?;
    let sizes = view.sizes()?;
    let behind = behind(&state, &*view, &sizes)?;
    drop(view);
    let writer = state.inside.intake.counts();
    let counts = &state.counts;
    let limits = state.limits();
    let in_flight_bytes = limits.in_flight_body_bytes.saturating_sub(state.body_bytes.available_permits());
    let mut page = Page::default();
    page.counter("events_accepted", "Events stored.", writer.accepted);
    page.counter("events_duplicate", "Events that were stored before.", writer.duplicates);
    page.by_code("events_rejected", "Events refused for good.", &counts.events_rejected);
    page.by_code("events_warned", "Warnings about stored events.", &counts.events_warned);
    page.by_code("requests_refused", "Requests refused as a whole.", &counts.requests_refused);
    page.counter("foreign_metrics_dropped", "Metrics of other vendors' SDKs.", read(&counts.foreign_metrics));
    page.counter("commits", "Transactions committed.", writer.groups);
    page.counter("commit_failures", "Requests refused because their transaction failed.", writer.failures);
    page.counter("connections_refused", "Connections closed at once.", read(&counts.connections_refused));
    page.gauge("connections_open", "Open connections.", counts.connections_open.load(Ordering::Relaxed));
    page.gauge("body_bytes_in_flight", "Bytes of bodies not yet answered.", in_flight_bytes);
    page.gauge("events_waiting", "Events that wait for the writer.", writer.waiting);
    page.gauge("ledger_events", "Place of the last event in the order of commits.", sizes.last_seq.0);
    page.gauge("ledger_changes", "Place of the last change of a profile.", sizes.last_change.0);
    page.gauge("ledger_profiles", "Profiles that stand.", sizes.profiles);
    page.gauge("ledger_conflicts", "What was said of two people as of one.", sizes.conflicts);
    page.gauge("ledger_bytes", "Bytes of the ledger's files.", sizes.bytes);
    page.by_destination("destination_events_behind", "Events that a destination has still to hear.", &behind.events);
    page.by_destination("destination_changes_behind", "Changes that a destination has still to hear.", &behind.changes);
    let mut response = page.0.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
    Ok(response)
}

fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// How far the destinations are behind the ledger, by their names; each in what it takes.
struct Behind<'a> {
    events: Vec<(&'a str, i64)>,
    changes: Vec<(&'a str, i64)>,
}

fn behind<'a>(state: &'a State, view: &dyn View, sizes: &Sizes) -> Result<Behind<'a>, StoreError> {
    let mut behind = Behind { events: Vec::new(), changes: Vec::new() };
    for (name, sends) in &state.settings.destinations {
        let position = view.position(name)?.unwrap_or_default();
        if sends.events {
            behind.events.push((name, sizes.last_seq.0.saturating_sub(position.event_seq.0)));
        }
        if sends.profiles {
            behind.changes.push((name, sizes.last_change.0.saturating_sub(position.change_seq.0)));
        }
    }
    Ok(behind)
}

/// Counts by stable code: a short list, met only where something was wrong.
#[derive(Debug, Default)]
struct ByCode(Mutex<BTreeMap<&'static str, u64>>);

impl ByCode {
    fn add(&self, code: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(code).or_default();
        *count = count.saturating_add(1);
    }
}

/// A page in Prometheus' text format. Writing into a String cannot fail.
#[derive(Default)]
struct Page(String);

impl Page {
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(&format!("{name}_total"), help, "counter");
        let _ = writeln!(self.0, "selvedge_{name}_total {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, help, "gauge");
        let _ = writeln!(self.0, "selvedge_{name} {value}");
    }

    fn by_code(&mut self, name: &str, help: &str, counts: &ByCode) {
        self.head(&format!("{name}_total"), help, "counter");
        for (code, count) in counts.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = writeln!(self.0, "selvedge_{name}_total{{code=\"{code}\"}} {count}");
        }
    }

    fn by_destination(&mut self, name: &str, help: &str, values: &[(&str, i64)]) {
        self.head(name, help, "gauge");
        for (destination, value) in values {
            // As the format escapes an operator's text.
            let destination = destination.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = writeln!(self.0, "selvedge_{name}{{destination=\"{destination}\"}} {value}");
        }
    }

    fn head(&mut self, name: &str, help: &str, metric_type: &str) {
        let _ = writeln!(self.0, "# HELP selvedge_{name} {help}\n# TYPE selvedge_{name} {metric_type}");
    }
}
