//! What `rules check`, `rules apply` and `replay` share: a ledger built again, with a bar on a terminal and a report.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use serde_json::json;

use super::key::{PlaceAndForm, existing};
use super::{CommandError, concealing, default_workspace, lock, rules, say};
use crate::clock::Clock;
use crate::config::settle_place;
use crate::event::Workspace;
use crate::identity::Rules;
use crate::rebuild::{self, Progress, Report, Task};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;

/// What is done, in words.
pub(super) struct What {
    /// What consumers of profiles hear as the cause.
    pub(super) because: &'static str,
    /// What the operator reads in the end.
    pub(super) done: &'static str,
}

/// Says what the ledger would be by other rules.
pub(super) fn check(flags: &PlaceAndForm, after: Rules) -> Result<(), CommandError> {
    let store = existing(&flags.place)?;
    let start = Instant::now();
    let (store, workspace, [before, after]) = with_rules(store, Some(after))?;
    let mut bar = Bar::new();
    let task = Task { before: &before, after: &after, workspace, progress: &mut |progress| bar.show(progress) };
    let report = rebuild::check(&store, task);
    bar.clear();
    print(flags, &report?, start, json!({}))
}

/// Builds the ledger again, by other rules or by its own. No server may run meanwhile.
pub(super) fn apply(flags: &PlaceAndForm, after: Option<Rules>, what: What) -> Result<(), CommandError> {
    let store = existing(&flags.place)?;
    let directory = settle_place(&flags.place)?;
    let _lock = lock::take(&directory)?.ok_or(CommandError::ServerRuns { directory })?;
    let start = Instant::now();
    let (store, workspace, [before, after]) = with_rules(store, after)?;
    let mut bar = Bar::new();
    let task = Task { before: &before, after: &after, workspace, progress: &mut |progress| bar.show(progress) };
    let done = rebuild::apply(store, task, (what.because, Clock::System.now()));
    bar.clear();
    let (report, kept) = done?;
    print(flags, &report, start, json!({ "kept": kept }))?;
    if !flags.json {
        say(format_args!("{}; the ledger before is kept as {}", what.done, kept.display()))?;
    }
    Ok(())
}

/// A ledger with the rules that it has and those that it is to have: its own, where none are given.
fn with_rules(store: SqliteStore, after: Option<Rules>) -> Result<(SqliteStore, Workspace, [Rules; 2]), CommandError> {
    let (workspace, before) = {
        let view = store.view()?;
        let workspace = default_workspace(&*view)?;
        (workspace, rules::of_ledger(&*view, workspace)?)
    };
    let after = after.unwrap_or_else(|| before.clone());
    let [before, after] = [before, after].map(|rules| concealing::of_ledger(&store, rules));
    let both = [before?.0, after?.0];
    Ok((store, workspace, both))
}

fn print(
    flags: &PlaceAndForm,
    report: &Report,
    start: Instant,
    mut more: serde_json::Value,
) -> Result<(), CommandError> {
    let seconds = start.elapsed().as_secs_f64();
    if !flags.json {
        say(format_args!("{report}seconds    {seconds:>10.1}"))?;
        return Ok(());
    }
    let report = serde_json::to_value(report)
        .map_err(|error| CommandError::System { what: "the report is no JSON", source: io::Error::other(error) })?;
    if let (Some(more), serde_json::Value::Object(report)) = (more.as_object_mut(), report) {
        more.extend(report);
        more.insert("seconds".to_owned(), json!(seconds));
    }
    say(format_args!("{more}"))?;
    Ok(())
}

/// One line of a terminal that is written again and again; nothing where nobody looks.
struct Bar {
    is_seen: bool,
    shown: Option<(&'static str, u64)>,
}

impl Bar {
    fn new() -> Self {
        Self { is_seen: io::stderr().is_terminal(), shown: None }
    }

    fn show(&mut self, Progress { what, done, total }: Progress) {
        let percent = done.saturating_mul(100) / total.max(1);
        if !self.is_seen || self.shown == Some((what, percent)) {
            return;
        }
        self.shown = Some((what, percent));
        let full = usize::try_from(percent.min(100) * BAR_WIDTH / 100).unwrap_or_default();
        let width = usize::try_from(BAR_WIDTH).unwrap_or_default();
        // A terminal that is gone is no reason to stop.
        let _ = write!(io::stderr(), "\r{what:<20} [{:<width$}] {percent:>3} %", "#".repeat(full));
    }

    fn clear(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(io::stderr(), "\r{:<70}\r", "");
        }
    }
}

const BAR_WIDTH: u64 = 40;
