//! Builds a ledger again from what it recorded, by the same rules or by others, and says what that changes. The ledger
//! is as it was until the new one is whole; then it is put in its place, or thrown away.
//!
//! [`check`] throws it away: what would be, if these were the rules. [`apply`] keeps it, and tells those who listen to
//! the change feed what became of each profile. Both build the same and report the same.

mod comparison;
mod report;
mod scratch;
mod stored_rules;

use std::path::PathBuf;
use std::sync::Arc;

pub use self::report::{Counted, Example, Fate, Report};
pub use self::stored_rules::{keep_rules, stored_rules};

use self::scratch::Scratch;
use crate::event::{UnixMillis, Workspace};
use crate::identity::Rules;
use crate::ingest::commit::{Became, Committer};
use crate::ingest::replay::Replay;
use crate::store::sqlite::SqliteStore;
use crate::store::{Reader, Store, StoreError};

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done: a word or two for whoever waits.
    pub what: &'static str,
    /// Of [`Progress::total`].
    pub done: u64,
    /// 0 when there is nothing to do.
    pub total: u64,
}

/// What is to be built again, and by what.
pub struct Task<'a> {
    /// The rules that the ledger was built with.
    pub before: &'a Rules,
    /// The rules to build it with.
    pub after: &'a Rules,
    /// Whose ledger.
    pub workspace: Workspace,
    /// Hears how far it is.
    pub progress: &'a mut dyn FnMut(Progress),
}

/// Why a ledger was not built again. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// One of the two ledgers failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was built is not what it should be.
    #[error("the ledger that was built again is not whole ({what}): nothing was changed; please report this")]
    NotWhole {
        /// In what.
        what: Box<str>,
    },
    /// Someone wrote in the meantime.
    #[error("the ledger was changed while it was built again: nothing was replaced; try again")]
    Changed,
}

/// Says what would be if the ledger were built by the task's rules. Changes nothing; others may write meanwhile.
pub fn check(ledger: &SqliteStore, task: Task<'_>) -> Result<Report, RebuildError> {
    let scratch = Scratch::beside(ledger, &format!("check-{}", std::process::id()));
    let built = build(ledger, task, &scratch)?;
    Ok(built.report)
}

/// Builds the ledger by the task's rules, puts it in the place of the old one and says what that changed, also to whom
/// the change feed is for: there, `because` is the cause. Returns where the old ledger is kept, until the next time.
pub fn apply(
    ledger: SqliteStore,
    task: Task<'_>,
    (because, at): (&str, UnixMillis),
) -> Result<(Report, PathBuf), RebuildError> {
    let seen = ledger.data_version()?;
    let workspace = task.workspace;
    let scratch = Scratch::beside(&ledger, "new");
    let Built { store, report, became, standing } = build(&ledger, task, &scratch)?;
    store.carry_feed(&ledger)?;
    // It remembers nothing of the feed that was replaced.
    let mut committer = Committer::new(Arc::new(Rules::default()));
    committer.announce(&store, workspace, (&became, &because.into()))?;
    if store.view()?.standing_profiles(workspace)?.len() != standing {
        return Err(RebuildError::NotWhole { what: "profiles that the change feed knows".into() });
    }
    let integrity = store.integrity()?;
    if &*integrity != "ok" {
        return Err(RebuildError::NotWhole { what: integrity });
    }
    let built = store.finish()?;
    let kept = ledger.replace(&built, seen, at)?.ok_or(RebuildError::Changed)?;
    Ok((report, kept))
}

/// A ledger that was built again, and what differs from the one before.
struct Built {
    store: SqliteStore,
    report: Report,
    became: Vec<Became>,
    /// How many profiles stand in it.
    standing: usize,
}

fn build(ledger: &SqliteStore, task: Task<'_>, scratch: &Scratch) -> Result<Built, RebuildError> {
    let Task { before, after, workspace, progress } = task;
    let old = Reader::open(ledger, before, workspace)?;
    let store = SqliteStore::rebuilding(scratch.file(), ledger, after)?;
    let mut committer = Committer::replaying(Arc::new(after.clone()));
    let mut replay = Replay::new(old.view(), workspace, after)?;
    let total = u64::try_from(old.view().sizes()?.last_seq.0).unwrap_or_default();
    while let Some(at) = replay.step(&mut committer, &store)? {
        progress(Progress { what: "reading events", done: u64::try_from(at.0).unwrap_or_default(), total });
    }
    committer.settle_devices(&store, workspace, store.hashable_devices(after)?)?;
    for decision in old.view().decisions(workspace)? {
        committer.carry_decision(&store, workspace, &decision)?;
    }
    drop(committer);
    keep_rules(&store, workspace, after)?;
    let new = Reader::open(&store, after, workspace)?;
    let events = new.view().event_count(workspace)?;
    if events != old.view().event_count(workspace)? {
        return Err(RebuildError::NotWhole { what: "events".into() });
    }
    let standing = new.view().standing_profiles(workspace)?.len();
    let (report, became) = comparison::compare(&old, &new, workspace, progress)?;
    drop(new);
    Ok(Built { store, report: Report { events, ..report }, became, standing })
}
