//! A ledger in a directory of its own, and the committer that writes it.

use std::fs;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, ensure};
use selvedge_collector::event::{AcceptedEvent, BatchFrame, Source, UnixMillis, Via, Workspace};
use selvedge_collector::identity::{DecisionVerb, Rules};
use selvedge_collector::ingest::commit::{Committer, Decision};
use selvedge_collector::ingest::writer::Submission;
use selvedge_collector::store::sqlite::SqliteStore;
use selvedge_collector::store::{DecisionId, Lookup, Reader};
use selvedge_core::identifier::Identifier;
use tempfile::TempDir;

/// A ledger that one thread writes and reads.
pub(crate) struct House {
    store: SqliteStore,
    committer: Committer,
    rules: Arc<Rules>,
    directory: TempDir,
}

impl House {
    /// In the current directory: on a disk, not in memory.
    pub(crate) fn open() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir_in(".")?;
        let rules = Arc::new(Rules::default());
        let store = SqliteStore::open(directory.path())?;
        Ok(Self { store, committer: Committer::new(Arc::clone(&rules)), rules, directory })
    }

    pub(crate) fn commit(&mut self, events: Vec<AcceptedEvent>) -> anyhow::Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let sent = events.len();
        let frame = BatchFrame {
            workspace: WORKSPACE,
            source: Source(1),
            received_at: UnixMillis(0),
            sent_at: None,
            context: Default::default(),
            via: Via::Key,
        };
        let committed = self.committer.commit(&self.store, &[Submission::of(frame, events)])?;
        let accepted = committed.iter().map(|committed| committed.accepted as usize).sum::<usize>();
        ensure!(accepted == sent, "{accepted} of {sent} events were new");
        Ok(())
    }

    pub(crate) fn keep_apart(&mut self, x: &Identifier, y: &Identifier) -> anyhow::Result<DecisionId> {
        let decision = Decision {
            workspace: WORKSPACE,
            verb: DecisionVerb::KeepApart,
            x: x.clone(),
            y: Some(y.clone()),
            reason: "measured".into(),
            author: "yardstick".into(),
            at: UnixMillis(0),
        };
        let taken = self.committer.decide(&self.store, &decision)?;
        Ok(taken.map_err(|refusal| anyhow!("{refusal}"))?.id)
    }

    pub(crate) fn withdraw(&mut self, id: DecisionId) -> anyhow::Result<()> {
        let withdrawn = self.committer.withdraw(&self.store, WORKSPACE, (id, UnixMillis(0)))?;
        withdrawn.map(drop).map_err(|refusal| anyhow!("{refusal}"))
    }

    pub(crate) fn read(&self, name: &Identifier) -> anyhow::Result<()> {
        let reader = Reader::open(&self.store, &self.rules, WORKSPACE)?;
        let profile = reader.profile(&Lookup::Identifier(name.clone()))?;
        profile.map(drop).with_context(|| format!("nobody is {name}"))
    }

    pub(crate) fn size_mib(&self) -> anyhow::Result<f64> {
        let mut bytes = 0;
        for entry in fs::read_dir(self.directory.path())? {
            bytes += entry?.metadata()?.len();
        }
        Ok(bytes as f64 / (1_024.0 * 1_024.0))
    }
}

/// The most memory that this process ever had.
pub(crate) fn peak_memory_mib() -> anyhow::Result<f64> {
    let status = fs::read_to_string("/proc/self/status").context("no /proc: the bench needs Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM in status")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1_024.0)
}

const WORKSPACE: Workspace = Workspace(1);
