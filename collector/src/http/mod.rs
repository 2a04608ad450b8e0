//! The collector's doors: turns requests into submissions and questions, and what came of them into answers. Thin:
//! judges keys, sizes and rates; decides nothing about events or people. Called by `cli::serve` only.

mod assets;
mod body;
mod collect;
mod conflicts;
mod cors;
mod decisions;
mod erasure;
mod error;
mod events;
mod explain;
mod export;
mod guarding;
mod health;
mod keys;
mod metrics;
mod pixel;
mod profiles;
mod query;
mod rates;
mod redirect;
mod routes;
mod serve;
mod sessions;
mod settings;
mod untold;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::config::Sends;
use crate::identity::Rules;
use crate::ingest::writer::Intake;
use crate::ingest::{Concealment, Limits};
use crate::store::Store;

pub use error::Refusal;
pub use routes::router;
pub use serve::serve;

/// What the doors lead to.
#[derive(Clone)]
pub struct Inside {
    /// The ledger, for reads and keys.
    pub store: Arc<dyn Store>,
    /// The way into it.
    pub intake: Intake,
    /// What names whom.
    pub rules: Arc<Rules>,
    /// How clear values are concealed, of a ledger that keeps none.
    pub concealment: Option<Arc<Concealment>>,
    /// When a request came.
    pub clock: Clock,
}

/// What an operator sets about the doors.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How much is too much.
    pub limits: Limits,
    /// Hosts that `/r` may lead to, as they stand in the address (`shop.example`, `shop.example:8443`); empty: none.
    pub redirect_hosts: Vec<Box<str>>,
    /// Whose distance from the ledger's end `/metrics` shows.
    pub destinations: Vec<(Box<str>, Sends)>,
}

/// What all requests share.
pub struct State {
    inside: Inside,
    settings: Settings,
    /// Bytes of bodies that may still come in.
    body_bytes: Arc<Semaphore>,
    rates: rates::Rates,
    guarded: guarding::Guarded,
    untold: untold::Untold,
    counts: metrics::Counts,
    is_draining: AtomicBool,
}

impl State {
    /// Doors that are open.
    pub fn new(inside: Inside, settings: Settings) -> Self {
        let settings = Settings { limits: settings.limits.settled(), ..settings };
        Self {
            body_bytes: Arc::new(Semaphore::new(settings.limits.in_flight_body_bytes)),
            rates: rates::Rates::new(&settings.limits),
            counts: metrics::Counts::default(),
            guarded: guarding::Guarded::default(),
            untold: untold::Untold::default(),
            is_draining: AtomicBool::new(false),
            inside,
            settings,
        }
    }

    /// Refuses events from now on: the collector is about to stop.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
    }

    fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    /// Whether events are taken at all.
    fn admits(&self) -> Result<(), Refusal> {
        if self.is_draining.load(Ordering::Acquire) { Err(Refusal::Draining) } else { Ok(()) }
    }
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy)]
struct Peer(std::net::IpAddr);

#[cfg(test)]
mod tests;
