//! Sends on what the ledger holds: to each destination from where it stands, in order, at least once.
//!
//! The outbox is the ledger itself: a destination is a position in it, moved only after an answer. An event or a change
//! is therefore in the outbox by the very transaction that stores it, once, however many destinations there are; a
//! destination that is away costs nothing but the place that the ledger takes anyway.
//!
//! [`Drain`] reads on from a position, [`Destination`](destinations::Destination) says what is sent and how, `agent`
//! speaks HTTP. When to try again is `selvedge_core::retry`'s, the same for pages, apps and destinations. Reads the
//! ledger through `store` only, and knows no other part of the collector but what conceals clear values.

mod addresses;
mod agent;
mod destinations;
mod drain;
mod message;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use self::drain::{Drain, Next};
use crate::clock::Clock;
use crate::config;
use crate::event::Workspace;
use crate::identity::Rules;
use crate::store::Store;

/// What is sent on.
#[derive(Clone)]
pub struct Ledger {
    /// Where it is.
    pub store: Arc<dyn Store>,
    /// Whose events are whose.
    pub rules: Arc<Rules>,
    /// What a destination said, as the ledger may keep it.
    pub words: Words,
    /// Whose it is.
    pub workspace: Workspace,
    /// When a message is signed, and when one is given up.
    pub clock: Clock,
}

/// A text without the clear values that a ledger does not keep.
pub type Words = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// The running destinations.
pub struct Forwarding {
    tasks: JoinSet<()>,
    stopping: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
}

impl Forwarding {
    /// Starts a task for each destination. `commits` changes whenever there is more to send.
    pub fn start(destinations: Vec<config::Destination>, ledger: &Ledger, commits: &watch::Receiver<u64>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let stopping = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for destination in destinations {
            let drain = Drain::new(destination, ledger.clone(), Arc::clone(&stopping));
            tasks.spawn(run(drain, commits.clone(), stopped.clone()));
        }
        Self { tasks, stopping, stop }
    }

    /// Stops after the requests under way, or after a few seconds without them: what has no answer is sent again by
    /// the next start.
    pub async fn stop(mut self) {
        self.stopping.store(true, Ordering::Release);
        self.stop.send_replace(true);
        let all_ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_PATIENCE, all_ended).await.is_err() {
            tracing::warn!("a destination had not answered when the collector stopped: what it got is sent again");
        }
    }
}

async fn run(mut drain: Drain, mut commits: watch::Receiver<u64>, mut stopped: watch::Receiver<bool>) {
    loop {
        // Marked before the ledger is read: a commit in between is seen as news afterwards.
        commits.borrow_and_update();
        // Reading the ledger and sending both wait; neither may hold up a request.
        let turn = tokio::task::spawn_blocking(move || {
            let next = drain.turn();
            (drain, next)
        });
        let Ok((returned, next)) = turn.await else { return };
        drain = returned;
        let goes_on = async {
            match next {
                Next::Now => {}
                Next::After(pause) => tokio::time::sleep(pause).await,
                Next::Commit => {
                    if commits.changed().await.is_err() {
                        // No writer, no news: only the stop is left to wait for.
                        std::future::pending::<()>().await;
                    }
                    tokio::time::sleep(GATHERING).await;
                }
            }
        };
        tokio::select! {
            () = goes_on => {}
            _ = stopped.wait_for(|is_stopping| *is_stopping) => return,
        }
    }
}

/// A request under way ends within this or is sent again.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// Commits follow each other in ms: a moment's wait makes one request of what would be ten.
const GATHERING: Duration = Duration::from_millis(100);
