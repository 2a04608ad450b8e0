//! The bounded inbox and the one thread that writes. Gathers what waits into a group, commits it with one fsync, then
//! answers. Decides nothing about events: that is `commit`'s.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{oneshot, watch};

use super::SaidBy;
use super::commit::{Committer, Decision, DecisionRefusal, Erased, Erasure, ErasureRefusal};
use crate::event::{AcceptedEvent, BatchFrame, UnixMillis, Verdict, Workspace};
use crate::identity::Rules;
use crate::store::{DecisionId, DecisionRow, Store, StoreError};

/// What became of a request's events: all of them are on disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Committed {
    /// Events that are new.
    pub accepted: u32,
    /// Events whose messageId, or a newer version of which, was stored already.
    pub duplicates: u32,
    /// Events of somebody who was erased since: refused for good.
    pub erased: Vec<Verdict>,
}

/// Why nothing of a request was stored. All of it may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The inbox is full.
    #[error("more events wait than the collector keeps in memory: send again in a moment")]
    Overloaded,
    /// There is no room to write.
    #[error("the collector's disk is full: make room, and send again")]
    DiskLow,
    /// The collector shuts down.
    #[error("the collector shuts down: send again when it is back")]
    Draining,
    /// The ledger failed; its log says how.
    #[error("the ledger could not be written: the collector's log says why; send again")]
    Failed,
}

/// What the writer did since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriterCounts {
    /// Events committed.
    pub accepted: u64,
    /// Events that were known already.
    pub duplicates: u64,
    /// Transactions committed.
    pub groups: u64,
    /// Requests that were refused because their transaction failed.
    pub failures: u64,
    /// Events that wait now.
    pub waiting: u64,
}

/// The way into the ledger. Clones lead to the same inbox.
#[derive(Clone)]
pub struct Intake {
    inbox: Arc<Inbox>,
    commits: watch::Receiver<u64>,
}

impl Intake {
    /// Commits all events of a request or none. Resolves when they are durable.
    ///
    /// Refuses at once when the inbox is full. Dropping the future takes nothing back.
    pub fn commit(
        &self,
        submission: Submission,
    ) -> impl Future<Output = Result<Committed, CommitError>> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        let refusal = self.inbox.push(Task::Events(submission, answer)).err();
        async move {
            match refusal {
                Some(refusal) => Err(refusal),
                // The writer answers everything that it takes; it drops an answer only if its thread dies.
                None => answered.await.unwrap_or(Err(CommitError::Failed)),
            }
        }
    }

    /// Takes a decision, in its place among the events that wait. Resolves when it is durable.
    pub fn decide(
        &self,
        decision: DecisionTask,
    ) -> impl Future<Output = Result<Result<DecisionRow, DecisionRefusal>, CommitError>> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        let refusal = self.inbox.push(Task::Decision(decision, answer)).err();
        async move {
            match refusal {
                Some(refusal) => Err(refusal),
                None => answered.await.unwrap_or(Err(CommitError::Failed)),
            }
        }
    }

    /// Erases a person, in its place among the events that wait. Resolves when it is durable.
    pub fn erase(
        &self,
        erasure: Erasure,
    ) -> impl Future<Output = Result<Result<Erased, ErasureRefusal>, CommitError>> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        let refusal = self.inbox.push(Task::Erasure(erasure, answer)).err();
        async move {
            match refusal {
                Some(refusal) => Err(refusal),
                None => answered.await.unwrap_or(Err(CommitError::Failed)),
            }
        }
    }

    /// Takes held names out of what guarded sources observe from this moment on, unless that is so already. Resolves
    /// when it is durable, to the moment from which on it is so.
    pub fn guard_from(
        &self,
        workspace: Workspace,
        from: UnixMillis,
    ) -> impl Future<Output = Result<UnixMillis, CommitError>> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        let refusal = self.inbox.push(Task::Guard(workspace, from, answer)).err();
        async move {
            match refusal {
                Some(refusal) => Err(refusal),
                None => answered.await.unwrap_or(Err(CommitError::Failed)),
            }
        }
    }

    /// Changes whenever a group was committed: what is sent upstream may be more now.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.commits.clone()
    }

    /// What the writer did so far.
    pub fn counts(&self) -> WriterCounts {
        self.inbox.counts()
    }

    /// Whether a request would be taken now.
    pub fn is_ready(&self) -> bool {
        let state = self.inbox.lock();
        !state.is_closed && state.waiting < INBOX_EVENTS && !self.inbox.tally.is_failing()
    }
}

