//! `selvedge serve`: wires the parts together and runs them until it is told to stop.

use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{CommandError, concealing, default_workspace, first_keys, lock, rules, system};
use crate::clock::Clock;
use crate::config::{Config, ServeFlags};
use crate::forward::{Forwarding, Ledger, Words};
use crate::http::{self, Inside, Settings, State};
use crate::ingest::Concealment;
use crate::ingest::writer::Writer;
use crate::key::Key;
use crate::store::Store;
use crate::store::sqlite::SqliteStore;

/// `selvedge serve`.
#[derive(Debug, clap::Args)]
pub(super) struct ServeCommand {
    #[command(flatten)]
    flags: ServeFlags,
}

pub(super) fn run(command: ServeCommand) -> Result<(), CommandError> {
    let config = Config::settle(command.flags)?;
    // Before the ledger is opened: who held it may have put another in its place. And the writer remembers what the
    // ledger holds: two of them would disagree.
    let lock = lock::take(&config.data)?.ok_or_else(|| CommandError::InUse { directory: config.data.clone() })?;
    let store = Arc::new(SqliteStore::open(&config.data)?);
    let runtime = Builder::new_multi_thread().enable_all().build().map_err(system("no threads could be started"))?;
    let ended = runtime.block_on(serve(config, store, &lock));
    // What still waits for a destination is in the ledger: nothing is lost when its thread ends with the process.
    runtime.shutdown_background();
    ended
}

async fn serve(config: Config, store: Arc<SqliteStore>, lock: &File) -> Result<(), CommandError> {
    let clock = Clock::System;
    // Bound before the keys are made: keys that were made and not printed would be lost.
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|source| CommandError::Listen { address: config.listen, source })?;
    let address = listener.local_addr().map_err(system("the socket has no address"))?;
    let stop = Stop::listen().map_err(system("signals cannot be heard"))?;
    let workspace = default_workspace(&*store.view()?)?;
    let stored_rules = rules::settle(&*store, workspace, config.rules)?;
    let (rules, concealment) = concealing::settle(&store, config.store_clear, stored_rules)?;
    let rules = Arc::new(rules);
    let (writer, intake) =
        Writer::start(store.clone(), Arc::clone(&rules)).map_err(system("the writer could not be started"))?;
    let concealment = concealment.map(Arc::new);
    let ledger = Ledger {
        store: store.clone(),
        rules: Arc::clone(&rules),
        words: words(concealment.clone()),
        workspace,
        clock: clock.clone(),
    };
    let destinations = config.destinations.iter().map(|known| (known.name.clone(), known.sends)).collect();
    let forwarding = Forwarding::start(config.destinations, &ledger, &intake.commits());
    let inside = Inside { store: store.clone(), intake, rules, concealment, clock: clock.clone() };
    let settings = Settings { limits: config.limits, redirect_hosts: config.redirect_hosts, destinations };
    let state = Arc::new(State::new(inside, settings));
    if let Err(refusal) = state.settle_guard_from(workspace).await {
        tracing::warn!(%refusal, "the guard is not set yet: it will be before the next event is taken");
    }

    lock::announce(lock, address)?;
    greet(address, &first_keys::make_if_none(&*store, clock.now())?).map_err(system("cannot write to stdout"))?;
    tracing::info!(%address, data = %config.data.display(), "listening");
    http::serve(listener, state, stop.asked()).await;
    forwarding.stop().await;
    // Blocks until all that was taken in is committed; nobody is left to be served meanwhile.
    writer.drain();
    tracing::info!("stopped");
    Ok(())
}

/// What scripts read: where it listens and, of a new ledger, its keys.
fn greet(address: SocketAddr, keys: &[Key]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening http://{address}")?;
    for key in keys {
        writeln!(out, "{} {}", key.right().as_str(), key.reveal())?;
    }
    out.flush()
}

/// SIGTERM, as service managers say it, or SIGINT, as a terminal does.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Heard from now on, so that a signal during the start is not the end of an unfinished write.
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn asked(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        tracing::info!("stopping: open requests end, new events are refused");
    }
}

/// What others say as the ledger may keep it: they may know clear values that it does not.
fn words(concealment: Option<Arc<Concealment>>) -> Words {
    Arc::new(move |said| concealment.as_ref().map_or(said.to_owned(), |concealment| concealment.words(said, [])))
}