/// The writing thread.
pub struct Writer {
    inbox: Arc<Inbox>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. It runs until [`Writer::drain`] or until the writer is dropped.
    pub fn start(store: Arc<dyn Store>, rules: Arc<Rules>) -> std::io::Result<(Self, Intake)> {
        let (committed, commits) = watch::channel(0);
        let inbox = Arc::new(Inbox::default());
        let run = {
            let inbox = Arc::clone(&inbox);
            move || run(&inbox, &*store, rules, &committed)
        };
        let thread = std::thread::Builder::new().name("writer".into()).spawn(run)?;
        Ok((Self { inbox: Arc::clone(&inbox), thread: Some(thread) }, Intake { inbox, commits }))
    }

    /// Refuses what is new, commits what waits, and ends the thread. Blocks until it has ended.
    pub fn drain(mut self) {
        self.close();
    }

    fn close(&mut self) {
        self.inbox.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer's thread had panicked");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

/// A request's events.
#[derive(Debug, Clone)]
pub struct Submission {
    /// What they share.
    pub frame: BatchFrame,
    /// In their order.
    pub events: Vec<AcceptedEvent>,
    /// By what else their names may be said, where the ledger cannot compute it.
    pub said_by: Arc<SaidBy>,
}

impl Submission {
    /// Events of names of which the ledger knows, or can compute, by what they may be said.
    pub fn of(frame: BatchFrame, events: Vec<AcceptedEvent>) -> Self {
        Self { frame, events, said_by: Arc::default() }
    }
}

/// What an operator asks of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecisionTask {
    /// Take this decision.
    Decide(Decision),
    /// Withdraw the decision of this id, at this time.
    Withdraw(Workspace, DecisionId, UnixMillis),
}

type Answer = oneshot::Sender<Result<Committed, CommitError>>;
type GuardAnswer = oneshot::Sender<Result<UnixMillis, CommitError>>;
type DecisionAnswer = oneshot::Sender<Result<Result<DecisionRow, DecisionRefusal>, CommitError>>;
type ErasureAnswer = oneshot::Sender<Result<Result<Erased, ErasureRefusal>, CommitError>>;

enum Task {
    Events(Submission, Answer),
    Decision(DecisionTask, DecisionAnswer),
    Guard(Workspace, UnixMillis, GuardAnswer),
    Erasure(Erasure, ErasureAnswer),
}

impl Task {
    fn events(&self) -> usize {
        match self {
            Self::Events(submission, _) => submission.events.len(),
            Self::Decision(..) | Self::Guard(..) | Self::Erasure(..) => 1,
        }
    }
}

/// What the writer does at once.
enum Work {
    Group(Vec<Submission>, Vec<Answer>),
    Decision(DecisionTask, DecisionAnswer),
    Guard(Workspace, UnixMillis, GuardAnswer),
    Erasure(Erasure, ErasureAnswer),
}

#[derive(Default)]
struct Inbox {
    state: Mutex<InboxState>,
    arrived: Condvar,
    tally: Tally,
}

#[derive(Default)]
struct InboxState {
    queue: VecDeque<Task>,
    /// Events in the queue.
    waiting: usize,
    is_closed: bool,
}

#[derive(Default)]
struct Tally {
    accepted: AtomicU64,
    duplicates: AtomicU64,
    groups: AtomicU64,
    failures: AtomicU64,
    /// Failed transactions since the last good one.
    failures_in_a_row: AtomicU64,
}

impl Tally {
    fn is_failing(&self) -> bool {
        self.failures_in_a_row.load(Ordering::Relaxed) > 0
    }

    fn note(&self, result: &Result<Committed, CommitError>) {
        match result {
            Ok(committed) => {
                self.accepted.fetch_add(u64::from(committed.accepted), Ordering::Relaxed);
                self.duplicates.fetch_add(u64::from(committed.duplicates), Ordering::Relaxed);
            }
            Err(_) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Inbox {
    fn lock(&self) -> std::sync::MutexGuard<'_, InboxState> {
        // The lock guards a queue that is whole between any two statements: a panic elsewhere harms nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, task: Task) -> Result<(), CommitError> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(CommitError::Draining);
        }
        if state.waiting >= INBOX_EVENTS {
            return Err(CommitError::Overloaded);
        }
        state.waiting += task.events();
        state.queue.push_back(task);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.arrived.notify_one();
    }

    /// Waits for work and takes a decision, or a group of events of one workspace; `None` when the inbox is closed and
    /// empty.
    fn take_work(&self) -> Option<Work> {
        let mut state = self.lock();
        while state.queue.is_empty() {
            if state.is_closed {
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (mut group, mut answers, mut events) = (Vec::new(), Vec::new(), 0);
        let mut workspace = None;
        while events < GROUP_EVENTS
            && let Some(task) = state.queue.pop_front_if(|next| match next {
                Task::Events(submission, _) => {
                    workspace.is_none_or(|workspace| workspace == submission.frame.workspace)
                }
                Task::Decision(..) | Task::Guard(..) | Task::Erasure(..) => workspace.is_none(),
            })
        {
            events += task.events();
            match task {
                Task::Decision(decision, answer) => {
                    state.waiting = state.waiting.saturating_sub(events);
                    return Some(Work::Decision(decision, answer));
                }
                Task::Guard(workspace, from, answer) => {
                    state.waiting = state.waiting.saturating_sub(events);
                    return Some(Work::Guard(workspace, from, answer));
                }
                Task::Erasure(erasure, answer) => {
                    state.waiting = state.waiting.saturating_sub(events);
                    return Some(Work::Erasure(erasure, answer));
                }
                Task::Events(submission, answer) => {
                    workspace = Some(submission.frame.workspace);
                    group.push(submission);
                    answers.push(answer);
                }
            }
        }
        state.waiting = state.waiting.saturating_sub(events);
        Some(Work::Group(group, answers))
    }

    fn counts(&self) -> WriterCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        WriterCounts {
            accepted: read(&self.tally.accepted),
            duplicates: read(&self.tally.duplicates),
            groups: read(&self.tally.groups),
            failures: read(&self.tally.failures),
            waiting: self.lock().waiting as u64,
        }
    }
}

fn run(inbox: &Inbox, store: &dyn Store, rules: Arc<Rules>, committed: &watch::Sender<u64>) {
    let mut committer = Committer::new(rules);
    while let Some(work) = inbox.take_work() {
        match work {
            Work::Group(group, answers) => {
                let results = commit_group(&mut committer, store, &group, &inbox.tally);
                for (answer, result) in answers.into_iter().zip(results) {
                    inbox.tally.note(&result);
                    // Who asked may be gone; what it sent is stored all the same.
                    let _ = answer.send(result);
                }
            }
            Work::Decision(decision, answer) => {
                let done = match decision {
                    DecisionTask::Decide(decision) => committer.decide(store, &decision),
                    DecisionTask::Withdraw(workspace, id, at) => committer.withdraw(store, workspace, (id, at)),
                };
                let _ = answer.send(done.map_err(|error| logged(&error, "a decision could not be written")));
            }
            Work::Guard(workspace, from, answer) => {
                let done = committer.guard_from(store, workspace, from);
                let _ = answer.send(done.map_err(|error| logged(&error, "the guard could not be set")));
            }
            Work::Erasure(erasure, answer) => {
                let done = committer.erase(store, &erasure);
                let _ = answer.send(done.map_err(|error| logged(&error, "nobody could be erased")));
            }
        }
        committed.send_modify(|groups| *groups += 1);
    }
}

/// Commits a group in one transaction, or, where that fails, each request in its own: what one of them breaks must
/// not take the others along.
fn commit_group(
    committer: &mut Committer,
    store: &dyn Store,
    group: &[Submission],
    tally: &Tally,
) -> Vec<Result<Committed, CommitError>> {
    let failure = match attempt(committer, store, group, tally) {
        Ok(committed) => return committed.into_iter().map(Ok).collect(),
        Err(failure) => failure,
    };
    if group.len() == 1 || failure != CommitError::Failed {
        return vec![Err(failure); group.len()];
    }
    let alone = |submission| {
        attempt(committer, store, std::slice::from_ref(submission), tally)
            .map(|committed| committed.first().cloned().unwrap_or_default())
    };
    group.iter().map(alone).collect()
}

fn attempt(
    committer: &mut Committer,
    store: &dyn Store,
    group: &[Submission],
    tally: &Tally,
) -> Result<Vec<Committed>, CommitError> {
    match committer.commit(store, group) {
        Ok(committed) => {
            tally.groups.fetch_add(1, Ordering::Relaxed);
            if tally.failures_in_a_row.swap(0, Ordering::Relaxed) > 0 {
                tracing::info!("the ledger can be written again");
            }
            Ok(committed)
        }
        Err(error) => {
            if tally.failures_in_a_row.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::error!(error = &error as &dyn std::error::Error, "the ledger could not be written");
            }
            Err(refusal(&error))
        }
    }
}

fn logged(error: &StoreError, what: &'static str) -> CommitError {
    tracing::error!(error = error as &dyn std::error::Error, "{what}");
    refusal(error)
}

fn refusal(error: &StoreError) -> CommitError {
    match error {
        StoreError::DiskFull(_) => CommitError::DiskLow,
        StoreError::Busy(_) => CommitError::Overloaded,
        StoreError::Corrupt { .. }
        | StoreError::Newer { .. }
        | StoreError::Unopened { .. }
        | StoreError::Impossible { .. }
        | StoreError::Engine(_) => CommitError::Failed,
    }
}

/// protocol.md, section 3: the writer's queue. A request that begins below it is taken whole.
const INBOX_EVENTS: usize = 10_000;
/// Larger groups save no more fsync per event, and keep the first in the group waiting.
const GROUP_EVENTS: usize = 2_500;
